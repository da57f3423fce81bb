import { type ActMaxModel, isBusy } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatProgress } from "../kit/format";
import { type Drawn, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { isRefusal } from "./problem";

/** How far the run is, in a bar and in words, and what went wrong. */
export function createProgress(model: ActMaxModel, store: Store): Drawn {
  const scope = new Scope();
  const bar = h("progress", {
    "aria-label": TEXTS.progress.label,
    "data-testid": "progress",
    max: 1,
  });
  const figures = h("span", { class: "actmax-figures", "data-testid": "figures" });
  const message = h("p", { class: "actmax-message", role: "status", "data-testid": "message" });
  const error = h("p", { class: "actmax-error", role: "alert", "data-testid": "error" });
  const element = h("div", { class: "actmax-progress" }, bar, figures, message, error);

  let saidElsewhere: string | undefined;

  const draw = () => {
    const { connected } = store.link;
    const busy = connected && isBusy(model.get("status")) && !store.atTiles;
    drawBar(bar, store, busy && model.get("status") === "compiling");
    const { rate = null, remaining = null } = busy ? (store.frame ?? {}) : {};
    setText(figures, formatProgress(store.iteration, store.goal, rate, remaining));
  };
  const say = () => {
    // "Run goes on from here" would be wrong where there is no kernel to run.
    setText(message, store.link.connected ? (model.get("message") ?? "") : "");
    const words = model.get("error") ?? "";
    setText(error, words === saidElsewhere ? "" : words);
    error.hidden = error.textContent === "";
  };

  // What was refused is said beside its field, and in Python's words in Python.
  scope.on(model, "msg:custom", (content) => {
    if (!isRefusal(content)) return;
    saidElsewhere = content.error;
    say(); // it may stand there from before this view was opened
  });
  scope.on(model, "change:message change:error", say);
  // While a run goes each frame says so too, and is drawn when the page has time for it.
  scope.on(model, "change:iteration change:goal", () => {
    if (model.get("status") !== "running") draw();
  });
  // At once, as the note that tells why.
  scope.add(store.subscribe(say));
  say();
  draw();
  return { element, draw, cleanup: scope.cleanup };
}

/** Compiling takes as long as it takes: without a value the bar moves to and fro. */
function drawBar(bar: HTMLProgressElement, { iteration, goal }: Store, compiling: boolean): void {
  if (compiling) {
    bar.removeAttribute("value");
    return;
  }
  const most = Math.max(1, goal);
  if (bar.max !== most) bar.max = most;
  // Single steps before the first run have no goal.
  bar.value = goal > 0 ? Math.min(iteration, goal) : 0;
}

/** The status in one word, beside the model's name. */
export function createStatusWord(model: ActMaxModel, store: Store): Drawn {
  const scope = new Scope();
  const element = h("span", { class: "actmax-status", "data-testid": "status" });
  const draw = () => {
    setText(
      element,
      store.pending ? TEXTS.progress.pending[store.pending] : (model.get("status") ?? ""),
    );
  };
  // Not in the next animation frame: a click is answered at once.
  scope.add(store.subscribe(draw));
  draw();
  return { element, draw, cleanup: scope.cleanup };
}
