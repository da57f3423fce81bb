import type { ActMaxModel, Parameters } from "../kernel/contract";
import type { Frame } from "../kernel/frame";
import type { Store } from "../kernel/store";
import { h, setText, uniqueId } from "../kit/dom";
import { formatParameter } from "../kit/format";
import { POSITIONS, toPosition, toValue } from "../kit/scale";
import { type Component, Scope } from "../kit/scope";
import { createProblem, explainRefusals } from "./problem";

type Name = keyof Pick<
  Parameters,
  "act_max_weight" | "lp_norm_weight" | "tv_weight" | "learning_rate" | "jitter"
>;

interface Weight {
  name: Name;
  label: string;
  testId: string;
  /** The slider's far end; the number field goes beyond. */
  top: (store: Store) => number;
  /** The slider's near end where zero is not allowed. */
  bottom?: number;
  unit?: (value: number) => string;
  round?: (value: number) => number;
}

/** An echo older than the thumb may still be under way for this long after the last move. */
const SETTLE_MS = 500;

const WEIGHTS: Weight[] = [
  { name: "act_max_weight", label: "Activation", testId: "act-max-weight", top: () => 1000 },
  { name: "lp_norm_weight", label: "Lp norm", testId: "lp-norm-weight", top: () => 1000 },
  { name: "tv_weight", label: "Total variation", testId: "tv-weight", top: () => 1000 },
  {
    name: "learning_rate",
    label: "Learning rate",
    testId: "learning-rate",
    top: () => 100,
    bottom: 0.001,
  },
  {
    name: "jitter",
    label: "Jitter",
    testId: "jitter",
    top: ({ frame }) => (frame ? quarter(frame.shape) : 8),
    unit: (value) => (value >= 1 ? "px" : value > 0 ? "of side" : ""),
    // From 1 on the unit is the pixel, and there are no half ones.
    round: (value) => (value >= 1 ? Math.round(value) : value),
  },
];

/** Of a picture's shorter side, in whole pixels: shifted further it is another picture. */
const quarter = ([height, width]: Frame["shape"]): number =>
  Math.max(1, Math.floor(Math.min(height, width) / 4));

/** A slider and a number field for everything that may be turned while it runs. */
export function createWeights(model: ActMaxModel, store: Store): Component {
  const weights = WEIGHTS.map((weight) => createWeight(model, store, weight));
  const element = h(
    "div",
    { class: "actmax-weights", role: "group", "aria-label": "Weights" },
    ...weights.map((weight) => weight.element),
  );
  return {
    element,
    cleanup() {
      for (const weight of weights) weight.cleanup();
    },
  };
}

function createWeight(model: ActMaxModel, store: Store, weight: Weight): Component {
  const scope = new Scope();
  const { slider, number, unit, problem, element } = createRow(weight);
  const hold = createHold(() => showModel());
  scope.add(hold.cleanup);
  let top = weight.top(store);

  const read = () => {
    const value = Math.max(weight.bottom ?? 0, toValue(Number(slider.value), top));
    return weight.round?.(value) ?? value;
  };
  const showSlider = (value: number) => {
    // A rounded value belongs to several positions: the thumb stays, or the arrow keys would get stuck.
    if (read() !== value) slider.value = String(toPosition(value, top));
    slider.setAttribute("aria-valuetext", formatParameter(value));
    slider.style.setProperty("--actmax-fill", `${(Number(slider.value) / POSITIONS) * 100}%`);
    setText(unit, weight.unit?.(value) ?? "");
  };
  const show = (value: number) => {
    showSlider(value);
    number.value = formatParameter(value);
  };
  const showModel = () => {
    if (!hold.held && !problem.isShown) show(model.get(weight.name) ?? 0);
  };
  const slide = () => {
    const value = read();
    problem.explain("");
    hold.touch();
    show(value);
    store.link.change({ [weight.name]: value });
  };
  const enter = () => {
    // A field that holds no number goes back; whatever else is wrong the kernel explains.
    const value = number.value.trim() === "" ? Number.NaN : Number(number.value);
    hold.letGo();
    problem.explain("");
    if (Number.isFinite(value)) store.link.change({ [weight.name]: value });
    show(model.get(weight.name));
  };

  explainRefusals(model, weight.name, scope, {
    problem,
    fields: [number],
    keep(value) {
      hold.letGo();
      number.value = String(value);
    },
    show: showModel,
  });
  scope.on(model, `change:${weight.name}`, showModel);
  scope.add(
    store.subscribe(() => {
      if (top === weight.top(store)) return;
      top = weight.top(store);
      showModel();
    }),
  );
  scope.listen(slider, "input", slide);
  scope.listen(slider, "pointerdown", () => hold.grab());
  for (const end of ["pointerup", "pointercancel", "blur"] as const) {
    scope.listen(slider, end, () => hold.touch());
  }
  // Half a typed number is not to be overwritten either; leaving the field enters it.
  scope.listen(number, "input", () => hold.grab());
  scope.listen(number, "change", enter);
  scope.listen(number, "blur", () => hold.touch());
  show(model.get(weight.name) ?? 0);
  return { element, cleanup: scope.cleanup };
}

function createRow({ label, testId }: Weight) {
  const id = uniqueId(testId);
  const slider = h("input", {
    id,
    type: "range",
    min: 0,
    max: POSITIONS,
    step: 1,
    "data-testid": `${testId}-slider`,
  });
  const number = h("input", {
    type: "number",
    step: "any",
    "aria-label": `${label} value`,
    "data-testid": `${testId}-value`,
  });
  const unit = h("span", { class: "actmax-unit" });
  const name = h("span", {}, h("label", { for: id }, label), unit);
  const problem = createProblem(testId, [number]);
  const attributes = { class: "actmax-weight", "data-testid": testId };
  const element = h("div", attributes, name, slider, number, problem.element);
  return { slider, number, unit, problem, element };
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
