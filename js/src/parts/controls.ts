import type { Control } from "../kernel/contract";
import { type ActMaxModel, controlsOf, isAbsent } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
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
  gather(create("Weights", model, store, dropZone), (elements) =>
    h("div", { class: "actmax-weights", role: "group", "aria-label": "Weights" }, ...elements),
  );

/** What is set once and seldom touched; a starting picture may be dropped onto `dropZone`. */
export const createSettings = (
  model: ActMaxModel,
  store: Store,
  dropZone: HTMLElement,
): Component =>
  gather(create("More", model, store, dropZone), (elements) =>
    h(
      "div",
      { class: "actmax-settings", "data-testid": "more" },
      h("div", { class: "actmax-settings-grid" }, ...elements),
    ),
  );

const create = (
  group: string,
  model: ActMaxModel,
  store: Store,
  dropZone: HTMLElement,
): Component[] =>
  controlsOf(group).map((control) => {
    const make = MAKE[control.control];
    if (!make) throw new Error(`${control.name} belongs to the target.`);
    return hideWhereAbsent(model, control.name, make(model, store, control, dropZone));
  });

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

function gather(
  components: Component[],
  arrange: (elements: HTMLElement[]) => HTMLElement,
): Component {
  return {
    element: arrange(components.map(({ element }) => element)),
    cleanup() {
      for (const { cleanup } of components) cleanup();
    },
  };
}
