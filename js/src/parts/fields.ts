import type { Choice, Control, Parameters } from "../kernel/contract";
import type { Link } from "../kernel/link";
import { type ActMaxModel, type NameOf, type Traits, testIdOf } from "../kernel/model";
import { h, setText, uniqueId } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { addHelp } from "./help";
import { createProblem, explainRefusals, labelled } from "./problem";

/** A number field; where null is allowed an empty one means it. */
export function createNumber(model: ActMaxModel, link: Link, control: Control): Component {
  const scope = new Scope();
  const name = control.name as NameOf<number | null>;
  const testId = testIdOf(control);
  const field = h("input", {
    type: "number",
    min: control.least ?? false,
    step: control.kind === "integer" ? 1 : "any",
    placeholder: control.none ?? "",
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
    const isNull = field.value === "" && control.none !== undefined && !field.validity.badInput;
    if (isNull) link.change({ [name]: null });
    else if (field.value !== "") link.change({ [name]: Number(field.value) });
    show();
  };
  explainRefusals(model, name, scope, { problem, fields: [field], keep, show });
  scope.on(model, `change:${name}`, show);
  scope.listen(field, "change", enter);
  show();
  const element = labelled(control.label, field, problem.element);
  addHelp(element, [field], control.help);
  return { element, cleanup: scope.cleanup };
}

/** A list of values of one parameter, `null` among them; the value it has is always in the list. */
export function createSelect(model: ActMaxModel, link: Link, control: Control): Component {
  const scope = new Scope();
  const name = control.name as NameOf<string | number | null>;
  const testId = testIdOf(control);
  const select = h("select", { "data-testid": testId });
  const problem = createProblem(testId, [select]);
  const said = h("p", {
    id: uniqueId("said"),
    class: "actmax-hint",
    "data-testid": `${testId}-said`,
  });
  let offered: Parameters[typeof name][] = [];
  const show = () => {
    const current = model.get(name);
    const all = choicesOf(model, control);
    if (!all.some(({ value }) => value === current))
      all.push({ value: current, label: nameOf(current) });
    offered = all.map(({ value }) => value);
    select.replaceChildren(...all.map(({ label }, i) => h("option", { value: i }, label)));
    select.selectedIndex = offered.indexOf(current);
    setText(said, control.choices?.find(({ value }) => value === current)?.help ?? "");
    said.hidden = said.textContent === "";
  };
  const choose = () => {
    problem.explain("");
    link.change({ [name]: offered[select.selectedIndex] } as Partial<Parameters>);
  };
  // A list holds nothing but what may be chosen, and so it does not keep what was refused.
  explainRefusals(model, name, scope, { problem, fields: [select], keep: show, show });
  scope.on(model, `change:${name} change:${listOf(control)}`, show);
  scope.listen(select, "change", choose);
  show();
  const element = labelled(control.label, select, problem.element);
  // Before the other words about it, as on the screen.
  select.setAttribute("aria-describedby", `${said.id} ${select.getAttribute("aria-describedby")}`);
  element.append(said);
  addHelp(element, [select], control.help);
  return { element, cleanup: scope.cleanup };
}

/** A function given in Python travels by its name; other things that are no word have none. */
const nameOf = (value: unknown): string =>
  value !== null && typeof value === "object" ? TEXTS.fields.own : String(value);

type Offered = Omit<Choice, "value"> & { value: Choice["value"] | null };

/** A list of the kernel's own goes before that of the declaration. Null stands first among names, last among numbers. */
function choicesOf(model: ActMaxModel, control: Control): Offered[] {
  const listed = model.get(listOf(control) as "grad_modifiers");
  const choices: Offered[] = [
    ...(listed?.map((value) => ({ value, label: value })) ?? control.choices ?? []),
  ];
  const none = control.none === undefined ? [] : [{ value: null, label: control.none }];
  return control.kind === "choice" ? [...none, ...choices] : [...choices, ...none];
}

/** The kernel's list of choices, if it has one, is called as the parameter is, in the plural. */
const listOf = ({ name }: Control): string => `${name}s`;

interface CheckboxOptions {
  /** What is said beside the box; its label unless told. */
  words?: () => string;
  /** The parameters that this depends on. */
  watch?: (keyof Traits)[];
}

export function createCheckbox(
  model: ActMaxModel,
  link: Link,
  control: Control,
  { words = () => control.label, watch = [] }: CheckboxOptions = {},
): Component {
  const scope = new Scope();
  const name = control.name as NameOf<boolean>;
  const box = h("input", { type: "checkbox", "data-testid": testIdOf(control) });
  const text = h("span");
  const show = () => {
    box.checked = model.get(name);
    text.textContent = words();
  };
  scope.on(model, [name, ...watch].map((trait) => `change:${trait}`).join(" "), show);
  scope.listen(box, "change", () => link.change({ [name]: box.checked }));
  show();
  const element = h("label", { class: "actmax-check" }, box, text);
  addHelp(element, [box], control.help);
  return { element, cleanup: scope.cleanup };
}

/** Its words tell the range. */
export function createClip(model: ActMaxModel, link: Link, control: Control): Component {
  const words = () => {
    const [low, high] = model.get("input_range") ?? [];
    return low === undefined ? control.label : TEXTS.fields.clip(low, high);
  };
  return createCheckbox(model, link, control, { words, watch: ["input_range"] });
}
