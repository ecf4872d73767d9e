// SPDX-License-Identifier: Apache-2.0
// Collects what must not happen on a page: breaches of the Content-Security-Policy, uncaught errors,
// errors on the console.
import { expect, type Page } from '@playwright/test';

declare global {
  interface Window {
    berth_breaches?: string[];
  }
}

export class Watch {
  readonly errors: string[] = [];

  private constructor(private readonly page: Page) {}

  /** To be called before the page is opened. */
  static async over(page: Page): Promise<Watch> {
    const watch = new Watch(page);
    await page.addInitScript(() => {
      const breaches = (window.berth_breaches ??= []);
      document.addEventListener('securitypolicyviolation', (event) => {
        breaches.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
      });
    });
    page.on('pageerror', (error) => watch.errors.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      // Replicas' interfaces on the same machine come and go; the page asks again.
      if (message.text().includes('net::ERR_NETWORK_CHANGED')) return;
      watch.errors.push(`console: ${message.text()} ${message.location().url}`);
    });
    return watch;
  }

  /** Takes back the console's errors so far that match. */
  forgive(pattern: RegExp): void {
    const is_meant = (error: string) => error.startsWith('console: ') && pattern.test(error);
    this.errors.splice(0, Infinity, ...this.errors.filter((error) => !is_meant(error)));
  }

  async expect_nothing(): Promise<void> {
    expect(await this.page.evaluate(() => window.berth_breaches)).toEqual([]);
    expect(this.errors).toEqual([]);
  }
}
