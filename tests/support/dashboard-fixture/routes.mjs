// SPDX-License-Identifier: Apache-2.0
// docs/api.md as far as the dashboard uses it: method, path, and what is answered. A handler returns
// {status, body, headers}, or nothing where it answers by itself with a stream.
import { randomUUID } from 'node:crypto';
import { Refusal, log_event } from './server.mjs';

const name_grammar = /^[a-z][a-z0-9-]{1,29}$/;
const event_stream = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' };

function app(fixture, name) {
  const record = fixture.world.apps.get(name);
  if (!record) throw new Refusal(404, 'not_found', `There is no app ${name}.`);
  return record;
}

/** A route under /apps/{a}; the handler gets the app's record. */
const of_app = (method, rest, handle) => [
  method,
  new RegExp(`^/apps/([^/]+)${rest}$`),
  (fixture, [name, ...parts], body, context) =>
    handle(fixture, app(fixture, name), parts, body, context),
];

export const routes = [
  [
    'POST',
    /^\/dashboard\/session$/,
    (fixture, _parts, { token }) => {
      const cookie = fixture.sign_in(token);
      return {
        status: 201,
        body: { user: fixture.world.account() },
        headers: { 'Set-Cookie': cookie },
      };
    },
  ],
  [
    'DELETE',
    /^\/dashboard\/session$/,
    (fixture, _parts, _body, { request }) => {
      fixture.sessions.delete(/berth_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1]);
      return { body: {}, headers: { 'Set-Cookie': 'berth_session=; Max-Age=0; Path=/' } };
    },
  ],
  ['GET', /^\/account$/, (fixture) => ({ body: fixture.world.account() })],
  [
    'GET',
    /^\/apps$/,
    (fixture) => ({ body: [...fixture.world.apps.values()].map((one) => one.app) }),
  ],
  [
    'POST',
    /^\/apps$/,
    (fixture, _parts, { name = `calm-harbour-${Math.floor(Math.random() * 1000)}` }) => {
      if (!name_grammar.test(name)) {
        throw new Refusal(
          422,
          'invalid_params',
          `“${name}” cannot name an app: use a-z, 0-9 and dashes.`,
        );
      }
      if (fixture.world.apps.has(name))
        throw new Refusal(422, 'invalid_params', `Name ${name} is taken.`);
      return { status: 201, body: fixture.world.create(name).app };
    },
  ],
  [
    'GET',
    /^\/stream$/,
    (fixture, _parts, _body, { answer }) => {
      answer.writeHead(200, event_stream);
      answer.write('event: hello\ndata: {}\n\n');
      fixture.open_stream(answer, { kind: 'notices' });
    },
  ],
  [
    'GET',
    /^\/logs\/(\w[\w-]*)$/,
    (fixture, [secret], _body, { request, answer }) => {
      const session = fixture.log_sessions.get(secret);
      if (!session) throw new Refusal(404, 'not_found', 'There is no such log session.');
      answer.writeHead(200, event_stream);
      const after = Number(request.headers['last-event-id'] ?? 0);
      const lines = session.record.log.slice(-session.lines).filter((line) => line.id > after);
      answer.write(': here\n\n' + lines.map(log_event).join(''));
      fixture.open_stream(answer, { kind: 'log', record: session.record });
    },
  ],

  of_app('GET', '', (_fixture, record) => ({ body: record.app })),
  of_app('PATCH', '', (fixture, record, _parts, { maintenance }) => {
    fixture.world.touch(record, { maintenance, state: maintenance ? 'maintenance' : 'running' });
    return { body: record.app };
  }),
  of_app('DELETE', '', (fixture, record) => {
    fixture.world.destroy(record);
    return { body: record.app };
  }),
  of_app('GET', '/config-vars', (_fixture, record) => ({ body: record.config })),
  of_app('PATCH', '/config-vars', (fixture, record, _parts, changes) => {
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) delete record.config[name];
      else record.config[name] = value;
    }
    fixture.world.release(record, `Set ${Object.keys(changes).join(', ')} config vars`);
    return { body: record.config };
  }),
  of_app('GET', '/releases', (_fixture, record) => ({ body: record.releases })),
  of_app('POST', '/releases', (fixture, record, _parts, { release }) => {
    const old = record.releases.find((one) => one.id === release || `v${one.version}` === release);
    if (!old) throw new Refusal(404, 'not_found', `There is no release ${release}.`);
    const made = fixture.world.release(record, `Rollback to v${old.version}`, {
      commit: old.commit,
    });
    return { status: 201, body: made };
  }),
  of_app('GET', '/canary', (_fixture, record) => {
    if (!record.releases[0]?.canary) throw new Refusal(404, 'not_found', 'There is no canary.');
    return { body: record.canary };
  }),
  of_app('POST', '/canary/actions/([^/]+)', (fixture, record, [action]) => ({
    body: fixture.world.end_canary(record, action),
  })),
  of_app('GET', '/builds', (_fixture, record) => ({ body: record.builds })),
  of_app('GET', '/builds/([^/]+)/output', (fixture, record, [id], _body, { answer }) => {
    const build = record.builds.find((one) => one.id === id);
    if (!build) throw new Refusal(404, 'not_found', 'There is no such build.');
    answer.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
    answer.write(record.output.get(id));
    if (build.status === 'pending') fixture.open_stream(answer, { kind: 'output', build });
    else answer.end();
  }),
  of_app('GET', '/formation', (_fixture, record) => ({ body: record.formation })),
  of_app('PATCH', '/formation/([^/]+)', (fixture, record, [type], body) => {
    if (Number(body.quantity) > 50) {
      throw new Refusal(422, 'invalid_params', 'This machine has room for 50 replicas at most.');
    }
    return { body: fixture.world.scale(record, type, body) };
  }),
  of_app('GET', '/dynos', (_fixture, record) => ({ body: record.replicas })),
  of_app('DELETE', '/dynos/([^/]+)', (fixture, record, [name]) => {
    fixture.world.set_replica(record, name, {
      state: 'up',
      message: null,
      created_at: new Date().toISOString(),
    });
    return { status: 202, body: {} };
  }),
  of_app('DELETE', '/formations/([^/]+)', () => ({ status: 202, body: {} })),
  of_app('GET', '/domains', (_fixture, record) => ({ body: record.domains })),
  of_app('POST', '/domains', (fixture, record, _parts, { hostname }) => {
    if (!hostname.includes('.'))
      throw new Refusal(422, 'invalid_params', `“${hostname}” is not a domain.`);
    return { status: 201, body: fixture.world.add_domain(record, hostname) };
  }),
  of_app('DELETE', '/domains/([^/]+)', (_fixture, record, [id]) => {
    const domain = record.domains.find((one) => one.id === id || one.hostname === id);
    record.domains = record.domains.filter((one) => one !== domain);
    return { body: domain };
  }),
  of_app('GET', '/sni-endpoints', (_fixture, record) => ({ body: record.certificates })),
  of_app('POST', '/sni-endpoints', (fixture, record, _parts, body) => {
    if (!body.private_key.includes('PRIVATE KEY')) {
      throw new Refusal(
        422,
        'invalid_params',
        'the private key cannot be read (unsupported): it must be PEM, with a line ' +
          '-----BEGIN PRIVATE KEY-----',
      );
    }
    const names = record.domains.slice(1).map((one) => one.hostname);
    return {
      status: 201,
      body: fixture.world.add_certificate(record, names, 'O = Example Trust, CN = EV 2'),
    };
  }),
  of_app('DELETE', '/sni-endpoints/([^/]+)', (fixture, record, [id]) => {
    const certificate = record.certificates.find((one) => one.id === id);
    if (!certificate) throw new Refusal(404, 'not_found', `There is no certificate ${id}.`);
    fixture.world.remove_certificate(record, certificate);
    return { body: certificate };
  }),
  of_app('GET', '/https', (_fixture, record) => ({ body: record.https })),
  of_app('PATCH', '/https', (fixture, record, _parts, body) => {
    if (!fixture.world.has_https)
      throw new Refusal(
        422,
        'invalid_params',
        'this platform serves no HTTPS, so nobody could follow. Its operator sets router.https in ' +
          'berth.yaml',
      );
    Object.assign(record.https, body);
    return { body: record.https };
  }),
  of_app('POST', '/acm', (fixture, record) => {
    if (fixture.world.has_authority) fixture.world.switch_acm(record, true);
    else
      throw new Refusal(
        422,
        'invalid_params',
        'this platform asks no authority for certificates. Its operator sets router.https and ' +
          'acme.directory in berth.yaml',
      );
    return { body: record.app };
  }),
  of_app('PATCH', '/acm', (fixture, record) => {
    for (const one of record.domains) {
      if (one.acm_status_reason === null) continue;
      one.acm_status_reason = null;
      if (one.certificate === null) one.acm_status = 'pending';
    }
    fixture.world.touch(record);
    return { body: record.app };
  }),
  of_app('DELETE', '/acm', (fixture, record) => {
    fixture.world.switch_acm(record, false);
    return { body: record.app };
  }),
  of_app('GET', '/traffic', (_fixture, record, _parts, _body, { url }) => ({
    body: record.traffic.slice(-Number(url.searchParams.get('seconds') ?? 60)),
  })),
  of_app('POST', '/log-sessions', (fixture, record, _parts, { lines = 100 }) => {
    const id = randomUUID();
    fixture.log_sessions.set(id, { record, lines });
    return { status: 201, body: { id, logplex_url: `http://api.localhost/logs/${id}` } };
  }),
];
