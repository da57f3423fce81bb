import { describe, expect, it, vi } from "vitest";
import { nextFrame, Sight, standInForBrowser, type View } from "./page";
import { canvasOf, paints, shown, started, tile, tiles } from "./tiles_page";

standInForBrowser();

const texts = (view: View, ...testIds: string[]) => testIds.map((id) => view.part(id).textContent);

describe("the button for all filters", () => {
  it("asks for them, once until the kernel answers", () => {
    const { model, kernel, view } = shown();
    const button = view.part("all-filters");
    expect([button.textContent, button.title]).toEqual([
      "All filters",
      "Make a picture of every filter of this layer",
    ]);
    button.click();
    button.click();
    expect(model.sent).toEqual([{ type: "make_tiles", vary: null }]);
    expect(view.part("status").textContent).toBe("starting the tiles …");
    expect(button.classList.contains("actmax-pending")).toBe(true);
    kernel.tiles(0, 0, { status: "compiling" });
    expect(view.part("status").textContent).toBe("ready");
    expect(button.classList.contains("actmax-pending")).toBe(false);
  });

  it("is believed for three seconds where no answer comes", () => {
    const { model, view } = shown();
    view.part("all-filters").click();
    vi.advanceTimersByTime(3000);
    view.part("all-filters").click();
    expect(model.sentTypes()).toEqual(["make_tiles", "make_tiles"]);
  });

  it("is switched off without a kernel, and so are the tiles, which stay to be looked at", () => {
    const { model, kernel, view } = shown();
    kernel.tiles(0, 4);
    nextFrame();
    model.dead = true;
    view.part("all-filters").click();
    for (const id of ["all-filters", "tiles-toggle", "tiles-close"]) {
      expect(view.part(id).closest(":disabled")).not.toBe(null);
    }
    expect(tile(view, 0).closest(":disabled")).not.toBe(null);
    expect(view.part("tiles").hidden).toBe(false);
    expect(canvasOf(tile(view, 0)).width).toBe(2);
  });
});

describe("the tiles", () => {
  it("are hidden until there are any", () => {
    const { kernel, view } = shown();
    expect(view.part("tiles").hidden).toBe(true);
    kernel.tiles(0, 0, { status: "compiling" });
    nextFrame();
    expect(view.part("tiles").hidden).toBe(false);
  });

  it("go when they are closed, and their button gets the focus that was in them", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 4);
    nextFrame();
    view.part("tiles-close").focus();
    kernel.closeTiles();
    nextFrame();
    expect(view.part("tiles").hidden).toBe(true);
    expect(tiles(view)).toEqual([]);
    expect(document.activeElement).toBe(view.part("all-filters"));
  });

  it("are shown by every view, by one rendered late, too", () => {
    const { kernel, view, render } = shown();
    const other = render();
    kernel.tiles(0, 4, { iteration: 9 });
    kernel.tiles(0, 0, { status: "paused", iteration: 9 });
    nextFrame();
    paints();
    const late = render();
    nextFrame();
    expect(paints()).toEqual([9, 10, 11, 12]);
    for (const each of [view, other, late]) {
      expect(started(each)).toEqual([0, 1, 2, 3]);
      expect(each.part("tiles-status").textContent).toBe("paused");
    }
  });
});

describe("the header", () => {
  it.each([
    ["compiling", 0, ["0 of 16 filters", "", "compiling …"], "Pause"],
    ["running", 4, ["4 of 16 filters", "iteration 50 / 200", ""], "Pause"],
    ["paused", 4, ["4 of 16 filters", "iteration 50 / 200", "paused"], "Go on"],
    ["finished", 16, ["16 of 16 filters", "", "finished"], null],
    ["failed", 4, ["4 of 16 filters", "iteration 50 / 200", "failed"], null],
  ] as const)("at %s after %i filters", (status, done, words, toggle) => {
    const { kernel, view } = shown();
    kernel.tiles(0, done, { status, done, iteration: 50 });
    nextFrame();
    expect(texts(view, "tiles-count", "tiles-figures", "tiles-status")).toEqual(words);
    expect(view.part("tiles").dataset).toMatchObject({ status, done: String(done) });
    const { hidden, textContent } = view.part("tiles-toggle");
    expect(hidden ? null : textContent).toBe(toggle);
  });

  it("counts the tiles in hand by their share of the iterations", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 4, { done: 4, iteration: 200 });
    kernel.tiles(4, 8, { done: 4, iteration: 50 });
    nextFrame();
    const bar = view.part("tiles-progress") as HTMLProgressElement;
    expect([Number(bar.value), Number(bar.max)]).toEqual([6, 16]);
  });

  it("says what went wrong, and nothing while nothing did", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 1);
    nextFrame();
    expect(view.part("tiles-error").hidden).toBe(true);
    kernel.tiles(0, 0, { status: "failed", error: "The memory is full." });
    nextFrame();
    const error = view.part("tiles-error");
    expect([error.hidden, error.textContent]).toEqual([false, "The memory is full."]);
    expect(error.getAttribute("role")).toBe("alert");
  });

  it.each([
    ["tiles-toggle", "running", "pause_tiles"],
    ["tiles-toggle", "paused", "resume_tiles"],
    ["tiles-close", "finished", "close_tiles"],
  ] as const)("its %s at %s sends %s, and shows it until the answer", (id, status, type) => {
    const { model, kernel, view } = shown();
    kernel.tiles(0, 1, { status });
    nextFrame();
    view.part(id).click();
    expect(model.sent).toEqual([{ type }]);
    expect(view.part(id).classList.contains("actmax-pending")).toBe(true);
    kernel.tiles(0, 1, { status });
    expect(view.part(id).classList.contains("actmax-pending")).toBe(true);
    kernel.tiles(0, 0, { status: "compiling" });
    expect(view.part(id).classList.contains("actmax-pending")).toBe(false);
  });

  it("hands the keyboard on when there is nothing left to pause", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 1);
    nextFrame();
    view.part("tiles-toggle").focus();
    kernel.tiles(0, 0, { status: "finished" });
    nextFrame();
    expect(document.activeElement).toBe(view.part("tiles-close"));
  });
});

describe("one story", () => {
  it("is at the tiles while they are made: the picture in front stands still, and Run turns to it", () => {
    const { model, kernel, view } = shown();
    kernel.snapshot(5);
    model.update({ status: "running" });
    kernel.tiles(0, 1);
    nextFrame();
    const figures = () => view.part("figures").textContent;
    expect(figures()).not.toContain("/s");
    const enabled = (name: string) => !(view.part(name) as HTMLButtonElement).disabled;
    expect(["run", "pause", "step", "reset"].map(enabled)).toEqual([true, true, true, true]);
    kernel.tiles(0, 0, { status: "paused" });
    kernel.frame(5, 1);
    nextFrame();
    expect(["run", "pause", "step", "reset"].map(enabled)).toEqual([false, true, false, true]);
    expect(figures()).toContain("/s");
  });
});

describe("cleanup", () => {
  it("lets go of the tiles, of a view and of the model", () => {
    const { model, kernel, view, cleanup } = shown();
    kernel.tiles(0, 4);
    nextFrame();
    view.part("tiles-toggle").click();
    expect(Sight.all.size).toBe(3); // the tiles', the chart's and the film's
    view.cleanup();
    expect(Sight.all.size).toBe(0);
    kernel.tiles(4, 4);
    paints();
    nextFrame();
    expect(paints()).toEqual([]);
    cleanup();
    expect(model.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
