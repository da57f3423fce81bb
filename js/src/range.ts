import { h, setText, uniqueId } from "./dom";
import type { Link } from "./link";
import type { ActMaxModel, Parameters } from "./model";
import { type Component, Scope } from "./scope";

type Range = Parameters["input_range"];
type End = "low" | "high";
type Parsed = { range: Range } | { problem: string; at: End[] };

const ENDS: readonly End[] = ["low", "high"];

/** The values that the picture may have: one parameter in two fields, and so checked as one. */
export function createRange(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const { element, ends, problem } = createFields();

  const explain = (sentence: string, at: End[] = []) => {
    setText(problem, sentence);
    problem.hidden = sentence === "";
    for (const end of ENDS) {
      ends[end].setAttribute("aria-invalid", String(at.includes(end)));
    }
  };
  const read = () => parseRange(ends.low.value, ends.high.value);
  const show = () => {
    const [low = "", high = ""] = model.get("input_range") ?? [];
    ends.low.value = String(low);
    ends.high.value = String(high);
    explain("");
  };
  const commit = () => {
    const parsed = read();
    if ("problem" in parsed) return explain(parsed.problem, parsed.at);
    link.change({ input_range: parsed.range });
    // Not by a change event alone: "255.0" is the end that was there before.
    show();
  };

  scope.on(model, "change:input_range", show);
  for (const field of [ends.low, ends.high]) {
    scope.listen(field, "change", commit);
    // While typing a problem only goes away: half a number is no reason to scold.
    scope.listen(field, "input", () => "range" in read() && explain(""));
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
  return { problem: `The low end, ${low}, must be below the high end, ${high}.`, at: [...ENDS] };
}

function numberIn(text: string): number | null {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

const noNumber = (end: End, example: string): string =>
  `The ${end} end is not a number. Write one, such as ${example}.`;

function createFields() {
  const ids = { label: uniqueId("range"), problem: uniqueId("problem") };
  const field = (end: End) =>
    h("input", {
      type: "number",
      step: "any",
      "aria-label": `Input range, ${end}`,
      "aria-describedby": ids.problem,
      "data-testid": `input-${end}`,
    });
  const ends = { low: field("low"), high: field("high") };
  const problem = h("p", {
    id: ids.problem,
    class: "actmax-problem",
    role: "alert",
    "data-testid": "input-range-problem",
  });
  const element = h(
    "div",
    { class: "actmax-field actmax-range", role: "group", "aria-labelledby": ids.label },
    h("span", { id: ids.label }, "Input range"),
    h("span", { class: "actmax-ends" }, ends.low, "…", ends.high),
    problem,
  );
  return { element, ends, problem };
}
