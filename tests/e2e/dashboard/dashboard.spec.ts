// SPDX-License-Identifier: Apache-2.0
// The dashboard on a running platform: one page, loaded once, watches while a real push deploys and
// while the app is used and changed, and everything on it comes alive by itself. Each test goes on
// where the one before ended. Nothing here is faked; README.md names the variables it needs.
import { expect, test, type Locator, type Page, type TestInfo } from '@playwright/test';
import {
  cleanup,
  get_app,
  kill_server,
  make_certificate,
  no_control,
  no_platform,
  push_app,
  require_platform,
  set_config,
  start_server,
  type PushedApp,
} from './platform';
import { Watch } from './watch';

const platform = require_platform();
const version = /v(\d+)/;

test.describe.configure({ mode: 'serial' });

test.describe('the dashboard', () => {
  if (platform === null) {
    test.skip(no_platform, () => {});
    return;
  }

  let page: Page;
  let watch: Watch;
  let app: PushedApp;
  let loads = 0;

  test.beforeAll(async ({ browser }) => {
    page = await browser.newPage();
    page.on('load', () => (loads += 1));
    watch = await Watch.over(page);
    await page.goto(platform.dashboard_url);
    await page.getByLabel('Token').fill(platform.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Apps', exact: true })).toBeVisible();
  });

  test.afterAll(async () => {
    await page?.close();
    if (app) await cleanup(platform, app);
  });

  test.afterEach(async ({}, info) => {
    await page.screenshot({ path: info.outputPath('page.png'), fullPage: true });
    expect(loads, 'how often the page was loaded').toBe(1);
    await watch.expect_nothing();
  });

  const tab = (name: string) => page.getByRole('link', { name, exact: true }).click();

  test('lists an app that is pushed elsewhere until it runs', async () => {
    app = await push_app(platform);
    const row = page.getByRole('row', { name: new RegExp(`^${app.name} `) });
    await expect(row).toContainText(/no release|deploying|running/);
    const pushed = await app.done;
    expect(pushed.code, pushed.output).toBe(0);
    await expect(row).toContainText('running');
    await expect(row).toContainText(/1\s+web/);
    await expect(row).toContainText(version);
    await row.getByRole('link', { name: app.name }).click();
    await expect(page.getByRole('heading', { name: app.name, exact: true })).toBeVisible();
  });

  test('scales the app to two replicas and shows both up', async ({}, info) => {
    await expect(page.locator('dl')).toContainText(version);
    const web = page.getByRole('region', { name: 'web process' });
    const replicas = replicas_of(page);
    await expect(replicas).toHaveCount(1);
    await expect(replicas.first()).toContainText(/web\.1.*up.*v\d+/s);
    await web.getByRole('button', { name: 'One more web replica' }).click();
    await expect_all_up(replicas, 2, info);
    await expect(web).toContainText('2 of 2 up');
  });

  test('draws the requests that the app answers', async () => {
    const chart = requests_of(page);
    const times = page.getByRole('img', { name: /p50 [\d.]+ (µs|ms|s), p95 [\d.]+/ });
    // The newest second's times are shown, so requests go on until they are seen.
    await expect(async () => {
      for (let number = 0; number < 20; number += 1) {
        expect((await get_app(app, `/?chart=${number}`)).status).toBe(200);
      }
      await expect(chart).toHaveAccessibleName(/, [1-9]\d* in all/, { timeout: 300 });
      await expect(times).toBeVisible({ timeout: 300 });
    }).toPass({ timeout: 20_000, intervals: [50] });
    await expect(page.getByText(/2 replicas/)).toBeVisible();
  });

  test("shows the router's line of a request that is made while one looks", async () => {
    await tab('Logs');
    const log = page.getByRole('log', { name: 'Live log' });
    await expect(log).toContainText(/web\.1/);
    const mark = `seen-${Date.now()}`;
    await get_app(app, `/${mark}`);
    await expect(log).toContainText(new RegExp(`router.*method=GET path="/${mark}"`, 's'));
  });

  test('shows the release that a change of config makes, and its replicas', async ({}, info) => {
    await tab('Releases');
    const newest = page
      .getByRole('list', { name: 'Releases, newest first' })
      .getByRole('listitem')
      .first();
    await expect(newest).toContainText('current');
    const before = Number(version.exec(await newest.innerText())?.[1]);
    await set_config(platform, app, { COLOUR: 'blue' });
    await expect(newest).toContainText(`v${before + 1}`);
    await expect(newest).toContainText(/COLOUR/);
    await expect(newest).toContainText('current', { timeout: 30_000 });
    await page.screenshot({ path: info.outputPath('releases.png') });
    await tab('Config');
    await expect(page.getByRole('list', { name: 'Config vars' })).toContainText('COLOUR');
    await tab('Overview');
    const replicas = replicas_of(page).filter({ hasText: `v${before + 1}` });
    await expect_all_up(replicas, 2, info);
    await expect(page.getByText('2 of 2 up')).toBeVisible();
  });

  test('keeps the output of the build that the push made', async () => {
    await tab('Builds');
    const builds = page.getByRole('list', { name: 'Builds, newest first' });
    await expect(builds.getByRole('listitem').first()).toContainText('succeeded');
    await builds.getByRole('link').first().click();
    await expect(page.getByRole('log', { name: 'Build output' })).toContainText(/----->/);
  });

  test('serves a domain with a certificate of its owner’s', async () => {
    await tab('Domains');
    const rows = page.getByRole('list', { name: 'Domains' }).getByRole('listitem');
    await expect(rows).toHaveCount(1);
    await expect(rows.first()).toContainText('development certificate');
    const name = `www.${app.name}.example.test`;
    await page.getByLabel('New domain').fill(name);
    await page.keyboard.press('Enter');
    await expect(rows.last()).toContainText('no certificate');
    await page.getByRole('switch', { name: 'Automatic certificates' }).click();
    await expect(page.getByRole('alert')).toContainText('acme.directory in berth.yaml');
    watch.forgive(/422/);
    await page.getByRole('button', { name: 'Add certificate' }).click();
    const form = page.getByRole('form', { name: 'Add a certificate' });
    await form.getByLabel('File of the certificate').setInputFiles(await make_certificate(app, name));
    await form.getByRole('button', { name: 'Add certificate' }).click();
    await expect(page.getByRole('list', { name: 'Your certificates' })).toContainText(
      /self-signed/,
    );
    await expect(rows.last()).toContainText('your certificate');
    await page.getByRole('button', { name: `Remove ${name}`, exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove domain' }).click();
    await expect(rows).toHaveCount(1);
  });

  test('comes back by itself after the server was killed', async ({}, info) => {
    test.skip(no_control !== '', no_control);
    await tab('Logs');
    const log = page.getByRole('log', { name: 'Live log' });
    await expect(log).toContainText('web.1');
    await kill_server();
    await expect(page.getByText('Reconnecting…').first()).toBeVisible({ timeout: 30_000 });
    await page.screenshot({ path: info.outputPath('reconnecting.png') });
    const mark = `while-down-${Date.now()}`;
    expect((await get_app(app, '/')).status).toBe(200);
    await get_app(app, `/${mark}`);
    await start_server();
    await expect(page.getByText('Reconnecting…')).toHaveCount(0, { timeout: 30_000 });
    await expect(log).toContainText(mark);
    // Failed requests are all that the console may tell of it.
    watch.forgive(/Failed to load resource|net::ERR_/);
    await tab('Overview');
    await expect_all_up(replicas_of(page), 2, info);
    // The server forgot the traffic, the page did not.
    await expect(requests_of(page)).toHaveAccessibleName(/, [1-9]\d* in all/);
    await page.getByRole('button', { name: 'One fewer web replica' }).click();
    await expect(replicas_of(page)).toHaveCount(1, { timeout: 30_000 });
  });
});

/** Without those that are only kept, frozen, for a rollback. */
function replicas_of(page: Page): Locator {
  return page
    .getByRole('list', { name: 'web replicas' })
    .getByRole('listitem')
    .filter({ hasNot: page.getByText('idle', { exact: true }) });
}

function requests_of(page: Page): Locator {
  return page.getByRole('img', { name: /^Requests a second/ });
}

async function expect_all_up(replicas: Locator, count: number, info: TestInfo): Promise<void> {
  const up = replicas.filter({ has: replicas.page().getByText('up', { exact: true }) });
  await expect(replicas, info.title).toHaveCount(count, { timeout: 30_000 });
  await expect(up).toHaveCount(count, { timeout: 30_000 });
}
