import type { FilmMessage, Outgoing, PictureMessage } from "./contract";

/** As it came: height × width × channels, row by row. */
export interface Still {
  iteration: number;
  shape: readonly [number, number, number];
  pixels: Uint8Array;
}

/** A strip that is looked at is brought up to date this often. */
const RENEW_MS = 1000;
/** An answer that takes longer does not come. */
const PATIENCE_MS = 3000;
/** Bytes of whole pictures that are kept: 150 of photographs. */
const MOST_BYTES = 24 * 2 ** 20;
/** Small pictures that are kept; a strip has fewer. */
const MOST_SMALL = 128;

/**
 * What is here of the film that the kernel keeps. The strip asks for what it lacks, as long as somebody sees it; a whole
 * picture is asked for when the cursor stands at it. One question at a time of each kind: whoever scrubs wants the last one.
 */
export class Film {
  /** Iterations of which the kernel has pictures, rising. */
  kept: readonly number[] = [];
  readonly #send: (message: Outgoing) => void;
  readonly #small = new Map<number, Still>();
  /** The one used last at the end. */
  readonly #whole = new Map<number, Still>();
  #run: number | undefined;
  #strip = new Question();
  #picture = new Question();
  #asked: number | null = null;
  /** What came for an iteration that was asked for. */
  readonly #found = new Map<number, number>();
  #renewed = Number.NEGATIVE_INFINITY;
  /** Of which strip the question under way is, and the last answer was: as long as nothing is new nothing is asked. */
  #questioned = "";
  #answered = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (message: Outgoing) => void) {
    this.#send = send;
  }

  /** Another run has another film. */
  begin(run: number): void {
    if (run === this.#run) return;
    this.#run = run;
    this.kept = [];
    this.#small.clear();
    this.#whole.clear();
    this.#found.clear();
    this.#answered = "";
    this.#strip = new Question();
    this.#picture = new Question();
    this.#renewed = Number.NEGATIVE_INFINITY;
  }

  get isEmpty(): boolean {
    return this.#small.size === 0;
  }

  /** The small picture that is nearest to an iteration. */
  small(iteration: number): Still | null {
    return this.#small.get(nearest([...this.#small.keys()], iteration) ?? -1) ?? null;
  }

  /** The best picture of an iteration that is here; the whole one is asked for where it is not. */
  still(iteration: number): Still | null {
    const kept = nearest(this.kept, iteration) ?? iteration;
    const whole = this.#whole.get(this.#found.get(kept) ?? kept);
    if (whole) return whole;
    // The next one is asked for when the one under way has come and was drawn.
    if (!this.#picture.isOpen && this.#run !== undefined) {
      this.#asked = kept;
      this.#picture.ask();
      this.#send({ type: "ask_picture", iteration: kept });
    }
    return this.small(kept);
  }

  /**
   * A strip of `count` pictures is in sight, and the run stands at `iteration`: asks for what it lacks, and once more when
   * it is due.
   */
  show(count: number, iteration: number): void {
    const wanted = `${count} to ${iteration}`;
    const isHere =
      this.kept.at(-1) === iteration && this.#small.size >= Math.min(count, this.kept.length);
    if (isHere || wanted === this.#answered || this.#run === undefined || this.#strip.isOpen)
      return;
    const wait = this.#renewed + RENEW_MS - performance.now();
    clearTimeout(this.#timer);
    if (wait > 0) {
      this.#timer = setTimeout(() => this.show(count, iteration), wait);
      return;
    }
    this.#renewed = performance.now();
    this.#strip.ask();
    this.#questioned = wanted;
    this.#send({ type: "ask_film", count, have: [...this.#small.keys()] });
  }

  take({ run, kept, sent, shape }: FilmMessage, pixels: Uint8Array): void {
    this.#strip.answer();
    this.#answered = this.#questioned;
    if (run !== this.#run) return;
    this.kept = kept;
    const size = shape[0] * shape[1] * shape[2];
    sent.forEach((iteration, i) => {
      // Copied: a view of the buffer would keep all of its message.
      this.#small.set(iteration, {
        iteration,
        shape,
        pixels: pixels.slice(i * size, (i + 1) * size),
      });
    });
    // Those that the kernel has given up are the first to go, but never those of the strip.
    for (const iteration of [...this.#small.keys()]) {
      if (this.#small.size <= MOST_SMALL) break;
      if (!sent.includes(iteration)) this.#small.delete(iteration);
    }
  }

  takePicture({ run, iteration, shape }: PictureMessage, pixels: Uint8Array): void {
    this.#picture.answer();
    if (run !== this.#run) return;
    this.#whole.set(iteration, { iteration, shape, pixels: pixels.slice() });
    // The one asked for may be gone: then this is the nearest there is.
    if (this.#asked !== null) this.#found.set(this.#asked, iteration);
    let bytes = 0;
    for (const one of this.#whole.values()) bytes += one.pixels.length;
    for (const [key, one] of this.#whole) {
      if (bytes <= MOST_BYTES || key === iteration) break;
      this.#whole.delete(key);
      bytes -= one.pixels.length;
    }
  }

  cleanup(): void {
    clearTimeout(this.#timer);
  }
}

/** Whether an answer is still to come. */
class Question {
  #askedAt = Number.NEGATIVE_INFINITY;

  get isOpen(): boolean {
    return performance.now() < this.#askedAt + PATIENCE_MS;
  }

  ask(): void {
    this.#askedAt = performance.now();
  }

  answer(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }
}

/** Of two that are as near the earlier, as the kernel has it. */
export function nearest(iterations: readonly number[], wanted: number): number | null {
  let found: number | null = null;
  for (const one of iterations) {
    if (found === null || Math.abs(one - wanted) < Math.abs(found - wanted)) found = one;
    else if (Math.abs(one - wanted) === Math.abs(found - wanted)) found = Math.min(found, one);
  }
  return found;
}

const typeOf = (content: unknown) => (content as { type?: unknown } | null)?.type;
export const isFilmMessage = (content: unknown): content is FilmMessage =>
  typeOf(content) === "film";
export const isPictureMessage = (content: unknown): content is PictureMessage =>
  typeOf(content) === "picture";
