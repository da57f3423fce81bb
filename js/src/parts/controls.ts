import type { ActMaxModel, Parameters } from "../kernel/contract";
import type { Link } from "../kernel/link";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { createRange } from "./input_range";
import { createProblem, explainRefusals, labelled } from "./problem";
import { createStart } from "./start";

type Modifier = "grad_modifier" | "backprop_modifier";

const SPEEDS = [1, 5, 15, 30, 60, 120, 250];

/** What is set once and seldom touched; a starting picture may be dropped onto `dropZone`. */
export function createSettings(model: ActMaxModel, store: Store, dropZone: HTMLElement): Component {
  const { link } = store;
  const settings = [
    createNumber(model, link, "max_iter", "Iterations a run"),
    createSpeed(model, link),
    createModifier(model, link, "grad_modifier", "Gradient modifier"),
    createModifier(model, link, "backprop_modifier", "Backprop"),
    createRange(model, link),
    createClip(model, link),
    createStart(model, store, dropZone),
    createFit(model, link),
    createNumber(model, link, "seed", "Seed of noise, jitter", "random"),
  ];
  const element = h(
    "details",
    { class: "actmax-settings", "data-testid": "more" },
    h("summary", {}, "More"),
    h("div", { class: "actmax-settings-grid" }, ...settings.map((setting) => setting.element)),
  );
  return {
    element,
    cleanup() {
      for (const setting of settings) setting.cleanup();
    },
  };
}

/** With a `placeholder` an empty field means null. */
function createNumber(
  model: ActMaxModel,
  link: Link,
  name: "max_iter" | "seed",
  label: string,
  placeholder?: string,
): Component {
  const scope = new Scope();
  const testId = name.replace("_", "-");
  const field = h("input", {
    type: "number",
    min: name === "seed" ? 0 : 1,
    step: 1,
    placeholder: placeholder ?? "",
    "data-testid": testId,
  });
  const problem = createProblem(`${testId}-number`, [field]);
  const show = () => {
    field.value = String(model.get(name) ?? "");
  };
  const keep = (value: number | null) => {
    field.value = String(value ?? "");
  };
  const enter = () => {
    problem.explain("");
    const isNull = field.value === "" && placeholder !== undefined && !field.validity.badInput;
    if (isNull) link.change({ seed: null });
    else if (field.value !== "") link.change({ [name]: Number(field.value) });
    show();
  };
  explainRefusals(model, name, scope, { problem, fields: [field], keep, show });
  scope.on(model, `change:${name}`, show);
  scope.listen(field, "change", enter);
  show();
  return { element: labelled(label, field, problem.element), cleanup: scope.cleanup };
}

/** A list of values of one parameter, `null` among them; the value it has is always in the list. */
function createSelect<K extends "steps_per_second" | "seed_fit" | Modifier>(
  model: ActMaxModel,
  link: Link,
  name: K,
  label: string,
  choices: () => { value: Parameters[K]; text: string }[],
): Component {
  const scope = new Scope();
  const testId = name.replaceAll("_", "-");
  const select = h("select", { "data-testid": testId });
  const problem = createProblem(testId, [select]);
  let offered: Parameters[K][] = [];
  const show = () => {
    const current = model.get(name) as Parameters[K];
    const all = choices();
    if (!all.some(({ value }) => value === current))
      all.push({ value: current, text: String(current) });
    offered = all.map(({ value }) => value);
    select.replaceChildren(...all.map(({ text }, i) => h("option", { value: i }, text)));
    select.selectedIndex = offered.indexOf(current);
  };
  const choose = () => {
    problem.explain("");
    link.change({ [name]: offered[select.selectedIndex] } as Partial<Parameters>);
  };
  // A list holds nothing but what may be chosen, and so it does not keep what was refused.
  explainRefusals(model, name, scope, { problem, fields: [select], keep: show, show });
  // The kernel's list of choices is called as the parameter is, in the plural.
  scope.on(model, `change:${name} change:${name}s`, show);
  scope.listen(select, "change", choose);
  show();
  return { element: labelled(label, select, problem.element), cleanup: scope.cleanup };
}

const createSpeed = (model: ActMaxModel, link: Link): Component =>
  createSelect(model, link, "steps_per_second", "Steps per second", () => [
    ...SPEEDS.map((speed) => ({ value: speed, text: `at most ${speed}` })),
    { value: null, text: "as fast as it goes" },
  ]);

const createFit = (model: ActMaxModel, link: Link): Component =>
  createSelect(model, link, "seed_fit", "Fit starting picture", () => [
    { value: "crop", text: "by cropping" },
    { value: "pad", text: "by padding" },
    { value: "stretch", text: "by stretching" },
  ]);

const createModifier = (model: ActMaxModel, link: Link, name: Modifier, label: string): Component =>
  createSelect(model, link, name, label, () => [
    { value: null, text: "none" },
    ...(model.get(`${name}s`) ?? []).map((choice) => ({ value: choice, text: choice })),
  ]);

function createClip(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const box = h("input", { type: "checkbox", "data-testid": "clip" });
  const range = h("span");
  const show = () => {
    box.checked = model.get("clip");
    const [low, high] = model.get("input_range") ?? [];
    range.textContent = low === undefined ? "Clip to the input range" : `Clip to ${low} … ${high}`;
  };
  scope.on(model, "change:clip change:input_range", show);
  scope.listen(box, "change", () => link.change({ clip: box.checked }));
  show();
  return { element: h("label", { class: "actmax-check" }, box, range), cleanup: scope.cleanup };
}
