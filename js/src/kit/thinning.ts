/** Rows of a long run as few points, which look the same: of each column of pixels the least and the greatest value. */

/** What rows have to offer. */
export interface Rows {
  readonly count: number;
  readonly columns: number;
  readonly version: number;
  at(index: number, column: number): number;
}

/** For each number of a row its points, after those of the x axis; `null` where there is none to draw. */
export type Points = (number | null)[][];

/**
 * Rows are looked at once, as they come: a bucket holds two to the power of something rows, and when there are more buckets
 * than columns of pixels every two become one. So a redraw costs as much for 100,000 rows as for 1,000.
 */
export class Thinning {
  #most: number;
  /** Rows of a bucket. */
  #size = 1;
  #count = 0;
  #columns = 0;
  #version = -1;
  /** Of bucket b and column c at b * columns + c; a bucket without a finite value has a NaN. */
  #low: Float32Array = new Float32Array();
  #high: Float32Array = new Float32Array();
  /** Rows in which these were. */
  #lowAt: Float64Array = new Float64Array();
  #highAt: Float64Array = new Float64Array();

  /** `most` are the columns of pixels there are. */
  constructor(most: number) {
    this.#most = Math.max(2, Math.floor(most));
  }

  get most(): number {
    return this.#most;
  }

  /** Another number of pixels: all rows are looked at once more. */
  set most(most: number) {
    const wanted = Math.max(2, Math.floor(most));
    if (wanted === this.#most) return;
    this.#most = wanted;
    this.#version = -1;
  }

  /** Looks at the rows that came since; whether there were any. */
  take(rows: Rows): boolean {
    const isOther = rows.version !== this.#version || rows.count < this.#count;
    if (isOther) this.#reset(rows);
    const first = this.#count;
    for (let row = first; row < rows.count; row++) this.#add(rows, row);
    return isOther || rows.count > first;
  }

  /** At most two points a column of pixels, from left to right. */
  read(): Points {
    const x: number[] = [];
    const points: Points = [x];
    for (let column = 0; column < this.#columns; column++) points.push([]);
    for (let start = 0; start < this.#count; start += this.#size) {
      const last = Math.min(start + this.#size, this.#count) - 1;
      // Iterations count from 1.
      x.push(start + 1);
      if (last > start) x.push(last + 1);
      this.#readBucket(start / this.#size, last > start, points);
    }
    return points;
  }

  #readBucket(bucket: number, isWide: boolean, points: Points): void {
    for (let column = 0; column < this.#columns; column++) {
      const i = bucket * this.#columns + column;
      const rises = (this.#lowAt[i] as number) <= (this.#highAt[i] as number);
      const [first, last] = rises ? [this.#low, this.#high] : [this.#high, this.#low];
      const curve = points[column + 1] as (number | null)[];
      curve.push(known(first[i]));
      if (isWide) curve.push(known(last[i]));
    }
  }

  #reset(rows: Rows): void {
    this.#version = rows.version;
    this.#columns = rows.columns;
    this.#count = 0;
    this.#size = 1;
    // At once as many rows a bucket as it will come to.
    while (rows.count > this.#size * this.#most) this.#size *= 2;
    const length = (this.#most + 1) * this.#columns;
    this.#low = new Float32Array(length);
    this.#high = new Float32Array(length);
    this.#lowAt = new Float64Array(length);
    this.#highAt = new Float64Array(length);
  }

  #add(rows: Rows, row: number): void {
    if (row >= this.#size * this.#most) this.#halve();
    const bucket = Math.floor(row / this.#size);
    const isNew = row % this.#size === 0;
    for (let column = 0; column < this.#columns; column++) {
      const i = bucket * this.#columns + column;
      if (isNew) this.#low[i] = this.#high[i] = Number.NaN;
      const value = rows.at(row, column);
      if (!Number.isFinite(value)) continue;
      if (!(value >= (this.#low[i] ?? 0))) {
        this.#low[i] = value;
        this.#lowAt[i] = row;
      }
      if (!(value <= (this.#high[i] ?? 0))) {
        this.#high[i] = value;
        this.#highAt[i] = row;
      }
    }
    this.#count = row + 1;
  }

  /** Every two buckets become one. */
  #halve(): void {
    this.#size *= 2;
    for (let bucket = 0; bucket < Math.ceil(this.#most / 2); bucket++)
      for (let column = 0; column < this.#columns; column++) this.#merge(bucket, column);
  }

  #merge(bucket: number, column: number): void {
    const to = bucket * this.#columns + column;
    const one = 2 * bucket * this.#columns + column;
    const other = one + this.#columns;
    const hasOther = 2 * bucket + 1 < this.#most && !Number.isNaN(this.#low[other]);
    const isLower = hasOther && !((this.#low[one] ?? 0) <= (this.#low[other] ?? 0));
    const isHigher = hasOther && !((this.#high[one] ?? 0) >= (this.#high[other] ?? 0));
    const [low, high] = [isLower ? other : one, isHigher ? other : one];
    this.#low[to] = this.#low[low] ?? Number.NaN;
    this.#lowAt[to] = this.#lowAt[low] ?? 0;
    this.#high[to] = this.#high[high] ?? Number.NaN;
    this.#highAt[to] = this.#highAt[high] ?? 0;
  }
}

const known = (value = Number.NaN): number | null => (Number.isNaN(value) ? null : value);
