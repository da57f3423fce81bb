/** Tells the kernel what was drawn, so that it sends no faster than this page draws. */

const FRAMES_PER_RECEIPT = 2;
const LATEST_AFTER_MS = 250;

export class Receipts {
  readonly #send: (seq: number) => void;
  #drawn = -1;
  #acknowledged = Number.NEGATIVE_INFINITY;
  #urgent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (seq: number) => void) {
    this.#send = send;
  }

  /** A snapshot came: the kernel waits for it, so whatever is drawn next is acknowledged at once. */
  hurry(): void {
    this.#urgent = true;
  }

  /**
   * Several views draw the same frame; it counts once. A busy page draws only the newest of the frames that came: all of
   * them count, or the kernel would wait with a full window. A lower number is that of a kernel which started afresh.
   */
  drawn(seq: number): void {
    if (seq === this.#drawn) return;
    this.#drawn = seq;
    const owed = seq - this.#acknowledged;
    if (this.#urgent || owed >= FRAMES_PER_RECEIPT || owed < 0) this.#acknowledge();
    else this.#timer ??= setTimeout(() => this.#acknowledge(), LATEST_AFTER_MS);
  }

  #acknowledge(): void {
    this.cleanup();
    this.#acknowledged = this.#drawn;
    this.#urgent = false;
    this.#send(this.#drawn);
  }

  cleanup(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
