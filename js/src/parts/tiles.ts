import { type ActMaxModel, isBusy, type Status, type TilesCommand } from "../kernel/model";
import type { Store } from "../kernel/store";
import type { Tiles } from "../kernel/tiles";
import { h, setText, uniqueId } from "../kit/dom";
import { formatProgress } from "../kit/format";
import { type Drawn, Scope } from "../kit/scope";
import { createTileGrid } from "./tile_grid";

/** Running shows itself. */
const STATUS_WORDS: Record<Status, string> = {
  ready: "",
  compiling: "compiling …",
  running: "",
  paused: "paused",
  finished: "finished",
  failed: "failed",
};

interface Options {
  /** Gets the keyboard's focus when the tiles that had it go. */
  fallback: HTMLElement;
}

/** Pictures of all filters of a layer, with how far they are; hidden while there are none. */
export function createTiles(model: ActMaxModel, store: Store, { fallback }: Options): Drawn {
  const scope = new Scope();
  const grid = createTileGrid(model, store);
  const parts = createParts(grid.element);
  const { element, toggle, close } = parts;

  const draw = () => {
    const { tiles } = store;
    if (!tiles && element.contains(document.activeElement)) fallback.focus();
    element.hidden = !tiles;
    if (tiles) paint(parts, tiles, store.link.connected);
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
  draw();
  return { element, draw, cleanup: scope.cleanup };
}

const toggleCommand = ({ tiles }: Store): TilesCommand =>
  tiles?.news.status === "paused" ? "resume_tiles" : "pause_tiles";

function paint(
  { element, bar, title, count, figures, word, error, ...buttons }: Parts,
  tiles: Tiles,
  connected: boolean,
) {
  const { layer, filters, done, iteration, goal, status, ...news } = tiles.news;
  element.dataset.status = status;
  element.dataset.done = String(done);
  setText(title, `All filters of ${layer}`);
  setText(count, `${done} of ${filters.length} filters`);
  const midway = status !== "compiling" && status !== "finished";
  setText(figures, midway ? formatProgress(iteration, goal, null, null) : "");
  setText(word, connected || !isBusy(status) ? STATUS_WORDS[status] : "not finished");
  setText(error, news.error);
  error.hidden = news.error === "";
  paintBar(bar, tiles, connected);
  paintToggle(buttons, status);
}

/** Compiling takes as long as it takes: without a value the bar moves to and fro. */
function paintBar(bar: HTMLProgressElement, { news, progress }: Tiles, connected: boolean): void {
  bar.max = Math.max(1, news.filters.length);
  if (news.status === "compiling" && connected) bar.removeAttribute("value");
  else bar.value = progress;
}

/** There is nothing to pause at the end. */
function paintToggle({ toggle, close }: Pick<Parts, "toggle" | "close">, status: Status): void {
  const paused = status === "paused";
  setText(toggle, paused ? "Go on" : "Pause");
  toggle.title = paused ? "Go on with the filters that are left" : "Pause after the current step";
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
  const bar = h("progress", { "aria-label": "Filters", "data-testid": "tiles-progress", max: 1 });
  const error = h("p", { class: "actmax-error", role: "alert", "data-testid": "tiles-error" });
  const toggle = createButton("tiles-toggle", "Pause", "");
  const close = createButton("tiles-close", "Close", "Stop, and take these pictures away");
  const caption = h("span", { class: "actmax-caption" }, count, figures, word);
  const header = h(
    "div",
    { class: "actmax-table-title actmax-tiles-header" },
    h("div", { class: "actmax-tiles-words" }, title, caption),
    h("span", { class: "actmax-buttons" }, toggle, close),
  );
  // A fieldset: without a kernel it is switched off as the other controls are.
  const element = h(
    "fieldset",
    { class: "actmax-controls actmax-tiles", "aria-labelledby": id, "data-testid": "tiles" },
    header,
    bar,
    error,
    grid,
  );
  return { element, title, count, figures, word, bar, error, toggle, close };
}

function createButton(testId: string, name: string, title: string): HTMLButtonElement {
  const attributes = { type: "button", class: "actmax-button", title, "data-testid": testId };
  return h("button", attributes, name);
}
