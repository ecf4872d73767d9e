// SPDX-License-Identifier: Apache-2.0
// Starts the dashboard in its page.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { hooks } from './lib/api/client';
import { clock } from './lib/state/clock.svelte';

hooks.on_server_time = (time_ms) => clock.note(time_ms);

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');
mount(App, { target });
