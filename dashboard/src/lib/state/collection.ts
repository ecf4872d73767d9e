// SPDX-License-Identifier: Apache-2.0
// How a live notice changes a list that was read before: pure, so that order and repetition can be
// tested. A notice may come twice or late; the resource that was updated last wins.
import type { Build, Release, Replica } from '../api/types';

interface Identified {
  id: string;
  updated_at?: string;
}

/** `items` with `value` in the place of the one with its id, or at the end. */
export function upsert<T extends Identified>(items: readonly T[], value: T): T[] {
  const index = items.findIndex((item) => item.id === value.id);
  if (index < 0) return [...items, value];
  const known = items[index];
  if (known?.updated_at && value.updated_at && known.updated_at > value.updated_at)
    return [...items];
  return items.map((item) => (item.id === value.id ? value : item));
}

export function with_replica(items: readonly Replica[], value: Replica): Replica[] {
  if (value.state === 'gone') return items.filter((item) => item.id !== value.id);
  return upsert(items, value).sort(by_replica);
}

/** Newest first; at most one is current. */
export function with_release(items: readonly Release[], value: Release): Release[] {
  const others = value.current
    ? items.map((item) => (item.current ? { ...item, current: false } : item))
    : items;
  return upsert(others, value).sort((left, right) => right.version - left.version);
}

/** Newest first. */
export function with_build(items: readonly Build[], value: Build): Build[] {
  return upsert(items, value).sort((left, right) =>
    right.created_at.localeCompare(left.created_at),
  );
}

/** By process type, then number, then age: web.1 of the old release before web.1 of the new. */
export function by_replica(left: Replica, right: Replica): number {
  return (
    left.type.localeCompare(right.type) ||
    left.name.localeCompare(right.name, 'en', { numeric: true }) ||
    left.created_at.localeCompare(right.created_at)
  );
}

/** web first, the others by name. */
export function by_process_type(left: { type: string }, right: { type: string }): number {
  if (left.type === right.type) return 0;
  if (left.type === 'web') return -1;
  if (right.type === 'web') return 1;
  return left.type.localeCompare(right.type);
}
