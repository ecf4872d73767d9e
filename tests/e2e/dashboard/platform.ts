// SPDX-License-Identifier: Apache-2.0
// A running platform as the tests use it: makes an app through the API and pushes a copy of a sample
// to it with git, and deletes it afterwards. Programs are run with argument vectors.
import { spawn } from 'node:child_process';
import { appendFile, cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Platform {
  dashboard_url: string;
  api_url: string;
  token: string;
  /** A folder with an app to push. */
  sample: string;
}

export interface PushedApp {
  name: string;
  web_url: string;
  folder: string;
  /** Ends with the push. */
  done: Promise<Ran>;
}

export interface Ran {
  code: number | null;
  output: string;
}

const control = process.env.BERTH_SERVER_CONTROL ?? '';
/** Why the server cannot be killed here, or nothing. */
export const no_control = control === '' ? 'BERTH_SERVER_CONTROL is not set: the server stays' : '';

export const no_platform = 'BERTH_DASHBOARD_URL and BERTH_TOKEN are not set: no platform to test';

/** From the environment, or null where there is none. */
export function require_platform(): Platform | null {
  const { BERTH_DASHBOARD_URL: dashboard_url, BERTH_TOKEN: token } = process.env;
  if (!dashboard_url || !token) {
    console.log(no_platform);
    return null;
  }
  const here = dirname(fileURLToPath(import.meta.url));
  return {
    dashboard_url,
    token,
    api_url: process.env.BERTH_API_URL ?? 'http://127.0.0.1:7070',
    sample: process.env.BERTH_SAMPLE ?? resolve(here, '../../apps/static-site'),
  };
}

interface Answer {
  status: number;
  text: string;
}

/** Not every resolver knows that names under .localhost are this machine; the Host header does. */
function http(
  method: string,
  url: URL,
  headers: Record<string, string>,
  body = '',
): Promise<Answer> {
  const is_local = url.hostname.endsWith('.localhost');
  const host = is_local ? '127.0.0.1' : url.hostname;
  return new Promise((done, fail) => {
    const options = { method, host, port: url.port, path: url.pathname + url.search, agent: false };
    const call = request({ ...options, headers: { ...headers, Host: url.host } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (text += chunk));
      answer.on('end', () => done({ status: answer.statusCode ?? 0, text }));
      answer.on('error', fail);
    });
    call.on('error', fail);
    call.end(body);
  });
}

async function api<T>(
  platform: Platform,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const headers = { Authorization: `Bearer ${platform.token}`, 'Content-Type': 'application/json' };
  const url = new URL(path, platform.api_url);
  const { status, text } = await http(
    method,
    url,
    headers,
    body === undefined ? '' : JSON.stringify(body),
  );
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  return JSON.parse(text) as T;
}

/** A request to the app itself, as its users make them. */
export function get_app(app: PushedApp, path: string): Promise<Answer> {
  return http('GET', new URL(path, app.web_url), {});
}

function run(program: string, args: string[], folder: string): Promise<Ran> {
  return new Promise((done, fail) => {
    const env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' };
    const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', fail);
    child.on('close', (code) => done({ code, output }));
  });
}

async function git(folder: string, ...args: string[]): Promise<void> {
  const ran = await run('git', args, folder);
  if (ran.code !== 0) throw new Error(`git ${args.join(' ')}: ${ran.output}`);
}

/** A file with a key and a certificate for the name, which it signs itself. */
export async function make_certificate(app: PushedApp, name: string): Promise<string> {
  const file = join(app.folder, 'own.pem');
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  args.push('-subj', '/CN=test', '-addext', `subjectAltName=DNS:${name}`, '-days', '30');
  const ran = await run('openssl', [...args, '-keyout', file, '-out', `${file}.crt`], app.folder);
  if (ran.code !== 0) throw new Error(`openssl: ${ran.output}`);
  await appendFile(file, await readFile(`${file}.crt`));
  return file;
}

/** As `berth config set` elsewhere would: makes a release. */
export async function set_config(
  platform: Platform,
  app: PushedApp,
  vars: Record<string, string>,
): Promise<void> {
  await api(platform, 'PATCH', `/apps/${app.name}/config-vars`, vars);
}

/** Asks whoever started the platform, by a word in a file; the word's answer ends the waiting. */
async function ask(word: string, answer: string): Promise<void> {
  await writeFile(`${control}.new`, word);
  await rename(`${control}.new`, control);
  for (;;) {
    if ((await readFile(control, 'utf8')) === answer) return;
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

export const kill_server = () => ask('kill', 'killed');
export const start_server = () => ask('start', 'started');

/** Starts the push and returns while it runs. */
export async function push_app(platform: Platform): Promise<PushedApp> {
  const made = await api<{ name: string; web_url: string; git_url: string }>(
    platform,
    'POST',
    '/apps',
    {},
  );
  const folder = await mkdtemp(join(tmpdir(), 'berth-dashboard-'));
  await cp(platform.sample, folder, { recursive: true });
  await git(folder, 'init', '--quiet', '--initial-branch=main');
  await git(folder, 'add', '--all');
  const who = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
  await git(folder, ...who, 'commit', '--quiet', '--message=The app');
  // With BERTH_GIT_URL the push goes there (the control plane alone), else where the app says.
  const base = process.env.BERTH_GIT_URL;
  const remote = new URL(base ? `${base.replace(/\/$/, '')}/${made.name}.git` : made.git_url);
  remote.username = 'token';
  remote.password = platform.token;
  const done = run('git', ['push', remote.href, 'main'], folder);
  return { name: made.name, web_url: made.web_url, folder, done };
}

export async function cleanup(platform: Platform | null, app: PushedApp | null): Promise<void> {
  if (platform === null || app === null) return;
  await app.done.catch(() => undefined);
  await rm(app.folder, { recursive: true, force: true });
  await api(platform, 'DELETE', `/apps/${app.name}`);
}
