/** Where tiles of a sheet stand, in groups with a heading each, and which of them are in sight. */

/** A group of tiles, which follow each other. */
export interface Group {
  /** What stands above it; empty: nothing does. */
  heading: string;
  /** Of the first tile. */
  start: number;
  count: number;
}

/** A row of tiles, or a heading, from `top` to `bottom`. */
export interface Line {
  top: number;
  bottom: number;
  /** The tiles of a row; both are that of the first tile of the group where it is a heading. */
  start: number;
  end: number;
  group: number;
  isHeading: boolean;
}

export interface Sizes {
  /** CSS pixels of the sheet, without its scroll bar. */
  width: number;
  /** Of a tile at the least. */
  least: number;
  /** Between two tiles. */
  gap: number;
  /** Beneath a tile's square. */
  words: number;
  heading: number;
}

export class TileWindow {
  columns = 1;
  /** CSS pixels of a tile. */
  tileWidth = 0;
  tileHeight = 0;
  height = 0;
  lines: readonly Line[] = [];
  #gap = 0;

  layOut(groups: readonly Group[], { width, least, gap, words, heading }: Sizes): void {
    this.#gap = gap;
    this.columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
    this.tileWidth = Math.max(1, Math.floor((width - gap * (this.columns - 1)) / this.columns));
    this.tileHeight = this.tileWidth + words;
    const lines: Line[] = [];
    let top = 0;
    groups.forEach(({ heading: text, start, count }, group) => {
      if (text !== "") {
        lines.push({ top, bottom: top + heading, start, end: start, group, isHeading: true });
        top += heading;
      }
      for (let from = start; from < start + count; from += this.columns) {
        const end = Math.min(start + count, from + this.columns);
        const bottom = top + this.tileHeight;
        lines.push({ top, bottom, start: from, end, group, isHeading: false });
        top = bottom + gap;
      }
    });
    this.lines = lines;
    this.height = Math.max(0, top - gap);
  }

  /** The line at a height, or the nearest below it; the number of lines beneath all. */
  lineAt(y: number): number {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.lines[middle] as Line).bottom <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Lines that reach into a stretch: the first, and the one after the last. */
  linesIn(top: number, bottom: number): [number, number] {
    const first = this.lineAt(top);
    let end = first;
    while (end < this.lines.length && (this.lines[end] as Line).top < bottom) end++;
    return [first, end];
  }

  /** The line that a tile stands in; -1 for one that is not there. */
  lineOf(tile: number): number {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { end, isHeading, start } = this.lines[middle] as Line;
      if (isHeading ? start <= tile : end <= tile) low = middle + 1;
      else high = middle;
    }
    const line = this.lines[low];
    return line && line.start <= tile && tile < line.end ? low : -1;
  }

  /** CSS pixels from the left edge. */
  leftOf(tile: number, { start }: Line): number {
    return (tile - start) * (this.tileWidth + this.#gap);
  }

  /** The tile that is one row further up or down, as nearly below or above as there is one. */
  beside(tile: number, rows: number): number {
    const at = this.lineOf(tile);
    const line = this.lines[at];
    if (!line) return tile;
    let [left, to] = [Math.abs(rows), at];
    let found = line;
    while (left > 0) {
      to += Math.sign(rows);
      const next = this.lines[to];
      if (!next) break;
      if (next.isHeading) continue;
      found = next;
      left -= 1;
    }
    return Math.min(found.end - 1, found.start + (tile - line.start));
  }
}
