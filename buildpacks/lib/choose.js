// SPDX-License-Identifier: Apache-2.0
// choose.js RANGE PREFERRED < versions.json: prints the version to use, with npm's own semver rules.
// choose.js --offer RANGE < versions.json: some that could be used instead, if none is in the range.
const semver = require('/opt/berth/node/lib/node_modules/npm/node_modules/semver');
const [range, preferred] = process.argv.slice(2);
const parsed = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const published = Array.isArray(parsed) ? parsed : [parsed];
const versions = published.filter((v) => !semver.prerelease(v));

// The newest of the line that was asked for, then of the newest lines.
function offer(asked) {
  const lines = [...new Set(versions.map(semver.major))].sort((a, b) => b - a);
  const wanted = Number(asked.match(/\d+/)?.[0]);
  const chosen = lines.includes(wanted) ? [wanted, ...lines.filter((l) => l !== wanted)] : lines;
  return chosen.slice(0, 4).map((line) => semver.maxSatisfying(versions, `${line}.x`)).join(', ');
}

if (range === '--offer') {
  console.log(offer(preferred));
} else if (semver.valid(range) && published.includes(semver.clean(range))) {
  console.log(semver.clean(range));
} else if (semver.validRange(range) !== null) {
  const allowed = versions.filter((v) => semver.satisfies(v, range));
  const best = semver.maxSatisfying(allowed, preferred) ?? semver.maxSatisfying(allowed, '*');
  if (best) console.log(best);
}
