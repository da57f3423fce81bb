/** The picture that is open: large, with its losses and score, what went on from it, and over the checkpoints. */
import type { AtlasStore, Large } from "../kernel/atlas_store";
import { h, setText, uniqueId } from "../kit/dom";
import { formatActivation, formatCount, formatProbability, formatValue } from "../kit/format";
import { TAKES_ESCAPE } from "../kit/keys";
import { setResolution } from "../kit/pixels";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createAtlasChart } from "./atlas_chart";
import { createAtlasFilm } from "./atlas_film";

const WORDS = TEXTS.atlas;
/** Of the longer side, up to which each pixel is shown as a square. */
const SMALL = 200;

export interface AtlasPicture extends Component {
  draw(): void;
  focus(): void;
}

interface Options {
  selected(): number | null;
  open(row: number): void;
  close(): void;
}

export function createAtlasPicture(store: AtlasStore, options: Options): AtlasPicture {
  const scope = new Scope();
  const parts = createParts();
  const { element, canvas } = parts;
  const chart = createAtlasChart();
  const film = createAtlasFilm(store, options);
  parts.course.replaceWith(chart.element);
  parts.checkpoints.replaceWith(film.element);
  let painted: Large | undefined;

  const draw = () => {
    const row = options.selected();
    const isOpen = row !== null && row < store.rows.count;
    element.hidden = !isOpen;
    film.draw();
    if (!isOpen) {
      painted = undefined;
      return;
    }
    store.open(row);
    const large = store.large(row);
    setText(parts.title, titleOf(store, row));
    drawBeneath(parts, store, row, film.other());
    // The one before stays until the next is there: a film would flicker.
    if (!large || large === painted) return;
    painted = large;
    paint(canvas, large, titleOf(store, row));
    fill(parts, store, row, large);
    chart.show(large.total, large.activation);
  };

  scope.listen(parts.close, "click", options.close);
  scope.listen(element, "keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    options.close();
  });
  scope.listen(parts.goOn, "click", () => {
    const row = options.selected();
    if (row !== null) store.send({ type: "go_on", index: row });
  });
  scope.listen(parts.compare, "click", () => {
    const [one, other] = [options.selected(), film.other()];
    if (one !== null && other !== null) store.send({ type: "compare_two", one, other });
  });
  scope.listen(parts.closeBeneath, "click", () => {
    store.send({ type: "close_beneath" });
    parts.goOn.focus(); // it is gone in a moment
  });
  scope.add(store.subscribe(draw));
  for (const part of [chart, film]) scope.add(part.cleanup);
  draw();
  return {
    element,
    draw,
    cleanup: scope.cleanup,
    focus: () => element.focus({ preventScroll: true }),
  };
}

function titleOf({ rows }: AtlasStore, row: number): string {
  const own = `${rows.number("filter", row)} ${rows.text("label", row)}`.trim();
  return WORDS.pictureOf(rows.text("layer", row), own);
}

type Parts = ReturnType<typeof createParts>;

function paint(canvas: HTMLCanvasElement, { bitmap }: Large, title: string): void {
  canvas.hidden = bitmap === null;
  canvas.setAttribute("aria-label", title);
  setResolution(canvas, bitmap?.width ?? 0, bitmap?.height ?? 0);
  if (!bitmap) return;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  canvas.classList.toggle("actmax-enlarged", Math.max(bitmap.width, bitmap.height) < SMALL);
}

/** Whether a run can go on from it, and does. */
function drawBeneath(parts: Parts, store: AtlasStore, row: number, other: number | null): void {
  const { model, rows } = store;
  const [opening, beneath] = [model.get("opening") ?? [], model.get("beneath") ?? []];
  const isBusy = opening.length > 0;
  const large = store.large(row);
  const isLost = !store.connected;
  // What failed, and has a picture all the same, is a start like another.
  const isThere = large ? large.bitmap !== null : !rows.hasFailed(row);
  parts.goOn.disabled = isLost || isBusy || !isThere;
  parts.compare.disabled = parts.goOn.disabled || other === null || other === row;
  parts.compare.hidden = other === null;
  const refused = model.get("refused") ?? "";
  parts.refused.hidden = refused === "" || isBusy;
  setText(parts.refused, refused);
  const words = beneath.length > 1 ? WORDS.compared : WORDS.beneath;
  setText(parts.told, isBusy ? WORDS.opening : beneath.includes(row) ? words : "");
  parts.closeBeneath.hidden = isLost || isBusy || beneath.length === 0;
}

function fill(parts: Parts, { rows }: AtlasStore, row: number, large: Large): void {
  const [activation, probability] = [
    rows.number("activation", row),
    rows.number("probability", row),
  ];
  const numbers: [string, string][] = [
    [WORDS.checkpoint, rows.text("checkpoint", row)],
    [WORDS.seedName, String(rows.number("seed", row))],
    // Of what cannot be read nobody knows how many they were.
    ...(large.steps > 0 || large.error === ""
      ? [[WORDS.steps, formatCount(large.steps)] as [string, string]]
      : []),
    ...(Number.isNaN(activation)
      ? []
      : [[WORDS.lastOf(WORDS.activationName), formatActivation(activation)] as [string, string]]),
    ...(Number.isNaN(probability)
      ? []
      : [[WORDS.lastOf(WORDS.probability), formatProbability(probability)] as [string, string]]),
    ...Object.entries(large.losses).map(
      ([name, value]) => [name, formatValue(value)] as [string, string],
    ),
  ];
  parts.numbers.replaceChildren(
    ...numbers.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
  parts.score.hidden = large.score.length === 0;
  parts.score.replaceChildren(
    ...large.score.flatMap(({ name, verdict, words }) => [
      h(
        "dt",
        {},
        h("span", { class: "actmax-score-name" }, TEXTS.score.names[name]),
        h(
          "span",
          { class: "actmax-verdict", "data-verdict": verdict },
          TEXTS.score.verdicts[verdict],
        ),
      ),
      h("dd", {}, words),
    ]),
  );
  parts.notes.replaceChildren(...large.notes.map((note) => h("p", {}, note)));
  parts.notes.hidden = large.notes.length === 0;
  setText(parts.error, large.error);
  parts.error.hidden = large.error === "";
}

function createParts() {
  const id = uniqueId("picture");
  const title = h("h3", { class: "actmax-name", id, "data-testid": "atlas-title" });
  const button = (testId: string, words: string, name = words) =>
    h(
      "button",
      { type: "button", class: "actmax-button", title: name, "data-testid": testId },
      words,
    );
  const close = button("atlas-close", "×", WORDS.close);
  close.setAttribute("aria-label", WORDS.close);
  close.classList.add("actmax-quiet");
  const canvas = h("canvas", { role: "img", width: 0, height: 0, "data-testid": "atlas-picture" });
  const goOn = button("atlas-go-on", WORDS.goOn, WORDS.goOnTitle);
  const compare = button("atlas-compare", WORDS.compare, WORDS.compareTitle);
  const closeBeneath = button("atlas-close-beneath", WORDS.closeBeneath, WORDS.closeBeneathTitle);
  closeBeneath.classList.add("actmax-quiet");
  const told = h("p", { class: "actmax-caption", role: "status", "data-testid": "atlas-told" });
  const refused = h("p", { class: "actmax-error", role: "alert", "data-testid": "atlas-refused" });
  const error = h("p", { class: "actmax-error", "data-testid": "atlas-error" });
  const numbers = h("dl", { class: "actmax-atlas-numbers", "data-testid": "atlas-numbers" });
  const score = h("dl", { class: "actmax-score-rows", "data-testid": "atlas-score" });
  const notes = h("div", { class: "actmax-atlas-notes", "data-testid": "atlas-notes" });
  const [course, checkpoints] = [h("div", {}), h("div", {})];
  const element = h(
    "div",
    {
      ...{
        class: "actmax-atlas-picture",
        role: "group",
        tabindex: -1,
        "aria-labelledby": id,
        hidden: true,
      },
      ...{ [TAKES_ESCAPE]: true, "data-testid": "atlas-open" },
    },
    h("div", { class: "actmax-atlas-title" }, title, close),
    h("figure", { class: "actmax-atlas-frame" }, canvas),
    error,
    checkpoints,
    h("div", { class: "actmax-buttons" }, goOn, compare),
    h("div", { class: "actmax-atlas-told" }, told, closeBeneath),
    refused,
    notes,
    numbers,
    course,
    score,
  );
  return {
    ...{ element, title, close, canvas, goOn, compare, told, closeBeneath, refused, error },
    ...{ numbers, score, notes, course, checkpoints },
  };
}
