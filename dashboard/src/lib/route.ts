// SPDX-License-Identifier: Apache-2.0
// The dashboard's addresses. The server answers each of them with index.html, so that a link or a
// reload leads to the same page.

export const tabs = [
  'overview',
  'logs',
  'releases',
  'builds',
  'config',
  'domains',
  'settings',
] as const;
export type Tab = (typeof tabs)[number];

export type Route =
  | { page: 'apps' }
  | { page: 'new' }
  | { page: 'app'; name: string; tab: Tab; build: string | null }
  | { page: 'unknown' };

export function parse_route(path: string): Route {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const [first, name, tab = 'overview', build] = parts;
  if (first === undefined) return { page: 'apps' };
  if (first === 'new' && parts.length === 1) return { page: 'new' };
  if (first !== 'apps' || parts.length > 4) return { page: 'unknown' };
  if (name === undefined) return { page: 'apps' };
  const known = tabs.find((one) => one === tab);
  if (known === undefined || (build !== undefined && known !== 'builds'))
    return { page: 'unknown' };
  return { page: 'app', name, tab: known, build: build ?? null };
}

export function app_path(name: string, tab: Tab = 'overview', build?: string): string {
  const parts = ['', 'apps', encodeURIComponent(name)];
  if (tab !== 'overview') parts.push(tab);
  if (build !== undefined) parts.push(encodeURIComponent(build));
  return parts.join('/');
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
