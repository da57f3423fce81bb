import { describe, expect, it, vi } from "vitest";
import type { SavedTiles, TilesMessage } from "../src/kernel/contract";
import { readSavedTiles } from "../src/kernel/saved_tiles";
import { Tiles } from "../src/kernel/tiles";
import { type FakeKernel, ofFilters } from "./fake_model";
import { nextFrame, open, standInForBrowser } from "./page";

standInForBrowser();

const message = (over: Partial<TilesMessage> = {}): TilesMessage => ({
  ...{ type: "tiles", seq: 1, number: 1, layer: "conv2", shape: [1, 2, 1] },
  ...ofFilters([3, 5, 8]),
  ...{ activations: [], changed: [] },
  ...{ first: 0, count: 0, done: 0, iteration: 0, goal: 100, status: "running", error: "" },
  ...over,
});
const pixelsOf = (tiles: Tiles) => [0, 1, 2].map((i) => [...(tiles.tile(i)?.pixels ?? [])]);

describe("the tiles", () => {
  it("puts tiles where they belong, and keeps no hold of the message", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const tiles = new Tiles(message({ first: 1, count: 2 }), bytes);
    bytes.fill(0);
    expect(pixelsOf(tiles)).toEqual([[], [1, 2], [3, 4]]);
    tiles.take(message({ seq: 2, first: 1, count: 1 }), Uint8Array.of(9, 8));
    expect(pixelsOf(tiles)).toEqual([[], [9, 8], [3, 4]]);
    expect([tiles.tile(1)?.seq, tiles.tile(2)?.seq]).toEqual([2, 1]);
  });

  it("leaves out what is not whole, and what is beyond its filters", () => {
    const tiles = new Tiles(message({ count: 3 }), Uint8Array.of(1, 2, 3));
    expect(pixelsOf(tiles)).toEqual([[1, 2], [], []]);
    tiles.take(message({ first: 2, count: 2 }), Uint8Array.of(5, 6, 7, 8));
    expect(pixelsOf(tiles)).toEqual([[1, 2], [], [5, 6]]);
    expect(tiles.tile(3)).toBe(undefined);
  });

  it("of a notebook that was saved when there were only those of filters are shown", async () => {
    const { varied, titles, values, activations, changed, type, seq, ...before } = message();
    const saved = { ...before, filters: [3, 5, 8], across: 0 } as unknown as SavedTiles;
    const tiles = await readSavedTiles(saved, new Uint8Array());
    expect(tiles?.filters).toEqual([3, 5, 8]);
    expect(tiles?.news).toMatchObject({ varied, titles, values, changed, type });
    expect([tiles?.count, tiles?.isUnmeasured]).toEqual([3, true]);
  });

  it("know their filters only where they differ by one filter alone", () => {
    const filters = (over: Partial<TilesMessage>) =>
      new Tiles(message(over), new Uint8Array()).filters;
    expect(filters({})).toEqual([3, 5, 8]);
    expect(filters({ values: [[[3]], [[5, 7]]] })).toBe(null);
    expect(filters({ values: [[null]] })).toBe(null);
    expect(filters({ varied: ["seed"], values: [[3]] })).toBe(null);
  });

  it("never makes more progress than there is", () => {
    const tiles = new Tiles(message({ goal: 0, iteration: 7, count: 1 }), Uint8Array.of(1, 2));
    expect(tiles.progress).toBe(0);
    tiles.take(message({ iteration: 300, done: 3 }), new Uint8Array());
    expect(tiles.progress).toBe(3);
  });
});

describe("receipts of tiles", () => {
  function drawing() {
    const page = open();
    page.render();
    page.kernel.snapshot(0);
    nextFrame();
    page.model.sent.length = 0;
    return page;
  }

  it("are counted together with those of frames, and sent after the drawing", () => {
    const { model, kernel } = drawing();
    kernel.tiles(0, 4);
    nextFrame();
    const frame = kernel.frame(0, 1);
    expect(model.receipts()).toEqual([]);
    nextFrame();
    expect(model.receipts()).toEqual([frame]);
    kernel.frame(1, 1);
    const tiles = kernel.tiles(0, 4);
    nextFrame();
    vi.advanceTimersByTime(300);
    expect(model.receipts()).toEqual([frame, tiles]);
  });

  it.each([
    ["a change of status", (kernel: FakeKernel) => kernel.tiles(0, 0, { status: "paused" })],
    ["a closing", (kernel: FakeKernel) => kernel.closeTiles()],
  ])("follow %s, too", (_, told) => {
    const { model, kernel } = drawing();
    const seq = told(kernel);
    nextFrame();
    vi.advanceTimersByTime(300);
    expect(model.receipts()).toEqual([seq]);
  });

  it("are sent once, however often older tiles and frames are drawn again", () => {
    const { model, kernel, render } = drawing();
    kernel.tiles(0, 4);
    const seq = kernel.frame(0, 1);
    nextFrame();
    vi.advanceTimersByTime(300);
    model.update({ status: "running" });
    render();
    nextFrame();
    vi.advanceTimersByTime(300);
    expect(model.receipts()).toEqual([seq]);
  });

  it("are not sent for tiles that no view has drawn", () => {
    const { model, kernel } = open();
    kernel.tiles(0, 4);
    vi.advanceTimersByTime(1000);
    expect(model.receipts()).toEqual([]);
  });
});

describe("the talk with the kernel", () => {
  it("is alive when tiles come", () => {
    const { model, kernel, render } = open();
    const view = render();
    model.dead = true;
    view.part("run").click();
    expect(view.part("not-connected").hidden).toBe(false);
    model.dead = false;
    kernel.tiles(0, 1);
    expect(view.part("not-connected").hidden).toBe(true);
  });

  it("is taken up again when the page comes back while tiles are being made", () => {
    const { model, kernel, render } = open();
    render();
    model.update({ status: "running" });
    kernel.snapshot(0);
    kernel.tiles(0, 4);
    nextFrame();
    model.sent.length = 0;
    vi.advanceTimersByTime(5000);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(model.sentTypes()).toEqual(["hello"]);
    kernel.snapshot(0);
    kernel.tiles(0, 0, { status: "paused" });
    model.update({ status: "paused" });
    vi.advanceTimersByTime(300);
    model.sent.length = 0;
    vi.advanceTimersByTime(5000);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(model.sentTypes()).toEqual([]);
  });

  it("brings all tiles made so far after a hello, whatever is held", () => {
    const { kernel, render } = open();
    const view = render();
    kernel.tiles(0, 4);
    kernel.snapshot(3);
    kernel.tiles(0, 12, { done: 12 });
    nextFrame();
    expect(view.el.querySelectorAll(".actmax-tile:not([aria-disabled])")).toHaveLength(12);
    expect(view.part("tiles-count").textContent).toBe("12 of 16 filters");
    expect(view.part("table").dataset.rows).toBe("3");
  });
});
