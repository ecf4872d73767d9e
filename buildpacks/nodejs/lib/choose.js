// SPDX-License-Identifier: Apache-2.0
// choose.js RANGE PREFERRED < versions.json: prints the version to use, with npm's own semver rules.
const semver = require('/opt/berth/node/lib/node_modules/npm/node_modules/semver');
const [range, preferred] = process.argv.slice(2);
const parsed = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const versions = (Array.isArray(parsed) ? parsed : [parsed]).filter((v) => !semver.prerelease(v));
if (semver.validRange(range) !== null) {
  const allowed = versions.filter((v) => semver.satisfies(v, range));
  const best = semver.maxSatisfying(allowed, preferred) ?? semver.maxSatisfying(allowed, '*');
  if (best) console.log(best);
}
