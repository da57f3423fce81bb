import type { TilesClosedMessage, TilesMessage } from "./contract";

/** A filter's picture as it came last. */
export interface Tile {
  /** height × width × channels, row by row. */
  pixels: Uint8Array;
  /** Of the message that brought it: a tile with another number looks different. */
  seq: number;
}

/** All tiles of a layer: those that have come, and how far the kernel is with the others. */
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
    const { first, count, filters, shape, seq } = message;
    const size = shape[0] * shape[1] * shape[2];
    const whole = Math.min(count, filters.length - first, Math.floor(pixels.length / size));
    for (let i = 0; i < whole; i++) {
      this.#put(first + i, pixels.subarray(i * size, (i + 1) * size), seq);
    }
  }

  /** Copied, into the same memory each time: a view of the buffer would keep all of its message. */
  #put(index: number, pixels: Uint8Array, seq: number): void {
    const tile = this.#tiles[index];
    if (tile) {
      tile.pixels.set(pixels);
      tile.seq = seq;
    } else {
      this.#tiles[index] = { pixels: pixels.slice(), seq };
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
