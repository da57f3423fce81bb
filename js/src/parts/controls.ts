import { CONTROLS, type Control } from "../kernel/contract";
import { type ActMaxModel, controlsOf, isAbsent } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, uniqueId } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createReset, inWords } from "./defaults";
import { createCheckbox, createClip, createNumber, createSelect } from "./fields";
import { createRange } from "./input_range";
import { createSlider } from "./slider";
import { createStart } from "./start";

type Make = (
  model: ActMaxModel,
  store: Store,
  control: Control,
  dropZone: HTMLElement,
) => Component;

/** What sets a parameter of the target has a place of its own: see `target.ts`. */
const MAKE: Partial<Record<Control["control"], Make>> = {
  slider: (model, store, control) => createSlider(model, store, control),
  field: (model, { link }, control) => createNumber(model, link, control),
  select: (model, { link }, control) => createSelect(model, link, control),
  checkbox: (model, { link }, control) =>
    control.name === "clip"
      ? createClip(model, link, control)
      : createCheckbox(model, link, control),
  interval: (model, { link }, control) => createRange(model, link, control),
  picture: createStart,
};

/** What may be turned while it runs. */
export const createWeights = (model: ActMaxModel, store: Store, dropZone: HTMLElement): Component =>
  gather(
    createGroups(model, store, dropZone, { folded: false }),
    h("div", { class: "actmax-weight-groups", "data-testid": "weights" }),
  );

/** What is set once and seldom touched; a starting picture may be dropped onto `dropZone`. */
export const createSettings = (
  model: ActMaxModel,
  store: Store,
  dropZone: HTMLElement,
): Component =>
  gather(
    createGroups(model, store, dropZone, { folded: true }),
    h("div", { class: "actmax-settings actmax-settings-groups", "data-testid": "more" }),
  );

/** What a control is about; these are shown elsewhere. */
const ELSEWHERE = ["Target", "Recipe"];

function createGroups(
  model: ActMaxModel,
  store: Store,
  dropZone: HTMLElement,
  { folded }: { folded: boolean },
): Component[] {
  const names = new Set(CONTROLS.map(({ group }) => group));
  const groups = [...names].map(
    (name) =>
      [name, controlsOf(name).filter((control) => (control.folded ?? false) === folded)] as const,
  );
  const shown = groups
    .filter(([name]) => !ELSEWHERE.includes(name))
    .filter(([, controls]) => controls.length > 0);
  // In the drawer the tallest one last, in a column of its own.
  if (folded) shown.sort(([, one], [, other]) => Number(one.length > 3) - Number(other.length > 3));
  return shown.map(([name, controls]) => createGroup(model, store, dropZone, name, controls));
}

function createGroup(
  model: ActMaxModel,
  store: Store,
  dropZone: HTMLElement,
  name: string,
  controls: readonly Control[],
): Component {
  const scope = new Scope();
  const id = uniqueId("group");
  const folded = controls.some(({ folded }) => folded);
  const rows = h("div", { class: folded ? "actmax-settings-grid" : "actmax-weights" });
  const element = h(
    "div",
    { class: "actmax-group", role: "group", "aria-labelledby": id, "data-testid": `group-${name}` },
    h("p", { id, class: "actmax-group-name" }, name),
    rows,
  );
  for (const control of controls) {
    const component = createControl(model, store, control, dropZone);
    rows.append(component.element);
    scope.add(component.cleanup);
  }
  const show = () => {
    element.hidden = controls.every((control) => isAbsent(model, control.name));
  };
  scope.on(model, "change:absent", show);
  show();
  return { element, cleanup: scope.cleanup };
}

function createControl(
  model: ActMaxModel,
  store: Store,
  control: Control,
  dropZone: HTMLElement,
): Component {
  const make = MAKE[control.control];
  if (!make) throw new Error(`${control.name} belongs to the target.`);
  const made = make(model, store, control, dropZone);
  made.element.dataset.part = control.name;
  const hasOwn = control.control === "slider" || control.control === "picture";
  return hideWhereAbsent(
    model,
    control.name,
    hasOwn ? made : withReset(model, store, control, made),
  );
}

/** A field with the button that leads back to its default; double-clicked, its label does the same. */
function withReset(
  model: ActMaxModel,
  { link }: Store,
  control: Control,
  { element: inside, cleanup }: Component,
): Component {
  const scope = new Scope();
  const name = control.name as "seed";
  const field = inside.querySelector<HTMLElement>("input, select") ?? inside;
  const reset = createReset(model, {
    ...{ name, label: control.label, field },
    get: () => model.get(name),
    set: (value) => link.change({ [name]: value as number }),
    watch: (inner, changed) => inner.on(model, `change:${name}`, changed),
    say: (value) => labelOf(control, value),
  });
  const element = h("div", { class: "actmax-resettable" }, inside, reset.element);
  scope.add(cleanup);
  scope.add(reset.cleanup);
  scope.listen(inside, "dblclick", ({ target }) => {
    if ((target as HTMLElement).closest("label, legend") && target !== field) reset.reset();
  });
  return { element, cleanup: scope.cleanup };
}

function labelOf({ choices, none, kind }: Control, value: unknown): string {
  if (kind === "flag") return value ? TEXTS.controls.on : TEXTS.controls.off;
  const chosen = choices?.find((choice) => choice.value === value)?.label;
  return chosen ?? (value === null && none !== undefined ? none : inWords(value));
}

function hideWhereAbsent(model: ActMaxModel, name: string, component: Component): Component {
  const { element, cleanup } = component;
  const scope = new Scope();
  const show = () => {
    element.hidden = isAbsent(model, name);
  };
  scope.on(model, "change:absent", show);
  scope.add(cleanup);
  show();
  return { element, cleanup: scope.cleanup };
}

function gather(components: Component[], element: HTMLElement): Component {
  element.append(...components.map((component) => component.element));
  return {
    element,
    cleanup() {
      for (const { cleanup } of components) cleanup();
    },
  };
}
