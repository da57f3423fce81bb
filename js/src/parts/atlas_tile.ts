import type { AtlasRows } from "../kernel/atlas_rows";
import type { Small } from "../kernel/atlas_store";
import type { AtlasSettings } from "../kernel/contract";
import { h, setText } from "../kit/dom";
import { fitted, fittedPair, type Measure } from "../kit/fit";
import { formatActivation, formatFigure } from "../kit/format";
import { setResolution } from "../kit/pixels";
import { TEXTS } from "../texts";

const WORDS = TEXTS.atlas;

/** What of the sheet a tile need not repeat, as all have it. */
export interface Shown {
  sort: AtlasSettings["sort"];
  grouped: boolean;
  /** Pictures of several checkpoints, or seeds, stand side by side. */
  checkpoints: boolean;
  seeds: boolean;
  /** Of the words beneath a picture, in CSS pixels. */
  room: number;
  measure: Measure;
}

/** A picture in the sheet. It is used again for another one as soon as it is scrolled out of sight. */
export interface AtlasTile {
  element: HTMLElement;
  /** The row that it shows; -1 while it is not used. */
  row: number;
  show(row: number, place: number, of: number, rows: AtlasRows, shown: Shown): void;
  paint(small: Small | undefined, width: number): void;
  moveTo(left: number, top: number, width: number, height: number): void;
  mark(isActive: boolean, isOpen: boolean): void;
  /** Out of sight, it keeps no pixels. */
  rest(): void;
}

export function createAtlasTile(id: string): AtlasTile {
  const canvas = h("canvas", { width: 0, height: 0 });
  const failed = h("span", { class: "actmax-atlas-failed", hidden: true });
  const picture = h("span", { class: "actmax-tile-picture" }, canvas, failed);
  const name = h("span", { class: "actmax-tile-name" });
  const figure = h("span", { class: "actmax-tile-activation" });
  const attributes = { role: "option", class: "actmax-atlas-tile", id, "aria-selected": "false" };
  const element = h("div", attributes, picture, name, figure);
  let painted: Small | undefined;
  const clear = () => {
    painted = undefined;
    failed.hidden = true;
    setText(failed, "");
    setResolution(canvas, 0, 0);
  };
  const tile: AtlasTile = {
    element,
    row: -1,
    show(row, place, of, rows, shown) {
      const isOther = tile.row !== row;
      tile.row = row;
      const words = wordsOf(row, rows, shown);
      setText(name, words.name);
      setText(figure, words.figure);
      element.dataset.row = String(row);
      element.dataset.failed = String(rows.hasFailed(row));
      element.setAttribute("aria-label", words.whole);
      element.setAttribute("aria-posinset", String(place + 1));
      element.setAttribute("aria-setsize", String(of));
      element.title = words.whole;
      element.hidden = false;
      if (isOther) clear();
    },
    paint(small, width) {
      if (!small || small === painted) return;
      painted = small;
      const { bitmap, error } = small;
      failed.hidden = bitmap !== null;
      setText(failed, bitmap ? "" : WORDS.failed);
      if (!bitmap) {
        element.title = error || WORDS.failed;
        element.dataset.failed = "true";
        setResolution(canvas, 0, 0);
        return;
      }
      setResolution(canvas, bitmap.width, bitmap.height);
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      const isEnlarged = Math.max(bitmap.width, bitmap.height) * 2 <= width;
      canvas.classList.toggle("actmax-enlarged", isEnlarged);
    },
    moveTo(left, top, width, height) {
      // No transform: of each the browser makes a layer's worth of work in every frame.
      element.style.left = `${left}px`;
      element.style.top = `${top}px`;
      element.style.width = `${width}px`;
      element.style.height = `${height}px`;
    },
    mark(isActive, isOpen) {
      element.toggleAttribute("data-active", isActive);
      element.setAttribute("aria-selected", String(isOpen));
    },
    rest() {
      if (element.hidden) return;
      tile.row = -1;
      delete element.dataset.row;
      element.removeAttribute("aria-posinset");
      element.hidden = true;
      clear();
    },
  };
  return tile;
}

function wordsOf(row: number, rows: AtlasRows, shown: Shown) {
  const [label, layer] = [rows.text("label", row), rows.text("layer", row)];
  const filter = rows.number("filter", row);
  const own = `${filter} ${label}`.trim();
  const activation = rows.number("activation", row);
  const number = Number.isNaN(activation) ? "" : formatActivation(activation);
  const score = rows.hasScore(row) ? WORDS.scored(formatFigure(rows.score(row))) : "";
  const checkpoint = shown.checkpoints ? rows.text("checkpoint", row) : "";
  const seed = shown.seeds ? WORDS.seed(rows.number("seed", row)) : "";
  const figures = rows.hasFailed(row) ? WORDS.failed : shown.sort === "score" ? score : number;
  const said = [number && WORDS.activation(number), score, rows.hasFailed(row) && WORDS.failed];
  const which = [checkpoint, seed].filter(Boolean);
  const { room, measure } = shown;
  const last = seed && ` · ${seed}`;
  const left = room - measure(last);
  const name = shown.grouped
    ? fitted(own, left, measure, "start")
    : fittedPair(layer, own, left, measure);
  return {
    name: `${name}${last}`,
    figure: fittedPair(checkpoint, figures, room, measure),
    whole: [WORDS.pictureOf(layer, own), ...which, ...said].filter(Boolean).join(", "),
  };
}
