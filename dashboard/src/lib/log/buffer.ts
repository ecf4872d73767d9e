// SPDX-License-Identifier: Apache-2.0
// The last lines of a log, bounded, so that a chatty app cannot fill the browser. A stream that was
// opened again sends lines that are already here: those are dropped by comparing them as a whole.
import { parse_line, type LogLine } from './line';

export interface LogFilter {
  text: string;
  /** A process type (`web`), a process (`web.1`), or nothing for all. */
  process: string;
}

export class LogBuffer {
  #lines: LogLine[] = [];
  #sequence = 0;
  /** Lines seen before the stream was opened again, while it may still repeat them. */
  #repeats = new Map<string, number>();

  constructor(readonly limit: number) {}

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** What arrives next may repeat what is here, from some line on. */
  expect_repeats(): void {
    this.#repeats.clear();
    for (const line of this.#lines) {
      this.#repeats.set(line.raw, (this.#repeats.get(line.raw) ?? 0) + 1);
    }
  }

  push(raw: string): boolean {
    const seen = this.#repeats.get(raw) ?? 0;
    if (seen > 0) {
      this.#repeats.set(raw, seen - 1);
      return false;
    }
    this.#sequence += 1;
    this.#lines.push(parse_line(raw, this.#sequence));
    // Trimmed in steps: dropping one line from the front of an array for each new one is wasteful.
    if (this.#lines.length > this.limit * 1.25) this.#lines = this.#lines.slice(-this.limit);
    return true;
  }

  clear(): void {
    this.#lines = [];
    this.#repeats.clear();
  }
}

export function matches(line: LogLine, filter: LogFilter): boolean {
  if (filter.process !== '' && line.process !== filter.process) {
    if (!line.process.startsWith(`${filter.process}.`)) return false;
  }
  if (filter.text === '') return true;
  const wanted = filter.text.toLowerCase();
  return line.text.toLowerCase().includes(wanted) || line.process.toLowerCase().includes(wanted);
}

/** The newest `limit` lines that match, oldest first. */
export function select(lines: readonly LogLine[], filter: LogFilter, limit: number): LogLine[] {
  const found: LogLine[] = [];
  for (let index = lines.length - 1; index >= 0 && found.length < limit; index -= 1) {
    const line = lines[index];
    if (line !== undefined && matches(line, filter)) found.push(line);
  }
  return found.reverse();
}
