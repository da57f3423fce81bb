import type { Still } from "../kernel/film";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import { call, type Names, namesOf } from "../kernel/names";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { putPixels } from "../kit/pixels";
import { decode } from "../kit/png";
import { type Drawn, Scope } from "../kit/scope";
import { type Filters, formatFilters } from "./filters";

/** CSS pixels of the longer side. */
const SHOWN_SIZE = 380;
/** With the names of more filters than this the name of a file would grow too long. */
const MOST_NAMED = 4;

interface Options {
  /** Told which iteration is on the screen. */
  onDrawn(iteration: number): void;
}

/** The picture in its own resolution, enlarged by the style sheet, and a button that saves it. */
export function createPicture(model: ActMaxModel, store: Store, { onDrawn }: Options): Drawn {
  const scope = new Scope();
  const canvas = h("canvas", { role: "img", "data-testid": "picture", width: 1, height: 1 });
  const empty = h("p", { class: "actmax-picture-empty" }, "No picture yet");
  const save = h(
    "button",
    { type: "button", class: "actmax-quiet", "data-testid": "save" },
    "Save PNG",
  );
  const frame = h("div", { class: "actmax-picture-frame" }, canvas, empty);
  const element = h("div", { class: "actmax-picture" }, frame, save);
  let saved: Uint8Array | null = null;
  let painted: Uint8Array | null = null;
  let at = 0;

  const shown = (iteration: number) => {
    at = iteration;
    frame.classList.add("actmax-has-picture");
    save.disabled = false;
    canvas.setAttribute("aria-label", `${describe(model, store)}, iteration ${iteration}`);
    onDrawn(iteration);
  };

  const drawSaved = (png: Uint8Array) => {
    saved = png;
    void decode(png).then((bitmap) => {
      // A frame, or a newer PNG, may have come while this one was being read.
      if (!bitmap || store.savedPicture !== png) return;
      resize(canvas, bitmap.width, bitmap.height);
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      shown(store.iteration);
    });
  };

  const paint = ({ shape, pixels }: Still) => {
    painted = pixels;
    resize(canvas, shape[1], shape[0]);
    putPixels(canvas, shape, pixels);
  };

  save.disabled = true;
  canvas.setAttribute("aria-label", "No picture yet");
  scope.listen(save, "click", () => download(canvas, fileName(model, store, at)));

  return {
    element,
    cleanup: scope.cleanup,
    draw() {
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

/** Only where it differs: setting a canvas's size clears it. */
function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
  const longer = Math.max(width, height);
  canvas.style.width = `${Math.round((SHOWN_SIZE * width) / longer)}px`;
  canvas.style.aspectRatio = `${width} / ${height}`;
  canvas.classList.toggle("actmax-enlarged", longer < SHOWN_SIZE);
}

function describe(model: ActMaxModel, { subject }: Store): string {
  if (isAbsent(model, "layer")) return `Objective ${termsOf(model).join(", ")}`;
  const { layer, filter_indices } = subject;
  return `Layer ${layer}, ${filterWords(filter_indices, namesOf(model, layer))}`;
}

const termsOf = (model: ActMaxModel): string[] => model.get("parts")?.terms ?? [];

export function filterWords(filters: Filters, names: Names): string {
  if (filters === null) return "all filters";
  return `filter${filters.length === 1 ? "" : "s"} ${formatFilters(filters, names)}`;
}

function fileName(model: ActMaxModel, store: Store, iteration: number): string {
  const { layer, filter_indices } = store.subject;
  const filters = filter_indices?.length
    ? filter_indices.map(filterInFileName(namesOf(model, layer), filter_indices.length)).join("_")
    : "all";
  const target = isAbsent(model, "layer") ? termsOf(model) : [layer, `filter_${filters}`];
  const name = [model.get("model_name"), ...target, `iteration_${iteration}`];
  return `${name.join("-").replaceAll(/[^\p{L}\p{N}_.-]+/gu, "_")}.png`;
}

const filterInFileName = (names: Names, count: number) => (filter: number | string) =>
  typeof filter === "number" && count <= MOST_NAMED ? call(filter, names) : String(filter);

function download(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (!blob) return;
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
  });
}
