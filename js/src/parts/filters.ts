/** The filter field's text: "3", "3, 7", "0-4", "-1" (the last), nothing for all; where they have names, those, too. */
import { call, commasIn, find, findCalled, type Names, search } from "../kernel/names";
import { TEXTS } from "../texts";

/** A name stands for itself until the kernel says which filter it is. */
export type Filters = (number | string)[] | null;
export type Parsed = { indices: Filters } | { problem: string };

const SINGLE = /^-?\d+$/;
const RANGE = /^(\d+)\s*[-–]\s*(\d+)$/;
/** So many in a row are a range: three numbers, but of names as many as can still be read. */
const SHORTEST_RANGE = { numbers: 3, names: 5 };
const MOST_OFFERED = 50;

/** Filters in the order written, each once; or a sentence that says what is wrong. A name not known here is left to the kernel. */
export function parseFilters(
  text: string,
  count: number,
  layer: string,
  names: Names = [],
): Parsed {
  if (text.trim() === "") return { indices: null };
  const found = new Set<number | string>();
  const pieces = text.split(",");
  while (pieces.length > 0) {
    const called = takeCalled(pieces, names);
    const part = called === null ? expand(pieces.shift() ?? "", count, layer, names) : called;
    if ("problem" in part) return part;
    for (const one of part.indices) found.add(one);
  }
  return { indices: [...found] };
}

/** Takes what is called by a number and its name, or by a name with commas in it, off the front of the pieces. */
function takeCalled(pieces: string[], names: Names): { indices: number[] } | null {
  if (names.length === 0) return null;
  for (let length = Math.min(pieces.length, commasIn(names) + 1); length > 0; length--) {
    const text = pieces.slice(0, length).join(",").trim();
    const index = findCalled(text, names) ?? (length > 1 ? find(text, names) : null);
    if (index === null) continue;
    pieces.splice(0, length);
    return { indices: [index] };
  }
  return null;
}

function expand(
  piece: string,
  count: number,
  layer: string,
  names: Names,
): { indices: (number | string)[] } | { problem: string } {
  const part = piece.trim();
  const numbers = expandNumbers(part, count, layer);
  if ("indices" in numbers || part === "" || names.length === 0) return numbers;
  const index = find(part, names);
  if (index !== null) return { indices: [index] };
  return SINGLE.test(part) || RANGE.test(part) ? numbers : { indices: [part] };
}

function expandNumbers(
  part: string,
  count: number,
  layer: string,
): { indices: number[] } | { problem: string } {
  const range = RANGE.exec(part);
  if (!range && !SINGLE.test(part)) {
    return {
      problem: part === "" ? TEXTS.filters.missing : TEXTS.filters.unknown(part),
    };
  }
  const first = Number(range?.[1] ?? part);
  const last = Number(range?.[2] ?? part);
  // Checked before the range is written out: "0-999999999" must not fill the memory.
  for (const index of [first, last]) {
    if (index < -count || index >= count)
      return { problem: TEXTS.filters.outside(index, count, layer) };
  }
  if (last < first) return { problem: TEXTS.filters.backwards(part, first, last) };
  return { indices: Array.from({ length: last - first + 1 }, (_, i) => first + i) };
}

/** The inverse: several in a row become a range. */
export function formatFilters(filters: Filters, names: Names = []): string {
  const shortest = SHORTEST_RANGE[names.length > 0 ? "names" : "numbers"];
  const parts: string[] = [];
  const left = [...(filters ?? [])];
  while (left.length > 0) {
    const run = left.splice(0, runLength(left));
    if (run.length >= shortest) parts.push(`${run[0]}-${run[run.length - 1]}`);
    else parts.push(...run.map((one) => (typeof one === "number" ? call(one, names) : one)));
  }
  return parts.join(", ");
}

function runLength(filters: (number | string)[]): number {
  const [start] = filters;
  // "-3--1" could not be read back.
  if (typeof start !== "number" || start < 0) return 1;
  let length = 1;
  while (filters[length] === start + length) length++;
  return length;
}

/**
 * Texts that the field may be completed to: whatever is before the last comma, and a filter that may be meant by the rest.
 * Browsers show of them what has the typed text somewhere in it.
 */
export function completions(text: string, names: Names): string[] {
  const [, head = "", typed = ""] = /^(.*,\s*)?(.*)$/s.exec(text) ?? [];
  if (head !== "" && typed.trim() === "") return [];
  const byName = head !== "" && !SINGLE.test(typed.trim());
  return search(typed, names, MOST_OFFERED).map(
    (index) => `${head}${byName ? names[index] : call(index, names)}`,
  );
}

/** The one filter chosen, counted from the start; `null` where there are several, or all. */
export function singleFilter(filters: Filters, count: number): number | null {
  const [index, ...others] = filters ?? [];
  if (typeof index !== "number" || others.length > 0) return null;
  return index < 0 ? index + count : index;
}

/** The filter before or after; around the corner at the ends, so that a click always shows one. */
export function neighbour(filters: Filters, direction: 1 | -1, count: number): number {
  const edge = direction > 0 ? filters?.[filters.length - 1] : filters?.[0];
  if (typeof edge !== "number") return direction > 0 ? 0 : count - 1;
  return (((edge + direction) % count) + count) % count;
}
