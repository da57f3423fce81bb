/** What the units of a layer are called, in the order of their indices. */
import type { ActMaxModel } from "./model";

export type Names = readonly string[];

const NONE: Names = [];

/** None where the units of the layer have no names. */
export const namesOf = (model: ActMaxModel, layer: string): Names =>
  (model.get("labelled") ?? []).includes(layer) ? (model.get("labels") ?? NONE) : NONE;

/** "1 goldfish"; the number alone where there is no name. */
export function call(index: number, names: Names): string {
  const name = names.at(index);
  return name === undefined ? String(index) : `${index} ${name}`;
}

/** The unit of that name, however it is written; `null` where there is none, or where there are several. */
export function find(name: string, names: Names): number | null {
  const exact = names.indexOf(name);
  return exact >= 0 ? exact : (readerOf(names).byKey.get(keyOf(name)) ?? null);
}

/** A number and a name, as `call` writes them. */
const CALLED = /^(-?\d+)\s+(\S.*)$/;

/** The unit that is called so, if the name is its own. */
export function findCalled(text: string, names: Names): number | null {
  const [, digits = "", name = ""] = CALLED.exec(text) ?? [];
  const own = names.at(Number(digits));
  return digits !== "" && own !== undefined && keyOf(own) === keyOf(name) ? Number(digits) : null;
}

/** Commas in the name that has most of them: WordNet's are several with commas between. */
export const commasIn = (names: Names): number => readerOf(names).commas;

/** The units that may be meant by whoever has typed this so far, the likeliest first; all where that is nothing. */
export function search(text: string, names: Names, most: number): number[] {
  const wanted = keyOf(text);
  const all = [...names.keys()];
  if (wanted === "") return all;
  const { keys } = readerOf(names);
  const ranked = all
    .map((index) => ({
      index,
      rank: String(index) === wanted ? 0 : rank(keys[index] ?? "", wanted),
    }))
    .filter((one) => one.rank < NOWHERE);
  ranked.sort((one, other) => one.rank - other.rank);
  return ranked.slice(0, most).map(({ index }) => index);
}

const NOWHERE = 5;

/** 1 it is the same, 2 it begins so, 3 a word of it does, 4 it is somewhere in it. */
function rank(key: string, wanted: string): number {
  if (key === wanted) return 1;
  if (key.startsWith(wanted)) return 2;
  if (key.includes(` ${wanted}`)) return 3;
  return key.includes(wanted) ? 4 : NOWHERE;
}

interface Reader {
  keys: readonly string[];
  /** Those of one name only. */
  byKey: ReadonlyMap<string, number | null>;
  commas: number;
}

/** They are a thousand, and looked at with each key that is pressed. */
const readers = new WeakMap<Names, Reader>();

function readerOf(names: Names): Reader {
  const known = readers.get(names);
  if (known) return known;
  const keys = names.map(keyOf);
  const byKey = new Map<string, number | null>();
  for (const [index, key] of keys.entries()) byKey.set(key, byKey.has(key) ? null : index);
  const commas = names.reduce((most, name) => Math.max(most, name.split(",").length - 1), 0);
  const made = { keys, byKey, commas };
  readers.set(names, made);
  return made;
}

/** A text as the kernel compares it: Keras writes golden_retriever. */
const keyOf = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[\s_\-()/]+/g, " ")
    .trim();
