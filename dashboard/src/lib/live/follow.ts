// SPDX-License-Identifier: Apache-2.0
// Follows a stream of server-sent events for as long as it is wanted: connects, hands over events,
// and after a loss connects again, a little later each time. It never gives up by itself; the owner
// calls the returned function to stop it.
import { failure, request_header, type ApiError } from '../api/client';
import { SseParser, type ServerEvent } from './sse';

export interface FollowOptions {
  /** Asked before each connection; may itself call the API. A throw counts as a failed attempt. */
  url: () => string | Promise<string>;
  on_event: (event: ServerEvent) => void;
  on_open?: () => void;
  /** The stream was lost or could not be opened. Ends the following if it returns false. */
  on_loss?: (error: ApiError | null) => boolean | void;
  /** The stream counts as dead after this long without a byte; 0 for never. */
  silence_ms?: number;
  /** Ask the server to go on after the last event that was seen. */
  resume?: boolean;
}

/** Waits before attempt `attempt` (from 1): 0.5 s, 1 s, 2 s, 4 s, then 5 s; up to a quarter less. */
export function backoff_ms(attempt: number, random: number): number {
  return Math.min(5000, 250 * 2 ** attempt) * (1 - random / 4);
}

export function follow(options: FollowOptions): () => void {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => stop.abort();
}

async function run(options: FollowOptions, stopped: AbortSignal): Promise<void> {
  let last_id = '';
  let attempt = 0;
  while (!stopped.aborted) {
    const attempt_end = new AbortController();
    const end = () => attempt_end.abort();
    stopped.addEventListener('abort', end, { once: true });
    let error: ApiError | null = null;
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream', ...request_header };
      if (options.resume && last_id !== '') headers['Last-Event-ID'] = last_id;
      const answer = await fetch(await options.url(), {
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: attempt_end.signal,
      });
      if (!answer.ok || answer.body === null) {
        error = await failure(answer);
      } else {
        attempt = 0;
        options.on_open?.();
        await read(answer.body, options.silence_ms ?? 0, end, (event) => {
          last_id = event.id;
          options.on_event(event);
        });
      }
    } catch {
      // Aborted, refused or cut off: all of it is a loss, and the next attempt tells.
    }
    stopped.removeEventListener('abort', end);
    if (stopped.aborted || options.on_loss?.(error) === false) return;
    attempt += 1;
    await pause(backoff_ms(attempt, Math.random()), stopped);
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  silence_ms: number,
  on_silence: () => void,
  on_event: (event: ServerEvent) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for (;;) {
    const timer = silence_ms > 0 ? setTimeout(on_silence, silence_ms) : undefined;
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    parser.push(decoder.decode(value, { stream: true })).forEach(on_event);
  }
}

function pause(time_ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time_ms);
    stopped.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
