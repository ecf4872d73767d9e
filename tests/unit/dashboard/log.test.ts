// SPDX-License-Identifier: Apache-2.0
import { LogBuffer, matches, select } from '../../../dashboard/src/lib/log/buffer';
import { colour_of, parse_line, plain_text } from '../../../dashboard/src/lib/log/line';

const stamp = '2026-11-23T05:15:38.123456+00:00';

describe('a log line', () => {
  test('has a time, a source, a process and the text', () => {
    expect(parse_line(`${stamp} app[web.1]: GET / [200]: ok`, 3)).toEqual({
      sequence: 3,
      at_ms: Date.parse('2026-11-23T05:15:38.123Z'),
      source: 'app',
      process: 'web.1',
      text: 'GET / [200]: ok',
      raw: `${stamp} app[web.1]: GET / [200]: ok`,
    });
  });

  test('keeps the text’s own indent and an empty text', () => {
    expect(parse_line(`${stamp} app[web.1]:   at main.js:3`, 1).text).toBe('  at main.js:3');
    expect(parse_line(`${stamp} app[web.1]: `, 1).text).toBe('');
  });

  test('that is of no known form is shown whole', () => {
    for (const raw of ['', 'hello', 'x app[web.1]: y', '2026-99-99T00:00:00Z app[web.1]: y']) {
      expect(parse_line(raw, 1)).toMatchObject({ at_ms: null, process: '', text: raw });
    }
  });

  test('loses terminal escapes and control characters, but not tabs', () => {
    expect(plain_text('\u001b[1;33mwarn\u001b[0m\tx\u0007')).toBe('warn\tx');
    expect(plain_text('\u001b]8;;http://a\u001b\\link\u001b]8;;\u0007!')).toBe('link!');
    expect(plain_text('50%\r')).toBe('50%');
  });
});

test('processes beside each other have different colours that stay', () => {
  const found = ['web.1', 'web.2', 'web.3'].map((process) => colour_of(process, 6));
  expect(new Set(found).size).toBe(3);
  expect(colour_of('web.1', 6)).toBe(found[0]);
  expect(colour_of('', 6)).toBe(0);
});

describe('the log buffer', () => {
  const line = (number: number, process = 'web.1') => `${stamp} app[${process}]: line ${number}`;

  test('keeps at least its limit of lines and never much more', () => {
    const buffer = new LogBuffer(100);
    for (let number = 0; number < 1000; number += 1) {
      buffer.push(line(number));
      expect(buffer.lines.length).toBeLessThanOrEqual(125);
    }
    expect(buffer.lines.length).toBeGreaterThanOrEqual(100);
    expect(buffer.lines.at(-1)?.text).toBe('line 999');
  });

  test('drops what a stream repeats after it was opened again, and nothing else', () => {
    const buffer = new LogBuffer(100);
    [1, 2, 2, 3].forEach((number) => buffer.push(line(number)));
    buffer.expect_repeats();
    const added = [2, 2, 3, 4, 4, 2].map((number) => buffer.push(line(number)));
    expect(added).toEqual([false, false, false, true, true, true]);
    expect(buffer.lines.map(({ text }) => text.at(-1)).join('')).toBe('1223442');
  });

  test('numbers lines on after it was cleared', () => {
    const buffer = new LogBuffer(100);
    buffer.push(line(1));
    buffer.clear();
    buffer.push(line(1));
    expect(buffer.lines.map(({ sequence }) => sequence)).toEqual([2]);
  });

  test('is filtered by type, by process and by text in any case', () => {
    const web = parse_line(line(1, 'web.1'), 1);
    const all = { text: '', process: '' };
    expect(matches(web, all)).toBe(true);
    expect(matches(web, { ...all, process: 'web' })).toBe(true);
    expect(matches(web, { ...all, process: 'web.1' })).toBe(true);
    expect(matches(web, { ...all, process: 'we' })).toBe(false);
    expect(matches(web, { ...all, process: 'web.11' })).toBe(false);
    expect(matches(web, { ...all, text: 'LINE' })).toBe(true);
    expect(matches(web, { ...all, text: 'WEB.1' })).toBe(true);
    expect(matches(web, { ...all, text: 'nothing' })).toBe(false);
  });

  test('hands out the newest lines that match, oldest first', () => {
    const buffer = new LogBuffer(100);
    for (let number = 0; number < 10; number += 1) buffer.push(line(number, `web.${number % 2}`));
    const found = select(buffer.lines, { text: '', process: 'web.1' }, 2);
    expect(found.map(({ text }) => text)).toEqual(['line 7', 'line 9']);
  });
});
