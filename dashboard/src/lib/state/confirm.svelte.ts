// SPDX-License-Identifier: Apache-2.0
// Asks before something that is not easily undone. One question at a time; the dialog itself is
// components/ConfirmDialog.svelte.

export interface Question {
  title: string;
  body: string;
  action: string;
  dangerous?: boolean;
  /** Text that has to be typed first. */
  typed?: string;
}

class Confirm {
  question = $state<Question | null>(null);
  #answer: (yes: boolean) => void = () => {};

  ask(question: Question): Promise<boolean> {
    this.#answer(false);
    this.question = question;
    return new Promise((resolve) => (this.#answer = resolve));
  }

  answer(yes: boolean): void {
    this.question = null;
    this.#answer(yes);
    this.#answer = () => {};
  }
}

export const confirm = new Confirm();
