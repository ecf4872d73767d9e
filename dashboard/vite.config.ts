// SPDX-License-Identifier: Apache-2.0
// How the dashboard is built: plain files that a strict Content-Security-Policy accepts, so no
// inline script, no inlined asset. In development (`npm run dev`) the API is proxied from
// BERTH_DASHBOARD_URL.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const api = process.env.BERTH_DASHBOARD_URL ?? 'http://dashboard.localhost:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    fs: { allow: ['..'] },
    proxy: { '/api': { target: api, changeOrigin: true } },
  },
  test: {
    dir: '../tests/unit/dashboard',
    include: ['**/*.test.ts'],
    environment: 'node',
    globals: true,
    pool: 'threads',
    maxWorkers: 1,
    minWorkers: 1,
  },
});
