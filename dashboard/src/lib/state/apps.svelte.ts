// SPDX-License-Identifier: Apache-2.0
// The apps with their live state: read once, then kept by notices, read again after a gap.
import { api_path, get, message_of, post } from '../api/client';
import type { App, Notice } from '../api/types';
import { stream } from '../live/stream.svelte';
import { upsert } from './collection';
import { traffic } from './traffic.svelte';

const sparkline_seconds = 60;
const sparklines_at_start = 20;

class Apps {
  list = $state<App[]>([]);
  loaded = $state(false);
  error = $state('');
  #during_load: Notice[] | null = null;

  constructor() {
    stream.listen({
      on_open: () => void this.load(),
      on_notice: (notice) => this.#note(notice),
    });
  }

  async load(): Promise<void> {
    if (this.#during_load !== null) return;
    this.#during_load = [];
    try {
      this.list = sorted(await get<App[]>('/api/apps'));
      this.#during_load.forEach((notice) => this.#apply(notice));
      this.error = '';
      this.loaded = true;
      const busy = this.list.filter((app) => app.state === 'running').slice(0, sparklines_at_start);
      await Promise.allSettled(busy.map((app) => traffic.load(app.name, sparkline_seconds)));
    } catch (error) {
      this.error = message_of(error);
    } finally {
      this.#during_load = null;
    }
  }

  async create(name: string): Promise<App> {
    const app = await post<App>('/api/apps', name === '' ? {} : { name });
    this.list = sorted(upsert(this.list, app));
    return app;
  }

  forget(): void {
    this.list = [];
    this.loaded = false;
    this.error = '';
  }

  #note(notice: Notice): void {
    this.#during_load?.push(notice);
    this.#apply(notice);
  }

  #apply(notice: Notice): void {
    if (notice.type === 'traffic') {
      traffic.put(notice.app, notice.value);
    } else if (notice.type === 'app') {
      if (notice.deleted) this.list = this.list.filter((app) => app.name !== notice.app);
      else if (notice.value) this.list = sorted(upsert(this.list, notice.value));
    }
  }
}

function sorted(apps: App[]): App[] {
  return apps.sort((left, right) => left.name.localeCompare(right.name));
}

export const apps = new Apps();

export const app_api = (name: string, ...parts: (string | number)[]) =>
  api_path('apps', name, ...parts);
