// SPDX-License-Identifier: Apache-2.0
// The apps with their live state: read once, then kept by notices, read again after a gap.
import { api_path, get_list, message_of, post } from '../api/client';
import type { App, Notice } from '../api/types';
import { stream } from '../live/stream.svelte';
import { upsert } from './collection';
import { Reload } from './reload';
import { traffic } from './traffic.svelte';

const sparkline_seconds = 60;
const sparklines_at_start = 20;

class Apps {
  list = $state<App[]>([]);
  loaded = $state(false);
  error = $state('');
  #reload = new Reload<Notice>((notice) => this.#apply(notice));

  constructor() {
    stream.listen({
      on_open: () => void this.load(),
      on_notice: (notice) => this.#reload.note(notice),
    });
  }

  async load(): Promise<void> {
    try {
      await this.#reload.run(async () => {
        const list = await get_list<App>('/api/apps', 'name ..; max=1000');
        return () => (this.list = sorted(list));
      });
      this.error = '';
      this.loaded = true;
      const busy = this.list.filter((app) => app.state === 'running').slice(0, sparklines_at_start);
      await Promise.allSettled(busy.map((app) => traffic.load(app.name, sparkline_seconds)));
    } catch (error) {
      this.error = message_of(error);
      stream.retry_later(() => void this.load());
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
