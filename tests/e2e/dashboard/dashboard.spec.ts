// SPDX-License-Identifier: Apache-2.0
// The dashboard on a running platform: a page watches while a real push deploys, and everything on
// it comes alive without a reload. Nothing here is faked; README.md names the variables it needs.
import { expect, test } from '@playwright/test';
import {
  cleanup,
  get_app,
  no_platform,
  push_app,
  require_platform,
  type PushedApp,
} from './platform';
import { Watch } from './watch';

const platform = require_platform();

test.describe('the dashboard', () => {
  test.skip(platform === null, no_platform);

  let app: PushedApp | null = null;
  test.afterEach(async () => cleanup(platform, app));

  test('shows a deploy, its replicas, its log and its traffic while they happen', async ({
    page,
  }) => {
    if (platform === null) return;
    const watch = await Watch.over(page);
    let loads = 0;
    page.on('load', () => (loads += 1));

    await page.goto(platform.dashboard_url);
    await page.getByLabel('Token').fill(platform.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Apps', exact: true })).toBeVisible();

    // The list follows a push that happens elsewhere.
    app = await push_app(platform);
    const row = page.getByRole('row', { name: new RegExp(`^${app.name} `) });
    await expect(row).toContainText(/no release|deploying|running/);
    const pushed = await app.done;
    expect(pushed.code, pushed.output).toBe(0);
    await expect(row).toContainText('running', { timeout: 30_000 });
    await expect(row).toContainText(/\bv\d+\b/);

    // Its page: the release, and a replica that is up.
    await row.getByRole('link', { name: app.name }).click();
    await expect(page.getByRole('heading', { name: app.name, exact: true })).toBeVisible();
    const version = /\bv(\d+)\b/;
    await expect(page.locator('dl')).toContainText(version);
    const web = page.getByRole('region', { name: 'web process' });
    const replicas = web.getByRole('list', { name: 'web replicas' }).getByRole('listitem');
    await expect(replicas).toHaveCount(1);
    await expect(replicas.first()).toContainText('web.1');
    await expect(replicas.first()).toContainText('up');
    await expect(replicas.first()).toContainText(version);

    // Scale by the control: two replicas, both up.
    await web.getByRole('button', { name: 'One more web replica' }).click();
    await expect(replicas).toHaveCount(2, { timeout: 30_000 });
    await expect(replicas.filter({ hasText: /\bup\b/ })).toHaveCount(2, { timeout: 30_000 });
    await expect(web).toContainText('2 of 2 up');

    // Requests give the chart its points.
    const chart = page.getByRole('img', { name: /^Requests a second/ });
    for (let number = 0; number < 20; number += 1) {
      expect((await get_app(app, `/?chart=${number}`)).status).toBe(200);
    }
    await expect(chart).toHaveAccessibleName(/, [1-9]\d* in all/, { timeout: 15_000 });
    await expect(page.getByRole('img', { name: /p50 [\d.]+ (µs|ms|s)/ })).toBeVisible({
      timeout: 15_000,
    });

    // The live log shows a request that is made while one looks.
    await page.getByRole('link', { name: 'Logs', exact: true }).click();
    const log = page.getByRole('log', { name: 'Live log' });
    const mark = `seen-${Date.now()}`;
    const watched = app;
    await expect(async () => {
      await get_app(watched, `/${mark}`);
      await expect(log).toContainText(mark, { timeout: 2000 });
    }).toPass({ timeout: 20_000 });

    // The push is among the releases and the builds, and its output can be read.
    await page.getByRole('link', { name: 'Releases', exact: true }).click();
    const releases = page.getByRole('list', { name: 'Releases, newest first' });
    await expect(releases.getByRole('listitem').first()).toContainText('current');
    await page.getByRole('link', { name: 'Builds', exact: true }).click();
    const builds = page.getByRole('list', { name: 'Builds, newest first' });
    await expect(builds.getByRole('listitem').first()).toContainText('succeeded');
    await builds.getByRole('link').first().click();
    await expect(page.getByRole('log', { name: 'Build output' })).toContainText(/----->/);

    expect(loads, 'the page was never loaded again').toBe(1);
    await watch.expect_nothing();
  });
});
