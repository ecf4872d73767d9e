// SPDX-License-Identifier: Apache-2.0
// The built pages against the fixture: what each shows and does, without a platform.
import { expect, test as base, type Page } from '@playwright/test';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start_fixture } from '../../support/dashboard-fixture/server.mjs';
import { Watch } from './watch';

type Fixture = Awaited<ReturnType<typeof start_fixture>>;

const here = dirname(fileURLToPath(import.meta.url));
const files = process.env.BERTH_DASHBOARD_DIR ?? resolve(here, '../../../dashboard/dist');

const test = base.extend<{ fixture: Fixture; watch: Watch }>({
  fixture: async ({}, use) => {
    if (!existsSync(resolve(files, 'index.html')))
      throw new Error(`build the dashboard first: ${files}`);
    const fixture = await start_fixture({ files });
    await use(fixture);
    await fixture.close();
  },
  watch: async ({ page }, use) => use(await Watch.over(page)),
});

async function sign_in(page: Page, fixture: Fixture, path = '/'): Promise<void> {
  await page.goto(fixture.url + path);
  await page.getByLabel('Token').fill('fixture');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
}

/** An app with one release and one web replica. */
function deployed(fixture: Fixture, name: string) {
  const record = fixture.world.create(name);
  fixture.world.end_build(record, fixture.world.start_build(record, 'ab12cd34ef'));
  return record;
}

test('signing in asks the API for nothing before, and a wrong token is refused in words', async ({
  page,
  fixture,
  watch,
}) => {
  await page.goto(fixture.url);
  await expect(page.getByLabel('Token')).toBeFocused();
  expect(fixture.calls).toEqual([]);
  await watch.expect_nothing();
  await page.getByLabel('Token').fill('wrong');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveText(
    'This token is not known. Check that it is complete.',
  );
  await page.getByLabel('Token').fill(' fixture ');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Deploy your first app' })).toBeVisible();
});

test('a session lasts over a reload and ends with signing out', async ({
  page,
  fixture,
  watch,
}) => {
  await sign_in(page, fixture);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Apps' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByLabel('Token')).toBeVisible();
  expect(fixture.sessions.size).toBe(0);
  await watch.expect_nothing();
});

test('a session that ended elsewhere leads to the sign-in and back to the same page', async ({
  page,
  fixture,
}) => {
  deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop/releases');
  fixture.sessions.clear();
  fixture.cut_streams();
  await expect(page.getByText('Your session has ended. Sign in again.')).toBeVisible();
  await page.getByLabel('Token').fill('fixture');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('list', { name: 'Releases' })).toContainText('Deploy ab12cd3');
});

test('the list of apps follows what happens without a reload', async ({ page, fixture, watch }) => {
  await sign_in(page, fixture);
  const record = fixture.world.create('shop');
  const row = page.getByRole('row', { name: /^shop/ });
  await expect(row).toContainText('no release');
  const build = fixture.world.start_build(record, 'ab12cd34ef');
  await expect(row).toContainText('deploying');
  fixture.world.end_build(record, build);
  await expect(row).toContainText('running');
  await expect(row).toContainText('v1');
  await expect(row).toContainText('1 web');
  fixture.world.sample(record, { requests: 50, p50_us: 900, p95_us: 2000 });
  await expect(row.getByRole('cell').last()).toHaveText('10');
  fixture.world.destroy(record);
  await expect(row).toHaveCount(0);
  await watch.expect_nothing();
});

test('an app is created, and its page says how to push to it', async ({ page, fixture }) => {
  await sign_in(page, fixture);
  await page.getByRole('link', { name: 'New app' }).click();
  await page.getByLabel('Name').fill('../etc');
  await page.getByRole('button', { name: 'Create app' }).click();
  await expect(page.getByRole('alert')).toContainText('cannot name an app');
  await page.getByLabel('Name').fill('hello');
  await page.getByRole('button', { name: 'Create app' }).click();
  await expect(page.getByRole('heading', { name: 'hello' })).toBeVisible();
  await expect(page.getByText('git push berth main')).toBeVisible();
  expect(new URL(page.url()).pathname).toBe('/apps/hello');
});

test('scaling gathers quick presses into one change and shows the replicas', async ({
  page,
  fixture,
  watch,
}) => {
  deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop');
  const web = page.getByRole('region', { name: 'web process' });
  await expect(web.getByRole('listitem')).toHaveCount(1);
  const more = web.getByRole('button', { name: 'One more web replica' });
  // Both in one turn: on a busy machine two clicks of the driver may be further apart than "quick".
  await more.evaluate((button: HTMLElement) => {
    button.click();
    button.click();
  });
  await expect(web.getByRole('listitem')).toHaveCount(3);
  await expect(web).toContainText('3 of 3 up');
  expect(fixture.calls.filter((call: string) => call.startsWith('PATCH'))).toHaveLength(1);
  await web.getByRole('spinbutton', { name: 'web replicas wanted' }).fill('2');
  await page.keyboard.press('Enter');
  await expect(web.getByRole('listitem')).toHaveCount(2);
  await web.getByRole('spinbutton', { name: 'web replicas wanted' }).fill('60');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('room for 50 replicas');
  await expect(web.getByRole('spinbutton')).toHaveValue('2');
  // The refusal above is a 422, which Chromium reports on the console by itself.
  expect(watch.errors.filter((error) => !error.includes('422'))).toEqual([]);
});

test('an autoscaling policy is set, checked and taken off', async ({ page, fixture }) => {
  const record = deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop');
  const web = page.getByRole('region', { name: 'web process' });
  await web.getByRole('button', { name: 'Autoscale web' }).click();
  await web.getByLabel('Fewest').fill('9');
  await expect(web.getByRole('alert')).toHaveText('The fewest cannot be more than the most.');
  await expect(web.getByRole('button', { name: 'Turn on' })).toBeDisabled();
  await web.getByLabel('Fewest').fill('1');
  await web.getByLabel('Requests/s each').fill('12.5');
  await web.getByRole('button', { name: 'Turn on' }).click();
  await expect(web).toContainText('auto 1–5 at 12.5 req/s');
  expect(record.formation[0].autoscaling).toEqual({ min: 1, max: 5, rps: 12.5 });
  await web.getByRole('button', { name: 'Autoscale web' }).click();
  await web.getByRole('button', { name: 'Turn off' }).click();
  await expect(web.getByRole('spinbutton', { name: 'web replicas wanted' })).toBeVisible();
  expect(record.formation[0].autoscaling).toBeNull();
});

test('a crash shows its reason, and the replica can be restarted', async ({ page, fixture }) => {
  const record = deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop');
  const replica = page.getByRole('listitem').filter({ hasText: 'web.1' });
  fixture.world.set_replica(record, 'web.1', {
    state: 'crashed',
    message: 'Exited with code 137: out of memory.',
  });
  await expect(replica).toContainText('crashed');
  await expect(replica).toContainText('out of memory');
  await replica.getByRole('button', { name: 'Restart web.1' }).click();
  await expect(replica).toContainText('up');
  await expect(page.getByText('Restarting web.1')).toBeVisible();
});

test('the chart takes a point each second, and its colours follow the system', async ({
  page,
  fixture,
  watch,
}) => {
  const record = deployed(fixture, 'shop');
  fixture.world.sample(record, { requests: 7, p50_us: 1200, p95_us: 5600 });
  await sign_in(page, fixture, '/apps/shop');
  const chart = page.getByRole('img', { name: /^Requests a second/ });
  await expect(chart).toHaveAccessibleName(/: now [\d.]+, 7 in all/);
  fixture.world.sample(record, { requests: 20, p50_us: 1200, p95_us: 5600 });
  await expect(chart).toHaveAccessibleName(/, (20|27) in all/);
  await expect(chart.locator('canvas')).toBeVisible();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(page.locator('body')).toHaveCSS('background-color', 'rgb(14, 20, 23)');
  await watch.expect_nothing();
});

test('a rollback asks first and makes a release', async ({ page, fixture }) => {
  const record = deployed(fixture, 'shop');
  fixture.world.end_build(record, fixture.world.start_build(record, 'ffee001122'));
  await sign_in(page, fixture, '/apps/shop/releases');
  const back = page.getByRole('button', { name: 'Roll back to v1' });
  await back.click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Roll back to v1?');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(record.releases).toHaveLength(2);
  await back.click();
  await dialog.getByRole('button', { name: 'Roll back to v1' }).click();
  const newest = page.getByRole('list', { name: 'Releases' }).getByRole('listitem').first();
  await expect(newest).toContainText('v3');
  await expect(newest).toContainText('current');
});

test('a canary shows how it fares, is aborted when that is meant, and promoted', async ({
  page,
  fixture,
}) => {
  const record = deployed(fixture, 'shop');
  fixture.world.release(record, 'Deploy ffee001', { status: 'pending', canary: 5 });
  await sign_in(page, fixture, '/apps/shop/releases');
  const newest = page.getByRole('list', { name: 'Releases' }).getByRole('listitem').first();
  await expect(newest).toContainText('canary, 5%');
  await expect(newest).toContainText('40 requests, 5.0 % failed, 95 % within 18 ms');
  await expect(newest).toContainText('no request yet');
  await newest.getByRole('button', { name: 'Abort' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Abort v2' }).click();
  await expect(newest).toContainText('failed');
  await expect(newest.getByRole('button', { name: 'Promote' })).toBeHidden();

  fixture.world.release(record, 'Deploy ffee002', { status: 'pending', canary: 20 });
  await newest.getByRole('button', { name: 'Promote' }).click();
  await expect(newest).toContainText('current');
});

test('a build’s output is shown while it is written', async ({ page, fixture, watch }) => {
  const record = deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop');
  const build = fixture.world.start_build(record, 'ffee001122');
  fixture.world.output(record, build, '-----> Node.js app detected\n');
  await page.getByRole('link', { name: 'Watch the build' }).click();
  const output = page.getByRole('log', { name: 'Build output' });
  await expect(output).toContainText('Node.js app detected');
  fixture.world.output(record, build, '\u001b[32m-----> npm ci\u001b[0m · 214 packages\n');
  await expect(output).toContainText('-----> npm ci · 214 packages');
  fixture.world.end_build(record, build, 'npm ci failed: the lockfile is out of step.');
  await expect(page.getByRole('region', { name: 'Build' })).toContainText('failed');
  await expect(page.getByText('the lockfile is out of step')).toBeVisible();
  await watch.expect_nothing();
});

test('the log is live, filtered, paused and cleared', async ({ page, fixture, watch }) => {
  const record = deployed(fixture, 'shop');
  fixture.world.log(record, 'web.1', 'listening on 5000');
  await sign_in(page, fixture, '/apps/shop/logs');
  const log = page.getByRole('log', { name: 'Live log' });
  await expect(log).toContainText('listening on 5000');
  fixture.world.log(record, 'web.1', '<b>GET</b> /one');
  fixture.world.log(record, 'worker.1', 'job done');
  await expect(log).toContainText('<b>GET</b> /one');
  await page.getByLabel('Process').selectOption('worker.1');
  await expect(log).not.toContainText('/one');
  await expect(log).toContainText('job done');
  await page.getByLabel('Process').selectOption('');
  await page.getByRole('searchbox', { name: 'Filter lines' }).fill('get');
  await expect(log).not.toContainText('job done');
  await page.getByRole('searchbox', { name: 'Filter lines' }).fill('');
  await page.getByRole('button', { name: 'Pause' }).click();
  fixture.world.log(record, 'web.1', 'GET /two');
  await expect(page.getByText('1 new line')).toBeVisible();
  await expect(log).not.toContainText('/two');
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(log).toContainText('/two');
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(log).toContainText('Nothing has been logged yet');
  await watch.expect_nothing();
});

test('a flood of lines is bounded, and the newest are shown', async ({ page, fixture }) => {
  const record = deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop/logs');
  const log = page.getByRole('log', { name: 'Live log' });
  await expect(log).toContainText('Nothing has been logged yet');
  for (let number = 1; number <= 5000; number += 1)
    fixture.world.log(record, 'web.1', `line ${number}`);
  await expect(log.getByText('line 5000', { exact: true })).toBeInViewport();
  await expect(log.locator('.line')).toHaveCount(1000);
});

test('after the server was away the page reconnects, catches up and repeats no line', async ({
  page,
  fixture,
}) => {
  const record = deployed(fixture, 'shop');
  fixture.world.log(record, 'web.1', 'before');
  await sign_in(page, fixture, '/apps/shop/logs');
  const log = page.getByRole('log', { name: 'Live log' });
  await expect(log).toContainText('before');
  fixture.is_down = true;
  fixture.cut_streams();
  await expect(page.getByText('Reconnecting…').first()).toBeVisible();
  fixture.world.log(record, 'web.1', 'meanwhile');
  fixture.world.release(record, 'Set A config var');
  fixture.is_down = false;
  await expect(page.getByText('Reconnecting…')).toHaveCount(0);
  await expect(log).toContainText('meanwhile');
  await expect(log.getByText('before', { exact: true })).toHaveCount(1);
  await expect(page.locator('dl')).toContainText('v2');
});

test('a gap in the notices is filled by reading again', async ({ page, fixture, watch }) => {
  await sign_in(page, fixture);
  await expect(page.getByRole('heading', { name: 'Deploy your first app' })).toBeVisible();
  fixture.lose_notices(() => deployed(fixture, 'shop'));
  await expect(page.getByRole('row', { name: /^shop/ })).toContainText('running');
  await watch.expect_nothing();
});

test('config vars are hidden, and edits are saved as one release', async ({
  page,
  fixture,
  watch,
}) => {
  const record = deployed(fixture, 'shop');
  record.config = { LOG_LEVEL: 'info', OLD: 'x' };
  await sign_in(page, fixture, '/apps/shop/config');
  const list = page.getByRole('list', { name: 'Config vars' });
  await expect(list).toContainText('LOG_LEVEL');
  await expect(list).not.toContainText('info');
  await page.getByRole('button', { name: 'Show LOG_LEVEL' }).click();
  await expect(list).toContainText('info');
  await page.getByRole('button', { name: 'Edit LOG_LEVEL' }).click();
  await page.getByRole('textbox', { name: 'Value of LOG_LEVEL' }).fill('debug');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove OLD' }).click();
  await page.getByLabel('Name of the new config var').fill('2BAD');
  await page.getByRole('button', { name: 'Add' }).click();
  await expect(page.getByRole('alert')).toHaveText('A name cannot start with a digit.');
  await page.getByLabel('Name of the new config var').fill('NEW');
  await page.getByLabel('Value of the new config var').fill('1');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Saving makes release v2')).toBeVisible();
  expect(record.releases).toHaveLength(1);
  await page.getByRole('button', { name: 'Save 3 changes' }).click();
  await expect(page.getByRole('button', { name: /^Save/ })).toHaveCount(0);
  expect(record.config).toEqual({ LOG_LEVEL: 'debug', NEW: '1' });
  expect(record.releases).toHaveLength(2);
  await watch.expect_nothing();
});

test('domains are added and removed, and a refusal is shown', async ({ page, fixture }) => {
  const record = deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop/domains');
  await expect(page.getByText('shop.localhost', { exact: true })).toBeVisible();
  await page.getByLabel('New domain').fill('nodots');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('is not a domain');
  await page.getByLabel('New domain').fill('www.example.com');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Remove www.example.com' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove domain' }).click();
  await expect(page.getByText('www.example.com', { exact: true })).toHaveCount(0);
  expect(record.domains).toHaveLength(1);
});

test('automatic certificates are turned on, followed, tried again and turned off', async ({
  page,
  fixture,
  watch,
}) => {
  const record = deployed(fixture, 'shop');
  fixture.world.add_domain(record, 'www.example.com');
  await sign_in(page, fixture, '/apps/shop/domains');
  const rows = page.getByRole('list', { name: 'Domains' }).getByRole('listitem');
  await expect(rows.first()).toContainText('development certificate');
  await expect(rows.last()).toContainText('no certificate');
  const toggle = page.getByRole('switch', { name: 'Automatic certificates' });
  await expect(toggle).not.toBeChecked();
  await toggle.click();
  await expect(toggle).toBeChecked();
  await expect(rows.last()).toContainText('certificate requested');
  fixture.world.fail_certificate(record, 'www.example.com', 'the name does not lead here');
  await expect(rows.last()).toContainText('the name does not lead here');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(rows.last()).toContainText('certificate requested');
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
  fixture.world.bring_certificate(record, 'www.example.com');
  await expect(rows.last()).toContainText('automatic certificate');
  await expect(rows.last()).toContainText('· Let\'s Encrypt');
  await toggle.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Turn off' }).click();
  await expect(toggle).not.toBeChecked();
  await expect(rows.last()).toContainText('no certificate');
  await watch.expect_nothing();
});

test('where there is no authority, turning automatic certificates on says so', async ({
  page,
  fixture,
}) => {
  deployed(fixture, 'shop');
  fixture.world.has_authority = false;
  await sign_in(page, fixture, '/apps/shop/domains');
  const toggle = page.getByRole('switch', { name: 'Automatic certificates' });
  await toggle.click();
  await expect(page.getByRole('alert')).toContainText('acme.directory in berth.yaml');
  await expect(toggle).not.toBeChecked();
});

test('plain requests are redirected and browsers told to insist on HTTPS, or the page says why not', async ({
  page,
  fixture,
  watch,
}) => {
  const record = deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop/domains');
  const redirect = page.getByRole('switch', { name: 'Redirect to HTTPS' });
  const hsts = page.getByRole('switch', { name: 'Strict Transport Security' });
  await expect(hsts).not.toBeChecked();
  await redirect.click();
  await expect(redirect).toBeChecked();
  await hsts.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Turn on' }).click();
  await expect(hsts).toBeChecked();
  await expect(page.getByText('Browsers remember it for 365 days.')).toBeVisible();
  expect(record.https).toEqual({
    redirect: true,
    hsts: { max_age: 31_536_000, include_subdomains: false, preload: false },
  });
  await hsts.click();
  await expect(hsts).not.toBeChecked();
  expect(record.https).toEqual({ redirect: true, hsts: null });
  await watch.expect_nothing();
  fixture.world.has_https = false;
  await redirect.click();
  await expect(page.getByRole('alert')).toContainText('this platform serves no HTTPS');
  await expect(redirect).toBeChecked();
});

test('a certificate is added from a file or by pasting, and removed', async ({
  page,
  fixture,
  watch,
}) => {
  const record = deployed(fixture, 'shop');
  fixture.world.add_domain(record, 'www.example.com');
  const block = (label: string) => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;
  await sign_in(page, fixture, '/apps/shop/domains');
  await page.getByRole('button', { name: 'Add certificate' }).click();
  const form = page.getByRole('form', { name: 'Add a certificate' });
  const add = form.getByRole('button', { name: 'Add certificate' });
  await expect(add).toBeDisabled();
  // One file with both.
  await form.getByLabel('File of the certificate').setInputFiles({
    name: 'site.pem',
    mimeType: 'application/x-pem-file',
    buffer: Buffer.from(block('CERTIFICATE') + block('CERTIFICATE') + block('PRIVATE KEY')),
  });
  const chain = form.getByRole('textbox', { name: /^Certificate/ });
  const key = form.getByRole('textbox', { name: 'Private key' });
  await expect(chain).toHaveValue(block('CERTIFICATE') + block('CERTIFICATE'));
  await expect(key).toHaveValue(block('PRIVATE KEY'));
  await key.fill('not a key');
  await add.click();
  await expect(form.getByRole('alert')).toContainText('it must be PEM');
  await key.fill(block('PRIVATE KEY'));
  await add.click();
  await expect(form).toHaveCount(0);
  const own = page.getByRole('list', { name: 'Your certificates' });
  await expect(own).toContainText('www.example.com');
  await expect(own).toContainText('Example Trust');
  const rows = page.getByRole('list', { name: 'Domains' }).getByRole('listitem');
  await expect(rows.last()).toContainText('your certificate');
  await own.getByRole('button', { name: 'Remove the certificate for www.example.com' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove certificate' }).click();
  await expect(own).toContainText('There are none');
  await expect(rows.last()).toContainText('no certificate');
  watch.forgive(/422/);
  await watch.expect_nothing();
});

test('maintenance is a switch, and an app is deleted only by typing its name', async ({
  page,
  fixture,
}) => {
  deployed(fixture, 'shop');
  await sign_in(page, fixture, '/apps/shop/settings');
  const toggle = page.getByRole('switch', { name: 'Maintenance' });
  await toggle.click();
  await expect(toggle).toBeChecked();
  await page.getByRole('button', { name: 'Delete app…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Delete app' })).toBeDisabled();
  await dialog.getByRole('textbox').fill('shop');
  await dialog.getByRole('button', { name: 'Delete app' }).click();
  await expect(page.getByRole('heading', { name: 'Deploy your first app' })).toBeVisible();
  expect(fixture.world.apps.size).toBe(0);
});

test('an app that does not exist, and a page that does not, say so', async ({ page, fixture }) => {
  await sign_in(page, fixture, '/apps/nothing');
  await expect(page.getByRole('heading', { name: 'There is no app “nothing”' })).toBeVisible();
  await page.goto(`${fixture.url}/some/where`);
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible();
});

test('no page is wider than a small phone', async ({ page, fixture }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  fixture.world.populate();
  await sign_in(page, fixture);
  const paths = ['', '/logs', '/releases', '/builds', '/config', '/domains', '/settings'].map(
    (tab) => `/apps/shop${tab}`,
  );
  for (const path of ['/', '/new', ...paths]) {
    await page.goto(fixture.url + path);
    await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
    await expect(page.getByText('Loading…')).toHaveCount(0);
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(over, path).toBe(0);
  }
});
