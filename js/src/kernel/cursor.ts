/**
 * Where in the run a person looks. One for all views of a widget, as they share rows and film: two views side by side show
 * the same moment. `null` follows the newest iteration.
 */
export class Cursor {
  readonly #last: () => number;
  readonly #changed: () => void;
  #at: number | null = null;

  constructor(last: () => number, changed: () => void) {
    this.#last = last;
    this.#changed = changed;
  }

  /** The iteration looked at, from 0 (the starting picture) on; `null` is the newest, whichever that is. */
  get at(): number | null {
    return this.#at !== null && this.#at < this.#last() ? this.#at : null;
  }

  get iteration(): number {
    return this.at ?? this.#last();
  }

  get isPast(): boolean {
    return this.at !== null;
  }

  /** To an iteration; to the last one or beyond is to follow again. */
  go(iteration: number | null): void {
    const inside = iteration === null ? null : Math.max(0, Math.round(iteration));
    const at = inside !== null && inside < this.#last() ? inside : null;
    if (at === this.#at) return;
    this.#at = at;
    this.#changed();
  }

  by(steps: number): void {
    this.go(this.iteration + steps);
  }
}

/** Moves the cursor by a key; whether it was one of those that do. */
export function moveByKey(cursor: Cursor, { key, shiftKey }: KeyboardEvent): boolean {
  const steps = shiftKey ? 10 : 1;
  if (key === "ArrowLeft") cursor.by(-steps);
  else if (key === "ArrowRight") cursor.by(steps);
  else if (key === "Home") cursor.go(0);
  else if (key === "End") cursor.go(null);
  else if (key === "Escape" && cursor.isPast) cursor.go(null);
  else return false;
  return true;
}
