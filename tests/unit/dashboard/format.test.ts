// SPDX-License-Identifier: Apache-2.0
import {
  age,
  ago,
  clock_time,
  host_of,
  latency,
  plural,
  rate,
  short_commit,
} from '../../../dashboard/src/lib/format';

const now_ms = Date.parse('2026-11-23T05:15:38Z');

describe('ages', () => {
  test('grow from seconds to days', () => {
    expect(age('2026-11-23T05:15:37Z', now_ms)).toBe('now');
    expect(age('2026-11-23T05:15:26Z', now_ms)).toBe('12 s');
    expect(age('2026-11-23T05:12:30Z', now_ms)).toBe('3 min');
    expect(age('2026-11-22T06:15:38Z', now_ms)).toBe('23 h');
    expect(age('2026-11-20T05:15:38Z', now_ms)).toBe('3 days');
  });

  test('of something that lies ahead of a slow clock is now', () => {
    expect(ago('2026-11-23T05:15:45Z', now_ms)).toBe('now');
  });

  test('say ago only behind a span', () => {
    expect(ago('2026-11-23T05:15:26Z', now_ms)).toBe('12 s ago');
    expect(ago('not a time', now_ms)).toBe('');
  });
});

describe('figures', () => {
  test('a rate has a decimal only while it is small', () => {
    expect([0, 0.01, 0.2, 3, 3.14, 9.96, 1234].map(rate)).toEqual([
      '0',
      '<0.1',
      '0.2',
      '3',
      '3.1',
      '10',
      '1,234',
    ]);
  });

  test('a latency takes the unit that fits it', () => {
    expect(
      [null, 0, 420, 999.6, 1500, 12_400, 999_400, 1_500_000, 31_000_000].map(latency),
    ).toEqual(['–', '–', '420 µs', '1.0 ms', '1.5 ms', '12 ms', '999 ms', '1.5 s', '31 s']);
  });

  test('nouns agree with their number', () => {
    expect([plural(0, 'app'), plural(1, 'app'), plural(2, 'app')]).toEqual([
      '0 apps',
      '1 app',
      '2 apps',
    ]);
  });
});

test('a URL is shown by its host, and what is no URL as it is', () => {
  expect(host_of('http://shop.localhost:8080/')).toBe('shop.localhost:8080');
  expect(host_of('shop')).toBe('shop');
});

test('a commit is shown by seven digits', () => {
  expect([short_commit('0123456789abcdef'), short_commit(null)]).toEqual(['0123456', '']);
});

test('a log time has milliseconds', () => {
  expect(clock_time(Date.parse('2026-11-23T05:15:38.007Z'))).toMatch(/^\d\d:\d\d:38\.007$/);
});
