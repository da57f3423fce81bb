import type { Control, Parameters } from "../kernel/contract";
import type { Link } from "../kernel/link";
import type { ActMaxModel } from "../kernel/model";
import { h, uniqueId } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { addHelp } from "./help";
import { createProblem, explainRefusals } from "./problem";

type Range = Parameters["input_range"];
type End = "low" | "high";
type Parsed = { range: Range } | { problem: string; at: End[] };

const ENDS: readonly End[] = ["low", "high"];

/** The values that the picture may have: one parameter in two fields, and so checked as one. */
export function createRange(model: ActMaxModel, link: Link, control: Control): Component {
  const scope = new Scope();
  const { element, ends, problem } = createFields(control);

  const read = () => parseRange(ends.low.value, ends.high.value);
  const write = ([low, high]: readonly [unknown, unknown]) => {
    ends.low.value = String(low);
    ends.high.value = String(high);
  };
  const show = () => {
    write(model.get("input_range") ?? ["", ""]);
    problem.explain("");
  };
  const commit = () => {
    const parsed = read();
    if ("problem" in parsed)
      return problem.explain(
        parsed.problem,
        parsed.at.map((end) => ends[end]),
      );
    link.change({ input_range: parsed.range });
    // Not by a change event alone: "255.0" is the end that was there before.
    show();
  };

  const fields = [ends.low, ends.high];
  explainRefusals(model, "input_range", scope, { problem, fields, keep: write, show });
  scope.on(model, "change:input_range", show);
  for (const field of fields) {
    scope.listen(field, "change", commit);
    // While typing a problem only goes away: half a number is no reason to scold.
    scope.listen(field, "input", () => "range" in read() && problem.explain(""));
    scope.listen(field, "keydown", ({ key }) => key === "Escape" && show());
  }
  show();
  return { element, cleanup: scope.cleanup };
}

/** A number field that holds no number has an empty text. */
export function parseRange(lowText: string, highText: string): Parsed {
  const [low, high] = [numberIn(lowText), numberIn(highText)];
  if (low === null) return { problem: noNumber("low", "0"), at: ["low"] };
  if (high === null) return { problem: noNumber("high", "255"), at: ["high"] };
  if (low < high) return { range: [low, high] };
  return { problem: TEXTS.inputRange.order(low, high), at: [...ENDS] };
}

function numberIn(text: string): number | null {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

const noNumber = (end: End, example: string): string =>
  TEXTS.inputRange.noNumber(TEXTS.inputRange.ends[end], example);

function createFields({ label, help }: Control) {
  const id = uniqueId("range");
  const field = (end: End) =>
    h("input", {
      type: "number",
      step: "any",
      "aria-label": `${label}, ${TEXTS.inputRange.ends[end]}`,
      "data-testid": `input-${end}`,
    });
  const ends = { low: field("low"), high: field("high") };
  const problem = createProblem("input-range", [ends.low, ends.high]);
  const element = h(
    "div",
    { class: "actmax-field actmax-range", role: "group", "aria-labelledby": id },
    h("span", { id }, label),
    h("span", { class: "actmax-ends" }, ends.low, "…", ends.high),
    problem.element,
  );
  addHelp(element, [ends.low, ends.high], help);
  return { element, ends, problem };
}
