/** The panel above two widgets in lock-step: their only buttons, how far they are, and what differs in their pictures. */
import type { AnyModel, AnyWidget } from "@anywidget/types";
import type { CompareFacts, DifferenceMessage, Outgoing } from "./kernel/contract";
import { bytesOf } from "./kernel/frame";
import { type ActMaxModel, isBusy } from "./kernel/model";
import { h, setText } from "./kit/dom";
import { formatCount, formatFigure } from "./kit/format";
import { keepKeys } from "./kit/keys";
import { putPixels } from "./kit/pixels";
import { decode } from "./kit/png";
import { type Cleanup, Scope } from "./kit/scope";

const WORDS = {
  title: (names: readonly string[]) => `${names[0] ?? "A"} and ${names[1] ?? "B"}, in lock-step`,
  run: "Run",
  pause: "Pause",
  step: "Step",
  reset: "Reset",
  runTitle: "Run both, or go on from here",
  pauseTitle: "Pause both, at the same iteration",
  stepTitle: "Make one step of both",
  resetTitle: "Discard both pictures, and begin with the same noise",
  control: "Run control of both",
  iterations: "Iterations of both",
  far: (iteration: number, goal: number) =>
    goal >= iteration && goal > 0
      ? `iteration ${formatCount(iteration)} / ${formatCount(goal)}`
      : `iteration ${formatCount(iteration)}`,
  difference: ([one, other]: readonly string[]) => `Difference: ${one ?? "A"} − ${other ?? "B"}`,
  rms: (rms: number) => `${percent(rms)} of the input range (root mean square)`,
  scale: ([one, other]: readonly string[], scale: number) =>
    `white: ${one ?? "A"} is lighter by ${percent(scale)} or more, black: ${other ?? "B"} is; grey: the same`,
  lost: "Not connected to a kernel. Run the cell again.",
};
const COMMANDS = [
  ["start", "run"],
  ["pause", "pause"],
  ["step", "step"],
  ["reset", "reset"],
] as const;
type Command = (typeof COMMANDS)[number][0];

type PanelModel = AnyModel<CompareFacts>;

const percent = (share: number): string => `${formatFigure(100 * share)} %`;

/** Of a model: the newest difference, which its views share. */
class Differences {
  newest: (DifferenceMessage & { pixels: Uint8Array }) | null = null;
  lost = false;
  readonly #model: PanelModel;
  readonly #listeners = new Set<() => void>();

  constructor(model: PanelModel) {
    this.#model = model;
  }

  send(message: Outgoing): void {
    const lose = () => {
      this.lost = true;
      this.tell();
    };
    try {
      Promise.resolve(this.#model.send(message) as unknown).catch(lose);
    } catch {
      lose();
    }
  }

  take(content: unknown, buffers?: DataView[]): void {
    const message = content as DifferenceMessage | null;
    if (message?.type !== "difference") return;
    this.lost = false;
    this.newest = { ...message, pixels: bytesOf(buffers?.[0]).slice() };
    this.tell();
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): Cleanup {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** anywidget calls this once for each model. */
const createPanel: AnyWidget<CompareFacts> = () => {
  let differences: Differences;
  return {
    initialize({ model }) {
      differences = new Differences(model);
      const scope = new Scope();
      const take = (content?: unknown, buffers?: DataView[]) => differences.take(content, buffers);
      const as = model as unknown as ActMaxModel;
      scope.on(as, "msg:custom", take as (content?: unknown) => void);
      scope.on(as, "comm_live_update", () => hello(differences));
      hello(differences);
      return scope.cleanup;
    },
    render({ model, el }) {
      return renderPanel(model, differences, el);
    },
  };
};

const hello = (differences: Differences) =>
  differences.send({ type: "hello", run: null, rows: 0, views: 1 });

function renderPanel(model: PanelModel, differences: Differences, el: HTMLElement): Cleanup {
  const scope = new Scope();
  const parts = createParts((command) => {
    differences.send(command === "step" ? { type: command, n: 1 } : { type: command });
  });
  const { root, canvas } = parts;
  let request: number | undefined;
  let painted: unknown = null;

  const say = () => {
    const shown = shownOf(model, differences);
    sayFacts(parts, shown);
    const { status, iteration, goal, lost } = shown;
    parts.bar.max = Math.max(1, goal);
    if (status === "compiling" && !lost) parts.bar.removeAttribute("value");
    else parts.bar.value = Math.min(iteration, goal);
    Object.assign(root.dataset, { status, iteration, connected: !lost });
    switchButtons(parts, shown);
  };
  const draw = () => {
    request = undefined;
    say();
    const { newest } = differences;
    if (newest && newest !== painted) {
      painted = newest;
      putPixels(canvas, newest.shape as [number, number, number], newest.pixels);
      differences.send({ type: "receipt", seq: newest.seq });
    }
    smooth(canvas);
  };
  const schedule = () => {
    request ??= requestAnimationFrame(draw);
  };
  const saved = () => {
    const png = bytesOf(model.get("picture"));
    if (differences.newest || png.length === 0) return;
    void decode(png).then((bitmap) => {
      if (!bitmap || differences.newest) return;
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      smooth(canvas);
    });
  };

  const as = model as unknown as ActMaxModel;
  const facts = "names status message error iteration goal rms scale";
  scope.on(as, facts.replaceAll(/\w+/g, "change:$&"), schedule);
  scope.on(as, "change:picture", saved);
  scope.add(differences.subscribe(schedule));
  scope.add(() => request !== undefined && cancelAnimationFrame(request));
  keepKeys(root, scope);
  // Set by ipywidgets where there is no comm: sends are silently dropped then.
  if (el.classList.contains("jupyter-widgets-disconnected")) differences.lost = true;
  el.append(root);
  scope.add(() => root.remove());
  saved();
  draw();
  return scope.cleanup;
}

type Shown = ReturnType<typeof shownOf>;

/** What came with the newest difference is newer than the facts, which come at transitions. */
function shownOf(model: PanelModel, { newest, lost }: Differences) {
  const fact = <K extends keyof CompareFacts, D>(name: K, missing: D) => model.get(name) ?? missing;
  const told = {
    iteration: fact("iteration", 0),
    goal: fact("goal", 0),
    rms: fact("rms", 0),
    scale: fact("scale", 1),
  };
  return {
    ...{ names: fact("names", []), status: fact("status", "ready"), lost },
    message: lost ? WORDS.lost : fact("message", ""),
    error: fact("error", ""),
    ...(newest ?? told),
  };
}

type Parts = ReturnType<typeof createParts>;

function sayFacts(parts: Parts, shown: Shown): void {
  const { names, status, iteration, goal, rms, scale, message, error } = shown;
  setText(parts.title, WORDS.title(names));
  setText(parts.status, status);
  setText(parts.figures, WORDS.far(iteration, goal));
  setText(parts.caption, WORDS.difference(names));
  setText(parts.rms, WORDS.rms(rms));
  setText(parts.scale, WORDS.scale(names, scale));
  setText(parts.message, message);
  setText(parts.error, error);
  parts.error.hidden = error === "";
  parts.canvas.setAttribute("aria-label", `${WORDS.difference(names)}, ${WORDS.rms(rms)}`);
}

function switchButtons({ buttons, controls }: Parts, { status, lost, iteration }: Shown): void {
  const busy = isBusy(status);
  const hadFocus = controls.contains(document.activeElement);
  controls.disabled = lost;
  buttons.pause.disabled = !busy;
  buttons.start.disabled = busy;
  buttons.step.disabled = busy;
  buttons.reset.disabled = iteration === 0 && !busy;
  // A button that is switched off under the keyboard hands its focus to the one that now works.
  if (hadFocus && document.activeElement?.matches(":disabled, body"))
    (busy ? buttons.pause : buttons.start).focus();
}

/** A picture of few pixels shows each as a square. */
const smooth = (canvas: HTMLCanvasElement) =>
  canvas.classList.toggle("actmax-enlarged", Math.max(canvas.width, canvas.height) < 200);

function createParts(pressed: (command: Command) => void) {
  const buttons = Object.fromEntries(
    COMMANDS.map(([command, name]) => {
      const button = h(
        "button",
        {
          ...{ type: "button", class: `actmax-button actmax-${command}` },
          ...{ title: WORDS[`${name}Title`], "data-testid": name },
        },
        WORDS[name],
      );
      button.addEventListener("click", () => pressed(command));
      return [command, button];
    }),
  ) as Record<Command, HTMLButtonElement>;
  const title = h("h3", { class: "actmax-name", "data-testid": "title" });
  const status = h("span", { class: "actmax-status", "data-testid": "status" });
  const bar = h("progress", { "aria-label": WORDS.iterations, "data-testid": "progress", max: 1 });
  const figures = h("span", { class: "actmax-figures", "data-testid": "figures" });
  const message = h("p", { class: "actmax-message", role: "status", "data-testid": "message" });
  const error = h("p", { class: "actmax-error", role: "alert", "data-testid": "error" });
  const controls = h(
    "fieldset",
    { class: "actmax-controls" },
    h(
      "div",
      { class: "actmax-buttons", role: "group", "aria-label": WORDS.control },
      ...Object.values(buttons),
    ),
  );
  const canvas = h("canvas", { role: "img", width: 1, height: 1, "data-testid": "difference" });
  const caption = h("b", {});
  const rms = h("span", { "data-testid": "rms" });
  const scale = h("span", { class: "actmax-caption", "data-testid": "scale" });
  const root = h(
    "div",
    { class: "actmax actmax-lockstep", tabindex: -1, "data-iteration": "" },
    h("div", { class: "actmax-lockstep-header" }, title, status),
    h(
      "div",
      { class: "actmax-lockstep-body" },
      h("figure", { class: "actmax-difference" }, canvas),
      h(
        "div",
        { class: "actmax-lockstep-side" },
        h("p", { class: "actmax-lockstep-words" }, caption, rms, scale),
        controls,
        h("div", { class: "actmax-progress" }, bar, figures, message, error),
      ),
    ),
  );
  return {
    ...{ root, title, status, bar, figures, message, error, controls, buttons },
    ...{ canvas, caption, rms, scale },
  };
}

export default createPanel;
