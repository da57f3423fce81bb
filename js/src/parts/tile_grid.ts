import { type ActMaxModel, layerOf } from "../kernel/model";
import { namesOf } from "../kernel/names";
import type { Store } from "../kernel/store";
import type { Tiles } from "../kernel/tiles";
import { moveByArrowKeys } from "../kit/arrow_keys";
import { h } from "../kit/dom";
import { type Drawn, Scope } from "../kit/scope";
import { singleFilter } from "./filters";
import { createTile, type TileButton } from "./tile";

/** Tiles are drawn this far beyond either edge, in parts of the grid's height. */
const AHEAD = "50%";

/** A tile for each filter; only those in sight, and of them what changed, are drawn. */
export function createTileGrid(model: ActMaxModel, store: Store): Drawn {
  const scope = new Scope();
  const element = h("div", {
    class: "actmax-tile-grid",
    role: "group",
    "data-testid": "tile-grid",
  });
  const buttons = new Map<Element, TileButton>();
  let laidOut: Tiles | null = null;
  let chosen: Element | undefined;
  // Jupyter takes cells out of the page while they are out of sight; they come back scrolled to the top.
  let parked = true;
  let top = 0;

  const look = (entries: IntersectionObserverEntry[]) => {
    const wasParked = parked;
    parked = element.clientHeight === 0;
    if (wasParked && !parked) element.scrollTop = top;
    for (const { target, isIntersecting } of entries)
      buttons.get(target)?.setInSight(isIntersecting);
    paint();
  };
  const observer = new IntersectionObserver(look, { root: element, rootMargin: `${AHEAD} 0px` });

  const paint = () => {
    let index = 0;
    for (const tile of buttons.values()) tile.draw(laidOut?.tile(index++));
  };
  const layOut = (tiles: Tiles | null) => {
    laidOut = tiles;
    observer.disconnect();
    buttons.clear();
    for (const tile of createTileButtons(model, tiles)) buttons.set(tile.element, tile);
    element.replaceChildren(...buttons.keys());
    element.setAttribute("aria-label", `Filters of layer ${tiles?.news.layer ?? ""}`);
    element.style.setProperty("--actmax-tile-aspect", String(aspectOf(tiles)));
    element.scrollTop = top = 0;
    for (const tile of buttons.keys()) observer.observe(tile);
    markChosen();
  };
  const markChosen = () => {
    chosen?.removeAttribute("aria-current");
    chosen = element.children[chosenIndex(model, laidOut)];
    chosen?.setAttribute("aria-current", "true");
  };
  const open = ({ target }: MouseEvent) => {
    // A tile that is not started has nothing to show.
    const tile = (target as Element).closest<HTMLElement>(".actmax-tile:not([aria-disabled])");
    if (tile) store.link.send({ type: "open_tile", filter: Number(tile.dataset.filter) });
  };

  moveByArrowKeys(element, scope);
  scope.listen(element, "click", open);
  scope.listen(element, "scroll", () => {
    if (!parked) top = element.scrollTop;
  });
  scope.on(model, "change:layer change:filter_indices change:layers", markChosen);
  scope.add(() => observer.disconnect());
  return {
    element,
    cleanup: scope.cleanup,
    draw() {
      if (store.tiles !== laidOut) layOut(store.tiles);
      // Tiles that are switched off take no focus; then the grid does, or the keyboard could not scroll it.
      if (store.link.connected) element.removeAttribute("tabindex");
      else element.tabIndex = 0;
      paint();
    },
  };
}

/** The Tab key comes to the first one. */
function createTileButtons(model: ActMaxModel, tiles: Tiles | null): TileButton[] {
  if (!tiles) return [];
  const { layer, filters, shape } = tiles.news;
  const names = namesOf(model, layer);
  const buttons = filters.map((filter) => createTile(filter, shape, names));
  if (buttons[0]) buttons[0].element.tabIndex = 0;
  return buttons;
}

/** Width by height; a strip is shown with a margin, or its tile would be a line or a tower. */
function aspectOf(tiles: Tiles | null): number {
  const [height, width] = tiles?.news.shape ?? [1, 1];
  return Math.min(2, Math.max(0.5, width / height));
}

/** Where the tile of the one filter chosen is; -1 where the tiles are of another layer. */
function chosenIndex(model: ActMaxModel, tiles: Tiles | null): number {
  if (!tiles || model.get("layer") !== tiles.news.layer) return -1;
  const filter = singleFilter(model.get("filter_indices"), layerOf(model)?.filters ?? 0);
  return filter === null ? -1 : tiles.news.filters.indexOf(filter);
}
