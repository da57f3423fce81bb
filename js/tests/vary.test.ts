import { describe, expect, it, vi } from "vitest";
import type { Control } from "../src/kernel/contract";
import type { Traits } from "../src/kernel/model";
import { parse, propose } from "../src/parts/vary_values";
import { FakeModel } from "./fake_model";
import { nextFrame, standInForBrowser, type View } from "./page";
import { shown, started, tiles } from "./tiles_page";

standInForBrowser();

const DECAY = {
  ...{
    name: "Fourier.decay",
    kind: "number",
    control: "slider",
    label: "Decay",
    help: "",
    group: "Fourier",
  },
  ...{ default: 1, least: 0, most: 5, top: 4, scale: "linear" },
} as Control;
const WITH_DECAY: Partial<Traits> = {
  ...{ knob_controls: [DECAY], knobs: { "Fourier.decay": 1 } },
};

const select = (view: View, testId: string, name: string) => {
  view.field(testId).value = name;
  view.field(testId).dispatchEvent(new Event("change", { bubbles: true }));
};
const write = (view: View, testId: string, text: string) => view.type(testId, text);
const opened = (over: Partial<Traits> = {}) => {
  const page = shown(over);
  page.view.part("vary-open").click();
  return page;
};
const problem = (view: View, testId = "vary") => view.part(`${testId}-problem`).textContent;

describe("the form of what is varied", () => {
  it("is shut until it is asked for, and shuts again", () => {
    const { view } = shown();
    const [button, panel] = [view.part("vary-open"), view.part("vary-panel")];
    const state = () => [button.getAttribute("aria-expanded"), panel.hidden];
    expect(state()).toEqual(["false", true]);
    expect(button.getAttribute("aria-controls")).toBe(panel.id);
    button.click();
    expect(state()).toEqual(["true", false]);
    expect(document.activeElement).toBe(view.part("vary"));
    document.activeElement?.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Escape", bubbles: true }),
    );
    expect([state(), document.activeElement]).toEqual([["false", true], button]);
    button.click();
    view.part("vary-cancel").click();
    expect(state()).toEqual(["false", true]);
  });

  it("begins with what a run file has", () => {
    const { model, view } = shown({
      ...WITH_DECAY,
      vary: { "Fourier.decay": [0.5, 2], seed: [3, 4] },
    });
    expect(view.part("vary-panel").hidden).toBe(false);
    const fields = ["vary", "vary-values", "vary-by", "vary-by-values"];
    const written = () => fields.map((field) => view.field(field).value);
    expect(written()).toEqual(["Fourier.decay", "0.5, 2", "seed", "3, 4"]);
    view.part("vary-make").click();
    const vary = { "Fourier.decay": [0.5, 2], seed: [3, 4] };
    expect(model.sent.at(-1)).toEqual({ type: "make_tiles", vary });
    model.update({ vary: { seed: [7] } });
    expect(written().slice(0, 3)).toEqual(["seed", "7", ""]);
    model.update({ vary: { filter_indices: [[1, 2]] } }); // made from Python
    expect(written().slice(0, 3)).toEqual(["seed", "7", ""]);
  });

  it("offers filters, seeds and each number of the present recipe, in groups", () => {
    const { model, view } = opened(WITH_DECAY);
    const groups = () =>
      [...view.part("vary").querySelectorAll("optgroup")].map((group) => [
        group.label,
        [...group.querySelectorAll("option")].map((option) => option.textContent),
      ]);
    const losses = ["Activation", "Lp norm", "Total variation"];
    expect(groups()).toEqual([
      ["Pictures", ["Filters", "Seed"]],
      ["Losses", losses],
      ["Transforms", ["Jitter"]],
      ["Optimizer", ["Learning rate"]],
      ["Fourier", ["Decay"]],
    ]);
    select(view, "vary", "Fourier.decay");
    model.update({
      knob_controls: [],
      absent: ["jitter", "filter_indices"],
      class_loss: "log-odds",
    });
    expect(groups()).toEqual([
      ["Pictures", ["Seed"]],
      ["Losses", [...losses, "Temperature"]],
      ["Optimizer", ["Learning rate"]],
    ]);
    expect([view.field("vary").value, view.field("vary-values").value]).toEqual(["seed", "0-7"]);
    expect(view.part("all-filters").hidden).toBe(true);
  });

  it("makes all filters where nothing else is chosen, as the button beside it does", () => {
    const { model, view } = opened();
    expect([view.field("vary").value, view.field("vary-values").value]).toEqual([
      "filter_indices",
      "all",
    ]);
    expect(view.part("vary-make").textContent).toBe("Make 16 pictures");
    view.part("vary-make").click();
    view.part("vary-make").click();
    expect(model.sent).toEqual([{ type: "make_tiles", vary: null }]);
  });

  it("asks for a grid of two, tells how many, and shuts when they are there", () => {
    const { model, kernel, view } = opened(WITH_DECAY);
    select(view, "vary", "seed");
    select(view, "vary-by", "Fourier.decay");
    write(view, "vary-by-values", "0.5, 1.5");
    expect(view.part("vary-make").textContent).toBe("Make 16 pictures");
    view.part("vary-make").click();
    const seeds = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(model.sent).toEqual([
      { type: "make_tiles", vary: { seed: seeds, "Fourier.decay": [0.5, 1.5] } },
    ]);
    expect(view.part("vary-panel").hidden).toBe(false);
    kernel.tiles(0, 0, { status: "compiling" });
    expect(view.part("vary-panel").hidden).toBe(true);
    view.part("vary-open").click();
    expect(view.field("vary-by-values").value).toBe("0.5, 1.5");
  });

  it.each([
    ["seed", "1, x", '"x" is not a seed. Write whole numbers: "3", "3, 7", or "0-7".'],
    ["seed", "7-3", '"7-3" runs backwards. Write 3-7.'],
    ["seed", "0-5000", "These would be 5,001 pictures. At most 4,096 are made at once."],
    [
      "tv_weight",
      "1, two",
      '"two" is not a number. Write numbers with commas between: "0, 1.5, 10".',
    ],
    ["Fourier.decay", "-1, 2", "-1 is too low: at least 0."],
    ["Fourier.decay", "2, 9", "9 is too high: at most 5."],
    ["seed", " , ", 'Write at least one value, as in "0-7".'],
    ["filter_indices", "3, 99", "There is no filter 99: layer conv2 has filters 0 to 15."],
  ])("says beside the field what is wrong with %s %s", (name, text, sentence) => {
    const { model, view } = opened(WITH_DECAY);
    select(view, "vary", name);
    write(view, "vary-values", text);
    expect(problem(view)).toBe("");
    view.part("vary-make").click();
    expect(problem(view)).toBe(sentence);
    expect(view.field("vary-values").getAttribute("aria-invalid")).toBe("true");
    expect(model.sent).toEqual([]);
    write(view, "vary-values", "1");
    expect(problem(view)).toBe("");
  });

  it("says so where a grid would be too many", () => {
    const { view } = opened();
    select(view, "vary", "seed");
    write(view, "vary-values", "0-999");
    select(view, "vary-by", "tv_weight");
    expect(view.part("vary-make").textContent).toBe("Make");
    view.part("vary-make").click();
    expect(problem(view, "vary-by")).toBe(
      "These would be 5,000 pictures. At most 4,096 are made at once.",
    );
  });

  it("keeps what was written where the kernel refuses it, with its sentence", () => {
    const { model, view } = opened();
    select(view, "vary", "learning_rate");
    write(view, "vary-values", "0, 1");
    view.part("vary-make").click();
    const sentence = "This must be a number above 0, not 0.";
    model.trigger("msg:custom", {
      type: "refused",
      name: "vary",
      sentence,
      error: "",
      value: null,
    });
    expect([problem(view), view.field("vary-values").value]).toEqual([sentence, "0, 1"]);
    expect(view.part("vary-panel").hidden).toBe(false);
  });
});

describe("the values proposed", () => {
  it.each([
    ["seed", {}, "0-7"],
    ["filter_indices", {}, "all"],
    ["tv_weight", { tv_weight: 10 }, "1.49, 3.88, 10, 25, 63"],
    ["tv_weight", { tv_weight: 0 }, "0, 0.151, 0.531, 1.49, 3.88"],
    ["tv_weight", { tv_weight: 5000 }, "25, 63, 158, 398, 5000"],
    ["learning_rate", { learning_rate: 0.5 }, "0.0713, 0.194, 0.5, 1.28, 3.23"],
    ["Fourier.decay", { knobs: { "Fourier.decay": 1 } }, "0.2, 0.6, 1, 1.4, 1.8"],
    ["Fourier.decay", { knobs: { "Fourier.decay": 3.9 } }, "2.4, 2.8, 3.2, 3.6, 3.9"],
  ])("for %s at %o are %s", (name, over, wanted) => {
    const model = new FakeModel({ ...WITH_DECAY, ...over }).proxy;
    expect(propose(model, name)).toBe(wanted);
    const found = parse(model, name, wanted);
    expect("values" in found && found.values.length).toBe(
      { seed: 8, filter_indices: 16 }[name] ?? 5,
    );
  });
});

describe("tiles of other things", () => {
  const GRID = {
    ...{ varied: ["seed", "Fourier.decay"], titles: ["Seed", "Decay"], layer: "conv2" },
    values: [1, 2].flatMap((seed) => [0.5, 1.5].map((decay) => [seed, decay])),
  };

  it("are called by what differs, with their activation", () => {
    const { kernel, view } = shown(WITH_DECAY);
    kernel.tiles(0, 2, { ...GRID, activations: [12.3456, null] });
    nextFrame();
    expect(view.part("tiles-title").textContent).toBe("Seed × Decay");
    expect(view.part("tiles-count").textContent).toBe("0 of 4 pictures");
    const [first, second, third] = tiles(view);
    expect(first?.textContent).toBe("Seed 1 · Decay 0.512.35");
    expect(first?.getAttribute("aria-label")).toBe("Seed 1 · Decay 0.5, activation 12.35");
    expect(second?.getAttribute("aria-label")).toBe("Seed 1 · Decay 1.5");
    expect(third?.getAttribute("aria-label")).toBe("Seed 2 · Decay 0.5, not started");
    kernel.tiles(0, 1, { ...GRID, activations: [12_345.6], iteration: 9 });
    nextFrame();
    expect(first?.getAttribute("aria-label")).toBe("Seed 1 · Decay 0.5, activation 12346");
  });

  it("are called by their filters where these are several, all, or a place", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 0, {
      ...{ varied: ["filter_indices", "position"], titles: ["Filters", "Position"] },
      values: [
        [
          [3, 7],
          [4, 5],
        ],
        [null, null],
      ],
    });
    nextFrame();
    expect(tiles(view).map(({ textContent }) => textContent)).toEqual([
      "3, 7 · Position 4, 5",
      "all filters · Position: whole map",
    ]);
  });

  it("are marked where their values are those that are set", () => {
    const { model, kernel, view } = shown({ ...WITH_DECAY, seed: 2 });
    kernel.tiles(0, 4, GRID);
    nextFrame();
    const marked = () => tiles(view).findIndex((each) => each.hasAttribute("aria-current"));
    expect(marked()).toBe(-1);
    model.update({ knobs: { "Fourier.decay": 1.5 } });
    expect(marked()).toBe(3);
    model.update({ seed: 1 });
    expect(marked()).toBe(1);
    model.update({ layer: "out" });
    expect(marked()).toBe(-1);
  });

  it("are opened by their place, also where they are sorted by their activation", () => {
    const { model, kernel, view } = shown(WITH_DECAY);
    kernel.tiles(0, 3, { ...GRID, activations: [2, null, 30] });
    nextFrame();
    const order = () => tiles(view).map(({ dataset }) => Number(dataset.index));
    tiles(view)[1]?.focus();
    select(view, "tiles-order", "activation");
    expect(order()).toEqual([2, 0, 1, 3]);
    expect((document.activeElement as HTMLElement).dataset.index).toBe("1");
    tiles(view)[0]?.click();
    expect(model.sent.at(-1)).toEqual({ type: "open_tile", tile: 2 });
    // They jump about at the end of a batch, and not with each message.
    kernel.tiles(0, 4, { ...GRID, activations: [50, 40, 30, 20] });
    nextFrame();
    expect(order()).toEqual([2, 0, 1, 3]);
    expect(started(view)).toHaveLength(4);
    kernel.tiles(0, 0, { ...GRID, done: 4, status: "finished" });
    nextFrame();
    expect(order()).toEqual([0, 1, 2, 3]);
    select(view, "tiles-order", "");
    expect(order()).toEqual([0, 1, 2, 3]);
  });

  it("offer no order of activations where there are none, and one by each number", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 4, GRID);
    nextFrame();
    const order = view.part("tiles-order") as HTMLSelectElement;
    const offered = () =>
      [...order.options].filter(({ hidden }) => !hidden).map(({ textContent }) => textContent);
    expect(offered()).toEqual(["In order", "By Seed", "By Decay"]);
    kernel.tiles(0, 1, { ...GRID, activations: [1] });
    nextFrame();
    expect(offered()).toEqual(["In order", "By activation", "By Seed", "By Decay"]);
    select(view, "tiles-order", "1");
    const decays = tiles(view).map(({ dataset }) => GRID.values[Number(dataset.index)]?.[1]);
    expect(decays).toEqual([...decays].sort((one, other) => Number(one) - Number(other)));
    expect(tiles(view).map(({ dataset }) => dataset.index)).not.toEqual(["0", "1", "2", "3"]);
  });

  it("are saved as a sheet, which is asked of the kernel", () => {
    const { model, kernel, view } = shown();
    expect(view.part("sheet-as").parentElement?.hidden).toBe(true);
    kernel.tiles(0, 4, GRID);
    nextFrame();
    expect(view.part("sheet-as").parentElement?.hidden).toBe(false);
    select(view, "sheet-as", "html");
    expect(model.sent.at(-1)).toEqual({ type: "take_away", kind: "html", of: "tiles" });
    expect(view.part("sheet-as").textContent).toContain("Making …");
    const other = { type: "file", kind: "html", of: "run", sentence: "Not of the sheet." };
    model.trigger("msg:custom", other, []);
    expect(view.part("sheet-words").textContent).toBe("");
    model.trigger("msg:custom", { ...other, of: "tiles", sentence: "The disk is full." }, []);
    expect(view.part("sheet-words").textContent).toBe("The disk is full.");
    expect(view.part("save-words").textContent).toBe("");
  });

  it("say what was set otherwise since", () => {
    const { kernel, view } = shown();
    kernel.tiles(0, 4, GRID);
    nextFrame();
    expect(view.part("tiles-changed").hidden).toBe(true);
    kernel.tiles(0, 0, { ...GRID, changed: ["Layer", "Total variation"] });
    nextFrame();
    expect(view.part("tiles-changed").textContent).toBe(
      "Made with other settings: Layer, Total variation",
    );
    vi.clearAllTimers();
  });
});
