// SPDX-License-Identifier: Apache-2.0
import type { TrafficSample } from '../../../dashboard/src/lib/api/types';
import { TrafficSeries } from '../../../dashboard/src/lib/traffic/series';

const start = Date.parse('2026-11-23T05:00:00Z') / 1000;

function sample(
  second: number,
  requests: number,
  more: Partial<TrafficSample> = {},
): TrafficSample {
  const at = new Date((start + second) * 1000).toISOString();
  const rest = { in_flight: 0, held: 0, errors: 0, p50_us: 1500, p95_us: 4000, replicas: 2 };
  return { at, requests, ...rest, ...more };
}

describe('a series of traffic', () => {
  test('fills seconds without traffic: no requests, no latency, the replicas as before', () => {
    const series = new TrafficSeries(300);
    series.put(sample(1, 10));
    series.put(sample(3, 30, { replicas: 3, p95_us: 0, errors: 1 }));
    expect(series.window(start + 4, 5)).toEqual({
      seconds: [0, 1, 2, 3, 4].map((second) => start + second),
      requests: [0, 10, 0, 30, 0],
      errors: [0, 0, 0, 1, 0],
      p50_ms: [null, 1.5, null, 1.5, null],
      p95_ms: [null, 4, null, null, null],
      replicas: [null, 2, 2, 3, 3],
    });
  });

  test('keeps what it knows when a server that was started again knows nothing of it', () => {
    const series = new TrafficSeries(300);
    series.put(sample(1, 10));
    for (const second of [1, 2]) series.put(sample(second, 0, { replicas: 0, p50_us: 0 }));
    expect(series.window(start + 2, 2)).toMatchObject({ requests: [10, 0], replicas: [2, 2] });
  });

  test('takes samples late, twice and in any order', () => {
    const series = new TrafficSeries(300);
    series.put(sample(5, 1));
    series.put(sample(4, 2));
    series.put(sample(5, 3));
    expect(series.window(start + 5, 2).requests).toEqual([2, 3]);
    expect(series.newest_second).toBe(start + 5);
  });

  test('forgets what is older than it has to keep', () => {
    const series = new TrafficSeries(60);
    for (let second = 0; second < 600; second += 1) series.put(sample(second, 1));
    expect(series.at(start + 599)).toBeDefined();
    expect(series.at(start + 540)).toBeDefined();
    expect(series.at(start + 500)).toBeUndefined();
  });

  test('ignores a sample without a time', () => {
    const series = new TrafficSeries(60);
    series.put({ ...sample(0, 1), at: 'soon' });
    expect(series.newest_second).toBe(0);
  });

  test('averages a rate over seconds with and without traffic', () => {
    const series = new TrafficSeries(60);
    series.put(sample(8, 6));
    series.put(sample(10, 4));
    expect(series.rate(start + 10, 5)).toBe(2);
  });
});
