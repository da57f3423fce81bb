import type { TilesMessage } from "../kernel/contract";
import { call, type Names } from "../kernel/names";
import type { Tile } from "../kernel/tiles";
import { h } from "../kit/dom";
import { putPixels, setResolution } from "../kit/pixels";

/** CSS pixels of a tile's side, about; the style sheet sets the least. */
const SHOWN_SIZE = 96;

/** One filter's button in the grid. */
export interface TileButton {
  element: HTMLButtonElement;
  draw(tile: Tile | undefined): void;
  /** Out of sight it keeps no pixels: a layer may have a thousand filters. */
  setInSight(inSight: boolean): void;
}

/** A picture with the filter's number, and its name if it has one; a quiet placeholder until the picture comes. */
export function createTile(
  filter: number,
  shape: TilesMessage["shape"],
  names: Names = [],
): TileButton {
  const called = call(filter, names);
  const [height, width] = shape;
  const canvas = h("canvas", { width: 0, height: 0 });
  const element = h(
    "button",
    {
      type: "button",
      class: "actmax-tile",
      tabindex: -1,
      "aria-label": `Filter ${called}, not started`,
      "aria-disabled": "true",
      "data-filter": filter,
    },
    h("span", { class: "actmax-tile-picture" }, canvas),
    h("span", { class: "actmax-tile-name" }, called),
  );
  // Enlarged by less than twice, some pixels would look twice as wide as their neighbours.
  canvas.classList.toggle("actmax-enlarged", Math.max(height, width) * 2 <= SHOWN_SIZE);
  let inSight = false;
  let begun = false;
  let drawn: number | undefined;

  const begin = () => {
    begun = true;
    element.removeAttribute("aria-disabled");
    element.setAttribute("aria-label", `Filter ${called}`);
    element.title = `Show filter ${called} large, with its losses`;
  };

  return {
    element,
    draw(tile) {
      if (!tile) return;
      if (!begun) begin();
      if (!inSight || tile.seq === drawn) return;
      putPixels(canvas, shape, tile.pixels);
      drawn = tile.seq;
    },
    setInSight(now) {
      inSight = now;
      if (inSight) return;
      setResolution(canvas, 0, 0);
      drawn = undefined;
    },
  };
}
