// @vitest-environment node
/// <reference types="vite/types/importMeta.d.ts" />
import { parseAst, transformWithEsbuild } from "vite";
import { describe, expect, it } from "vitest";

/** All files of the page but those that hold its words: texts.ts, and what is made of Python's declarations. */
const SOURCES = import.meta.glob<string>(
  ["../src/**/*.ts", "!../src/texts.ts", "!../src/kernel/contract.ts"],
  { query: "?raw", import: "default", eager: true },
);

/** Two words with a space between, of which one may be put in (a NUL stands for that), or a word with a capital. */
const TEXT = /[\p{L}\0] \p{L}|\p{L} \0|^\p{Lu}\p{Ll}/u;
/** What looks so and is read by no person: events, classes, keys, NaN, groups of the declarations, CSS. */
const NO_TEXT = [
  /^(change:[\w\0]+ ?)+$/,
  /^(actmax-[\w\0-]+ ?)+$/,
  /^(Arrow(Left|Right|Up|Down)|Page(Up|Down)|Home|End|Escape|Enter|AltGraph|NaN)$/,
  /^(Target|Recipe|Files|shut down)$/,
  /^(pan-x pan-y|11px \0)$/,
  // By these film.ts and tile_grid.ts tell whether anything is new.
  /^\0 (to \0|by activation at \0, \0)$/,
  // The kernel's names of measures.
  /^\0 of $/,
];
/** A single word in one of these is a text, too. */
const SHOWN = ["title", "placeholder", "aria-label", "aria-roledescription", "aria-valuetext"];

interface Node {
  type: string;
  [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof (value as Node | null | undefined)?.type === "string";

/** Of a string, or of a template with a NUL for each value put in. */
function textOf(node: unknown): string | null {
  if (!isNode(node)) return null;
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : null;
  if (node.type !== "TemplateLiteral") return null;
  return (node.quasis as { value: { cooked: string } }[])
    .map(({ value }) => value.cooked)
    .join("\0");
}

/** What `node` itself shows: an attribute, a child of an element, a text that is set. */
function shownBy(node: Node): unknown[] {
  if (node.type === "Property") {
    const { name, value } = node.key as { name?: string; value?: string };
    return SHOWN.includes(name ?? value ?? "") ? [node.value] : [];
  }
  if (node.type !== "CallExpression") return [];
  const [first, ...others] = node.arguments as unknown[];
  const { name, property } = node.callee as { name?: string; property?: { name?: string } };
  if (name === "h") return others.slice(1);
  if (name === "setText") return others;
  return property?.name === "setAttribute" && SHOWN.includes(textOf(first) ?? "") ? others : [];
}

/** Either side of a question. */
const sidesOf = (node: unknown): unknown[] =>
  isNode(node) && node.type === "ConditionalExpression"
    ? [node.consequent, node.alternate].flatMap(sidesOf)
    : [node];

/**
 * What is written in a source and is to be in texts.ts. A single word in small letters that is shown by way of a variable
 * is not found.
 */
function find(node: unknown, found: string[]): string[] {
  if (Array.isArray(node)) for (const one of node) find(one, found);
  // Errors are thrown for programmers.
  if (!isNode(node) || node.type === "ImportDeclaration" || node.type === "ThrowStatement")
    return found;
  const text = textOf(node);
  if (text !== null && TEXT.test(text) && !NO_TEXT.some((one) => one.test(text))) found.push(text);
  for (const shown of shownBy(node).flatMap(sidesOf)) {
    const word = textOf(shown);
    if (word !== null && /\p{L}{2}/u.test(word)) found.push(word);
  }
  for (const inside of Object.values(node)) if (typeof inside === "object") find(inside, found);
  return found;
}

async function textsIn(source: string): Promise<string[]> {
  const { code } = await transformWithEsbuild(source, "one.ts", { sourcemap: false });
  return [...new Set(find(parseAst(code), []))];
}

describe("the words of the page", () => {
  it.each(Object.keys(SOURCES))("are not in %s", async (path) => {
    expect(await textsIn(SOURCES[path] ?? "")).toEqual([]);
  });

  it.each([
    ['const a = "Save";', "Save"],
    ['const a = "made of steps";', "made of steps"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    ["const a = `${n} left`;", "\0 left"],
    ['h("button", { title: "step" });', "step"],
    ['h("button", { class: "actmax-quiet" }, "step");', "step"],
    ['setText(element, a ? "noise" : b);', "noise"],
    ['element.setAttribute("aria-label", "noise");', "noise"],
  ])("would be found: %s", async (source, text) => {
    expect(await textsIn(source)).toEqual([text]);
  });

  it("are looked for in all files", () => {
    expect(Object.keys(SOURCES).length).toBeGreaterThan(50);
  });
});
