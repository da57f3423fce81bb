/** The panel above two widgets in lock-step: their only buttons, how far they are, and what differs in their pictures. */
import type { AnyModel, AnyWidget } from "@anywidget/types";
import type { CompareFacts, DifferenceMessage, Outgoing } from "./kernel/contract";
import { bytesOf } from "./kernel/frame";
import { type ActMaxModel, isBusy } from "./kernel/model";
import { h, setText } from "./kit/dom";
import { formatFigure, formatProgress } from "./kit/format";
import { keepKeys } from "./kit/keys";
import { putPixels } from "./kit/pixels";
import { decode } from "./kit/png";
import { type Cleanup, Scope } from "./kit/scope";
import { TEXTS } from "./texts";

const WORDS = TEXTS.lockstep;
/** By the command that each gives. */
const COMMANDS = { start: "run", pause: "pause", step: "step", reset: "reset" } as const;
type Command = keyof typeof COMMANDS;

type PanelModel = AnyModel<CompareFacts>;

const percent = (share: number): string => formatFigure(100 * share);

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
  const facts = "change:names change:status change:message change:error";
  scope.on(as, facts, schedule);
  scope.on(as, "change:iteration change:goal change:rms change:scale", schedule);
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
  const { status, iteration, goal, message, error } = shown;
  const [one = "A", other = "B"] = shown.names;
  const [difference, rms] = [WORDS.difference(one, other), WORDS.rms(percent(shown.rms))];
  setText(parts.title, WORDS.title(one, other));
  setText(parts.status, status);
  setText(parts.figures, formatProgress(iteration, goal, null, null));
  setText(parts.caption, difference);
  setText(parts.rms, rms);
  setText(parts.scale, WORDS.scale(one, other, percent(shown.scale)));
  setText(parts.message, message);
  setText(parts.error, error);
  parts.error.hidden = error === "";
  parts.canvas.setAttribute("aria-label", WORDS.described(difference, rms));
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
    (Object.keys(COMMANDS) as Command[]).map((command) => {
      const button = h(
        "button",
        {
          ...{ type: "button", class: `actmax-button actmax-${command}` },
          ...{ title: WORDS.titles[command], "data-testid": COMMANDS[command] },
        },
        WORDS.names[command],
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
    { class: "actmax-lockstep", tabindex: -1, "data-iteration": "" },
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
  root.classList.add("actmax");
  return {
    ...{ root, title, status, bar, figures, message, error, controls, buttons },
    ...{ canvas, caption, rms, scale },
  };
}

export default createPanel;
