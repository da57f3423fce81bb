/** What a value was before anybody changed it, as the kernel says: the present recipe's. */
import { RotateCcw } from "lucide";
import { CONTROLS } from "../kernel/contract";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { formatParameter } from "../kit/format";
import { icon } from "../kit/icons";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

interface Value {
  /** Of the parameter, or the address of the number. */
  name: string;
  label: string;
  get(): unknown;
  set(value: unknown): void;
  watch(scope: Scope, changed: () => void): void;
  /** What a person reads for a value. */
  say?(value: unknown): string;
  /** Takes the focus when the button goes. */
  field: HTMLElement;
}

/** A dot where the value is another than its default; it is the button that leads back. */
export function createReset(model: ActMaxModel, value: Value): Component & { reset(): void } {
  const scope = new Scope();
  const element = h(
    "button",
    {
      type: "button",
      class: "actmax-back",
      "data-testid": `${value.name.replaceAll("_", "-")}-reset`,
    },
    icon(RotateCcw),
  );
  const ours = () => defaultsOf(model)[value.name];
  const isChanged = () => ours() !== undefined && !isSame(value.get(), ours());
  const show = () => {
    const changed = isChanged();
    const focused = document.activeElement === element;
    element.hidden = !changed;
    if (focused && !changed) value.field.focus();
    if (!changed) return;
    const words = TEXTS.defaults.back(value.label, (value.say ?? inWords)(ours()));
    element.setAttribute("aria-label", words);
    element.title = words;
  };
  const reset = () => {
    if (isChanged()) value.set(ours());
    show();
  };
  value.watch(scope, show);
  scope.on(model, "change:defaults", show);
  scope.listen(element, "click", reset);
  show();
  return { element, reset, cleanup: scope.cleanup };
}

/** Takes everything back at once; the kernel knows what that is. */
export function createAllDefaults(model: ActMaxModel, { link }: Store): Component {
  const scope = new Scope();
  const element = h(
    "button",
    {
      type: "button",
      class: "actmax-quiet actmax-all-defaults",
      title: TEXTS.defaults.allTitle,
      "data-testid": "all-defaults",
    },
    icon(RotateCcw),
    TEXTS.defaults.all,
  );
  // Not disabled: it would lose the focus to the page with the click that makes it idle.
  const show = () => element.setAttribute("aria-disabled", String(!isAnyChanged(model)));
  const restore = () => {
    if (!isAnyChanged(model)) return;
    // What was dragged last would come after it, and undo it.
    link.flush();
    link.send({ type: "restore_defaults" });
  };
  const watched = ["defaults", "knobs", "parts", ...CONTROLS.map(({ name }) => name)];
  scope.on(model, watched.map((name) => `change:${name}`).join(" "), show);
  scope.listen(element, "click", restore);
  show();
  return { element, cleanup: scope.cleanup };
}

const defaultsOf = (model: ActMaxModel): Readonly<Record<string, unknown>> =>
  model.get("defaults") ?? {};

function isAnyChanged(model: ActMaxModel): boolean {
  const knobs = model.get("knobs") ?? {};
  const parts = (model.get("parts") ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(defaultsOf(model)).some(([name, value]) => {
    if (isAbsent(model, name)) return false;
    const present = name in parts ? parts[name] : (knobs[name] ?? model.get(name as "layer"));
    return present !== undefined && !isSame(present, value);
  });
}

/** Lists are the same where what is in them is. */
const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

export function inWords(value: unknown): string {
  if (typeof value === "number") return formatParameter(value);
  return Array.isArray(value) ? value.map(inWords).join(" … ") : String(value);
}
