/** Which rows of a long table are in sight, and where they stand. */

/** Pixels; the style sheet sets the same height. */
export const ROW_HEIGHT = 22;
/** A browser makes no element taller than some limit: Firefox 17.8 million pixels, Chromium 33.5 million. */
const TALLEST = 8_000_000;
/** Rows kept ready beyond either edge. */
const OVERSCAN = 8;

/**
 * Up to 363,636 rows a pixel of the scroll bar is a pixel of the rows. From there on it stands for several: what is in sight
 * is then kept in pixels of the rows, which the scroll bar follows as nearly as it can.
 */
export class RowWindow {
  readonly #table: HTMLElement;
  #count = 0;
  /** Pixels of the rows above the upper edge. */
  #offset = 0;
  /** The scroll bar's, as it was set or heard last. */
  #top = 0;

  constructor(table: HTMLElement) {
    this.#table = table;
  }

  /** The height of all rows, as tall as an element may be. */
  get height(): number {
    return Math.min(this.length, TALLEST);
  }

  /** The height that all rows would have. */
  get length(): number {
    return this.#count * ROW_HEIGHT;
  }

  get isStretched(): boolean {
    return this.length > TALLEST;
  }

  /** Pixels of the rows below the lower edge. */
  get left(): number {
    return this.#end - this.#offset;
  }

  get count(): number {
    return this.#count;
  }

  /** The body has to be given its new `height` before anything is scrolled. */
  set count(count: number) {
    this.#count = count;
  }

  /** Takes over where the scroll bar was moved to. */
  heard(): void {
    const { scrollTop } = this.#table;
    if (scrollTop === this.#top) return;
    this.#top = scrollTop;
    this.#offset = this.#clamp(scrollTop * this.#scale);
  }

  scrollTo(offset: number): void {
    this.#offset = this.#clamp(offset);
    this.#table.scrollTop = this.#offset / this.#scale;
    this.#top = this.#table.scrollTop;
  }

  scrollBy(pixels: number): void {
    this.scrollTo(this.#offset + pixels);
  }

  scrollToEnd(): void {
    this.scrollTo(this.#end);
  }

  /** Brings a row to the middle, if it is out of sight. */
  reveal(index: number): void {
    const top = index * ROW_HEIGHT - this.#offset;
    // Below the header, which is a little taller than a row.
    const height = this.#table.clientHeight - 2 * ROW_HEIGHT;
    if (top < 0 || top > height) this.scrollTo(index * ROW_HEIGHT - height / 2);
  }

  /** The scroll bar is put where it belongs: it was lost, or the rows have become more. */
  restore(): void {
    this.scrollTo(this.#offset);
  }

  /** The first row to paint, and the one after the last. */
  range(): [number, number] {
    const first = Math.floor(this.#offset / ROW_HEIGHT) - OVERSCAN;
    const end = Math.ceil((this.#offset + this.#table.clientHeight) / ROW_HEIGHT) + OVERSCAN;
    return [Math.max(0, first), Math.min(this.#count, end)];
  }

  /** Pixels from the body's top. */
  place(index: number): number {
    return Math.round(index * ROW_HEIGHT - this.#offset + this.#top);
  }

  /** How far the scroll bar moves. */
  get #reach(): number {
    return Math.max(0, this.#table.scrollHeight - this.#table.clientHeight);
  }

  /** How far the rows do. */
  get #end(): number {
    return this.#reach + this.length - this.height;
  }

  get #scale(): number {
    return this.#reach > 0 ? this.#end / this.#reach : 1;
  }

  #clamp(offset: number): number {
    return Math.min(this.#end, Math.max(0, offset));
  }
}
