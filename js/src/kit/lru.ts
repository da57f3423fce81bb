/** A map of the last used, at most so many; what goes is given to `dispose`, as pictures hold memory of their own. */
export class Lru<K, V> {
  readonly #most: number;
  readonly #dispose: (value: V) => void;
  readonly #map = new Map<K, V>();

  constructor(most: number, dispose: (value: V) => void = () => {}) {
    this.#most = most;
    this.#dispose = dispose;
  }

  get size(): number {
    return this.#map.size;
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  get(key: K): V | undefined {
    const value = this.#map.get(key);
    if (value === undefined) return undefined;
    this.#map.delete(key);
    this.#map.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    const before = this.#map.get(key);
    if (before !== undefined && before !== value) this.#dispose(before);
    this.#map.delete(key);
    this.#map.set(key, value);
    for (const [oldest, gone] of this.#map) {
      if (this.#map.size <= this.#most) break;
      this.#map.delete(oldest);
      this.#dispose(gone);
    }
  }

  delete(key: K): void {
    const value = this.#map.get(key);
    if (value === undefined) return;
    this.#map.delete(key);
    this.#dispose(value);
  }

  clear(): void {
    for (const value of this.#map.values()) this.#dispose(value);
    this.#map.clear();
  }
}
