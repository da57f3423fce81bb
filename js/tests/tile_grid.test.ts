import { describe, expect, it, vi } from "vitest";
import { ofFilters } from "./fake_model";
import { nextFrame, painted, scrolled, standInForBrowser, type View } from "./page";
import { canvasOf, paints, shown, started, tile, tiles } from "./tiles_page";

standInForBrowser();

describe("the tiles in the grid", () => {
  it("are placeholders, and fill in as they come", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 0, { status: "compiling" });
    nextFrame();
    expect(tiles(view).map(({ textContent }) => Number(textContent))).toEqual([
      ...Array(16).keys(),
    ]);
    expect(started(view)).toEqual([]);
    expect(tile(view, 5).getAttribute("aria-label")).toBe("Filter 5, not started");
    kernel.tiles(4, 2, { iteration: 10 });
    nextFrame();
    expect(started(view)).toEqual([4, 5]);
    expect(tile(view, 5).getAttribute("aria-label")).toBe("Filter 5");
    expect(paints()).toEqual([14, 15]);
  });

  it("are drawn where they changed, the newest of all that came together", () => {
    const { kernel } = shown();
    kernel.tiles(0, 4);
    nextFrame();
    expect(paints()).toEqual([0, 1, 2, 3]);
    for (const iteration of [10, 20, 30]) kernel.tiles(2, 2, { iteration });
    nextFrame();
    expect(paints()).toEqual([32, 33]);
    kernel.tiles(0, 0, { status: "paused", iteration: 30 });
    kernel.frame(0, 0, { shape: [0, 0, 1] });
    nextFrame();
    expect(paints()).toEqual([]);
  });

  it("have the resolution of the message, and sharp pixels where they are few", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 1, { shape: [28, 20, 3] });
    nextFrame();
    const small = canvasOf(tile(view, 0));
    expect([small.width, small.height, painted.at(-1)?.length]).toEqual([20, 28, 20 * 28 * 4]);
    expect(small.classList.contains("actmax-enlarged")).toBe(true);
    kernel.tiles(0, 1, { shape: [64, 64, 3], number: 2 });
    nextFrame();
    expect(canvasOf(tile(view, 0)).classList.contains("actmax-enlarged")).toBe(false);
  });

  it("out of sight take no pixels, and are drawn when they come into sight", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 3);
    nextFrame();
    paints();
    scrolled(tiles(view).slice(0, 2), false);
    expect(
      tiles(view)
        .slice(0, 3)
        .map((button) => canvasOf(button).width),
    ).toEqual([0, 0, 2]);
    kernel.tiles(0, 5, { iteration: 50 });
    nextFrame();
    expect(paints()).toEqual([52, 53, 54]);
    expect(started(view)).toEqual([0, 1, 2, 3, 4]);
    scrolled(tiles(view).slice(0, 1), true);
    expect(paints()).toEqual([50]);
  });

  it("come back to where they were scrolled to when Jupyter took the cell out of the page", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 16);
    nextFrame();
    const grid = view.part("tile-grid");
    grid.scrollTop = 120;
    grid.dispatchEvent(new Event("scroll"));
    const height = vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(0);
    scrolled(tiles(view), false);
    grid.scrollTop = 0;
    grid.dispatchEvent(new Event("scroll"));
    height.mockReturnValue(225);
    scrolled(tiles(view), true);
    expect(grid.scrollTop).toBe(120);
  });

  it("are begun afresh with other tiles", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 16);
    nextFrame();
    paints();
    kernel.tiles(1, 1, { number: 2, layer: "out", ...ofFilters([7, 8, 9]) });
    nextFrame();
    expect(tiles(view).map(({ textContent }) => textContent)).toEqual(["7", "8", "9"]);
    expect(started(view)).toEqual([8]);
    expect(paints()).toEqual([1]);
    expect(view.part("tiles-title").textContent).toBe("Filters of out");
  });

  it("of a thousand filters are laid out once, and drawn no more than in sight", () => {
    const { kernel, view } = shown();
    const filters = Array.from({ length: 1280 }, (_, i) => i);
    kernel.tiles(0, 0, ofFilters(filters));
    nextFrame();
    const before = tiles(view);
    scrolled(before.slice(40), false);
    kernel.tiles(0, 1280, { ...ofFilters(filters), iteration: 1 });
    nextFrame();
    expect(paints()).toHaveLength(40);
    expect(tiles(view)).toEqual(before);
  });
});

describe("a click on a tile", () => {
  it("opens its filter, from wherever in the tile it comes", () => {
    const { model, kernel, view } = shown();
    kernel.tiles(0, 3, ofFilters([4, 8, 15]));
    nextFrame();
    canvasOf(tile(view, 8)).click();
    tile(view, 15).click();
    expect(model.sent.filter(({ type }) => type === "open_tile")).toEqual([
      { type: "open_tile", tile: 1 },
      { type: "open_tile", tile: 2 },
    ]);
    expect(model.saved).toEqual([]);
  });

  it("opens nothing where nothing has come, nor between the tiles", () => {
    const { model, kernel, view } = shown();
    kernel.tiles(0, 1);
    nextFrame();
    tile(view, 1).click();
    view.part("tile-grid").click();
    expect(model.sentTypes()).not.toContain("open_tile");
  });
});

describe("the tile of the filter chosen", () => {
  const marked = (view: View) =>
    tiles(view)
      .filter((button) => button.getAttribute("aria-current") === "true")
      .map(({ dataset }) => Number(dataset.index));

  it("is marked, where there is one filter and the layer is the same", () => {
    const { model, kernel, view } = shown({ filter_indices: [3] });
    kernel.tiles(0, 4);
    nextFrame();
    expect(marked(view)).toEqual([3]);
    model.update({ filter_indices: [-1] });
    expect(marked(view)).toEqual([15]);
    for (const filter_indices of [[3, 7], null, [99]]) {
      model.update({ filter_indices });
      expect(marked(view)).toEqual([]);
    }
    model.update({ filter_indices: [5] });
    expect(marked(view)).toEqual([5]);
    model.update({ layer: "out" });
    expect(marked(view)).toEqual([]);
  });
});

describe("the keyboard", () => {
  /** Four tiles in a row. */
  const inRows = () =>
    vi.spyOn(HTMLElement.prototype, "offsetTop", "get").mockImplementation(function (
      this: HTMLElement,
    ) {
      return Math.floor([...(this.parentElement?.children ?? [])].indexOf(this) / 4) * 100;
    });
  const press = (key: string, over: KeyboardEventInit = {}) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...over });
    document.activeElement?.dispatchEvent(event);
    return event;
  };
  const focused = () => (document.activeElement as HTMLElement).dataset.index;

  it("moves among the tiles, and stays at the edges", () => {
    inRows();
    const { kernel, view } = shown();
    kernel.tiles(0, 16);
    nextFrame();
    tile(view, 0).focus();
    const path = [
      ["ArrowRight", "1"],
      ["ArrowDown", "5"],
      ["ArrowLeft", "4"],
      ["ArrowUp", "0"],
      ["ArrowUp", "0"],
      ["ArrowLeft", "0"],
      ["End", "15"],
      ["ArrowDown", "15"],
      ["ArrowRight", "15"],
      ["Home", "0"],
    ] as const;
    for (const [key, filter] of path) {
      expect(press(key).defaultPrevented).toBe(true);
      expect([key, focused()]).toEqual([key, filter]);
    }
    expect(press("a").defaultPrevented).toBe(false);
    expect(press("ArrowRight", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(focused()).toBe("0");
  });

  it("finds one stop in the grid: the first tile, later the one left last", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 16);
    nextFrame();
    const stops = () => tiles(view).flatMap((each) => (each.tabIndex === 0 ? [each] : []));
    expect(stops()).toEqual([tile(view, 0)]);
    tile(view, 0).focus();
    press("ArrowRight");
    expect(stops()).toEqual([tile(view, 1)]);
    // Enter and Space click, as on all buttons.
    expect([tile(view, 1).tagName, tile(view, 1).type]).toEqual(["BUTTON", "button"]);
  });
});
