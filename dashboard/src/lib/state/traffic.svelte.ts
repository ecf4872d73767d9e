// SPDX-License-Identifier: Apache-2.0
// Every app's traffic of the last minutes. Pages read it through `clock`, which ticks once a second,
// so the series themselves need no reactivity.
import { api_path, get } from '../api/client';
import type { TrafficSample } from '../api/types';
import { TrafficSeries } from '../traffic/series';
import { clock } from './clock.svelte';

export const kept_seconds = 300;
/** A second's sample needs a moment to be made and to arrive. */
const lag_seconds = 2;

class Traffic {
  #series = new Map<string, TrafficSeries>();

  of(app: string): TrafficSeries {
    let series = this.#series.get(app);
    if (series === undefined) {
      series = new TrafficSeries(kept_seconds + 10);
      this.#series.set(app, series);
    }
    return series;
  }

  /** The newest second that can be shown as complete. */
  get last_second(): number {
    return clock.now_second - lag_seconds;
  }

  rate(app: string): number {
    return this.of(app).rate(this.last_second, 5);
  }

  put(app: string, sample: TrafficSample): void {
    this.of(app).put(sample);
    clock.note_sample(Date.parse(sample.at));
  }

  async load(app: string, seconds: number): Promise<void> {
    const path = `${api_path('apps', app, 'traffic')}?seconds=${seconds}`;
    const series = this.of(app);
    for (const sample of await get<TrafficSample[]>(path)) series.put(sample);
  }
}

export const traffic = new Traffic();
