/** The filter field's text: "3", "3, 7", "0-4", "-1" (the last), or nothing for all. */

export type Parsed = { indices: number[] | null } | { problem: string };

const SINGLE = /^-?\d+$/;
const RANGE = /^(\d+)\s*[-–]\s*(\d+)$/;
const FORMS = 'Write one filter ("3"), several ("3, 7"), a range ("0-4"), or nothing for all.';

/** Indices in the order written, each once; or a sentence that says what is wrong. */
export function parseFilters(text: string, count: number, layer: string): Parsed {
  if (text.trim() === "") return { indices: null };
  const indices = new Set<number>();
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const found = expand(part, count, layer);
    if ("problem" in found) return found;
    for (const index of found.indices) indices.add(index);
  }
  return { indices: [...indices] };
}

function expand(
  part: string,
  count: number,
  layer: string,
): { indices: number[] } | { problem: string } {
  const range = RANGE.exec(part);
  if (!range && !SINGLE.test(part)) {
    return {
      problem:
        part === "" ? `A number is missing. ${FORMS}` : `"${part}" is not a filter. ${FORMS}`,
    };
  }
  const first = Number(range?.[1] ?? part);
  const last = Number(range?.[2] ?? part);
  // Checked before the range is written out: "0-999999999" must not fill the memory.
  for (const index of [first, last]) {
    if (index < -count || index >= count) return { problem: outside(index, count, layer) };
  }
  if (last < first) return { problem: `"${part}" runs backwards. Write ${last}-${first}.` };
  return { indices: Array.from({ length: last - first + 1 }, (_, i) => first + i) };
}

const outside = (index: number, count: number, layer: string): string =>
  `There is no filter ${index}: layer ${layer} has ${
    count === 1 ? "only filter 0" : `filters 0 to ${count - 1}`
  }.`;

/** The inverse: three or more in a row become a range. */
export function formatFilters(indices: number[] | null): string {
  const parts: string[] = [];
  const left = [...(indices ?? [])];
  while (left.length > 0) {
    const run = left.splice(0, runLength(left));
    parts.push(run.length > 2 ? `${run[0]}-${run[run.length - 1]}` : run.join(", "));
  }
  return parts.join(", ");
}

function runLength(indices: number[]): number {
  const start = indices[0] ?? 0;
  // "-3--1" could not be read back.
  if (start < 0) return 1;
  let length = 1;
  while (indices[length] === start + length) length++;
  return length;
}

/** The one filter chosen, counted from the start; `null` where there are several, or all. */
export function singleFilter(indices: number[] | null, count: number): number | null {
  const [index, ...others] = indices ?? [];
  if (index === undefined || others.length > 0) return null;
  return index < 0 ? index + count : index;
}

/** The filter before or after; around the corner at the ends, so that a click always shows one. */
export function neighbour(indices: number[] | null, direction: 1 | -1, count: number): number {
  const edge = direction > 0 ? indices?.[indices.length - 1] : indices?.[0];
  if (edge === undefined) return direction > 0 ? 0 : count - 1;
  return (((edge + direction) % count) + count) % count;
}
