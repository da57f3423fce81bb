import type { Frame } from "../kernel/frame";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { putPixels } from "../kit/pixels";
import { decode } from "../kit/png";
import { type Drawn, Scope } from "../kit/scope";
import { formatFilters } from "./filters";

/** CSS pixels of the longer side. */
const SHOWN_SIZE = 320;

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

  const shown = (iteration: number) => {
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

  const paint = ({ shape }: Frame, pixels: Uint8Array) => {
    painted = pixels;
    resize(canvas, shape[1], shape[0]);
    putPixels(canvas, shape, pixels);
  };

  save.disabled = true;
  canvas.setAttribute("aria-label", "No picture yet");
  scope.listen(save, "click", () => download(canvas, fileName(model, store)));

  return {
    element,
    cleanup: scope.cleanup,
    draw() {
      if (store.savedPicture) {
        if (store.savedPicture !== saved) drawSaved(store.savedPicture);
      } else if (store.frame?.pixels) {
        // Tiles come without a new frame.
        if (store.frame.pixels !== painted) paint(store.frame, store.frame.pixels);
        shown(store.frame.iteration);
      }
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
  return `Layer ${subject.layer}, ${filterWords(subject.filter_indices)}`;
}

const termsOf = (model: ActMaxModel): string[] => model.get("parts")?.terms ?? [];

function filterWords(indices: number[] | null): string {
  if (indices === null) return "all filters";
  return `filter${indices.length === 1 ? "" : "s"} ${formatFilters(indices)}`;
}

function fileName(model: ActMaxModel, store: Store): string {
  const { layer, filter_indices } = store.subject;
  const filters = filter_indices === null ? "all" : filter_indices.join("_");
  const target = isAbsent(model, "layer") ? termsOf(model) : [layer, `filter_${filters}`];
  const name = [model.get("model_name"), ...target, `iteration_${store.iteration}`];
  return `${name.join("-").replace(/[^\w.-]+/g, "_")}.png`;
}

function download(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (!blob) return;
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
  });
}
