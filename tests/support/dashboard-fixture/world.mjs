// SPDX-License-Identifier: Apache-2.0
// The platform as the dashboard sees it, in memory: the shapes of docs/api.md, and what happens to
// them. It says by `on_notice`, `on_log` and `on_output` what live streams would carry. Nothing moves
// unless a test moves it or `run()` was called.
import { randomUUID } from 'node:crypto';

const user = { id: randomUUID(), email: 'root@localhost' };

export class World {
  apps = new Map();
  /** Whether certificates can be automatic. */
  has_authority = true;
  has_https = true;
  on_notice = () => {};
  on_log = () => {};
  on_output = () => {};
  #log_id = 0;
  #timer = null;

  account() {
    return { ...user, name: 'root', created_at: stamp(), updated_at: stamp(), verified: true };
  }

  create(name) {
    const app = {
      id: randomUUID(),
      name,
      web_url: `http://${name}.localhost:8080/`,
      git_url: `http://git.localhost:8080/${name}.git`,
      maintenance: false,
      acm: false,
      created_at: stamp(),
      updated_at: stamp(),
      released_at: null,
      state: 'empty',
      release: null,
      replicas: {},
    };
    const own = domain(`${name}.localhost`, null);
    own.certificate = {
      kind: 'development',
      issuer: 'CN = Berth development (localhost)',
      expires_at: in_days(396),
    };
    const record = {
      app,
      config: {},
      releases: [],
      canary: {
        canary: { requests: 40, failed: 2, p95_ms: 18.2 },
        regular: { requests: 0, failed: 0, p95_ms: 0 },
      },
      builds: [],
      formation: [],
      replicas: [],
      domains: [own],
      certificates: [],
      https: { redirect: false, hsts: null },
      traffic: [],
      log: [],
      output: new Map(),
    };
    this.apps.set(name, record);
    this.#notice(record, 'app', app);
    return record;
  }

  destroy(record) {
    this.apps.delete(record.app.name);
    this.on_notice({ type: 'app', app: record.app.name, deleted: true });
  }

  touch(record, changes = {}) {
    const replicas = {};
    for (const { type, quantity } of record.formation) {
      const ready = record.replicas.filter((one) => one.type === type && one.state === 'up').length;
      replicas[type] = { ready, desired: quantity };
    }
    Object.assign(record.app, { updated_at: stamp(), replicas }, changes);
    this.#notice(record, 'app', record.app);
  }

  start_build(record, commit) {
    const build = {
      id: randomUUID(),
      status: 'pending',
      source_blob: { url: null, version: commit, version_description: null, checksum: null },
      release: null,
      user,
      message: null,
      created_at: stamp(),
      updated_at: stamp(),
    };
    record.builds.unshift(build);
    record.output.set(build.id, '');
    this.#notice(record, 'build', build);
    this.touch(record, { state: 'deploying' });
    return build;
  }

  output(record, build, text) {
    record.output.set(build.id, record.output.get(build.id) + text);
    this.on_output(build, text);
  }

  /** @param {string | null} message Why it failed, or null. */
  end_build(record, build, message = null) {
    Object.assign(build, {
      status: message ? 'failed' : 'succeeded',
      message,
      updated_at: stamp(),
    });
    if (!message) {
      const release = this.release(record, `Deploy ${build.source_blob.version.slice(0, 7)}`, {
        commit: build.source_blob.version,
      });
      build.release = { id: release.id };
    }
    this.#notice(record, 'build', build);
    this.touch(record, { state: record.app.release === null ? 'empty' : 'running' });
    this.on_output(build, null);
  }

  release(
    record,
    description,
    { commit = null, message = null, status = 'succeeded', canary = null } = {},
  ) {
    const current = status === 'succeeded';
    const release = {
      id: randomUUID(),
      version: (record.releases[0]?.version ?? 0) + 1,
      description,
      status,
      current,
      eligible_for_rollback: current,
      canary,
      user,
      commit: commit ?? record.releases.find((one) => one.commit)?.commit ?? null,
      message,
      created_at: stamp(),
      updated_at: stamp(),
    };
    if (current) record.releases.forEach((one) => (one.current = false));
    record.releases.unshift(release);
    this.#notice(record, 'release', release);
    if (!current) return release;
    if (record.formation.length === 0) this.#formation(record, 'web', 'node server.js', 1);
    const old = record.replicas;
    record.replicas = [];
    for (const one of record.formation) this.#converge(record, one, release);
    for (const one of old) this.#notice(record, 'replica', { ...one, state: 'gone' });
    this.touch(record, { state: 'running', release: release.version, released_at: stamp() });
    return release;
  }

  /** What becomes of the newest release, a canary. */
  end_canary(record, action) {
    const release = record.releases[0];
    if (!release?.canary) return null;
    release.canary = null;
    if (action === 'abort') {
      release.status = 'failed';
      release.message = `aborted by ${user.email}`;
    } else {
      record.releases.forEach((one) => (one.current = false));
      release.status = 'succeeded';
      release.current = true;
    }
    this.#notice(record, 'release', release);
    return release;
  }

  scale(record, type, { quantity, autoscaling }) {
    const formation = record.formation.find((one) => one.type === type);
    if (!formation) return null;
    if (quantity !== undefined) formation.quantity = Number(quantity);
    if (autoscaling !== undefined) formation.autoscaling = autoscaling;
    this.#notice(record, 'formation', formation);
    this.#converge(
      record,
      formation,
      record.releases.find((one) => one.current),
    );
    this.touch(record, { state: formation.quantity === 0 ? 'stopped' : 'running' });
    return formation;
  }

  set_replica(record, name, changes) {
    const replica = record.replicas.find((one) => one.name === name);
    Object.assign(replica, { updated_at: stamp() }, changes);
    this.#notice(record, 'replica', replica);
    this.touch(record);
  }

  sample(record, sample) {
    const second = Math.floor(Date.now() / 1000) - 1;
    const value = {
      at: stamp(second * 1000),
      requests: 0,
      in_flight: 0,
      held: 0,
      errors: 0,
      p50_us: null,
      p95_us: null,
      replicas: record.replicas.filter((one) => one.type === 'web').length,
      ...sample,
    };
    record.traffic = [...record.traffic.slice(-299), value];
    this.#notice(record, 'traffic', value);
  }

  add_domain(record, hostname) {
    const made = domain(hostname, record.domains[0].hostname);
    if (record.app.acm) made.acm_status = 'pending';
    record.domains.push(made);
    return made;
  }

  switch_acm(record, on) {
    for (const one of record.domains.slice(1)) {
      if (one.certificate?.kind === 'own') continue;
      Object.assign(one, {
        acm_status: on ? 'pending' : null,
        acm_status_reason: null,
        certificate: null,
      });
    }
    this.touch(record, { acm: on });
  }

  bring_certificate(record, hostname) {
    Object.assign(
      record.domains.find((one) => one.hostname === hostname),
      {
        acm_status: 'cert issued',
        acm_status_reason: null,
        certificate: {
          kind: 'automatic',
          issuer: "C = US, O = Let's Encrypt, CN = R11",
          expires_at: in_days(80),
        },
      },
    );
    this.touch(record);
  }

  fail_certificate(record, hostname, reason) {
    const failed = record.domains.find((one) => one.hostname === hostname);
    if (failed.certificate === null) failed.acm_status = 'failing';
    failed.acm_status_reason = reason;
    this.touch(record);
  }

  add_certificate(record, hostnames, issuer, days = 300) {
    const certificate = {
      id: randomUUID(),
      domains: hostnames,
      ssl_cert: { issuer, 'self_signed?': false, acm: false, expires_at: in_days(days) },
    };
    record.certificates.push(certificate);
    for (const one of record.domains) {
      if (!hostnames.includes(one.hostname)) continue;
      one.certificate = { kind: 'own', issuer, expires_at: in_days(days) };
      one.acm_status = one.acm_status_reason = null;
    }
    this.touch(record);
    return certificate;
  }

  remove_certificate(record, certificate) {
    record.certificates = record.certificates.filter((one) => one !== certificate);
    for (const one of record.domains) {
      if (!certificate.domains.includes(one.hostname)) continue;
      one.certificate = null;
      one.acm_status = record.app.acm ? 'pending' : null;
    }
    this.touch(record);
  }

  log(record, process, text) {
    this.#log_id += 1;
    const line = { id: this.#log_id, text: `${new Date().toISOString()} app[${process}]: ${text}` };
    record.log = [...record.log.slice(-999), line];
    this.on_log(record, line);
  }

  #formation(record, type, command, quantity) {
    record.formation.push({
      id: randomUUID(),
      type,
      command,
      quantity,
      size: 'basic',
      autoscaling: null,
    });
  }

  #converge(record, formation, release) {
    const ours = record.replicas.filter((one) => one.type === formation.type);
    for (const extra of ours.slice(formation.quantity)) {
      record.replicas = record.replicas.filter((one) => one !== extra);
      this.#notice(record, 'replica', { ...extra, state: 'gone' });
    }
    for (let number = ours.length + 1; number <= formation.quantity; number += 1) {
      const replica = {
        id: randomUUID(),
        name: `${formation.type}.${number}`,
        type: formation.type,
        command: formation.command,
        size: formation.size,
        state: 'up',
        release: { id: release.id, version: release.version },
        message: null,
        created_at: stamp(),
        updated_at: stamp(),
      };
      record.replicas.push(replica);
      this.#notice(record, 'replica', replica);
    }
  }

  /** Some apps in various states, for looking at. */
  populate() {
    const shop = this.create('shop');
    this.#formation(shop, 'web', 'node dist/server.js', 3);
    this.#formation(shop, 'worker', 'node dist/worker.js --queue default,mail --concurrency 4', 1);
    shop.config = {
      DATABASE_URL: 'postgres://shop:s3cret@10.0.0.4:5432/shop',
      LOG_LEVEL: 'info',
      SESSION_KEY: 'f0a9',
    };
    ['9c2d1e47aa', '41b7c0ffee', 'e7a90d51b2'].forEach((commit) => {
      const build = this.start_build(shop, commit);
      this.output(
        shop,
        build,
        '-----> Node.js app detected (package.json)\n-----> npm ci · 214 packages\n',
      );
      this.end_build(shop, build);
    });
    this.release(shop, 'Set LOG_LEVEL config var');
    this.end_build(
      shop,
      this.start_build(shop, '77aa0b13ff'),
      'npm ci: package-lock.json does not match package.json. Run npm install and commit the lockfile.',
    );
    this.set_replica(shop, 'worker.1', {
      state: 'crashed',
      message: 'Exited with code 1 after 3 s; the next start is in 8 s.',
    });
    this.add_domain(shop, 'www.example.com');
    this.add_domain(shop, 'shop.example.org');
    this.add_domain(shop, 'checkout.example.com');
    this.switch_acm(shop, true);
    this.bring_certificate(shop, 'www.example.com');
    this.fail_certificate(
      shop,
      'shop.example.org',
      'http://shop.example.org/ does not lead to this platform\u2019s router (it answers 404 and ' +
        'not the proof). Let the domain\u2019s DNS entry point to this machine, and let port 80 be ' +
        'reached from outside',
    );
    this.add_certificate(shop, ['checkout.example.com'], 'C = US, O = Example Trust, CN = EV 2');
    const blog = this.create('blog');
    this.end_build(blog, this.start_build(blog, 'ab12cd34ef'));
    this.scale(blog, 'web', { quantity: 0, autoscaling: { min: 0, max: 5, rps: 20 } });
    this.touch(blog, { state: 'asleep' });
    const billing = this.create('billing-api');
    this.end_build(billing, this.start_build(billing, '0d4f6a1b22'));
    this.set_replica(billing, 'web.1', {
      state: 'crashed',
      message: 'Nothing listens on $PORT (5000) after 60 s.',
    });
    this.touch(billing, { state: 'crashed' });
    this.start_build(this.create('docs'), '55d0c5aa01');
    this.create('sandbox');
    const now_ms = Math.floor(Date.now() / 1000) * 1000;
    shop.traffic = Array.from({ length: 300 }, (_, index) =>
      wave(now_ms - (301 - index) * 1000, 3),
    );
  }

  /** Traffic and log lines by themselves, once a second, until stop(). */
  run() {
    this.#timer = setInterval(() => {
      const shop = this.apps.get('shop');
      if (!shop) return;
      this.sample(shop, wave(Math.floor(Date.now() / 1000) * 1000 - 1000, 3));
      const web = 1 + Math.floor(Math.random() * 3);
      this.log(
        shop,
        `web.${web}`,
        `GET /products/${Math.floor(Math.random() * 900)} 200 ${(Math.random() * 20).toFixed(1)} ms`,
      );
      if (Math.random() < 0.3)
        this.log(
          shop,
          'worker.1',
          '\u001b[33mwarn\u001b[0m queue mail: connection refused, retrying',
        );
    }, 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #notice(record, type, value) {
    this.on_notice({ type, app: record.app.name, value });
  }
}

function domain(hostname, cname) {
  return {
    id: randomUUID(),
    hostname,
    kind: cname === null ? 'heroku' : 'custom',
    cname,
    status: 'succeeded',
    acm_status: null,
    acm_status_reason: null,
    certificate: null,
  };
}

function in_days(days) {
  return stamp(Date.now() + days * 24 * 3600 * 1000);
}

function wave(at_ms, replicas) {
  const turn = at_ms / 1000 / 40;
  const requests = Math.round(
    42 + 18 * Math.sin(turn) + 9 * Math.sin(turn * 3.7) + 8 * Math.random(),
  );
  const p50_us = Math.round(3800 + 900 * Math.sin(turn * 2) + 700 * Math.random());
  return {
    at: stamp(at_ms),
    requests,
    in_flight: 2,
    held: 0,
    errors: 0,
    p50_us,
    p95_us: Math.round(p50_us * (3 + Math.random())),
    replicas,
  };
}

export function stamp(at_ms = Date.now()) {
  return new Date(at_ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
