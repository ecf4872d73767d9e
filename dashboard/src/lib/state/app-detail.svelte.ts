// SPDX-License-Identifier: Apache-2.0
// Everything about the app whose page is open: read at the start and after a gap, kept by notices in
// between. `close()` ends its listening.
import { ApiError, get, get_list, message_of } from '../api/client';
import type { App, Build, Formation, Notice, Release, Replica } from '../api/types';
import { stream } from '../live/stream.svelte';
import { app_api } from './apps.svelte';
import {
  by_process_type,
  by_replica,
  upsert,
  with_build,
  with_release,
  with_replica,
} from './collection';
import { Reload } from './reload';
import { kept_seconds, traffic } from './traffic.svelte';

/** Of releases and builds the newest are read; the command line lists all. */
export const most_listed = 100;

export class AppDetail {
  app = $state<App | null>(null);
  formation = $state<Formation[]>([]);
  replicas = $state<Replica[]>([]);
  releases = $state<Release[]>([]);
  builds = $state<Build[]>([]);
  phase = $state<'loading' | 'ready' | 'missing' | 'deleted'>('loading');
  error = $state('');

  readonly current = $derived(this.releases.find((release) => release.current) ?? null);
  readonly building = $derived(this.builds.find((build) => build.status === 'pending') ?? null);

  #reload = new Reload<Notice>((notice) => this.#apply(notice));
  #end_listening: () => void;
  #closed = false;

  constructor(readonly name: string) {
    this.#end_listening = stream.listen({
      on_open: () => void this.load(),
      on_notice: (notice) => {
        if (this.#is_ours(notice)) this.#reload.note(notice);
      },
    });
    if (stream.state === 'open') void this.load();
  }

  close(): void {
    this.#closed = true;
    this.#end_listening();
  }

  async load(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#reload.run(() => this.#read());
      this.phase = 'ready';
      this.error = '';
    } catch (error) {
      this.error = message_of(error);
      if (error instanceof ApiError && error.status === 404) this.phase = 'missing';
      else stream.retry_later(() => void this.load());
    }
  }

  put_formation(value: Formation): void {
    this.formation = upsert(this.formation, value).sort(by_process_type);
  }

  put_release(value: Release): void {
    this.releases = with_release(this.releases, value);
  }

  async #read(): Promise<() => void> {
    const [app, formation, replicas, releases, builds] = await Promise.all([
      get<App>(app_api(this.name)),
      get<Formation[]>(app_api(this.name, 'formation')),
      get_list<Replica>(app_api(this.name, 'dynos'), 'name ..; max=1000'),
      get_list<Release>(
        app_api(this.name, 'releases'),
        `version ..; order=desc,max=${most_listed}`,
      ),
      get_list<Build>(app_api(this.name, 'builds'), `order=desc,max=${most_listed}`),
      traffic.load(this.name, kept_seconds),
    ]);
    return () => {
      this.app = app;
      this.formation = formation.sort(by_process_type);
      this.replicas = replicas.sort(by_replica);
      this.releases = releases.sort((left, right) => right.version - left.version);
      this.builds = builds.sort((left, right) => right.created_at.localeCompare(left.created_at));
    };
  }

  /** By name, or by id where the notice tells of a new name. */
  #is_ours(notice: Notice): boolean {
    if (notice.app === this.name) return true;
    return notice.type === 'app' && notice.value !== undefined && notice.value.id === this.app?.id;
  }

  #apply(notice: Notice): void {
    switch (notice.type) {
      case 'app':
        if (notice.deleted) this.phase = 'deleted';
        else if (notice.value) this.app = notice.value;
        return;
      case 'replica':
        this.replicas = with_replica(this.replicas, notice.value);
        return;
      case 'release':
        this.put_release(notice.value);
        return;
      case 'build':
        this.builds = with_build(this.builds, notice.value);
        return;
      case 'formation':
        this.put_formation(notice.value);
        return;
      case 'traffic':
        return;
    }
  }
}
