// SPDX-License-Identifier: Apache-2.0
// Speaks to the API under /api/ with the session's cookie. Every failure becomes an ApiError whose
// message can be shown as it is. A 401 also tells the session (`on_unauthorized`).

export class ApiError extends Error {
  constructor(
    readonly id: string,
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Sent with every request: another site's page cannot send it, so a mutation must carry it. */
export const request_header = { 'X-Berth-Request': 'dashboard' } as const;

export const hooks = {
  on_unauthorized: () => {},
  /** The server's clock, once an answer, in milliseconds. */
  on_server_time: (_time_ms: number) => {},
};

type Body = Record<string, unknown>;

/** `/api/apps/name` from its parts, each encoded. */
export function api_path(...parts: (string | number)[]): string {
  return `/api/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}

export async function request<T>(
  method: string,
  path: string,
  body?: Body,
  more: Record<string, string> = {},
): Promise<T> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    ...request_header,
    ...more,
  };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError('unreachable', 0, 'The server does not answer. Is it running?');
  }
  note_time(answer);
  if (!answer.ok) throw await failure(answer);
  return (await answer.json()) as T;
}

export const get = <T>(path: string) => request<T>('GET', path);
/** A list, as the API's `Range` orders and bounds it; what lies beyond is not read. */
export const get_list = <T>(path: string, range: string) =>
  request<T[]>('GET', path, undefined, { Range: range });
export const post = <T>(path: string, body: Body = {}) => request<T>('POST', path, body);
export const patch = <T>(path: string, body: Body) => request<T>('PATCH', path, body);
export const remove = <T>(path: string) => request<T>('DELETE', path);

/** What a failed answer says, in the API's words where it speaks JSON. */
export async function failure(answer: Response): Promise<ApiError> {
  if (answer.status === 401) hooks.on_unauthorized();
  const text = await answer.text().catch(() => '');
  return parse_failure(answer.status, text);
}

export function parse_failure(status: number, text: string): ApiError {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'message' in value) {
      const id = 'id' in value && typeof value.id === 'string' ? value.id : 'unknown';
      if (typeof value.message === 'string') return new ApiError(id, status, value.message);
    }
  } catch {
    // Not JSON: the router's own page, for instance, while the server is down.
  }
  const what = status >= 502 && status <= 504 ? 'The server does not answer' : 'The server refused';
  return new ApiError('unknown', status, `${what} (HTTP ${status}).`);
}

export function message_of(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function note_time(answer: Response): void {
  const date = Date.parse(answer.headers.get('Date') ?? '');
  if (!Number.isNaN(date)) hooks.on_server_time(date);
}
