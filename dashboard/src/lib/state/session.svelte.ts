// SPDX-License-Identifier: Apache-2.0
// Who is signed in. The token itself is never kept: the server turns it into a cookie that scripts
// cannot read. What is kept is that there was a sign-in, so that a first visit asks nothing.
import { get, hooks, post, remove } from '../api/client';
import type { Account } from '../api/types';

const remembered = 'berth.signed-in';

class Session {
  phase = $state<'checking' | 'signed-out' | 'signed-in'>('checking');
  account = $state<Account | null>(null);
  /** Why the sign-in page is shown again. */
  notice = $state('');

  constructor() {
    hooks.on_unauthorized = () => this.#lost();
  }

  /** Finds out whether the cookie still holds. Throws when the server cannot say. */
  async check(): Promise<void> {
    if (localStorage.getItem(remembered) === null) {
      this.phase = 'signed-out';
      return;
    }
    this.account = await get<Account>('/api/account');
    this.phase = 'signed-in';
  }

  async sign_in(token: string): Promise<void> {
    const { user } = await post<{ user: Account }>('/api/dashboard/session', { token });
    localStorage.setItem(remembered, 'yes');
    this.account = user;
    this.notice = '';
    this.phase = 'signed-in';
  }

  async sign_out(): Promise<void> {
    await remove('/api/dashboard/session');
    this.#forget();
  }

  #lost(): void {
    if (this.phase === 'signed-out') return;
    this.notice = 'Your session has ended. Sign in again.';
    this.#forget();
  }

  #forget(): void {
    localStorage.removeItem(remembered);
    this.account = null;
    this.phase = 'signed-out';
  }
}

export const session = new Session();
