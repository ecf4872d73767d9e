// SPDX-License-Identifier: Apache-2.0
// Edits of config vars that were made but not saved. All of them are saved at once, because each
// save makes a release and restarts the app.
import type { ConfigVars } from '../api/types';

/** A name's new value, or null where it is to be removed. */
export type ConfigEdits = Record<string, string | null>;

export interface ConfigRow {
  name: string;
  value: string;
  change: 'none' | 'added' | 'changed' | 'removed';
}

/** The rows to show: what is saved with the edits on it, by name. */
export function rows_of(saved: ConfigVars, edits: ConfigEdits): ConfigRow[] {
  const names = [...new Set([...Object.keys(saved), ...Object.keys(edits)])].sort();
  return names.map((name) => {
    const before = saved[name];
    const after = edits[name];
    if (after === undefined || after === before)
      return { name, value: before ?? '', change: 'none' };
    if (after === null) return { name, value: before ?? '', change: 'removed' };
    return { name, value: after, change: before === undefined ? 'added' : 'changed' };
  });
}

/** The body of the PATCH: only what differs from what is saved. */
export function pending(saved: ConfigVars, edits: ConfigEdits): ConfigEdits {
  return Object.fromEntries(
    Object.entries(edits).filter(([name, value]) =>
      value === null ? name in saved : saved[name] !== value,
    ),
  );
}

/** Why `name` cannot name an environment variable, or null. */
export function name_problem(name: string): string | null {
  if (name === '') return 'A config var needs a name.';
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return null;
  if (/^[0-9]/.test(name)) return 'A name cannot start with a digit.';
  return 'A name has only letters, digits and underscores.';
}

/** `NAME=value` lines, as in an .env file: comments skipped, `export` and quotes taken off. */
export function parse_env(text: string): ConfigVars {
  const found: ConfigVars = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/.exec(line);
    if (match?.[1] === undefined) continue;
    const value = (match[2] ?? '').trim();
    const quoted = /^(["'])([\s\S]*)\1$/.exec(value);
    found[match[1]] = quoted?.[2] ?? value;
  }
  return found;
}
