import type { TilesMessage } from "../kernel/contract";
import type { Tile } from "../kernel/tiles";
import { h, setText } from "../kit/dom";
import { formatActivation } from "../kit/format";
import { putPixels, setResolution } from "../kit/pixels";
import { TEXTS } from "../texts";

/** CSS pixels of a tile's side, about; the style sheet sets the least. */
const SHOWN_SIZE = 96;

/** One picture's button in the grid. */
export interface TileButton {
  element: HTMLButtonElement;
  draw(tile: Tile | undefined): void;
  /** Out of sight it keeps no pixels: a layer may have a thousand filters. */
  setInSight(inSight: boolean): void;
}

/**
 * A picture with what it has of its own and its activation; a quiet placeholder until it comes. `noun` goes before the
 * label where that is a number alone.
 */
export function createTile(
  index: number,
  label: string,
  noun: string,
  shape: TilesMessage["shape"],
): TileButton {
  const name = `${noun} ${label}`.trim();
  const [height, width] = shape;
  const canvas = h("canvas", { width: 0, height: 0 });
  const activation = h("span", { class: "actmax-tile-activation" });
  const element = h(
    "button",
    {
      type: "button",
      class: "actmax-tile",
      tabindex: -1,
      "aria-label": TEXTS.tile.notStarted(name),
      "aria-disabled": "true",
      "data-index": index,
    },
    h("span", { class: "actmax-tile-picture" }, canvas),
    h("span", { class: "actmax-tile-name", "data-wraps": noun === "" }, label),
    activation,
  );
  // Enlarged by less than twice, some pixels would look twice as wide as their neighbours.
  canvas.classList.toggle("actmax-enlarged", Math.max(height, width) * 2 <= SHOWN_SIZE);
  let inSight = false;
  let begun = false;
  let drawn: number | undefined;

  const begin = () => {
    begun = true;
    element.removeAttribute("aria-disabled");
    element.setAttribute("aria-label", name);
    element.title = TEXTS.tile.title(name);
  };
  const showActivation = (value: number | null) => {
    const text = value === null ? "" : formatActivation(value);
    setText(activation, text);
    element.setAttribute("aria-label", text === "" ? name : TEXTS.tile.activation(name, text));
  };

  return {
    element,
    draw(tile) {
      if (!tile) return;
      if (!begun) begin();
      if (!inSight || tile.seq === drawn) return;
      putPixels(canvas, shape, tile.pixels);
      showActivation(tile.activation);
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
