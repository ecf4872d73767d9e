// SPDX-License-Identifier: Apache-2.0
// serve-fetch.mjs MODULE FOLDER: serves a build that exports only `fetch(request)`, with the files of
// FOLDER before it. (TanStack Start leaves such a module if no server was chosen.)
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const [module, folder] = process.argv.slice(2);
const { default: handler } = await import(pathToFileURL(resolve(module)).href);
const root = resolve(folder);
const types = { '.css': 'text/css', '.js': 'text/javascript', '.mjs': 'text/javascript',
  '.json': 'application/json', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp', '.avif': 'image/avif',
  '.ico': 'image/x-icon', '.woff2': 'font/woff2', '.woff': 'font/woff', '.txt': 'text/plain',
  '.xml': 'application/xml', '.wasm': 'application/wasm', '.webmanifest': 'application/manifest+json' };

async function fileFor(pathname) {
  const path = join(root, normalize(decodeURIComponent(pathname)));
  if (!path.startsWith(`${root}/`) || path.includes('/.')) return null;
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? { path, size: found.size } : null;
}

async function answer(incoming, outgoing) {
  const scheme = incoming.headers['x-forwarded-proto'] ?? 'http';
  const url = new URL(incoming.url, `${scheme}://${incoming.headers.host ?? 'localhost'}`);
  const plain = incoming.method === 'GET' || incoming.method === 'HEAD';
  const file = plain ? await fileFor(url.pathname) : null;
  if (file) {
    const immutable = url.pathname.startsWith('/assets/');
    outgoing.writeHead(200, {
      'content-type': types[extname(file.path)] ?? 'application/octet-stream',
      'content-length': file.size,
      'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'public, max-age=0' });
    if (incoming.method === 'HEAD') outgoing.end();
    else createReadStream(file.path).pipe(outgoing);
    return;
  }
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const response = await handler.fetch(new Request(url, {
    method: incoming.method, headers: Object.entries(incoming.headers).map(([k, v]) => [k, `${v}`]),
    body: plain ? undefined : Readable.toWeb(incoming), duplex: 'half', signal: gone.signal }));
  const headers = Object.fromEntries(response.headers);
  if (response.headers.has('set-cookie')) headers['set-cookie'] = response.headers.getSetCookie();
  outgoing.writeHead(response.status, headers);
  if (response.body) Readable.fromWeb(response.body).on('error', () => outgoing.destroy()).pipe(outgoing);
  else outgoing.end();
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => {
    console.error(error);
    if (!outgoing.headersSent) outgoing.writeHead(error instanceof URIError ? 400 : 500);
    outgoing.end();
  });
});
server.listen(process.env.PORT ?? 8080, '::');
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
