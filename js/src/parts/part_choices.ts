import type { ChoosePart, Facts, PartChoice } from "../kernel/contract";
import type { Link } from "../kernel/link";
import { type ActMaxModel, controlOf } from "../kernel/model";
import type { Store } from "../kernel/store";
import { arrange, h, uniqueId } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createAllDefaults } from "./defaults";
import { createSelect } from "./fields";
import { addHelp } from "./help";
import { createProblem, explainRefusals, labelled } from "./problem";

type Family = ChoosePart["family"];
type Parts = Facts["parts"];

const HELP = TEXTS.partChoices.helps;

/** What sets all of the parts at once, and what sets all numbers back to it. */
export function createRecipe(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const defaults = createAllDefaults(model, store);
  const recipe = createSelect(model, store.link, controlOf("preset"));
  recipe.element.classList.add("actmax-recipe");
  recipe.element.dataset.part = "recipe";
  defaults.element.dataset.part = "defaults";
  recipe.element.querySelector("select")?.after(defaults.element);
  scope.add(defaults.cleanup);
  scope.add(recipe.cleanup);
  return { element: recipe.element, cleanup: scope.cleanup };
}

/** Of which parts a run is composed. Other ones are compiled first. */
export function createPartChoices(model: ActMaxModel, { link }: Store): Component {
  const scope = new Scope();
  const parts = [
    createFamily(model, link, "parametrization"),
    createFamily(model, link, "optimizer"),
    createTransforms(model, link),
  ];
  const element = h(
    "div",
    {
      class: "actmax-parts",
      role: "group",
      "aria-label": TEXTS.partChoices.label,
      "data-testid": "parts",
    },
    ...parts.map((part) => part.element),
  );
  const show = () => {
    element.hidden = !model.get("parts")?.parametrization;
  };
  for (const { cleanup } of parts) scope.add(cleanup);
  scope.on(model, "change:parts", show);
  show();
  return { element, cleanup: scope.cleanup };
}

/** A list out of which there is always one. */
function createFamily(model: ActMaxModel, link: Link, family: Family): Component {
  const scope = new Scope();
  const select = h("select", { "data-testid": family });
  const problem = createProblem(family, [select]);
  const element = labelled(TEXTS.partChoices.names[family], select, problem.element);
  element.dataset.part = family;
  const tell = addHelp(element, [select], HELP[family]);
  const show = () => {
    const { [family]: current = "", [`${family}s` as const]: choices = [] } =
      model.get("parts") ?? {};
    const listed = choices.some(({ value }) => value === current);
    offer(select, listed ? choices : [...choices, { value: current, label: current, help: "" }]);
    select.value = current;
    tell(helpOf(family, choices, current));
  };
  const choose = () => {
    problem.explain("");
    link.send({ type: "choose_part", family, name: select.value });
  };
  const watch = (inside: Scope, changed: () => void) => inside.on(model, "change:parts", changed);
  explainRefusals(model, family, scope, { problem, fields: [select], keep: show, show, watch });
  // An error of another kind leaves the part as it was, too.
  scope.on(model, "change:parts change:error", show);
  scope.listen(select, "change", choose);
  show();
  return { element, cleanup: scope.cleanup };
}

/** Those present, each with a button that removes it, and those that may be added. */
function createTransforms(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const { element, list, select, add, problem } = createTransformFields();
  const tell = addHelp(element, [select], HELP.transforms);
  const chips = new Map<string, HTMLElement>();

  const showHelp = () =>
    tell(helpOf("transforms", model.get("parts")?.transform_choices ?? [], select.value));
  const showPresent = ({ transforms = [], transform_choices: choices = [] }: Parts) => {
    for (const name of transforms)
      if (!chips.has(name))
        chips.set(
          name,
          createChip(name, choices, () => remove(name)),
        );
    for (const name of [...chips.keys()]) if (!transforms.includes(name)) chips.delete(name);
    list.hidden = transforms.length === 0;
    keepFocus(list, select, () =>
      arrange(
        list,
        transforms.flatMap((name) => chips.get(name) ?? []),
      ),
    );
  };
  const showFree = ({ transforms = [], transform_choices: choices = [] }: Parts) => {
    const free = choices.filter(({ value }) => !transforms.includes(value));
    const chosen = select.value;
    offer(select, free);
    if (free.some(({ value }) => value === chosen)) select.value = chosen;
    select.hidden = add.hidden = free.length === 0;
    showHelp();
  };
  const show = () => {
    const parts = model.get("parts") ?? {};
    showFree(parts);
    showPresent(parts);
  };
  const remove = (name: string) => {
    problem.explain("");
    link.send({ type: "remove_transform", name });
  };
  const put = () => {
    problem.explain("");
    if (select.value) link.send({ type: "add_transform", name: select.value });
  };

  const watch = (inside: Scope, changed: () => void) => inside.on(model, "change:parts", changed);
  const fields = [select, add];
  explainRefusals(model, "transforms", scope, { problem, fields, keep: show, show, watch });
  scope.on(model, "change:parts", show);
  scope.listen(select, "change", showHelp);
  scope.listen(add, "click", put);
  show();
  return { element, cleanup: scope.cleanup };
}

/** The button that was pressed goes with its chip: the focus goes to that of the next one. */
function keepFocus(list: HTMLElement, fallback: HTMLElement, change: () => void): void {
  const focused = [...list.children].findIndex((chip) => chip.contains(document.activeElement));
  change();
  if (focused < 0 || list.contains(document.activeElement)) return;
  const next = list.children[focused] ?? list.lastElementChild;
  (next?.querySelector("button") ?? fallback).focus();
}

function createTransformFields() {
  const id = uniqueId("transforms");
  const list = h("ul", {
    class: "actmax-chips",
    "aria-labelledby": id,
    "data-testid": "transforms",
  });
  const select = h("select", {
    "aria-label": TEXTS.partChoices.choice,
    "data-testid": "add-transform",
  });
  const add = h(
    "button",
    { type: "button", title: TEXTS.partChoices.addTitle, "data-testid": "add" },
    TEXTS.partChoices.add,
  );
  const problem = createProblem("transforms", [select]);
  const element = h(
    "div",
    {
      class: "actmax-field actmax-transforms",
      role: "group",
      "aria-labelledby": id,
      "data-part": "transforms",
    },
    h("span", { id }, TEXTS.partChoices.names.transforms),
    list,
    h("span", { class: "actmax-add" }, select, add),
    problem.element,
  );
  return { element, list, select, add, problem };
}

function createChip(name: string, choices: readonly PartChoice[], remove: () => void): HTMLElement {
  const { label, help } = choices.find(({ value }) => value === name) ?? { label: name, help: "" };
  const words = TEXTS.partChoices.remove(label);
  const button = h("button", { type: "button", "aria-label": words, title: words }, "×");
  button.addEventListener("click", remove);
  return h(
    "li",
    { class: "actmax-chip", title: help, "data-testid": `chip-${name}` },
    label,
    button,
  );
}

/** Only where they are others: a list that is open would close. */
function offer(select: HTMLSelectElement, choices: readonly PartChoice[]): void {
  const [now, then] = [
    [...select.options].map(({ value, text }) => [value, text]),
    choices.map(({ value, label }) => [value, label]),
  ];
  if (JSON.stringify(now) === JSON.stringify(then)) return;
  select.replaceChildren(...choices.map(({ value, label }) => h("option", { value }, label)));
}

const helpOf = (family: keyof typeof HELP, choices: readonly PartChoice[], name: string): string =>
  [HELP[family], choices.find(({ value }) => value === name)?.help].filter(Boolean).join(" ");
