import type { Link } from "../kernel/link";
import { type ActMaxModel, controlOf } from "../kernel/model";
import { h, setText, uniqueId } from "../kit/dom";
import { formatSides } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { addHelp } from "./help";
import { createProblem, explainRefusals } from "./problem";

type Position = number[] | null;
type Sides = readonly (number | null)[];
type Parsed = { position: Position } | { problem: string };

/** Where in the layer's map: one place, or all of it. */
export function createPosition(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const control = controlOf("position");
  const id = uniqueId("position");
  const field = h("input", {
    id,
    type: "text",
    placeholder: control.none ?? "",
    autocomplete: "off",
    spellcheck: "false",
    "data-testid": "position",
  });
  const size = h("span", { class: "actmax-of", "data-testid": "position-of" });
  const middle = button("middle", TEXTS.position.middle, TEXTS.position.middleTitle);
  const whole = button("whole", TEXTS.position.whole, TEXTS.position.wholeTitle);
  const problem = createProblem("position", [field]);
  const element = h(
    "div",
    { class: "actmax-field actmax-position" },
    h("label", { for: id }, control.label),
    field,
    size,
    h("span", { class: "actmax-pair" }, middle, whole),
    problem.element,
  );
  addHelp(element, [field], control.help);

  const sides = () => model.get("position_shape") ?? [];
  const read = () => parsePosition(field.value, sides().length);
  const keep = (position: Position) => {
    field.value = formatPosition(position);
  };
  const show = () => {
    keep(model.get("position") ?? null);
    problem.explain("");
  };
  const showSize = () => {
    setText(size, TEXTS.position.of(formatSides(sides())));
    // Where the middle of a side that varies is only the kernel knows.
    middle.hidden = sides().includes(null);
  };
  const set = (position: Position) => {
    link.change({ position });
    // Not by a change event alone: "(3, 7)" is the place that was there before.
    show();
  };
  const commit = () => {
    const parsed = read();
    if ("problem" in parsed) problem.explain(parsed.problem);
    else set(parsed.position);
  };

  explainRefusals(model, "position", scope, { problem, fields: [field], keep, show });
  scope.on(model, "change:position", show);
  scope.on(model, "change:position_shape", showSize);
  scope.listen(field, "change", commit);
  // While typing a problem only goes away: half a number is no reason to scold.
  scope.listen(field, "input", () => "position" in read() && problem.explain(""));
  scope.listen(field, "keydown", ({ key }) => key === "Escape" && show());
  scope.listen(middle, "click", () => set(sides().map((side) => Math.floor((side ?? 0) / 2))));
  scope.listen(whole, "click", () => set(null));
  show();
  showSize();
  return { element, cleanup: scope.cleanup };
}

const EXAMPLES = ["3", "3", "3, 7", "3, 7, 2"];

/** "3, 7", "(3, 7)", "3 7", or nothing for the whole map; whether there is such a place the kernel says. */
export function parsePosition(text: string, sides: number): Parsed {
  const inside = text.replaceAll(/[()[\]]/g, " ").trim();
  if (inside === "") return { position: null };
  const indices = inside.split(/\s*[,×]\s*|\s+/);
  if (indices.every((index) => /^-?\d+$/.test(index))) return { position: indices.map(Number) };
  const example = EXAMPLES[sides] ?? EXAMPLES[2];
  return {
    problem: TEXTS.position.problem(text, example),
  };
}

const formatPosition = (position: Position): string => (position ?? []).join(", ");

/** Counted from either end. */
export const isWithin = (index: number, count: number): boolean => index >= -count && index < count;

export const isInside = (position: Position | undefined, sides: Sides): boolean =>
  !position ||
  (position.length === sides.length &&
    position.every((index, i) => isWithin(index, sides[i] ?? Number.POSITIVE_INFINITY)));

function button(which: "middle" | "whole", name: string, title: string): HTMLButtonElement {
  return h("button", { type: "button", title, "data-testid": `position-${which}` }, name);
}
