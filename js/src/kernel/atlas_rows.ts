/** The light columns of an atlas, as the kernel sends them: numbers in arrays that grow, each text once. */
import { ATLAS_COLUMNS, type AtlasRowsMessage } from "./contract";
import { bytesOf } from "./frame";

export type ColumnName = keyof typeof ATLAS_COLUMNS;
export type TextName = "layer" | "checkpoint" | "label" | "settings" | "error";
type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

const KINDS = {
  i4: Int32Array,
  u4: Uint32Array,
  f4: Float32Array,
  f8: Float64Array,
  u1: Uint8Array,
} as const;
/** What the pictures of a film of training have in common. */
const SAME = ["filter", "layer", "seed", "settings"] as const;
const NAMES = Object.keys(ATLAS_COLUMNS) as ColumnName[];

export class AtlasRows {
  count = 0;
  /** Rises with each that comes. */
  version = 0;
  readonly #columns = new Map<ColumnName, Numbers>();
  readonly #texts = new Map<string, string[]>();
  readonly #lower = new Map<string, string[]>();

  /** Takes what follows on what there is; whether anything did. What another page asked for may be known already. */
  take({ first, count, texts, texts_first }: AtlasRowsMessage, buffers: DataView[]): boolean {
    if (first > this.count || first + count <= this.count) return false;
    const known = this.count - first;
    NAMES.forEach((name, i) => {
      const bytes = bytesOf(buffers[i]);
      const Kind = KINDS[ATLAS_COLUMNS[name]];
      // Copied: a view of numbers begins at a multiple of their size.
      const values = new Kind(bytes.slice().buffer) as Numbers;
      const column = this.#grown(name, first + count);
      column.set(values.subarray(known, count) as never, this.count);
    });
    for (const [name, added] of Object.entries(texts)) {
      const list = this.#texts.get(name) ?? [];
      list.push(...added.slice(Math.max(0, list.length - (texts_first[name] ?? 0))));
      this.#texts.set(name, list);
    }
    this.count = first + count;
    this.version += 1;
    return true;
  }

  number(name: ColumnName, row: number): number {
    return this.#columns.get(name)?.[row] ?? Number.NaN;
  }

  /** All of a column; longer than there are rows. */
  column(name: ColumnName): ArrayLike<number> {
    return this.#columns.get(name) ?? [];
  }

  text(name: TextName, row: number): string {
    return this.textsOf(name)[this.number(name, row)] ?? "";
  }

  textsOf(name: TextName): readonly string[] {
    return this.#texts.get(name) ?? [];
  }

  /** The same in small letters, for a search. */
  lowerOf(name: TextName): readonly string[] {
    const list = this.#lower.get(name) ?? [];
    const texts = this.textsOf(name);
    for (let i = list.length; i < texts.length; i++) list.push((texts[i] as string).toLowerCase());
    this.#lower.set(name, list);
    return list;
  }

  hasFailed(row: number): boolean {
    return this.text("error", row) !== "";
  }

  /** How many of strong, sturdy and natural are good, with half of one that is doubtful: 0 to 3. */
  score(row: number): number {
    let sum = 0;
    for (const name of ["strong", "sturdy", "natural"] as const)
      sum += Math.max(0, this.number(name, row) - 1) / 2;
    return sum;
  }

  hasScore(row: number): boolean {
    return this.number("strong", row) > 0;
  }

  /** The same layer, filter, seed and settings of each checkpoint, in the order of the store. */
  filmOf(row: number): number[] {
    const columns = SAME.map((name) => this.column(name));
    const checkpoint = this.column("checkpoint");
    const own = columns.map((column) => column[row]);
    const found = new Map<number | undefined, number>();
    for (let other = 0; other < this.count; other++) {
      const isSame = columns.every((column, i) => column[other] === own[i]);
      if (isSame && (other === row || !found.has(checkpoint[other])))
        found.set(checkpoint[other], other);
    }
    return [...found.values()];
  }

  #grown(name: ColumnName, length: number): Numbers {
    const column = this.#columns.get(name);
    if (column && column.length >= length) return column;
    const Kind = KINDS[ATLAS_COLUMNS[name]];
    const larger = new Kind(Math.max(length, 2 * (column?.length ?? 0))) as Numbers;
    if (column) larger.set(column as never);
    this.#columns.set(name, larger);
    return larger;
  }
}
