import type { Control } from "../kernel/contract";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { arrange, h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createSlider, type Source } from "./slider";

interface Group extends Component {
  /** What it was made from. */
  controls: string;
}

/** More of them than this begin folded: they would stand between the picture and its losses. */
const FEW = 6;

/**
 * A slider for each number of the present parts that is no parameter, under the name of its part. Whether they are folded
 * is up to the person from then on, whatever parts come and go.
 */
export function createKnobs(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const grid = h("div", { class: "actmax-knobs" });
  const element = h(
    "details",
    { class: "actmax-fold", "data-testid": "knobs" },
    h("summary", {}, TEXTS.knobs.title),
    grid,
  );
  const groups = new Map<string, Group>();
  const drop = (name: string) => {
    groups.get(name)?.cleanup();
    groups.delete(name);
  };
  let isDecided = false;
  const decide = (open: boolean) => {
    if (isDecided) return;
    isDecided = true;
    store.numbersOpen ??= open;
    element.open = store.numbersOpen;
  };
  const show = () => {
    const controls = model.get("knob_controls") ?? [];
    const wanted = byGroup(controls);
    for (const [name, { controls }] of [...groups])
      if (controls !== JSON.stringify(wanted.get(name))) drop(name);
    for (const [name, controls] of wanted)
      if (!groups.has(name)) groups.set(name, createGroup(model, store, name, controls));
    element.hidden = wanted.size === 0;
    if (wanted.size > 0) decide(controls.length <= FEW);
    arrange(
      grid,
      [...wanted.keys()].flatMap((name) => groups.get(name)?.element ?? []),
    );
  };
  scope.on(model, "change:knob_controls", show);
  scope.listen(element, "toggle", () => {
    if (isDecided) store.numbersOpen = element.open;
  });
  scope.add(() => {
    for (const name of [...groups.keys()]) drop(name);
  });
  show();
  return { element, cleanup: scope.cleanup };
}

function byGroup(controls: readonly Control[]): Map<string, Control[]> {
  const groups = new Map<string, Control[]>();
  for (const control of controls)
    groups.set(control.group, [...(groups.get(control.group) ?? []), control]);
  return groups;
}

function createGroup(
  model: ActMaxModel,
  store: Store,
  name: string,
  controls: readonly Control[],
): Group {
  const sliders = controls.map((control) => {
    const slider = createSlider(model, store, control, knob(model, store, control));
    slider.element.dataset.part = control.name;
    return slider;
  });
  return {
    controls: JSON.stringify(controls),
    element: h(
      "fieldset",
      { class: "actmax-knob-group", "data-testid": `knobs-${name}`, "data-part": name },
      h("legend", {}, name),
      ...sliders.map(({ element }) => element),
    ),
    cleanup() {
      for (const { cleanup } of sliders) cleanup();
    },
  };
}

function knob(model: ActMaxModel, { link }: Store, control: Control): Source {
  const get = () => model.get("knobs")?.[control.name] ?? Number(control.default ?? 0);
  return {
    get,
    set: (value) => link.setKnob(control.name, value),
    watch(scope, changed) {
      let last = get();
      // All of them are one fact: most of its changes are those of others.
      scope.on(model, "change:knobs", () => {
        if (get() === last) return;
        last = get();
        changed();
      });
    },
  };
}
