import { type ActMaxModel, isBusy, type Status, type TilesCommand } from "../kernel/model";
import type { Store } from "../kernel/store";
import type { Tiles } from "../kernel/tiles";
import { h, setText, uniqueId } from "../kit/dom";
import { formatProgress } from "../kit/format";
import { type Drawn, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createTakeAway } from "./take_away";
import { BY_ACTIVATION, createTileGrid, headingOf, type Order } from "./tile_grid";

interface Options {
  /** Gets the keyboard's focus when the tiles that had it go. */
  fallback: { focus(): void };
}

/** Pictures side by side, with how far they are; hidden while there are none. */
export function createTiles(model: ActMaxModel, store: Store, { fallback }: Options): Drawn {
  const scope = new Scope();
  const grid = createTileGrid(model, store);
  const parts = createParts(grid.element);
  const { element, order, toggle, close } = parts;
  const save = createTakeAway(model, store, (ending) => fileName(model, store, ending), "tiles");
  scope.add(save.cleanup);
  save.element.dataset.part = "save";
  order.before(save.element);
  let laidOut: Tiles | null = null;

  const draw = () => {
    const { tiles } = store;
    if (!tiles && element.contains(document.activeElement)) fallback.focus();
    element.hidden = !tiles;
    if (tiles && tiles !== laidOut) offerOrders(order, tiles);
    laidOut = tiles;
    if (tiles) paint(parts, headingOf(model, tiles), tiles, store.link.connected);
    save.element.hidden = !tiles?.tile(0) || !store.link.connected;
    grid.draw();
  };
  const showPending = () => {
    toggle.classList.toggle("actmax-pending", store.pending === toggleCommand(store));
    close.classList.toggle("actmax-pending", store.pending === "close_tiles");
  };

  scope.add(grid.cleanup);
  // Not in the next animation frame: a click is answered at once.
  scope.add(store.subscribe(showPending));
  scope.listen(toggle, "click", () => store.command(toggleCommand(store)));
  scope.listen(close, "click", () => store.command("close_tiles"));
  scope.listen(order, "change", () => grid.sort(order.value as Order));
  draw();
  return { element, draw, cleanup: scope.cleanup };
}

/** Of each number that they differ in; of one alone they are in its order as they are. */
function offerOrders(order: HTMLSelectElement, { news }: Tiles): void {
  const before = order.value;
  for (const option of [...order.options].slice(2)) option.remove();
  const isNumber = (at: number) => news.values.every((own) => typeof own[at] === "number");
  for (const [at, title] of news.titles.entries())
    if (isNumber(at)) order.append(h("option", { value: at }, TEXTS.tiles.by(title)));
  order.value = [...order.options].some(({ value }) => value === before) ? before : "";
}

function fileName(model: ActMaxModel, { tiles }: Store, ending: string): string {
  const { layer = "", titles = [] } = tiles?.news ?? {};
  const name = [model.get("model_name"), layer, ...titles].join("-");
  return `${name.replaceAll(/[^\p{L}\p{N}_.-]+/gu, "_")}.${ending}`;
}

const toggleCommand = ({ tiles }: Store): TilesCommand =>
  tiles?.news.status === "paused" ? "resume_tiles" : "pause_tiles";

function paint(
  { element, bar, title, count, figures, word, changed, error, order, ...buttons }: Parts,
  heading: string,
  tiles: Tiles,
  connected: boolean,
) {
  const { done, iteration, goal, status, ...news } = tiles.news;
  element.dataset.status = status;
  element.dataset.done = String(done);
  setText(title, heading);
  setText(count, TEXTS.tiles[tiles.filters ? "filters" : "pictures"](done, tiles.count));
  const midway = status !== "compiling" && status !== "finished";
  setText(figures, midway ? formatProgress(iteration, goal, null, null) : "");
  setText(
    word,
    connected || !isBusy(status) ? TEXTS.tiles.status[status] : TEXTS.tiles.notFinished,
  );
  setText(changed, news.changed.length > 0 ? TEXTS.tiles.changed(news.changed.join(", ")) : "");
  changed.hidden = news.changed.length === 0;
  const [, byActivation] = order.options;
  if (byActivation) byActivation.hidden = byActivation.disabled = tiles.isUnmeasured;
  order.hidden = tiles.count < 2 || (tiles.isUnmeasured && order.options.length < 3);
  setText(error, news.error);
  error.hidden = news.error === "";
  paintBar(bar, tiles, connected);
  paintToggle(buttons, status);
}

/** Compiling takes as long as it takes: without a value the bar moves to and fro. */
function paintBar(bar: HTMLProgressElement, { news, progress }: Tiles, connected: boolean): void {
  bar.max = Math.max(1, news.values.length);
  if (news.status === "compiling" && connected) bar.removeAttribute("value");
  else bar.value = progress;
}

/** There is nothing to pause at the end. */
function paintToggle({ toggle, close }: Pick<Parts, "toggle" | "close">, status: Status): void {
  const paused = status === "paused";
  setText(toggle, paused ? TEXTS.tiles.goOn : TEXTS.tiles.pause);
  toggle.title = paused ? TEXTS.tiles.goOnTitle : TEXTS.tiles.pauseTitle;
  const idle = !paused && !isBusy(status);
  if (idle && document.activeElement === toggle) close.focus();
  toggle.hidden = idle;
}

type Parts = ReturnType<typeof createParts>;

function createParts(grid: HTMLElement) {
  const id = uniqueId("tiles");
  const text = (testId: string, attributes = {}) =>
    h("span", { "data-testid": testId, ...attributes });
  const title = text("tiles-title", { id });
  const count = text("tiles-count");
  const figures = text("tiles-figures");
  const word = text("tiles-status", { role: "status" });
  const changed = h("p", { class: "actmax-tiles-changed", "data-testid": "tiles-changed" });
  const order = h(
    "select",
    { "aria-label": TEXTS.tiles.order, "data-testid": "tiles-order" },
    h("option", { value: "" }, TEXTS.tiles.inOrder),
    h("option", { value: BY_ACTIVATION }, TEXTS.tiles.byActivation),
  );
  const bar = h("progress", {
    "aria-label": TEXTS.tiles.progress,
    "data-testid": "tiles-progress",
    max: 1,
  });
  const error = h("p", { class: "actmax-error", role: "alert", "data-testid": "tiles-error" });
  const toggle = createButton("tiles-toggle", TEXTS.tiles.pause, "");
  const close = createButton("tiles-close", TEXTS.tiles.close, TEXTS.tiles.closeTitle);
  const caption = h("span", { class: "actmax-caption" }, count, figures, word);
  const header = h(
    "div",
    { class: "actmax-table-title actmax-tiles-header" },
    h("div", { class: "actmax-tiles-words" }, title, caption),
    h("span", { class: "actmax-buttons" }, order, toggle, close),
  );
  // A fieldset: without a kernel it is switched off as the other controls are.
  const element = h(
    "fieldset",
    { class: "actmax-controls actmax-tiles", "aria-labelledby": id, "data-testid": "tiles" },
    header,
    bar,
    changed,
    error,
    grid,
  );
  return { element, title, count, figures, word, bar, changed, error, order, toggle, close };
}

function createButton(testId: string, name: string, title: string): HTMLButtonElement {
  const attributes = { type: "button", class: "actmax-button", title, "data-testid": testId };
  return h("button", attributes, name);
}
