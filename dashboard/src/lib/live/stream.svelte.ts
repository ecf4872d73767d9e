// SPDX-License-Identifier: Apache-2.0
// The one connection for live notices. It tells its listeners when it (re)opens, because a gap may
// have swallowed notices and the resources must be read again. A page that is not looked at for a
// while lets go of its connection: browsers allow six to a host, over all tabs.
import type { Notice } from '../api/types';
import { follow } from './follow';
import type { ServerEvent } from './sse';

export interface StreamListener {
  on_open: () => void;
  on_notice: (notice: Notice) => void;
}

const silence_ms = 40_000;
const hidden_ms = 60_000;
const retry_ms = 2000;

class Stream {
  state = $state<'closed' | 'connecting' | 'open' | 'reconnecting'>('closed');
  #listeners = new Set<StreamListener>();
  #stop: (() => void) | null = null;
  #hidden_timer: ReturnType<typeof setTimeout> | undefined;
  #wanted = false;

  constructor() {
    document.addEventListener('visibilitychange', () => this.#visibility());
  }

  /** Returns the function that ends the listening. */
  listen(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(): void {
    this.#wanted = true;
    this.#connect();
  }

  close(): void {
    this.#wanted = false;
    this.#disconnect();
  }

  /** Runs `action` in a moment if the stream is still open then; opening it again does so anyway. */
  retry_later(action: () => void): void {
    setTimeout(() => {
      if (this.state === 'open') action();
    }, retry_ms);
  }

  #connect(): void {
    if (this.#stop !== null) return;
    this.state = 'connecting';
    this.#stop = follow({
      url: () => '/api/stream',
      silence_ms,
      on_open: () => {
        this.state = 'open';
        for (const listener of this.#listeners) listener.on_open();
      },
      on_event: (event) => this.#receive(event),
      on_loss: (error) => {
        if (error?.status === 401) return false;
        this.state = 'reconnecting';
        return true;
      },
    });
  }

  #receive({ event, data }: ServerEvent): void {
    if (event === 'hello') return;
    if (event === 'gap') {
      // The server had to drop notices for us: as after a lost connection, read again.
      for (const listener of this.#listeners) listener.on_open();
      return;
    }
    const notice = parse_notice(data);
    if (notice === null) return;
    for (const listener of this.#listeners) listener.on_notice(notice);
  }

  #disconnect(): void {
    this.#stop?.();
    this.#stop = null;
    this.state = 'closed';
  }

  #visibility(): void {
    clearTimeout(this.#hidden_timer);
    if (!this.#wanted) return;
    if (document.hidden) this.#hidden_timer = setTimeout(() => this.#disconnect(), hidden_ms);
    else this.#connect();
  }
}

function parse_notice(data: string): Notice | null {
  try {
    return JSON.parse(data) as Notice;
  } catch {
    return null;
  }
}

export const stream = new Stream();
