// SPDX-License-Identifier: Apache-2.0
// unpack-packages.js PACKAGE@VERSION DIRECTORY…: unpacks packages of the npm registry, all at once and
// while they arrive. npm's own client fetches them, configured as npm is (mirrors, proxies, credentials),
// and what arrives is checked against the registry's digest: until this has ended well, nothing of the
// directories may be used.
const { spawn } = require('child_process');
const npmRoot = '/opt/berth/node/lib/node_modules/npm';
const Npm = require(`${npmRoot}/lib/npm.js`);
const pacote = require(`${npmRoot}/node_modules/pacote`);
const registryFetch = require(`${npmRoot}/node_modules/npm-registry-fetch`);
const ssri = require(`${npmRoot}/node_modules/ssri`);

async function unpack(spec, directory, options) {
  const { _resolved: url, _integrity: integrity } = await pacote.manifest(spec, options);
  if (!integrity) throw new Error(`the registry tells no digest of ${spec}`);
  // Without npm's cache: it would keep all of Node.js a second time.
  const { body } = await registryFetch(url, { ...options, cache: null });
  await new Promise((resolve, reject) => {
    const check = ssri.integrityStream({ integrity });
    const tar = spawn('tar', ['-xz', '--strip-components=1', '-C', directory], {
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    let checked = false;
    check.on('verified', () => (checked = true));
    for (const part of [body, check, tar, tar.stdin]) part.on('error', reject);
    tar.on('close', (code) => {
      if (code === 0 && checked) resolve();
      else reject(new Error(`${spec} was not unpacked: tar ended with ${code}`));
    });
    body.pipe(check).pipe(tar.stdin);
  });
}

async function main(words) {
  const npm = new Npm();
  await npm.load();
  const jobs = [];
  for (let i = 0; i < words.length; i += 2)
    jobs.push(unpack(words[i], words[i + 1], npm.flatOptions));
  await Promise.all(jobs);
}

// npm would take them for a command of its own.
main(process.argv.splice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
