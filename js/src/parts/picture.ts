import { Minus, Plus, Scan } from "lucide";
import type { Still } from "../kernel/film";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import { call, type Names, namesOf } from "../kernel/names";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatCount, formatFigure } from "../kit/format";
import { putPixels } from "../kit/pixels";
import { decode } from "../kit/png";
import { type Drawn, Scope } from "../kit/scope";
import { createZoom } from "../kit/zoom";
import { TEXTS } from "../texts";
import { type Filters, formatFilters } from "./filters";
import { createTakeAway, download } from "./take_away";
import { createFullTool, createTool, showFullBy } from "./tools";

/** CSS pixels of the longer side. */
const SHOWN_SIZE = 380;
/** With the names of more filters than this the name of a file would grow too long. */
const MOST_NAMED = 4;

interface Options {
  /** Told which iteration is on the screen. */
  onDrawn(iteration: number): void;
  /** A button that is put beside the others below. */
  beside?: HTMLElement;
}

/**
 * The picture in its own resolution, enlarged by the style sheet: zoomed and moved, with the value under the pointer, what the
 * network says to it, and buttons that save it, smooth it, and show the best one so far in its place.
 */
export function createPicture(
  model: ActMaxModel,
  store: Store,
  { onDrawn, beside }: Options,
): Drawn & { words: Pick<Drawn, "draw"> } {
  const scope = new Scope();
  const parts = createParts();
  const { element, frame, stage, canvas, measured } = parts;
  let saved: Uint8Array | null = null;
  let painted: Uint8Array | null = null;
  let at = 0;
  let isSmooth: boolean | null = null; // as it looks best, until a person chooses

  const probe = createProbe(model, store, parts, scope);
  const zoom = createZoom(frame, stage, scope, () => {
    probe();
    showZoom(parts, zoom.scale);
  });
  const look = () => {
    const smooth = isSmooth ?? Math.max(canvas.width, canvas.height) >= SHOWN_SIZE;
    canvas.classList.toggle("actmax-enlarged", !smooth);
    parts.smooth.setAttribute("aria-pressed", String(smooth));
  };
  const resize = (width: number, height: number) => {
    if (canvas.width === width && canvas.height === height) return;
    canvas.width = width; // which clears it
    canvas.height = height;
    canvas.style.setProperty("--actmax-share", String(width / Math.max(width, height)));
    canvas.style.setProperty("--actmax-aspect", String(width / height));
    zoom.fit();
    look();
  };

  const shown = (iteration: number) => {
    at = iteration;
    frame.classList.add("actmax-has-picture");
    for (const button of parts.tools) button.disabled = false;
    probe();
    onDrawn(iteration);
  };
  /** What is said of the picture: a line of text is laid out anew, and thirty a second nobody reads. */
  const tell = () => {
    if (!frame.classList.contains("actmax-has-picture")) return;
    const best = store.cursor.at === null ? store.frame?.best : null; // of the past there is what was then
    const words = TEXTS.picture.caption(describe(model, store), best ?? at);
    canvas.setAttribute("aria-label", best == null ? words : TEXTS.picture.captionBest(words));
    parts.best.setAttribute("aria-pressed", String(best != null));
    const said = measuresOf(model, store, best ?? at);
    setText(
      measured,
      best == null
        ? said
        : [TEXTS.picture.bestOf(formatCount(best)), said].filter(Boolean).join(" · "),
    );
    measured.hidden = measured.textContent === "";
  };

  const drawSaved = (png: Uint8Array) => {
    saved = png;
    void decode(png).then((bitmap) => {
      // A frame, or a newer PNG, may have come while this one was being read.
      if (!bitmap || store.savedPicture !== png) return;
      resize(bitmap.width, bitmap.height);
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      shown(store.iteration);
      tell();
    });
  };

  const paint = ({ shape, pixels }: Still) => {
    painted = pixels;
    resize(shape[1], shape[0]);
    putPixels(canvas, shape, pixels);
  };

  for (const button of parts.tools) button.disabled = true;
  canvas.setAttribute("aria-label", TEXTS.picture.none);
  showZoom(parts, 1);
  look();
  scope.listen(parts.save, "click", () => save(canvas, fileName(model, store, at)));
  const takeAway = createTakeAway(model, store, (ending) => fileName(model, store, at, ending));
  takeAway.element.dataset.part = "save";
  parts.save.after(takeAway.element);
  scope.add(takeAway.cleanup);
  if (beside) takeAway.element.after(beside);
  scope.listen(parts.closer, "click", zoom.closer);
  scope.listen(parts.farther, "click", zoom.farther);
  scope.listen(parts.fit, "click", zoom.fit);
  scope.listen(parts.smooth, "click", () => {
    isSmooth = parts.smooth.getAttribute("aria-pressed") !== "true";
    look();
  });
  scope.listen(parts.best, "click", () =>
    store.link.send({ type: "show_best", best: store.frame?.best == null }),
  );
  showFullBy(parts.full, parts, scope);

  return {
    element,
    cleanup: scope.cleanup,
    words: { draw: tell },
    draw() {
      zoom.begin();
      parts.best.hidden = !store.link.connected;
      if (store.savedPicture) {
        if (store.savedPicture !== saved) drawSaved(store.savedPicture);
        return;
      }
      const still = store.shown();
      // Tiles come without a new frame.
      if (still && still.pixels !== painted) paint(still);
      if (still) shown(still.iteration);
    },
  };
}

type Parts = ReturnType<typeof createParts>;

function createParts() {
  const canvas = h("canvas", { role: "img", "data-testid": "picture", width: 1, height: 1 });
  const empty = h("p", { class: "actmax-picture-empty" }, TEXTS.picture.none);
  const stage = h("div", { class: "actmax-zoomed" }, canvas);
  const measured = h("p", {
    class: "actmax-on-picture",
    "data-testid": "measured",
    "data-part": "measured",
    hidden: true,
  });
  const pixel = h("p", { class: "actmax-on-picture", "data-testid": "pixel", hidden: true });
  const farther = createTool("zoom-out", TEXTS.picture.smaller, Minus);
  const fit = createTool("zoom-fit", TEXTS.picture.fit, Scan);
  const closer = createTool("zoom-in", TEXTS.picture.larger, Plus);
  const full = createFullTool("full-screen");
  const cluster = h(
    "div",
    { class: "actmax-zoom", role: "group", "aria-label": TEXTS.picture.zoom, "data-part": "zoom" },
    ...[farther, fit, closer, full],
  );
  const frame = h(
    "div",
    {
      class: "actmax-picture-frame",
      tabindex: 0,
      role: "group",
      "aria-label": TEXTS.picture.frame,
      title: TEXTS.picture.frameTitle,
      "data-drop": TEXTS.picture.drop,
      "data-testid": "picture-frame",
    },
    ...[stage, empty, measured, pixel, cluster],
  );
  const save = textTool("save", TEXTS.picture.save, TEXTS.picture.saveTitle);
  const smooth = textTool("smooth", TEXTS.picture.smooth, TEXTS.picture.smoothTitle);
  const best = textTool("best", TEXTS.picture.best, TEXTS.picture.bestTitle);
  for (const button of [save, smooth, best]) button.dataset.part = button.dataset.testid;
  for (const toggle of [smooth, best]) toggle.setAttribute("aria-pressed", "false");
  const element = h(
    "div",
    { class: "actmax-picture" },
    frame,
    h("div", { class: "actmax-picture-tools" }, save, smooth, best),
  );
  const tools = [farther, fit, closer, full, save, smooth, best];
  return {
    ...{ element, frame, stage, canvas, measured, pixel, tools },
    ...{ farther, fit, closer, full, save, smooth, best },
  };
}

function textTool(testId: string, words: string, title: string): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "actmax-quiet", title, "data-testid": testId },
    words,
  );
}

/** Not switched off, as the focus would be lost from under whoever presses them in a row. */
function showZoom({ farther, fit }: Parts, scale: number): void {
  for (const button of [farther, fit]) button.setAttribute("aria-disabled", String(scale <= 1.001));
}

/** "p 0.98 · logit 38.2": what the network says to the picture of an iteration, of the first target where there are several. */
function measuresOf(model: ActMaxModel, { rows }: Store, iteration: number): string {
  const measures = model.get("measures") ?? [];
  const at = (kind: string) => {
    const column = measures.findIndex(
      (measure) => measure === kind || measure.startsWith(`${kind} of `),
    );
    return column < 0
      ? Number.NaN
      : rows.at(iteration - 1, rows.columns - measures.length + column);
  };
  const [activation, probability] = [at("activation"), at("probability")];
  const isHead = measures.some((measure) => measure.startsWith("probability"));
  const words = [];
  if (Number.isFinite(probability)) words.push(TEXTS.picture.probability(probability.toFixed(2)));
  if (Number.isFinite(activation))
    words.push(TEXTS.picture[isHead ? "logit" : "activation"](formatFigure(activation)));
  return words.join(" · ");
}

/** Keeps telling the value of the pixel that the pointer is over; what it returns tells it anew. */
function createProbe(model: ActMaxModel, store: Store, parts: Parts, scope: Scope): () => void {
  const { frame, canvas, pixel } = parts;
  let pointer: { clientX: number; clientY: number } | null = null;
  const show = () => {
    const found = pointer && locate(canvas, pointer);
    const values = found && valuesAt(canvas, store, found);
    if (found && values) setText(pixel, formatPixel(found, values, model.get("input_range")));
    pixel.hidden = !values;
  };
  scope.listen(frame, "pointermove", (event) => {
    pointer = event;
    show();
  });
  scope.listen(frame, "pointerleave", () => {
    pointer = null;
    show();
  });
  return show;
}

interface Place {
  x: number;
  y: number;
}

/** `null` beside the picture. */
export function locate(
  canvas: HTMLCanvasElement,
  { clientX, clientY }: { clientX: number; clientY: number },
): Place | null {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const x = Math.floor(((clientX - left) / width) * canvas.width);
  const y = Math.floor(((clientY - top) / height) * canvas.height);
  return x >= 0 && y >= 0 && x < canvas.width && y < canvas.height ? { x, y } : null;
}

/** As the kernel sent it; of a saved notebook as it was painted. */
function valuesAt(canvas: HTMLCanvasElement, { frame, savedPicture }: Store, { x, y }: Place) {
  if (frame?.pixels && !savedPicture) {
    const [, width, channels] = frame.shape;
    const at = (y * width + x) * channels;
    return [...frame.pixels.subarray(at, at + channels)];
  }
  if (!savedPicture) return null;
  const [red = 0, green = 0, blue = 0] =
    canvas.getContext("2d")?.getImageData(x, y, 1, 1).data ?? [];
  return red === green && green === blue ? [red] : [red, green, blue];
}

const KINDS: Record<number, string> = { 1: TEXTS.picture.grey, 3: "RGB", 4: "RGBA" };

/** "x 3, y 7 · RGB 120 88 30", and where the network's values are others, those: to the 255 steps that are shown. */
export function formatPixel(
  { x, y }: Place,
  values: readonly number[],
  range: readonly [number, number] | undefined,
): string {
  const [low, high] = range ?? [0, 255];
  const words = TEXTS.picture.pixel(x, y, KINDS[values.length] ?? "", values.join(" "));
  if (low === 0 && high === 255) return words;
  const own = values.map((value) => formatFigure(low + (value / 255) * (high - low)));
  return `${words} = ${own.join(" ")}`;
}

function describe(model: ActMaxModel, { subject }: Store): string {
  if (isAbsent(model, "layer")) return TEXTS.picture.objective(termsOf(model).join(", "));
  const { layer, filter_indices } = subject;
  return TEXTS.picture.layer(layer, filterWords(filter_indices, namesOf(model, layer)));
}

const termsOf = (model: ActMaxModel): string[] => model.get("parts")?.terms ?? [];

export function filterWords(filters: Filters, names: Names): string {
  if (filters === null) return TEXTS.picture.allFilters;
  return TEXTS.picture.filters(filters.length, formatFilters(filters, names));
}

function fileName(model: ActMaxModel, store: Store, iteration: number, ending = "png"): string {
  const { layer, filter_indices } = store.subject;
  const filters = filter_indices?.length
    ? filter_indices.map(filterInFileName(namesOf(model, layer), filter_indices.length)).join("_")
    : "all";
  const target = isAbsent(model, "layer") ? termsOf(model) : [layer, `filter_${filters}`];
  const name = [model.get("model_name"), ...target, `iteration_${iteration}`];
  return `${name.join("-").replaceAll(/[^\p{L}\p{N}_.-]+/gu, "_")}.${ending}`;
}

const filterInFileName = (names: Names, count: number) => (filter: number | string) =>
  typeof filter === "number" && count <= MOST_NAMED ? call(filter, names) : String(filter);

function save(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => blob && download(blob, name));
}
