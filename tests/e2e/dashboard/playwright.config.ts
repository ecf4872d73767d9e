// SPDX-License-Identifier: Apache-2.0
// Two projects: `pages` runs the built dashboard against the fixture in tests/support; `platform`
// runs it against a running Berth (see README.md). Both use Debian's Chromium, not a downloaded one.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  outputDir: process.env.BERTH_TEST_OUTPUT ?? 'node_modules/.results',
  workers: 1,
  retries: 0,
  // For a busy machine: a condition that holds is seen at once.
  expect: { timeout: 30_000 },
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.BERTH_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'pages', testMatch: 'pages.spec.ts', timeout: 180_000 },
    { name: 'platform', testMatch: 'dashboard.spec.ts', timeout: 300_000 },
  ],
});
