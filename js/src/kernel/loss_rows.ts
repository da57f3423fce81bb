/** All rows of a run: one growing float32 array, so that 100,000 rows are a few small columns of numbers. */
export class LossRows {
  #values = new Float32Array(1024);
  #count = 0;
  #columns = 1;
  #version = 0;

  get count(): number {
    return this.#count;
  }

  get columns(): number {
    return this.#columns;
  }

  /** Another number: other rows took their place, and did not only become more. */
  get version(): number {
    return this.#version;
  }

  /** The number in `column` of row `index`, both from 0: the losses, their total, then what is measured beside. */
  at(index: number, column: number): number {
    return this.#values[index * this.#columns + column] ?? Number.NaN;
  }

  replace(values: Float32Array, columns: number): void {
    this.#columns = Math.max(1, columns);
    this.#count = 0;
    this.#version += 1;
    this.append(values);
  }

  append(values: Float32Array): void {
    const used = this.#count * this.#columns;
    this.#reserve(used + values.length);
    this.#values.set(values, used);
    this.#count += Math.floor(values.length / this.#columns);
  }

  /** Doubling keeps the copying in proportion to the rows, however many come. */
  #reserve(length: number): void {
    if (length <= this.#values.length) return;
    const grown = new Float32Array(Math.max(length, this.#values.length * 2));
    grown.set(this.#values);
    this.#values = grown;
  }
}
