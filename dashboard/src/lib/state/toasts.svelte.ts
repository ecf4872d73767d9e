// SPDX-License-Identifier: Apache-2.0
// Short messages about what was done or refused. An error stays until it is dismissed.
import { message_of } from '../api/client';

export interface Toast {
  id: number;
  kind: 'done' | 'error';
  text: string;
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;

  done(text: string): void {
    const id = this.#add('done', text);
    setTimeout(() => this.dismiss(id), 5000);
  }

  error(error: unknown): void {
    this.#add('error', message_of(error));
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #add(kind: Toast['kind'], text: string): number {
    const id = this.#next++;
    const others = this.list.filter((toast) => toast.kind !== kind || toast.text !== text);
    this.list = [...others.slice(-3), { id, kind, text }];
    return id;
  }
}

export const toasts = new Toasts();
