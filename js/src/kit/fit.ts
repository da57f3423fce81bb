/**
 * Texts that fit a width, shortened before they are in the page: of the hundreds of tiles of a sheet the browser would
 * clip each in every frame of a scroll.
 */

/** CSS pixels of a text. */
export type Measure = (text: string) => number;

const BETWEEN = " · ";

/** Measures in the font that an element has now. */
export function measureIn(element: Element): Measure {
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return () => 0;
  const { fontSize, fontFamily } = getComputedStyle(element);
  pen.font = `${fontSize} ${fontFamily}`;
  return (text) => pen.measureText(text).width;
}

/** What is left of a word, where another follows that is whole. */
const REST = /^…[a-z]+[\s/_.-]+(?=\S)/i;

/** `text`, or as much of its beginning, or its end, as there is room for. */
export function fitted(text: string, room: number, measure: Measure, keep: "start" | "end") {
  if (measure(text) <= room) return text;
  const cut = (count: number) =>
    keep === "start" ? `${text.slice(0, count).trimEnd()}…` : `…${text.slice(-count).trimStart()}`;
  let [least, most] = [0, text.length - 1];
  while (least < most) {
    const count = Math.ceil((least + most) / 2);
    if (measure(cut(count)) <= room) least = count;
    else most = count - 1;
  }
  return least > 0 ? cut(least).replace(REST, "…") : "";
}

/** Both in a line: what `first` ends with tells it from others, and `last` goes before it. */
export function fittedPair(first: string, last: string, room: number, measure: Measure): string {
  const end = fitted(last, room, measure, "start");
  if (first === "" || end !== last) return end;
  const tail = last === "" ? "" : `${BETWEEN}${last}`;
  const begin = fitted(first, room - measure(tail), measure, "end");
  return begin === "" ? last : `${begin}${tail}`;
}
