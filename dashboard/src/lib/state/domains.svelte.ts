// SPDX-License-Identifier: Apache-2.0
// The domains of an app, the certificates that its owner added for them, and what it asks of HTTPS.
import { get, message_of } from '../api/client';
import type { Certificate, Domain, Https } from '../api/types';
import { app_api } from './apps.svelte';

export class Domains {
  all = $state<Domain[]>([]);
  /** Without the automatic ones. */
  certificates = $state<Certificate[]>([]);
  https = $state<Https>({ redirect: false, hsts: null });
  problem = $state('');
  is_read = $state(false);

  #reads = 0;

  constructor(readonly app: string) {}

  async load(): Promise<void> {
    const turn = ++this.#reads;
    try {
      const [domains, certificates, https] = await Promise.all([
        get<Domain[]>(app_api(this.app, 'domains')),
        get<Certificate[]>(app_api(this.app, 'sni-endpoints')),
        get<Https>(app_api(this.app, 'https')),
      ]);
      if (turn !== this.#reads) return;
      this.all = domains;
      this.certificates = certificates.filter((one) => !one.ssl_cert.acm);
      this.https = https;
      this.problem = '';
      this.is_read = true;
    } catch (error) {
      if (turn === this.#reads) this.problem = message_of(error);
    }
  }
}
