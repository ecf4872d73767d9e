// SPDX-License-Identifier: Apache-2.0
// A parser of server-sent events (WHATWG HTML, 9.2.6) that is fed text as it arrives. It exists
// because EventSource hides what the dashboard needs: the status of a refusal, the heartbeat
// comments that tell a quiet stream from a dead one, and Last-Event-ID on a new connection.

export interface ServerEvent {
  event: string;
  data: string;
  /** The last id seen, which holds for later events too. */
  id: string;
}

export class SseParser {
  #rest = '';
  #after_cr = false;
  #event = '';
  #data: string[] = [];
  #id = '';

  /** The events that `text` completes; what is unfinished waits for the next call. */
  push(text: string): ServerEvent[] {
    if (this.#after_cr && text.startsWith('\n')) text = text.slice(1);
    if (text !== '') this.#after_cr = text.endsWith('\r');
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line === '') this.#dispatch(events);
      else this.#field(line);
    }
    return events;
  }

  #dispatch(events: ServerEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id });
    }
    this.#event = '';
    this.#data = [];
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (name === 'event') this.#event = value;
    else if (name === 'data') this.#data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
  }
}
