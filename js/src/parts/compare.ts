/** Pins side by side, or two under a curtain, with the present picture if wanted; and what they differ in. */
import type { PinInfo } from "../kernel/contract";
import { bytesOf } from "../kernel/frame";
import type { ActMaxModel } from "../kernel/model";
import { namesOf } from "../kernel/names";
import {
  type Compared,
  choiceWords,
  comparedOf,
  type Difference,
  differing,
  type Id,
  MOST,
  NOW,
  presentOf,
} from "../kernel/pins";
import type { Store } from "../kernel/store";
import { arrange, h, setText, uniqueId } from "../kit/dom";
import { formatCount, formatFigure, formatParameter, formatProbability } from "../kit/format";
import { putPixels } from "../kit/pixels";
import { decode } from "../kit/png";
import { type Component, type Drawn, Scope } from "../kit/scope";
import { createZoom, type Place, type Zoom } from "../kit/zoom";
import { TEXTS } from "../texts";
import { type Curtain, createCurtain } from "./curtain";
import { formatFilters } from "./filters";
import { createProblem, isRefusal } from "./problem";
import { createRename } from "./rename";
import { createTakeAway } from "./take_away";

const WORDS = TEXTS.compare;
/** For what one of those compared does not have. */
const NONE = "–";
/** CSS pixels of the longer side, from which on pixels are blended unless a person chooses. */
const SHOWN_SIZE = 240;
const MOST_TITLES = 4;

export function createPinButton(store: Store): Component {
  const scope = new Scope();
  const element = h(
    "button",
    {
      ...{ type: "button", class: "actmax-quiet", title: WORDS.pinTitle },
      ...{ "data-testid": "pin", "data-part": "pins" },
    },
    WORDS.pin,
  );
  const refresh = () => {
    element.disabled = !store.link.connected || !store.frame;
  };
  scope.listen(element, "click", () =>
    store.link.send({ type: "pin", iteration: store.cursor.at }),
  );
  scope.add(store.subscribe(refresh));
  refresh();
  return { element, cleanup: scope.cleanup };
}

export interface Compare extends Drawn {
  readonly isEmpty: boolean;
  /** Another number: there is a new pin. */
  readonly news: number;
}

export function createCompare(model: ActMaxModel, store: Store): Compare {
  const scope = new Scope();
  const pictures = createPictures(model, () => draw());
  const parts = createParts();
  const { chips, figures, place, problem, differences } = parts;
  const save = createTakeAway(
    model,
    store,
    (ending) => `${model.get("model_name") ?? ""}-pins.${ending}`,
    "pins",
  );
  parts.how.append(save.element);
  scope.add(save.cleanup);
  const shown = new Map<Id, Figure>();
  let chosen: Id[] = [NOW];
  let known = new Set<number>();
  let newest = 0;
  let isCurtain = false;
  let isSmooth: boolean | null = null;
  let curtain: (Curtain & { left: Frame; right: Frame; of: string }) | null = null;
  let at: Place = { scale: 1, x: 0, y: 0 };

  const pins = (): PinInfo[] => model.get("pinned") ?? [];
  const all = (): Compared[] => [...pins().map(comparedOf), presentOf(model, store, WORDS.now)];
  /** In the order of the chips. */
  const compared = (): Compared[] => all().filter(({ id }) => chosen.includes(id));
  const most = () => (isCurtain ? 2 : MOST);
  const frames = () =>
    curtain ? [curtain.left, curtain.right] : [...shown.values()].map(({ frame }) => frame);

  /** All are zoomed and moved alike. */
  const follow = (moved: Zoom) => {
    at = moved.place;
    for (const { zoom } of frames()) if (zoom !== moved) zoom.take(at);
  };
  const smooth = () =>
    isSmooth ?? Math.max(...frames().map(({ canvas }) => canvas.width), 0) >= SHOWN_SIZE;

  /** A pin that is new is compared at once, in place of the one chosen first where there are too many. */
  const takeIn = () => {
    const present = new Set(pins().map(({ number }) => number));
    const added = [...present].filter((number) => !known.has(number));
    chosen = [...chosen.filter((id) => id === NOW || present.has(id)), ...added];
    if (chosen.length === 0) chosen = [NOW];
    // The present picture stays: it is what a pin is compared with first.
    while (chosen.length > most()) {
      const first = chosen.findIndex((id) => id !== NOW || !isCurtain);
      chosen.splice(Math.max(0, first), 1);
    }
    newest = Math.max(newest, ...present);
    known = present;
    pictures.keep(pins(), model.get("pin_pictures") ?? []);
  };
  const toggle = (id: Id) => {
    if (chosen.includes(id)) {
      // One stays, and under the curtain two.
      if (chosen.length > 1 && !isCurtain) chosen = chosen.filter((one) => one !== id);
    } else if (isCurtain) chosen = [...chosen.slice(-1), id];
    else if (chosen.length < MOST) chosen = [...chosen, id];
    draw();
  };
  const setCurtain = (now: boolean) => {
    isCurtain = now;
    if (now) {
      const others = all().flatMap(({ id }) => (chosen.includes(id) ? [] : [id]));
      const first = chosen.filter((id) => id !== NOW).slice(chosen.includes(NOW) ? -1 : -2);
      chosen = [...first, ...(chosen.includes(NOW) ? [NOW as Id] : []), ...others].slice(0, 2);
    }
    draw();
  };

  const drawChips = () => {
    const isFull = !isCurtain && chosen.length >= MOST;
    arrange(
      chips,
      all().map(({ id, name }) => {
        const found = chips.querySelector<HTMLButtonElement>(`[data-id="${id}"]`);
        const chip = found ?? createChip(id, name, () => toggle(id));
        setText(chip, name);
        const pressed = chosen.includes(id);
        chip.setAttribute("aria-pressed", String(pressed));
        chip.setAttribute("aria-disabled", String(isFull && !pressed));
        chip.title = isFull && !pressed ? WORDS.full(MOST) : WORDS.show(name);
        return chip;
      }),
    );
  };
  const drawFigures = (entries: readonly Compared[]) => {
    for (const [id, figure] of shown) {
      if (entries.some((entry) => entry.id === id)) continue;
      figure.cleanup();
      shown.delete(id);
    }
    for (const entry of entries)
      if (!shown.has(entry.id)) shown.set(entry.id, createFigure(model, entry, store, follow));
    arrange(
      figures,
      entries.flatMap(({ id }) => shown.get(id)?.element ?? []),
    );
    figures.toggleAttribute("data-under-curtain", curtain !== null);
    const now = model.get("present") ?? {};
    for (const entry of entries) shown.get(entry.id)?.draw(entry, now);
  };
  const drawCurtain = ([left, right]: readonly Compared[]) => {
    const of =
      isCurtain && left && right
        ? JSON.stringify([left, right].map(({ id, name }) => [id, name]))
        : "";
    if (curtain && curtain.of !== of) {
      for (const frame of [curtain.left, curtain.right]) frame.cleanup();
      curtain.cleanup();
      curtain.element.remove();
      curtain = null;
    }
    if (!left || !right || of === "" || curtain) return;
    const two = [left, right].map(({ name }) => createFrame(name, follow)) as [Frame, Frame];
    const made = createCurtain(two[0].element, two[1].element);
    made.name(left.name, right.name);
    curtain = { ...made, left: two[0], right: two[1], of };
    place.append(made.element);
  };
  const paint = (frame: Frame, { id, name, iteration }: Compared) => {
    const before = frame.canvas.width;
    if (id === NOW) paintNow(frame, store);
    else pictures.paint(frame, id);
    frame.canvas.setAttribute("aria-label", WORDS.caption(name, iteration));
    frame.zoom.begin();
    // What is put beside others stands as they do.
    if (frame.canvas.width !== before && at.scale > 1) frame.zoom.take(at);
  };
  const drawTable = (entries: readonly Compared[]) => {
    const rows = entries.length > 1 ? differing(entries) : [];
    const { table, words } = differences;
    table.hidden = rows.length === 0;
    setText(words, entries.length < 2 ? WORDS.one : rows.length === 0 ? WORDS.same : "");
    words.hidden = words.textContent === "";
    fill(table, entries, rows, (key, value, column) =>
      say(model, key, value, entries[column]?.made.layer ?? ""),
    );
  };
  function draw() {
    if (pins().length === 0) return;
    const entries = compared();
    drawChips();
    drawCurtain(entries);
    drawFigures(entries);
    if (curtain) {
      const [left, right] = entries as [Compared, Compared];
      paint(curtain.left, left);
      paint(curtain.right, right);
    } else
      for (const entry of entries) {
        const figure = shown.get(entry.id);
        if (figure) paint(figure.frame, entry);
      }
    drawTable(entries);
    for (const { canvas } of frames()) canvas.classList.toggle("actmax-enlarged", !smooth());
    parts.smooth.setAttribute("aria-pressed", String(smooth()));
    parts.sideBySide.setAttribute("aria-pressed", String(!isCurtain));
    parts.curtain.setAttribute("aria-pressed", String(isCurtain));
    parts.curtain.disabled = all().length < 2;
  }
  const refresh = () => {
    takeIn();
    draw();
  };

  scope.listen(parts.sideBySide, "click", () => setCurtain(false));
  scope.listen(parts.curtain, "click", () => setCurtain(true));
  scope.listen(parts.smooth, "click", () => {
    isSmooth = !smooth();
    draw();
  });
  scope.listen(parts.fit, "click", () => {
    at = { scale: 1, x: 0, y: 0 };
    for (const { zoom } of frames()) zoom.take(at);
  });
  scope.on(model, "change:pinned change:pin_pictures change:present", refresh);
  scope.on(model, "change:pinned", () => problem.explain(""));
  scope.on(model, "msg:custom", (content) => {
    if (isRefusal(content) && content.name === "pin") problem.explain(content.sentence);
  });
  scope.add(() => {
    for (const figure of shown.values()) figure.cleanup();
    for (const part of curtain ? [curtain, curtain.left, curtain.right] : []) part.cleanup();
  });
  refresh();
  return {
    element: parts.element,
    cleanup: scope.cleanup,
    draw,
    get isEmpty() {
      return pins().length === 0;
    },
    get news() {
      return newest;
    },
  };
}

type Told = ReturnType<typeof createDifferences>;

function createParts() {
  const chips = h("div", {
    ...{ class: "actmax-chips", role: "group", "aria-label": WORDS.chosen },
    "data-testid": "compared",
  });
  const sideBySide = createToggle("side-by-side", WORDS.sideBySide, WORDS.sideBySideTitle);
  const curtain = createToggle("as-curtain", WORDS.curtain, WORDS.curtainTitle);
  const smooth = createToggle("compare-smooth", WORDS.smooth, WORDS.smoothTitle);
  const fit = h(
    "button",
    {
      ...{ type: "button", class: "actmax-quiet", title: WORDS.fitTitle },
      ...{ "aria-label": WORDS.fitTitle, "data-testid": "compare-fit" },
    },
    WORDS.fit,
  );
  const how = h(
    "div",
    { class: "actmax-how", role: "group", "aria-label": WORDS.how },
    ...[sideBySide, curtain, smooth, fit],
  );
  const problem = createProblem("pin", []);
  const place = h("div", { class: "actmax-curtain-place" });
  const figures = h("div", { class: "actmax-pins", "data-testid": "pins" });
  const differences: Told = createDifferences();
  const element = h(
    "div",
    { class: "actmax-compare", role: "group", "aria-label": WORDS.label, "data-part": "pins" },
    h("div", { class: "actmax-compare-bar" }, chips, how),
    ...[problem.element, place, figures, differences.table, differences.words],
  );
  return {
    ...{ element, how, chips, sideBySide, curtain, smooth, fit },
    ...{ problem, place, figures, differences },
  };
}

function createToggle(testId: string, words: string, title = words): HTMLButtonElement {
  return h(
    "button",
    {
      ...{ type: "button", class: "actmax-quiet", title },
      ...{ "aria-pressed": "false", "data-testid": testId },
    },
    words,
  );
}

function createChip(id: Id, name: string, clicked: () => void): HTMLButtonElement {
  const chip = createToggle(`compared-${id}`, name);
  chip.dataset.id = String(id);
  chip.addEventListener("click", () => chip.getAttribute("aria-disabled") !== "true" && clicked());
  return chip;
}

/** A picture that is zoomed with the others. */
interface Frame extends Component {
  canvas: HTMLCanvasElement;
  zoom: Zoom;
  painted: unknown;
}

function createFrame(name: string, moved: (zoom: Zoom) => void): Frame {
  const scope = new Scope();
  const canvas = h("canvas", { role: "img", width: 1, height: 1 });
  const stage = h("div", { class: "actmax-zoomed" }, canvas);
  const element = h(
    "div",
    {
      ...{ class: "actmax-pin-frame", tabindex: 0, role: "group" },
      "aria-label": WORDS.frame(name),
    },
    stage,
  );
  const zoom: Zoom = createZoom(element, stage, scope, () => moved(zoom));
  return { element, canvas, zoom, painted: null, cleanup: scope.cleanup };
}

interface Figure {
  element: HTMLElement;
  frame: Frame;
  draw(entry: Compared, now: Compared["made"]): void;
  cleanup(): void;
}

function createFigure(
  model: ActMaxModel,
  { id, name }: Compared,
  store: Store,
  moved: (zoom: Zoom) => void,
): Figure {
  const scope = new Scope();
  const frame = createFrame(name, moved);
  const title = h("b", {}, name);
  const far = h("span", { class: "actmax-caption" });
  const since = h("p", { class: "actmax-since", "data-testid": "since" });
  const button = (testId: string, words: string) =>
    h("button", { type: "button", class: "actmax-quiet", "data-testid": testId }, words);
  const [goOn, remove] = [button("go-on", WORDS.goOn), button("unpin", WORDS.remove)];
  const buttons = h("div", { class: "actmax-pin-buttons" }, goOn, remove);
  const rename = createRename(model, store, title, () => name);
  const caption = h("figcaption", {}, title, " ", far, since);
  if (id !== NOW) {
    title.after(rename.button, rename.editor);
    caption.append(buttons);
  }
  const element = h(
    "figure",
    { class: "actmax-pin", "data-testid": `pin-${id}` },
    frame.element,
    caption,
  );
  if (id !== NOW) rename.listen(element);
  scope.listen(goOn, "click", () => store.link.send({ type: "restore_pin", name }));
  scope.listen(remove, "click", () => store.link.send({ type: "unpin", name }));
  return {
    element,
    frame,
    draw(entry, now) {
      ({ name } = entry);
      setText(title, name);
      frame.element.setAttribute("aria-label", WORDS.frame(name));
      goOn.setAttribute("aria-label", WORDS.goOnFrom(name));
      remove.setAttribute("aria-label", WORDS.removePin(name));
      rename.draw();
      setText(far, farWords(entry));
      const other = id === NOW ? [] : differing([blank(entry), { ...blank(entry), made: now }]);
      setText(since, sinceWords(other));
      since.hidden = since.textContent === "";
      goOn.title = WORDS.goOnTitle(formatCount(entry.goes_on ?? entry.iteration));
      for (const one of [goOn, remove]) one.disabled = !store.link.connected;
    },
    cleanup() {
      scope.cleanup();
      rename.cleanup();
      frame.cleanup();
    },
  };
}

/** But for what was measured. */
const blank = (entry: Compared): Compared => ({
  ...entry,
  ...{ iteration: 0, activation: null, probability: null },
});

/** "iteration 40 · p 0.98 · logit 9,574" */
function farWords({ iteration, activation, probability }: Compared): string {
  const words = [WORDS.iteration(formatCount(iteration))];
  if (probability !== null) words.push(TEXTS.picture.probability(probability.toFixed(2)));
  if (activation !== null)
    words.push(
      TEXTS.picture[probability === null ? "activation" : "logit"](formatFigure(activation)),
    );
  return words.join(" · ");
}

function sinceWords(differences: readonly Difference[]): string {
  if (differences.length === 0) return "";
  const titles = differences.map(({ title }) => title);
  const more = titles.length - MOST_TITLES;
  const told = more > 1 ? [...titles.slice(0, MOST_TITLES), WORDS.more(more)] : titles;
  return WORDS.since(told.join(", "));
}

function paintNow(frame: Frame, store: Store): void {
  const { pixels, shape } = store.frame ?? {};
  if (pixels && shape && pixels !== frame.painted) {
    frame.painted = pixels;
    setAspect(frame.canvas, shape[1], shape[0]);
    putPixels(frame.canvas, shape as [number, number, number], pixels);
  }
  const saved = store.savedPicture;
  if (!saved || saved === frame.painted) return;
  frame.painted = saved;
  void decode(saved).then((bitmap) => bitmap && paintBitmap(frame.canvas, bitmap));
}

/** As large as its frame, whatever its aspect. */
function setAspect({ style }: HTMLCanvasElement, width: number, height: number): void {
  style.setProperty("--actmax-share", String(width / Math.max(width, height)));
  style.setProperty("--actmax-aspect", String(width / height));
}

function paintBitmap(canvas: HTMLCanvasElement, bitmap: ImageBitmap): void {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  setAspect(canvas, bitmap.width, bitmap.height);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
}

/** The pictures of the pins, each read once. */
function createPictures(model: ActMaxModel, came: () => void) {
  const bitmaps = new Map<number, ImageBitmap>();
  const asked = new Set<number>();
  return {
    keep(pins: readonly PinInfo[], files: readonly DataView[]) {
      const present = new Set(pins.map(({ number }) => number));
      for (const number of [...asked]) {
        if (present.has(number)) continue;
        bitmaps.get(number)?.close?.();
        bitmaps.delete(number);
        asked.delete(number);
      }
      // Facts come one after the other: pictures that are fewer than the pins belong to those of before.
      if (files.length !== pins.length) return;
      for (const [i, { number }] of pins.entries()) {
        if (asked.has(number)) continue;
        asked.add(number);
        void decode(bytesOf(files[i])).then((bitmap) => {
          if (!bitmap || !(model.get("pinned") ?? []).some((pin) => pin.number === number)) return;
          bitmaps.set(number, bitmap);
          came();
        });
      }
    },
    paint(frame: Frame, id: number) {
      const bitmap = bitmaps.get(id);
      if (!bitmap || frame.painted === bitmap) return;
      frame.painted = bitmap;
      paintBitmap(frame.canvas, bitmap);
    },
  };
}

function createDifferences() {
  const id = uniqueId("differs");
  const table = h("table", {
    ...{ class: "actmax-differences", "aria-labelledby": id },
    "data-testid": "differences",
  });
  table.append(h("caption", { id }, WORDS.differs));
  const words = h("p", { class: "actmax-caption", "data-testid": "differences-words" });
  return { table, words };
}

/** Written anew only where another thing is said: a screen reader may stand in it. */
function fill(
  table: HTMLTableElement,
  entries: readonly Compared[],
  rows: readonly Difference[],
  words: (key: string, value: unknown, column: number) => string,
): void {
  const cells = rows.map(({ key, title, values }) => [
    title,
    ...values.map((value, column) => words(key, value, column)),
  ]);
  const head = [WORDS.setting, ...entries.map(({ name }) => name)];
  const said = JSON.stringify([head, ...cells]);
  if (table.dataset.said === said) return;
  table.dataset.said = said;
  const row = ([first = "", ...rest]: string[], tag: "th" | "td") =>
    h(
      "tr",
      {},
      h("th", { scope: tag === "th" ? "col" : "row" }, first),
      ...rest.map((text) => h(tag, tag === "th" ? { scope: "col" } : {}, text)),
    );
  table.tHead?.remove();
  for (const body of [...table.tBodies]) body.remove();
  table.append(h("thead", {}, row(head, "th")), h("tbody", {}, ...cells.map((c) => row(c, "td"))));
}

function say(model: ActMaxModel, key: string, value: unknown, layer: string): string {
  if (value === undefined) return NONE;
  if (key === "iteration") return formatCount(value as number);
  if (key === "activation") return formatFigure(value as number);
  if (key === "probability") return formatProbability(value as number);
  if (key === "filter_indices")
    return value === null ? WORDS.all : formatFilters(value as number[], namesOf(model, layer));
  const chosen = choiceWords(key, value);
  if (chosen) return chosen;
  if (value === null) return NONE;
  if (typeof value === "boolean") return value ? WORDS.on : WORDS.off;
  if (typeof value === "number") return formatParameter(value);
  if (!Array.isArray(value)) return String(value);
  return value.length === 0
    ? NONE
    : value.map((one) => (typeof one === "number" ? formatParameter(one) : String(one))).join(", ");
}
