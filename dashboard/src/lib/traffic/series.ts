// SPDX-License-Identifier: Apache-2.0
// One app's traffic by the second. The server sends a sample only for seconds with traffic, so what
// is missing counts as no requests, and the number of replicas is the last one known.
import type { TrafficSample } from '../api/types';

/** Columns of equal length, oldest first; null where there is nothing to draw. */
export interface TrafficWindow {
  seconds: number[];
  requests: number[];
  errors: number[];
  p50_ms: (number | null)[];
  p95_ms: (number | null)[];
  replicas: (number | null)[];
}

export class TrafficSeries {
  #samples = new Map<number, TrafficSample>();
  #newest = 0;

  constructor(readonly keep_seconds: number) {}

  get newest_second(): number {
    return this.#newest;
  }

  put(sample: TrafficSample): void {
    const second = Math.floor(Date.parse(sample.at) / 1000);
    if (Number.isNaN(second) || is_blank(sample)) return;
    this.#samples.set(second, sample);
    if (second <= this.#newest) return;
    this.#newest = second;
    if (this.#samples.size <= this.keep_seconds * 1.25) return;
    for (const old of this.#samples.keys()) {
      if (old <= second - this.keep_seconds) this.#samples.delete(old);
    }
  }

  at(second: number): TrafficSample | undefined {
    return this.#samples.get(second);
  }

  /** The `length` seconds that end with `last_second`. */
  window(last_second: number, length: number): TrafficWindow {
    const window: TrafficWindow = {
      seconds: [],
      requests: [],
      errors: [],
      p50_ms: [],
      p95_ms: [],
      replicas: [],
    };
    let replicas: number | null = null;
    for (let second = last_second - length + 1; second <= last_second; second += 1) {
      const sample = this.#samples.get(second);
      replicas = sample?.replicas ?? replicas;
      window.seconds.push(second);
      window.requests.push(sample?.requests ?? 0);
      window.errors.push(sample?.errors ?? 0);
      window.p50_ms.push(milliseconds(sample?.p50_us));
      window.p95_ms.push(milliseconds(sample?.p95_us));
      window.replicas.push(replicas);
    }
    return window;
  }

  /** Requests a second over the `length` seconds that end with `last_second`. */
  rate(last_second: number, length: number): number {
    let sum = 0;
    for (let second = last_second - length + 1; second <= last_second; second += 1) {
      sum += this.#samples.get(second)?.requests ?? 0;
    }
    return sum / length;
  }
}

/** The API fills its list up with these. They tell of a second nothing, not even its replicas, and a
    server that has just been started has no others. */
function is_blank({ requests, in_flight, held, errors, replicas }: TrafficSample): boolean {
  return requests + in_flight + held + errors + replicas === 0;
}

function milliseconds(time_us: number | null | undefined): number | null {
  return time_us === undefined || time_us === null || time_us <= 0 ? null : time_us / 1000;
}
