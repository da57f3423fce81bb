import type { TilesClosedMessage, TilesMessage } from "./contract";

/** A picture as it came last. */
export interface Tile {
  /** height × width × channels, row by row. */
  pixels: Uint8Array;
  /** Of the message that brought it: a tile with another number looks different. */
  seq: number;
  /** What the target answered with; `null` where nothing is measured. */
  activation: number | null;
}

/** All tiles: those that have come, and how far the kernel is with the others. */
export class Tiles {
  readonly #tiles: (Tile | undefined)[] = [];
  #news: TilesMessage;
  #begun = 0;

  constructor(message: TilesMessage, pixels: Uint8Array) {
    this.#news = message;
    this.take(message, pixels);
  }

  /** The newest message, whatever tiles it brought. */
  get news(): TilesMessage {
    return this.#news;
  }

  /** How many there are, and will be. */
  get count(): number {
    return this.#news.values.length;
  }

  /** The filter of each, where each is of one filter and they differ in nothing else. */
  get filters(): number[] | null {
    const { varied, values } = this.#news;
    if (varied.length !== 1 || varied[0] !== "filter_indices") return null;
    const filters = values.flatMap(([own]) => (Array.isArray(own) && own.length === 1 ? own : []));
    return filters.length === values.length ? filters : null;
  }

  /** No activation has come: there is none to sort by. */
  get isUnmeasured(): boolean {
    return this.#tiles.every((tile) => (tile?.activation ?? null) === null);
  }

  /** `undefined` for a tile that is not started. */
  tile(index: number): Tile | undefined {
    return this.#tiles[index];
  }

  /** Tiles made, those in hand by their share of the iterations. */
  get progress(): number {
    const { done, iteration, goal } = this.#news;
    const inHand = Math.max(0, this.#begun - done);
    return done + (goal > 0 ? (inHand * Math.min(iteration, goal)) / goal : 0);
  }

  take(message: TilesMessage, pixels: Uint8Array): void {
    this.#news = message;
    const { first, count, shape, seq, activations } = message;
    const size = shape[0] * shape[1] * shape[2];
    const whole = Math.min(count, this.count - first, Math.floor(pixels.length / size));
    for (let i = 0; i < whole; i++) {
      this.#put(first + i, pixels.subarray(i * size, (i + 1) * size), seq, activations[i] ?? null);
    }
  }

  /** Copied, into the same memory each time: a view of the buffer would keep all of its message. */
  #put(index: number, pixels: Uint8Array, seq: number, activation: number | null): void {
    const tile = this.#tiles[index];
    if (tile) {
      tile.pixels.set(pixels);
      tile.seq = seq;
      tile.activation = activation;
    } else {
      this.#tiles[index] = { pixels: pixels.slice(), seq, activation };
      this.#begun += 1;
    }
  }
}

export function isTilesClosedMessage(content: unknown): content is TilesClosedMessage {
  return (content as { type?: unknown } | null)?.type === "tiles_closed";
}

export function isTilesMessage(content: unknown): content is TilesMessage {
  return (content as { type?: unknown } | null)?.type === "tiles";
}
