import type { Traits } from "../src/kernel/model";
import { nextFrame, open, painted, type View } from "./page";

export const tiles = (view: View): HTMLButtonElement[] => [
  ...view.el.querySelectorAll<HTMLButtonElement>(".actmax-tile"),
];

export function tile(view: View, filter: number): HTMLButtonElement {
  const named = ({ children }: Element) => Number.parseInt(children[1]?.textContent ?? "", 10);
  const found = tiles(view).find((each) => named(each) === filter);
  if (!found) throw new Error(`There is no tile of filter ${filter}.`);
  return found;
}

export const canvasOf = (tile: Element): HTMLCanvasElement =>
  tile.querySelector("canvas") as HTMLCanvasElement;

/** The filters whose tiles are no placeholders. */
export const started = (view: View): number[] =>
  tiles(view)
    .filter((each) => !each.hasAttribute("aria-disabled"))
    .map(({ children }) => Number.parseInt(children[1]?.textContent ?? "", 10));

/** The first byte of each picture painted since the last call. */
export const paints = (): (number | undefined)[] => painted.splice(0).map((pixels) => pixels[0]);

/** A view that the kernel has greeted, before any tiles. */
export function shown(over: Partial<Traits> = {}) {
  const page = open(over);
  const view = page.render();
  page.kernel.snapshot(0, { shape: [0, 0, 1] });
  nextFrame();
  page.model.sent.length = 0;
  painted.length = 0;
  return { ...page, view };
}
