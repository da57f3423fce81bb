import { CONTROLS } from "../kernel/contract";
import type { ActMaxModel } from "../kernel/model";
import { namesOf } from "../kernel/names";
import type { Store } from "../kernel/store";
import type { Tiles } from "../kernel/tiles";
import { moveByArrowKeys } from "../kit/arrow_keys";
import { arrange, h } from "../kit/dom";
import { type Drawn, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createTile, type TileButton } from "./tile";
import { labelOf, presentIndex } from "./tile_label";

/** Tiles are drawn this far beyond either edge, in parts of the grid's height. */
const AHEAD = "50%";
/** What may make another tile the present one. */
const SETTINGS = ["knobs", "layers", ...CONTROLS.map(({ name }) => name)]
  .map((name) => `change:${name}`)
  .join(" ");

export const BY_ACTIVATION = "activation";
/** "": as they were made; a number: by that of the names that they differ in. */
export type Order = "" | typeof BY_ACTIVATION | `${number}`;

export interface TileGrid extends Drawn {
  /** The largest activation first, the smallest value first, or all in their order. */
  sort(by: Order): void;
}

/** A tile for each picture; only those in sight, and of them what changed, are drawn. */
export function createTileGrid(model: ActMaxModel, store: Store): TileGrid {
  const scope = new Scope();
  const element = h("div", {
    class: "actmax-tile-grid",
    role: "group",
    "data-testid": "tile-grid",
  });
  let buttons: TileButton[] = [];
  const byElement = new Map<Element, TileButton>();
  let laidOut: Tiles | null = null;
  let chosen: Element | undefined;
  let by: Order = "";
  let sorted = "";
  // Jupyter takes cells out of the page while they are out of sight; they come back scrolled to the top.
  let parked = true;
  let top = 0;

  const look = (entries: IntersectionObserverEntry[]) => {
    const wasParked = parked;
    parked = element.clientHeight === 0;
    if (wasParked && !parked) element.scrollTop = top;
    for (const { target, isIntersecting } of entries)
      byElement.get(target)?.setInSight(isIntersecting);
    paint();
  };
  const observer = new IntersectionObserver(look, { root: element, rootMargin: `${AHEAD} 0px` });

  const paint = () => {
    for (const [index, tile] of buttons.entries()) tile.draw(laidOut?.tile(index));
  };
  const layOut = (tiles: Tiles | null) => {
    laidOut = tiles;
    observer.disconnect();
    byElement.clear();
    buttons = createTileButtons(model, tiles);
    for (const tile of buttons) byElement.set(tile.element, tile);
    element.replaceChildren(...byElement.keys());
    sorted = by ? "" : momentOf(tiles, "");
    element.setAttribute("aria-label", tiles ? headingOf(model, tiles) : "");
    element.style.setProperty("--actmax-tile-aspect", String(aspectOf(tiles)));
    element.scrollTop = top = 0;
    for (const tile of byElement.keys()) observer.observe(tile);
    markChosen();
  };
  const markChosen = () => {
    chosen?.removeAttribute("aria-current");
    chosen = laidOut ? buttons[presentIndex(model, laidOut.news)]?.element : undefined;
    chosen?.setAttribute("aria-current", "true");
  };
  // Not with each message: nobody could click on what jumps about.
  const put = () => {
    const moment = momentOf(laidOut, by);
    if (moment === sorted) return;
    sorted = moment;
    const focused = document.activeElement;
    const wanted = orderOf(laidOut, by).flatMap((index) => buttons[index]?.element ?? []);
    arrange(element, wanted);
    if (byElement.has(focused as Element)) (focused as HTMLElement).focus();
  };
  const open = ({ target }: MouseEvent) => {
    // A tile that is not started has nothing to show.
    const tile = (target as Element).closest<HTMLElement>(".actmax-tile:not([aria-disabled])");
    if (tile) store.link.send({ type: "open_tile", tile: Number(tile.dataset.index) });
  };

  moveByArrowKeys(element, scope);
  scope.listen(element, "click", open);
  scope.listen(element, "scroll", () => {
    if (!parked) top = element.scrollTop;
  });
  scope.on(model, SETTINGS, markChosen);
  scope.add(() => observer.disconnect());
  return {
    element,
    cleanup: scope.cleanup,
    sort(now) {
      by = now;
      put();
    },
    draw() {
      if (store.tiles !== laidOut) layOut(store.tiles);
      // Tiles that are switched off take no focus; then the grid does, or the keyboard could not scroll it.
      if (store.link.connected) element.removeAttribute("tabindex");
      else element.tabIndex = 0;
      put();
      paint();
    },
  };
}

/** They are put in order anew when there is another one of these. */
function momentOf(tiles: Tiles | null, by: Order): string {
  const { number, done, status } = tiles?.news ?? {};
  if (by === BY_ACTIVATION) return `${number} by activation at ${done}, ${status}`;
  return `${number}/${by}`;
}

/** "All filters of conv2", "Seed", "Seed × Decay". */
export function headingOf(model: ActMaxModel, tiles: Tiles): string {
  const { layer, titles } = tiles.news;
  if (!tiles.filters) return titles.join(" × ");
  const all = (model.get("layers") ?? []).find(({ name }) => name === layer)?.filters;
  return TEXTS.tileGrid[tiles.count === all ? "allFilters" : "filters"](layer);
}

/** The Tab key comes to the first one. */
function createTileButtons(model: ActMaxModel, tiles: Tiles | null): TileButton[] {
  if (!tiles) return [];
  const { news } = tiles;
  const names = namesOf(model, news.layer);
  const noun = tiles.filters ? TEXTS.tileGrid.filter : "";
  const buttons = news.values.map((_, index) =>
    createTile(index, labelOf(news, index, names), noun, news.shape),
  );
  if (buttons[0]) buttons[0].element.tabIndex = 0;
  return buttons;
}

function orderOf(tiles: Tiles | null, by: Order): number[] {
  const order = [...Array(tiles?.count ?? 0).keys()];
  if (by === "") return order;
  if (by !== BY_ACTIVATION) {
    const value = (index: number) => Number(tiles?.news.values[index]?.[Number(by)] ?? 0);
    return order.sort((one, other) => value(one) - value(other));
  }
  const activation = (index: number) => tiles?.tile(index)?.activation ?? Number.NEGATIVE_INFINITY;
  // Not their difference: that of two infinities is no number.
  return order.sort(
    (one, other) =>
      Number(activation(one) < activation(other)) - Number(activation(one) > activation(other)),
  );
}

/** Width by height; a strip is shown with a margin, or its tile would be a line or a tower. */
function aspectOf(tiles: Tiles | null): number {
  const [height, width] = tiles?.news.shape ?? [1, 1];
  return Math.min(2, Math.max(0.5, width / height));
}
