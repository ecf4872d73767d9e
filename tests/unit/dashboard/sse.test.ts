// SPDX-License-Identifier: Apache-2.0
import { backoff_ms } from '../../../dashboard/src/lib/live/follow';
import { SseParser, type ServerEvent } from '../../../dashboard/src/lib/live/sse';

function parse(...chunks: string[]): ServerEvent[] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

const text =
  ': heartbeat\n\nevent: app\nid: 7\ndata: {"a":\ndata: 1}\n\ndata:plain\n\nretry: 10\nunknown\n\nid\ndata: x\n\n';
const events = [
  { event: 'app', data: '{"a":\n1}', id: '7' },
  { event: 'message', data: 'plain', id: '7' },
  { event: 'message', data: 'x', id: '' },
];

describe('the parser of server-sent events', () => {
  test('reads fields, comments, joined data and ids that last', () => {
    expect(parse(text)).toEqual(events);
  });

  test('reads the same however the text is cut', () => {
    for (let first = 0; first <= text.length; first += 1) {
      expect(parse(text.slice(0, first), text.slice(first))).toEqual(events);
    }
    expect(parse(...text)).toEqual(events);
  });

  test('takes all three line ends, also cut between CR and LF', () => {
    for (const end of ['\r\n', '\r', '\n']) {
      const other = text.replaceAll('\n', end);
      expect(parse(other)).toEqual(events);
      expect(parse(...other)).toEqual(events);
    }
  });

  test('takes one space off a value and no more', () => {
    expect(parse('data:  two\n\n')[0]?.data).toBe(' two');
  });

  test('keeps an empty data line, and drops an event without data', () => {
    expect(parse('data:\n\n')).toEqual([{ event: 'message', data: '', id: '' }]);
    expect(parse('event: hello\n\n')).toEqual([]);
  });

  test('does not hand over an event that is cut off', () => {
    expect(parse('data: half\n')).toEqual([]);
  });
});

test('attempts back off to five seconds and differ by chance', () => {
  expect([1, 2, 3, 4, 5, 30].map((attempt) => backoff_ms(attempt, 0))).toEqual([
    500, 1000, 2000, 4000, 5000, 5000,
  ]);
  expect(backoff_ms(5, 1)).toBe(3750);
});
