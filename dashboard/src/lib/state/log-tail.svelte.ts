// SPDX-License-Identifier: Apache-2.0
// An app's live log: opens a log session, follows it, and opens it again after a loss. Lines are kept
// in a bounded buffer and shown at most once a frame, however many arrive.
import { post } from '../api/client';
import type { LogSession } from '../api/types';
import { follow } from '../live/follow';
import { LogBuffer } from '../log/buffer';
import { app_api } from './apps.svelte';

export const kept_lines = 2000;

export class LogTail {
  state = $state<'connecting' | 'open' | 'reconnecting'>('connecting');
  error = $state('');
  /** Counts up whenever the buffer has changed; what shows lines depends on it. */
  version = $state(0);
  readonly buffer = new LogBuffer(kept_lines);

  #address = '';
  #frame = 0;
  #stop: () => void;

  constructor(readonly app: string) {
    this.#stop = follow({
      url: () => this.#open_session(),
      resume: true,
      on_open: () => {
        this.state = 'open';
        this.error = '';
        this.buffer.expect_repeats();
      },
      on_event: ({ data }) => {
        if (this.buffer.push(data)) this.#show();
      },
      on_loss: (error) => {
        this.state = 'reconnecting';
        // The session is no longer known (the server was started again): the next attempt makes one.
        if (error !== null && error.status < 500) this.#address = '';
        return error?.status !== 401;
      },
    });
  }

  close(): void {
    this.#stop();
    cancelAnimationFrame(this.#frame);
  }

  clear(): void {
    this.buffer.clear();
    this.version += 1;
  }

  async #open_session(): Promise<string> {
    if (this.#address !== '') return this.#address;
    try {
      const made = await post<LogSession>(app_api(this.app, 'log-sessions'), {
        lines: 500,
        tail: true,
      });
      this.#address = same_origin(made.logplex_url);
      return this.#address;
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  #show(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.version += 1;
    });
  }
}

/** The session's URL may name the API's own host; the dashboard reaches the same path under /api. */
export function same_origin(logplex_url: string): string {
  const { pathname, search } = new URL(logplex_url, location.origin);
  return (pathname.startsWith('/api/') ? pathname : `/api${pathname}`) + search;
}
