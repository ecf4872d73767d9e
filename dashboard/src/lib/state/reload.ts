// SPDX-License-Identifier: Apache-2.0
// Reads resources while live notices keep coming. A notice that arrives during the reading may be
// newer than what the reading brings, so it is applied again after it; a wish to read that comes
// during the reading (the stream was opened again) is granted right after it.

export class Reload<Notice> {
  #arrived: Notice[] | null = null;
  #again = false;

  constructor(private readonly apply: (notice: Notice) => void) {}

  note(notice: Notice): void {
    this.#arrived?.push(notice);
    this.apply(notice);
  }

  /** `read` brings everything and hands back the step that puts it in place. Its error is thrown. */
  async run(read: () => Promise<() => void>): Promise<void> {
    if (this.#arrived !== null) {
      this.#again = true;
      return;
    }
    try {
      do {
        this.#again = false;
        this.#arrived = [];
        const put = await read();
        put();
        this.#arrived.forEach(this.apply);
      } while (this.#again);
    } finally {
      this.#arrived = null;
      this.#again = false;
    }
  }
}
