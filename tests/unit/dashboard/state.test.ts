// SPDX-License-Identifier: Apache-2.0
import type { Build, Release, Replica } from '../../../dashboard/src/lib/api/types';
import { parse_failure, api_path } from '../../../dashboard/src/lib/api/client';
import { app_path, parse_route } from '../../../dashboard/src/lib/route';
import {
  by_process_type,
  upsert,
  with_build,
  with_release,
  with_replica,
} from '../../../dashboard/src/lib/state/collection';
import {
  name_problem,
  parse_env,
  pending,
  rows_of,
} from '../../../dashboard/src/lib/state/config-edit';
import { Reload } from '../../../dashboard/src/lib/state/reload';

const replica = (id: string, name: string, more: Partial<Replica> = {}): Replica => ({
  id,
  name,
  type: name.split('.')[0] ?? '',
  command: '',
  size: 'basic',
  state: 'up',
  release: { id: 'r', version: 1 },
  message: null,
  created_at: '2026-11-23T05:00:00Z',
  updated_at: '2026-11-23T05:00:00Z',
  ...more,
});
const release = (version: number, current: boolean) =>
  ({ id: `r${version}`, version, current, created_at: '' }) as Release;

describe('a notice', () => {
  test('changes the resource with its id or adds it', () => {
    const items = [
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
    ];
    expect(upsert(items, { id: 'a', n: 3 })).toEqual([
      { id: 'a', n: 3 },
      { id: 'b', n: 2 },
    ]);
    expect(upsert(items, { id: 'c', n: 3 })).toHaveLength(3);
  });

  test('that is older than what is known changes nothing', () => {
    const items = [replica('1', 'web.1', { updated_at: '2026-11-23T05:00:09Z' })];
    expect(with_replica(items, replica('1', 'web.1', { state: 'starting' }))).toEqual(items);
  });

  test('keeps replicas by type and number, and drops those that are gone', () => {
    let items: Replica[] = [];
    for (const name of ['web.10', 'worker.1', 'web.2'])
      items = with_replica(items, replica(name, name));
    expect(items.map(({ name }) => name)).toEqual(['web.2', 'web.10', 'worker.1']);
    items = with_replica(items, replica('web.2', 'web.2', { state: 'gone' }));
    expect(items.map(({ name }) => name)).toEqual(['web.10', 'worker.1']);
  });

  test('of a current release takes that from the one before', () => {
    const items = with_release([release(2, true), release(1, false)], release(3, true));
    expect(items.map(({ version, current }) => [version, current])).toEqual([
      [3, true],
      [2, false],
      [1, false],
    ]);
  });

  test('of a release that failed leaves the current one', () => {
    expect(with_release([release(2, true)], release(3, false))[1]?.current).toBe(true);
  });

  test('of a build puts it on top', () => {
    const build = (id: string, created_at: string) => ({ id, created_at }) as Build;
    const items = with_build(
      [build('a', '2026-11-23T05:00:00Z')],
      build('b', '2026-11-23T05:00:01Z'),
    );
    expect(items.map(({ id }) => id)).toEqual(['b', 'a']);
  });
});

test('web comes before the other process types', () => {
  const types = ['worker', 'web', 'clock'].map((type) => ({ type }));
  expect(types.sort(by_process_type).map(({ type }) => type)).toEqual(['web', 'clock', 'worker']);
});

describe('reading while notices arrive', () => {
  test('applies what arrived meanwhile again, after what was read', async () => {
    let value = 0;
    const reload = new Reload<number>((notice) => (value = notice));
    await reload.run(async () => {
      reload.note(2);
      return () => (value = 1);
    });
    expect(value).toBe(2);
  });

  test('reads once more if that was wished meanwhile, however often', async () => {
    let reads = 0;
    const reload = new Reload<number>(() => {});
    const read = async () => {
      reads += 1;
      if (reads === 1) await Promise.all([reload.run(read), reload.run(read)]);
      return () => {};
    };
    await reload.run(read);
    expect(reads).toBe(2);
  });

  test('can read again after it failed', async () => {
    const reload = new Reload<number>(() => {});
    await expect(reload.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    let put = false;
    await reload.run(async () => () => (put = true));
    expect(put).toBe(true);
  });
});

describe('edits of config vars', () => {
  const saved = { A: '1', B: '2' };

  test('are shown on what is saved, by name', () => {
    expect(rows_of(saved, { B: null, C: '3', A: '1' })).toEqual([
      { name: 'A', value: '1', change: 'none' },
      { name: 'B', value: '2', change: 'removed' },
      { name: 'C', value: '3', change: 'added' },
    ]);
    expect(rows_of(saved, { A: '9' })[0]).toEqual({ name: 'A', value: '9', change: 'changed' });
  });

  test('are saved only where they differ', () => {
    expect(pending(saved, { A: '1', B: '', C: '3', D: null })).toEqual({ B: '', C: '3' });
  });

  test('need a name that an environment variable can have', () => {
    expect(name_problem('LOG_LEVEL')).toBeNull();
    expect(name_problem('')).toBe('A config var needs a name.');
    expect(name_problem('1A')).toBe('A name cannot start with a digit.');
    expect(name_problem('A-B')).toBe('A name has only letters, digits and underscores.');
  });

  test('can be pasted from an .env file', () => {
    const text =
      '# a comment\nA=1\n export B="two words"\nC=\'x=y\'\nD=\nnothing here\r\nE= spaced \n';
    expect(parse_env(text)).toEqual({ A: '1', B: 'two words', C: 'x=y', D: '', E: 'spaced' });
    expect(parse_env('just a name')).toEqual({});
  });
});

describe('addresses', () => {
  test('lead to pages and back', () => {
    expect(parse_route('/')).toEqual({ page: 'apps' });
    expect(parse_route('/apps')).toEqual({ page: 'apps' });
    expect(parse_route('/new')).toEqual({ page: 'new' });
    for (const tab of ['overview', 'logs', 'config'] as const) {
      expect(parse_route(app_path('shop', tab))).toEqual({
        page: 'app',
        name: 'shop',
        tab,
        build: null,
      });
    }
    expect(parse_route(app_path('shop', 'builds', 'b1'))).toMatchObject({
      tab: 'builds',
      build: 'b1',
    });
  });

  test('that lead nowhere are unknown', () => {
    for (const path of [
      '/nothing',
      '/apps/a/nothing',
      '/apps/a/logs/1',
      '/apps/a/builds/1/2',
      '/new/1',
    ]) {
      expect(parse_route(path)).toEqual({ page: 'unknown' });
    }
  });

  test('survive a broken escape', () => {
    expect(parse_route('/apps/%zz')).toMatchObject({ page: 'app', name: '%zz' });
  });

  test('of the API encode each part', () => {
    expect(api_path('apps', 'a/../b', 'config-vars')).toBe('/api/apps/a%2F..%2Fb/config-vars');
  });
});

describe('a failed answer', () => {
  test('speaks with the API’s own message', () => {
    const error = parse_failure(422, '{"id":"invalid_params","message":"Name shop is taken."}');
    expect([error.id, error.status, error.message]).toEqual([
      'invalid_params',
      422,
      'Name shop is taken.',
    ]);
  });

  test('that is not JSON is put into words', () => {
    expect(parse_failure(503, '<html>').message).toBe('The server does not answer (HTTP 503).');
    expect(parse_failure(418, '"x"').message).toBe('The server refused (HTTP 418).');
  });
});
