// SPDX-License-Identifier: Apache-2.0
// The page that is shown, kept with the browser's history.
import { parse_route, type Route } from '../route';

class Navigation {
  path = $state(location.pathname);
  readonly route: Route = $derived(parse_route(this.path));

  constructor() {
    window.addEventListener('popstate', () => (this.path = location.pathname));
    document.addEventListener('click', (event) => this.#click(event));
  }

  go(path: string, options: { replace?: boolean } = {}): void {
    if (path === this.path) return;
    if (options.replace) history.replaceState(null, '', path);
    else history.pushState(null, '', path);
    this.path = path;
    window.scrollTo(0, 0);
  }

  /** A plain click on a link to a page of ours changes the page without a reload. */
  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.target !== '' || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/')) return;
    event.preventDefault();
    this.go(link.pathname);
  }
}

export const navigation = new Navigation();
