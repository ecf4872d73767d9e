// SPDX-License-Identifier: Apache-2.0
// A line of an app's log as the log stream sends it: `TIMESTAMP app[web.1]: text`.

export interface LogLine {
  /** Counts up in the order of arrival; a key for lists. */
  sequence: number;
  /** Milliseconds since the epoch, or null where the line carries no time. */
  at_ms: number | null;
  source: string;
  process: string;
  text: string;
  /** As it came, to tell a repeated line. */
  raw: string;
}

const shape = /^(\d{4}-\d\d-\d\dT\S+) ([^\s[\]:]+)\[([^\]]*)\]: ?([\s\S]*)$/;

// CSI sequences (colours, cursor), OSC sequences (titles, links), and two-byte escapes.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Text as it can be shown: without terminal escapes and control characters, tabs kept. */
export function plain_text(text: string): string {
  return text.replace(escapes, '').replace(controls, '');
}

export function parse_line(raw: string, sequence: number): LogLine {
  const found = shape.exec(raw);
  const at_ms = found === null ? NaN : Date.parse(found[1] ?? '');
  if (found === null || Number.isNaN(at_ms)) {
    return { sequence, at_ms: null, source: '', process: '', text: plain_text(raw), raw };
  }
  const [, , source = '', process = '', text = ''] = found;
  return { sequence, at_ms, source, process, text: plain_text(text), raw };
}

/** One of `count` colours for a process: neighbours (web.1, web.2) differ, and it never changes. */
export function colour_of(process: string, count: number): number {
  const dot = process.lastIndexOf('.');
  const type = dot < 0 ? process : process.slice(0, dot);
  const number = dot < 0 ? 0 : Number.parseInt(process.slice(dot + 1), 10) || 0;
  let sum = 0;
  for (const letter of type) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return (sum + number) % count;
}
