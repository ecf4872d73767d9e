// SPDX-License-Identifier: Apache-2.0
// Runs the fixture for working on the pages: `npm run fixture`, then `npm run dev` with
// BERTH_DASHBOARD_URL, or the built pages at the printed address. The token is "fixture".
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start_fixture } from './server.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const files = process.env.BERTH_DASHBOARD_DIR ?? resolve(root, 'dashboard/dist');
const fixture = await start_fixture({ files, port: Number(process.env.PORT ?? 0) });
fixture.world.populate();
fixture.world.run();
console.log(`${fixture.url} (token: fixture)`);
