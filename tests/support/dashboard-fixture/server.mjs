// SPDX-License-Identifier: Apache-2.0
// The dashboard's files and the part of docs/api.md that it uses, over a World in memory, with the
// Content-Security-Policy that the real server sends. For tests of the pages alone; the end-to-end
// test runs against the platform.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { routes } from './routes.mjs';
import { World } from './world.mjs';

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export class Refusal extends Error {
  constructor(status, id, message) {
    super(message);
    Object.assign(this, { status, id });
  }
}

class Fixture {
  world = new World();
  token = 'fixture';
  url = '';
  /** Requests under /api, as "METHOD path", newest last. */
  calls = [];
  /** While true the API answers 503, as the router does without a server. */
  is_down = false;
  sessions = new Set();
  log_sessions = new Map();
  streams = new Set();
  #files;
  #server;

  constructor(files) {
    this.#files = files;
    this.#server = createServer((request, answer) => void this.#serve(request, answer));
    this.world.on_notice = (notice) => this.#notice(notice);
    this.world.on_log = (record, line) => this.#log(record, line);
    this.world.on_output = (build, text) => this.#output(build, text);
  }

  async listen(port) {
    await new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.url = `http://dashboard.localhost:${this.#server.address().port}`;
    return this;
  }

  async close() {
    this.world.stop();
    this.cut_streams();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** As when the server is killed: every stream breaks, and log sessions are forgotten. */
  cut_streams() {
    for (const stream of this.streams) stream.answer.destroy();
    this.streams.clear();
    this.log_sessions.clear();
  }

  /** As when a page reads too slowly: what happens during `action` is not told, only that it was. */
  lose_notices(action) {
    const told = this.world.on_notice;
    this.world.on_notice = () => {};
    action();
    this.world.on_notice = told;
    for (const stream of this.streams) {
      if (stream.kind === 'notices')
        stream.answer.write('event: gap\ndata: {"type":"gap","lost":1}\n\n');
    }
  }

  open_stream(answer, stream) {
    const entry = { ...stream, answer };
    this.streams.add(entry);
    answer.on('close', () => this.streams.delete(entry));
  }

  #notice(notice) {
    for (const stream of this.streams) {
      if (stream.kind !== 'notices') continue;
      stream.answer.write(`event: ${notice.type}\ndata: ${JSON.stringify(notice)}\n\n`);
    }
  }

  #log(record, line) {
    for (const stream of this.streams) {
      if (stream.kind === 'log' && stream.record === record) stream.answer.write(log_event(line));
    }
  }

  #output(build, text) {
    for (const stream of this.streams) {
      if (stream.kind !== 'output' || stream.build !== build) continue;
      if (text === null) stream.answer.end();
      else stream.answer.write(text);
    }
  }

  async #serve(request, answer) {
    const url = new URL(request.url, 'http://fixture');
    try {
      if (url.pathname.startsWith('/api/')) await this.#api(request, answer, url);
      else await this.#file(answer, url.pathname);
    } catch (error) {
      const { status = 500, id = 'internal', message } = error;
      send(answer, status, { id, message });
    }
  }

  async #file(answer, path) {
    const name = extname(path) === '' ? 'index.html' : normalize(path).replace(/^\/+/, '');
    const content = await readFile(join(this.#files, name)).catch(() => {
      throw new Refusal(404, 'not_found', `there is no file ${name}`);
    });
    answer.writeHead(200, {
      'Content-Type': types[extname(name)] ?? 'application/octet-stream',
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
    });
    answer.end(content);
  }

  async #api(request, answer, url) {
    const path = url.pathname.slice('/api'.length);
    this.calls.push(`${request.method} ${path}`);
    if (this.is_down) throw new Refusal(503, 'unavailable', 'The control plane is down.');
    const is_secret = path.startsWith('/logs/');
    if (path !== '/dashboard/session' && !is_secret) this.#authorize(request);
    let body = '';
    for await (const chunk of request) body += chunk;
    for (const [method, pattern, handle] of routes) {
      const found = pattern.exec(path);
      if (request.method !== method || !found) continue;
      const parts = found.slice(1).map(decodeURIComponent);
      const result = await handle(this, parts, JSON.parse(body || '{}'), { request, answer, url });
      if (result) send(answer, result.status ?? 200, result.body, result.headers);
      return;
    }
    throw new Refusal(404, 'not_found', `There is no ${request.method} ${path}.`);
  }

  #authorize(request) {
    const session = /(?:^|; )berth_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    if (!this.sessions.has(session)) {
      throw new Refusal(401, 'unauthorized', 'Sign in with a token.');
    }
    if (request.method !== 'GET' && request.headers['x-berth-request'] !== 'dashboard') {
      throw new Refusal(403, 'forbidden', 'The header X-Berth-Request is missing.');
    }
  }

  sign_in(token) {
    if (token !== this.token) throw new Refusal(401, 'unauthorized', 'This token is not known.');
    const session = randomBytes(16).toString('hex');
    this.sessions.add(session);
    return `berth_session=${session}; HttpOnly; SameSite=Strict; Path=/`;
  }
}

export function log_event(line) {
  return `id: ${line.id}\ndata: ${line.text}\n\n`;
}

function send(answer, status, body, headers = {}) {
  if (answer.headersSent) {
    answer.destroy();
    return;
  }
  answer.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  answer.end(JSON.stringify(body));
}

export function start_fixture({ files, port = 0 }) {
  return new Fixture(files).listen(port);
}
