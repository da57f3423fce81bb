/** Which pictures of an atlas are shown, and in which order. */
import type { Group } from "../kit/tile_window";
import type { AtlasRows, TextName } from "./atlas_rows";
import type { AtlasSettings } from "./contract";

export type Chosen = Omit<AtlasSettings, "selected">;

export interface Arrangement {
  /** Rows in their order. */
  order: Uint32Array;
  groups: Group[];
}

export function arrangementOf(rows: AtlasRows, chosen: Chosen): Arrangement {
  const order = matching(rows, chosen).sort(comparing(rows, chosen));
  return { order, groups: groupsOf(rows, order, chosen.grouped) };
}

/** Where a text is searched for. */
const SEARCHED: readonly TextName[] = ["label", "layer", "checkpoint", "error"];

function matching(rows: AtlasRows, { search, layer, checkpoint, failures }: Chosen): Uint32Array {
  const tests: ((row: number) => boolean)[] = [];
  // Of a text that there is not, there is no picture.
  for (const [name, text] of [
    ["layer", layer],
    ["checkpoint", checkpoint],
  ] as const) {
    const code = rows.textsOf(name).indexOf(text);
    if (text !== "") tests.push((row) => rows.number(name, row) === code);
  }
  if (failures) tests.push((row) => rows.hasFailed(row));
  for (const word of search.toLowerCase().split(/\s+/).filter(Boolean))
    tests.push(having(rows, word));
  const found = new Uint32Array(rows.count);
  let count = 0;
  for (let row = 0; row < rows.count; row++)
    if (tests.every((test) => test(row))) found[count++] = row;
  return found.subarray(0, count);
}

/** Each text is looked at once, however many pictures have it. A number is a filter, or a word of its own. */
function having(rows: AtlasRows, word: string): (row: number) => boolean {
  const isNumber = /^\d+$/.test(word);
  const whole = new RegExp(`(?<![\\d.])${isNumber ? word : "$^"}(?![\\d.])`);
  const hits = SEARCHED.map((name) => ({
    name,
    found: rows.lowerOf(name).map((text) => (isNumber ? whole.test(text) : text.includes(word))),
  }));
  const filter = isNumber ? Number(word) : Number.NaN;
  return (row) =>
    rows.number("filter", row) === filter ||
    hits.some(({ name, found }) => found[rows.number(name, row)] ?? false);
}

/** By these in turn: the numbers of all rows, the least first. */
function comparing(rows: AtlasRows, { sort, grouped }: Chosen): (a: number, b: number) => number {
  const greatestFirst = (value: (row: number) => number) =>
    // What failed has no number, and stands at the end.
    Float64Array.from({ length: rows.count }, (_, row) => {
      const found = -value(row);
      return Number.isNaN(found) ? Number.POSITIVE_INFINITY : found;
    });
  const activation = rows.column("activation");
  const byActivation = () => [greatestFirst((row) => activation[row] ?? Number.NaN)];
  const keys: ArrayLike<number>[] = grouped ? [rows.column("layer")] : [];
  if (sort === "score") keys.push(greatestFirst((row) => rows.score(row)));
  if (sort !== "filter") keys.push(...byActivation());
  for (const name of ["filter", "seed", "settings", "checkpoint", "layer"] as const)
    keys.push(rows.column(name));
  return (one, other) => {
    for (const key of keys) {
      const [a, b] = [key[one] as number, key[other] as number];
      if (a !== b) return a < b ? -1 : 1;
    }
    return one - other;
  };
}

function groupsOf(rows: AtlasRows, order: Uint32Array, grouped: boolean): Group[] {
  if (!grouped) return [{ heading: "", start: 0, count: order.length }];
  const groups: Group[] = [];
  let code = Number.NaN;
  order.forEach((row, place) => {
    const own = rows.number("layer", row);
    const last = groups.at(-1);
    if (last && own === code) last.count += 1;
    else groups.push({ heading: rows.text("layer", row), start: place, count: 1 });
    code = own;
  });
  return groups;
}
