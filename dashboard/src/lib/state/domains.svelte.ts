// SPDX-License-Identifier: Apache-2.0
// The domains of an app and the certificates that its owner added for them.
import { get, message_of } from '../api/client';
import type { Certificate, Domain } from '../api/types';
import { app_api } from './apps.svelte';

export class Domains {
  all = $state<Domain[]>([]);
  /** Without the automatic ones. */
  certificates = $state<Certificate[]>([]);
  problem = $state('');
  is_read = $state(false);

  #reads = 0;

  constructor(readonly app: string) {}

  async load(): Promise<void> {
    const turn = ++this.#reads;
    try {
      const [domains, certificates] = await Promise.all([
        get<Domain[]>(app_api(this.app, 'domains')),
        get<Certificate[]>(app_api(this.app, 'sni-endpoints')),
      ]);
      if (turn !== this.#reads) return;
      this.all = domains;
      this.certificates = certificates.filter((one) => !one.ssl_cert.acm);
      this.problem = '';
      this.is_read = true;
    } catch (error) {
      if (turn === this.#reads) this.problem = message_of(error);
    }
  }
}
