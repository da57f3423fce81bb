/** Asks for a snapshot, and asks again where none comes. */

const REPEAT_AFTER_MS = 3000;
/** Without a word from the kernel it stops: a blocked kernel would find a queue of hellos. */
const TRIES = 5;

export class Greeting {
  readonly #send: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;

  constructor(send: () => void) {
    this.#send = send;
  }

  /** Once until the answer comes, however many frames show the same gap meanwhile. */
  hello(): void {
    this.#tries = 0;
    if (this.#timer === undefined) this.#say();
  }

  /** The snapshot is here, or nobody is there to send one. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #say(): void {
    this.#tries += 1;
    // Before the send, which may find the kernel gone and call `stop`.
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#tries < TRIES) this.#say();
    }, REPEAT_AFTER_MS);
    this.#send();
  }
}
