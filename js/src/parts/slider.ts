import type { Control } from "../kernel/contract";
import type { Frame } from "../kernel/frame";
import { type ActMaxModel, type NameOf, testIdOf } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText, uniqueId } from "../kit/dom";
import { formatParameter } from "../kit/format";
import { POSITIONS, toPosition, toValue } from "../kit/scale";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createReset } from "./defaults";
import { addHelp } from "./help";
import { createProblem, explainRefusals } from "./problem";

/** An echo older than the thumb may still be under way for this long after the last move. */
const SETTLE_MS = 500;

/** What is special about the numbers of a kind. */
interface Numbers {
  /** The slider's far end, where the recipe's value is known by it; the number field goes beyond. */
  top(control: Control, store: Store, recipes: unknown): number;
  unit(control: Control, value: number): string;
  round(value: number): number;
}

const NUMBERS: Numbers = {
  top: centred,
  unit: ({ unit = "" }) => unit,
  round: (value) => value,
};
const NUMBERS_OF: Partial<Record<Control["kind"], Numbers>> = {
  integer: { ...NUMBERS, round: Math.round },
  shift: {
    top: ({ top = 1 }, { frame }) => (frame ? quarter(frame.shape) : top),
    unit: (_, value) => (value >= 1 ? TEXTS.slider.pixels : value > 0 ? TEXTS.slider.ofSide : ""),
    // From 1 on the unit is the pixel, and there are no half ones.
    round: (value) => (value >= 1 ? Math.round(value) : value),
  },
};

/** Of a growing scale's end, what stands in its middle. */
const MIDDLE = 0.01;

/** A scale in whose middle the declared default stands keeps the recipe's there: rates of 1 and of 0.03 are both "as usual". */
function centred({ top = 1, scale, default: declared }: Control, _: Store, recipes: unknown) {
  const isCentred = scale !== "linear" && declared === top * MIDDLE;
  return isCentred && typeof recipes === "number" && recipes > 0
    ? Number((recipes / MIDDLE).toPrecision(3))
    : top;
}

/** Of a picture's shorter side, in whole pixels: shifted further it is another picture. */
const quarter = ([height, width]: Frame["shape"]): number =>
  Math.max(1, Math.floor(Math.min(height, width) / 4));

/** Where a slider's number is: a parameter, or a number of a part. */
export interface Source {
  get(): number;
  set(value: number): void;
  watch(scope: Scope, changed: () => void): void;
}

function parameter(model: ActMaxModel, { link }: Store, control: Control): Source {
  const name = control.name as NameOf<number>;
  return {
    get: () => model.get(name) ?? 0,
    set: (value) => link.change({ [name]: value }),
    watch: (scope, changed) => scope.on(model, `change:${name}`, changed),
  };
}

/** A slider and a number field, for what may be turned while it runs; where no slider is declared the field alone. */
export function createSlider(
  model: ActMaxModel,
  store: Store,
  control: Control,
  source = parameter(model, store, control),
): Component {
  const scope = new Scope();
  const { name, slider, number, unit, problem, element } = createRow(control);
  const hold = createHold(() => showModel());
  scope.add(hold.cleanup);
  const numbers = NUMBERS_OF[control.kind] ?? NUMBERS;
  const farEnd = () => numbers.top(control, store, model.get("defaults")?.[control.name]);
  let top = farEnd();

  const read = () => {
    return numbers.round(toValue(Number(slider.value), { ...control, top }));
  };
  const showSlider = (value: number) => {
    // A rounded value belongs to several positions: the thumb stays, or the arrow keys would get stuck.
    if (read() !== value) slider.value = String(toPosition(value, { ...control, top }));
    slider.setAttribute("aria-valuetext", formatParameter(value));
    const ends = [Number(slider.value), toPosition(0, { ...control, top })].sort((a, b) => a - b);
    for (const [side, end] of [ends[0] ?? 0, ends[1] ?? 0].entries())
      slider.style.setProperty(
        side ? "--actmax-to" : "--actmax-from",
        `${(end / POSITIONS) * 100}%`,
      );
    setText(unit, numbers.unit(control, value));
  };
  const show = (value: number) => {
    showSlider(value);
    number.value = formatParameter(value);
  };
  const showModel = () => {
    if (!hold.held && !problem.isShown) show(source.get());
  };
  const slide = () => {
    const value = read();
    problem.explain("");
    hold.touch();
    show(value);
    source.set(value);
  };
  const enter = () => {
    // A field that holds no number goes back; whatever else is wrong the kernel explains.
    const value = number.value.trim() === "" ? Number.NaN : Number(number.value);
    hold.letGo();
    problem.explain("");
    if (Number.isFinite(value)) source.set(value);
    show(source.get());
  };

  explainRefusals(model, control.name, scope, {
    problem,
    fields: [number],
    watch: source.watch,
    keep(value) {
      hold.letGo();
      number.value = String(value);
    },
    show: showModel,
  });
  source.watch(scope, showModel);
  const showEnd = () => {
    if (top === farEnd()) return;
    top = farEnd();
    showModel();
  };
  scope.add(store.subscribe(showEnd));
  scope.on(model, "change:defaults", showEnd);
  scope.listen(slider, "input", slide);
  scope.listen(slider, "pointerdown", () => hold.grab());
  for (const end of ["pointerup", "pointercancel", "blur"] as const) {
    scope.listen(slider, end, () => hold.touch());
  }
  // Half a typed number is not to be overwritten either; leaving the field enters it.
  scope.listen(number, "input", () => hold.grab());
  scope.listen(number, "change", enter);
  scope.listen(number, "blur", () => hold.touch());

  const reset = createReset(model, {
    ...{ name: control.name, label: control.label, get: source.get, watch: source.watch },
    field: slider.hidden ? number : slider,
    set(value) {
      hold.letGo();
      problem.explain("");
      source.set(Number(value));
      show(source.get());
    },
  });
  number.after(reset.element);
  scope.add(reset.cleanup);
  // The two clicks before it have moved the thumb.
  for (const handle of [name, slider]) scope.listen(handle, "dblclick", reset.reset);
  show(source.get());
  return { element, cleanup: scope.cleanup };
}

function createRow(control: Control) {
  const { label, help } = control;
  const testId = testIdOf(control);
  const id = uniqueId(testId);
  const hidden = control.control === "field";
  const slider = h("input", {
    id: !hidden && id,
    type: "range",
    min: 0,
    max: POSITIONS,
    step: 1,
    hidden,
    "data-testid": `${testId}-slider`,
  });
  const number = h("input", {
    id: hidden && id,
    type: "number",
    step: "any",
    "aria-label": !hidden && TEXTS.slider.value(label),
    "data-testid": `${testId}-value`,
  });
  const unit = h("span", { class: "actmax-unit" });
  const name = h("span", {}, h("label", { for: id }, label), unit);
  const problem = createProblem(testId, [number]);
  const attributes = { class: "actmax-weight", "data-testid": testId };
  const element = h("div", attributes, name, slider, number, problem.element);
  addHelp(element, [slider, number], help);
  return { name, slider, number, unit, problem, element };
}

/** Keeps the kernel's echoes from pulling at what the user has in hand. */
function createHold(settle: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let held = false;
  const letGo = () => {
    clearTimeout(timer);
    held = false;
  };
  return {
    get held() {
      return held;
    },
    letGo,
    cleanup: letGo,
    /** Held until touched or let go. */
    grab() {
      clearTimeout(timer);
      held = true;
    },
    /** Held a little longer, and then shown as the model has it. */
    touch() {
      clearTimeout(timer);
      held = true;
      timer = setTimeout(() => {
        held = false;
        settle();
      }, SETTLE_MS);
    },
  };
}
