// SPDX-License-Identifier: Apache-2.0
// The server's time, ticking once a second for all that shows an age or a moving window. The
// browser's own clock may be wrong; each answer's Date header corrects it.

class Clock {
  /** Milliseconds since the epoch. */
  now_ms = $state(Date.now());
  #offset_ms = 0;

  constructor() {
    if (typeof window !== 'undefined') setInterval(() => this.#tick(), 1000);
  }

  get now_second(): number {
    return Math.floor(this.now_ms / 1000);
  }

  /** Dates have whole seconds and take time to arrive, so small differences mean nothing. */
  note(server_ms: number): void {
    const difference_ms = server_ms - (Date.now() + this.#offset_ms);
    if (Math.abs(difference_ms) < 2500) return;
    this.#offset_ms += difference_ms;
    this.#tick();
  }

  /** A live sample's second: it was measured just now, so it cannot lie far off or ahead. */
  note_sample(sample_ms: number): void {
    const difference_ms = sample_ms + 1000 - (Date.now() + this.#offset_ms);
    if (difference_ms > 1500 || difference_ms < -10_000) this.note(sample_ms + 1000);
  }

  #tick(): void {
    this.now_ms = Date.now() + this.#offset_ms;
  }
}

export const clock = new Clock();
