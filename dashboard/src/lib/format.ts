// SPDX-License-Identifier: Apache-2.0
// Numbers and times as people read them. Pure: the time of day is an argument.

/** "12 s ago", "3 min ago", "2 h ago", "5 days ago"; "now" below two seconds or in the future. */
export function ago(at: string, now_ms: number): string {
  const span = age(at, now_ms);
  return span === 'now' || span === '' ? span : `${span} ago`;
}

export function age(at: string, now_ms: number): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return '';
  const seconds = Math.floor((now_ms - then) / 1000);
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

/** "2 Feb 2027", in the reader's zone. */
export function day(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** Requests a second: one decimal below ten, grouped above. */
export function rate(value: number): string {
  if (value === 0) return '0';
  if (value < 0.05) return '<0.1';
  if (value < 9.95) return String(Number(value.toFixed(1)));
  return Math.round(value).toLocaleString('en');
}

/** A time in microseconds as µs, ms or s, with two or three digits that matter; "–" for none. */
export function latency(time_us: number | null): string {
  if (time_us === null || time_us <= 0) return '–';
  if (time_us < 999.5) return `${Math.round(time_us)} µs`;
  const time_ms = time_us / 1000;
  if (time_ms < 9.95) return `${time_ms.toFixed(1)} ms`;
  if (time_ms < 999.5) return `${Math.round(time_ms)} ms`;
  return `${(time_ms / 1000).toFixed(time_ms < 9950 ? 1 : 0)} s`;
}

/** Of a part from 0 to 1. */
export function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

export function short_commit(commit: string | null): string {
  return commit === null ? '' : commit.slice(0, 7);
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The host (and port) of a URL, for a link's text. */
export function host_of(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** The time of day of a log line, in the reader's zone, with milliseconds. */
export function clock_time(at_ms: number): string {
  const date = new Date(at_ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
