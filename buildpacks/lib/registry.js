// SPDX-License-Identifier: Apache-2.0
// What the npm registry has, and packages of it unpacked while they arrive; through npm's own client,
// configured as npm is (mirrors, proxies, credentials). Asked in lines:
//
//   expect PACKAGE                   begins to read its versions; no answer
//   choose PACKAGE RANGE PREFERRED   ok [VERSION]: the newest of the preferred line if the range allows
//                                    one, otherwise the newest that it allows; none if there is none
//   offer PACKAGE RANGE              ok VERSION, VERSION…: some that could be had instead
//   unpack PACKAGE@VERSION DIRECTORY [PATH]…
//                                    begins, without what is at these paths of it; no answer
//
// RANGE and PREFERRED have %20 for a space. A question that cannot be answered and a package that was not
// unpacked are a line `failed` and the reason on standard error. The process ends with its input: well if
// all is unpacked and nothing failed. Until then nothing of the directories may be used.
const { spawn } = require('child_process');
const { resolve } = require('path');
const { createInterface } = require('readline');
const zlib = require('zlib');
const npmRoot = resolve(process.execPath, '../../lib/node_modules/npm');
const Npm = require(`${npmRoot}/lib/npm.js`);
const pacote = require(`${npmRoot}/node_modules/pacote`);
const registryFetch = require(`${npmRoot}/node_modules/npm-registry-fetch`);
const semver = require(`${npmRoot}/node_modules/semver`);
const ssri = require(`${npmRoot}/node_modules/ssri`);

class Registry {
  #documents = new Map();
  #options;

  constructor(options) {
    this.#options = { ...options, packumentCache: new Map() };
  }

  expect(name) {
    const document = pacote.packument(name, this.#options);
    document.catch(() => {}); // told to whoever asks
    this.#documents.set(name, document);
  }

  async #published(name) {
    if (!this.#documents.has(name)) this.expect(name);
    return Object.keys((await this.#documents.get(name)).versions);
  }

  async choose(name, range, preferred) {
    const published = await this.#published(name);
    const exact = semver.valid(range) && semver.clean(range);
    if (exact && published.includes(exact)) return exact;
    if (semver.validRange(range) === null) return '';
    const allowed = published.filter((v) => !semver.prerelease(v) && semver.satisfies(v, range));
    return semver.maxSatisfying(allowed, preferred) ?? semver.maxSatisfying(allowed, '*') ?? '';
  }

  // The newest of the line that was asked for, then of the newest lines.
  async offer(name, range) {
    const versions = (await this.#published(name)).filter((v) => !semver.prerelease(v));
    const lines = [...new Set(versions.map(semver.major))].sort((a, b) => b - a);
    const wanted = Number(range.match(/\d+/)?.[0]);
    const chosen = lines.includes(wanted) ? [wanted, ...lines.filter((l) => l !== wanted)] : lines;
    return chosen.slice(0, 4).map((line) => semver.maxSatisfying(versions, `${line}.x`)).join(', ');
  }

  async unpack(spec, directory, ...without) {
    const { _resolved: url, _integrity: integrity } = await pacote.manifest(spec, this.#options);
    if (!integrity) throw new Error(`the registry tells no digest of ${spec}`);
    // Without npm's cache: it would keep all of Node.js a second time.
    const { body } = await registryFetch(url, { ...this.#options, cache: null });
    await new Promise((unpacked, reject) => {
      const check = ssri.integrityStream({ integrity });
      const plain = zlib.createGunzip({ chunkSize: 1 << 18 });
      const options = ['-x', '--strip-components=1', '-C', directory, '--anchored'];
      for (const path of without) options.push(`--exclude=package/${path}`);
      const tar = spawn('tar', options, { stdio: ['pipe', 'ignore', 'inherit'] });
      let checked = false;
      check.on('verified', () => (checked = true));
      for (const part of [body, check, plain, tar, tar.stdin]) part.on('error', reject);
      tar.on('close', (code) => {
        if (code === 0 && checked) unpacked();
        else reject(new Error(`${spec} was not unpacked: tar ended with ${code}`));
      });
      body.pipe(check).pipe(plain).pipe(tar.stdin);
    });
  }
}

async function answer() {
  const npm = new Npm();
  await npm.load();
  const registry = new Registry(npm.flatOptions);
  const unpacked = [];
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.split(' ').map(decodeURIComponent);
    if (verb === 'expect') registry.expect(...words);
    else if (verb === 'unpack') unpacked.push(registry.unpack(...words));
    else if (verb === 'choose' || verb === 'offer') console.log('ok', await registry[verb](...words));
    else throw new Error(`"${verb}" is no question`);
  }
  await Promise.all(unpacked);
}

// Whoever asks is not to write into a pipe that nobody reads: the rest of the questions is read, too.
function fail(error) {
  if (process.exitCode) return;
  process.exitCode = 1;
  console.error(error.message);
  console.log('failed');
  if (process.stdin.readableEnded) process.exit();
  process.stdin.on('end', () => process.exit()).resume();
}

process.on('unhandledRejection', fail); // a package, while the next question is awaited
process.argv.splice(2); // npm would take them for a command of its own
answer().then(() => process.exit(), fail);
