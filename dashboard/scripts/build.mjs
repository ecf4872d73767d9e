// SPDX-License-Identifier: Apache-2.0
// Builds the dashboard and refuses a result that the server's Content-Security-Policy would break
// or that outgrew its budget. `node scripts/build.mjs [--outDir DIR]`; default dist/.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const budget_bytes = 100_000;
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const flag = process.argv.indexOf('--outDir');
const out_dir = resolve(root, flag < 0 ? 'dist' : process.argv[flag + 1]);

await build({ root, logLevel: 'warn', build: { outDir: out_dir, emptyOutDir: true } });

const html = readFileSync(join(out_dir, 'index.html'), 'utf8');
const inline = [
  [/<script(?![^>]*\bsrc=)[^>]*>/i, 'an inline script'],
  [/<style[\s>]/i, 'an inline style sheet'],
  [/\sstyle=/i, 'a style attribute'],
  [/\son[a-z]+=/i, 'an event attribute'],
].filter(([pattern]) => pattern.test(html));
if (inline.length > 0) {
  console.error(
    `index.html holds ${inline.map(([, what]) => what).join(', ')}, which the policy forbids`,
  );
  process.exit(1);
}

let total = 0;
for (const entry of readdirSync(out_dir, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const folder = entry.parentPath ?? entry.path;
  const size = gzipSync(readFileSync(join(folder, entry.name)), { level: 9 }).length;
  console.log(`${String(size).padStart(7)} B gzip  ${entry.name}`);
  total += size;
}
console.log(`${String(total).padStart(7)} B gzip  in all, of ${budget_bytes}`);
if (total > budget_bytes) {
  console.error('the dashboard outgrew its budget: see scripts/build.mjs');
  process.exit(1);
}
