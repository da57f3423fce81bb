import { describe, expect, it, vi } from "vitest";
import type { Traits } from "../src/kernel/model";
import { find, search } from "../src/kernel/names";
import { completions, formatFilters, parseFilters } from "../src/parts/filters";
import { ofFilters } from "./fake_model";
import { open, standInForBrowser, type View } from "./page";
import { tiles } from "./tiles_page";

standInForBrowser();

const settled = () => vi.advanceTimersByTime(1000);

const FISH = [
  "tench, Tinca tinca",
  "goldfish",
  "great white shark",
  "tiger shark",
  "hammerhead (shark)",
  "electric ray",
  "sting-ray",
  "rooster",
  "hen",
  "flamingo",
];
const NAMED: Partial<Traits> = {
  layer: "out",
  filter_indices: [1],
  labels: FISH,
  labelled: ["out"],
  position_shape: [],
};

const offers = (view: View) =>
  [...(view.part("filter-offers") as HTMLDataListElement).options].map(({ value }) => value);

const input = (view: View, text: string, event: Event) => {
  view.field("filters").value = text;
  view.field("filters").dispatchEvent(event);
};

describe("a unit's name", () => {
  it.each([
    ["goldfish", 1],
    ["Goldfish", 1],
    ["sting ray", 6],
    ["hammerhead shark", 4],
    ["tench, Tinca tinca", 0],
    ["shark", null],
  ])("is found however it is written: %j", (name, index) => {
    expect(find(name, FISH)).toBe(index);
  });

  it("that several have once it is compared is none's", () => {
    expect(find("a B", ["a b", "A_b"])).toBe(null);
    expect(find("A_b", ["a b", "A_b"])).toBe(1);
  });

  it("is searched as the kernel does: number, same, beginning, word, anywhere", () => {
    expect(search("ray", FISH, 9)).toEqual([5, 6]);
    expect(search("t", FISH, 9)).toEqual([0, 3, 2, 5, 6, 7]);
    expect(search("2", ["2 CV", "a 2", "the second", "2"], 9)).toEqual([2, 3, 0, 1]);
    expect(search("shark", FISH, 2)).toEqual([2, 3]);
    expect(search("", FISH, 2)).toHaveLength(FISH.length);
    expect(search("zebra", FISH, 9)).toEqual([]);
  });
});

describe("the text of filters with names", () => {
  it.each([
    ["1 goldfish", [1]],
    ["goldfish, flamingo", [1, 9]],
    ["9, goldfish", [9, 1]],
    ["0-2, 9 flamingo", [0, 1, 2, 9]],
    ["tench, Tinca tinca, hen", [0, 8]],
    ["0 tench, Tinca tinca, 8 hen", [0, 8]],
    ["-1 flamingo", [-1]],
    ["flam", ["flam"]],
    ["goldfish, goldfisch", [1, "goldfisch"]],
    // The number and the name of two filters: let the kernel wonder.
    ["2 goldfish", ["2 goldfish"]],
    ["", null],
  ])("is read: %j", (text, indices) => {
    expect(parseFilters(text, 10, "out", FISH)).toEqual({ indices });
  });

  it("takes a number for an index, and for a name only where there is no such index", () => {
    const years = ["1990", "1"];
    expect(parseFilters("1, 1990", 2, "out", years)).toEqual({ indices: [1, 0] });
    expect(parseFilters("12", 2, "out", years)).toEqual({
      problem: "There is no filter 12: layer out has filters 0 to 1.",
    });
  });

  it.each([
    [[1], "1 goldfish"],
    [[-1], "-1 flamingo"],
    [[0, 8], "0 tench, Tinca tinca, 8 hen"],
    [[5, 6, 7, 8], "5 electric ray, 6 sting-ray, 7 rooster, 8 hen"],
    [[1, 2, 3, 4, 5, 9], "1-5, 9 flamingo"],
    [null, ""],
  ])("is written so that it can be read back: %j", (indices, text) => {
    expect(formatFilters(indices, FISH)).toBe(text);
    expect(parseFilters(text, 10, "out", FISH)).toEqual({ indices });
  });

  it("is completed at its end, to texts that have what was typed in them", () => {
    expect(completions("flam", FISH)).toEqual(["9 flamingo"]);
    expect(completions("9", FISH)).toEqual(["9 flamingo"]);
    expect(completions("1 goldfish, gre", FISH)).toEqual(["1 goldfish, great white shark"]);
    expect(completions("goldfish, 9", FISH)).toEqual(["goldfish, 9 flamingo"]);
    expect(completions("goldfish, ", FISH)).toEqual([]);
    expect(completions("", FISH)).toHaveLength(FISH.length);
  });
});

describe("the filter field of a layer whose units have names", () => {
  it("shows number and name, and offers what fits what is typed", () => {
    const view = open(NAMED).render();
    const field = view.field("filters");
    expect(field.value).toBe("1 goldfish");
    expect(field.getAttribute("list")).toBe(view.part("filter-offers").id);
    expect(offers(view)).toEqual([]);
    input(view, "shark", new InputEvent("input", { inputType: "insertText" }));
    expect(offers(view)).toEqual(["2 great white shark", "3 tiger shark", "4 hammerhead (shark)"]);
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect([field.value, offers(view)]).toEqual(["1 goldfish", []]);
  });

  it.each([
    ["flamingo", [9]],
    ["9", [9]],
    ["Goldfish, flamingo", [1, 9]],
    ["flam", ["flam"]],
  ])("sends %j", (text, filter_indices) => {
    const { model, render } = open({ ...NAMED, filter_indices: [3] });
    render().type("filters", text);
    expect(model.saved).toEqual([{ filter_indices }]);
  });

  it.each([new Event("input"), new InputEvent("input", { inputType: "insertReplacementText" })])(
    "takes what is chosen out of the list at once",
    (event) => {
      const { model, render } = open(NAMED);
      const view = render();
      input(view, "fla", new InputEvent("input", { inputType: "insertText" }));
      expect(model.saved).toEqual([]);
      input(view, "9 flamingo", event);
      expect(model.saved).toEqual([{ filter_indices: [9] }]);
    },
  );

  it("does not take what is only typed, though it be one of the list", () => {
    const { model, render } = open(NAMED);
    const view = render();
    input(view, "9 flamingo", new InputEvent("input", { inputType: "insertText" }));
    expect(model.saved).toEqual([]);
  });

  it("shows what the kernel made of a name, and why it made nothing of it", () => {
    const { model, render } = open(NAMED);
    const view = render();
    view.type("filters", "flam");
    model.update({ filter_indices: [9] });
    expect(view.field("filters").value).toBe("9 flamingo");
    settled();
    view.type("filters", "flamingoo");
    model.update({ filter_indices: [9] });
    const sentence = "This must be the name of a unit, not 'flamingoo'. Did you mean 'flamingo'?";
    const refused = { type: "refused", name: "filter_indices", sentence, error: "" };
    model.trigger("msg:custom", { ...refused, value: ["flamingoo"] });
    expect(view.part("filters-problem").textContent).toBe(sentence);
    expect(view.field("filters").value).toBe("flamingoo");
  });

  it("steps from name to name, and from a name that is not known yet to the first", () => {
    const { model, render } = open({ ...NAMED, filter_indices: [9] });
    const view = render();
    view.part("filter-next").click();
    expect(view.field("filters").value).toBe("0 tench, Tinca tinca");
    view.type("filters", "flam");
    view.part("filter-next").click();
    expect(model.get("filter_indices")).toEqual([0]);
  });

  it("knows no names at another layer", () => {
    const { model, render } = open(NAMED);
    const view = render();
    model.update({ layer: "conv2" });
    expect(view.field("filters").value).toBe("1");
    expect(view.field("filters").hasAttribute("list")).toBe(false);
    view.type("filters", "goldfish");
    expect(view.part("filters-problem").textContent).toContain('"goldfish" is not a filter.');
    view.type("filters", "0-2");
    expect(view.field("filters").value).toBe("0-2");
    model.update({ layer: "out", filter_indices: [1] });
    expect(view.field("filters").value).toBe("1 goldfish");
  });

  it("selects the name where the focus comes, so that the next one takes its place", () => {
    const view = open(NAMED).render();
    const field = view.field("filters");
    field.focus();
    expect([field.selectionStart, field.selectionEnd]).toEqual([0, field.value.length]);
  });
});

describe("names elsewhere", () => {
  it("are said of the picture and of its file", () => {
    const { kernel, model, render } = open({ ...NAMED, filter_indices: [0, 9] });
    const view = render();
    kernel.snapshot(3);
    settled();
    expect(view.part("picture").getAttribute("aria-label")).toBe(
      "Layer out, filters 0 tench, Tinca tinca, 9 flamingo, iteration 3",
    );
    const names: string[] = [];
    vi.spyOn(HTMLCanvasElement.prototype, "toBlob").mockImplementation((take) => take(new Blob()));
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      names.push(this.download);
    });
    vi.stubGlobal("URL", { createObjectURL: () => "blob:", revokeObjectURL: () => {} });
    view.part("save").click();
    model.update({ filter_indices: [0, 1, 2, 3, 9], labels: ["é", ...FISH.slice(1)] });
    kernel.run += 1;
    kernel.snapshot(1);
    settled();
    view.part("save").click();
    expect(names).toEqual([
      "digits-out-filter_0_tench_Tinca_tinca_9_flamingo-iteration_3.png",
      "digits-out-filter_0_1_2_3_9-iteration_1.png",
    ]);
  });

  it("stand beneath the tiles", () => {
    const { kernel, render } = open(NAMED);
    const view = render();
    kernel.tiles(0, 2, { layer: "out", ...ofFilters(FISH.map((_, i) => i)), done: 1 });
    settled();
    const [first, second] = tiles(view);
    expect(second?.textContent).toBe("1 goldfish");
    expect(second?.getAttribute("aria-label")).toBe("Filter 1 goldfish");
    expect(first?.title).toBe("Show filter 0 tench, Tinca tinca large, with its losses");
    expect(tiles(view).at(-1)?.getAttribute("aria-label")).toBe("Filter 9 flamingo, not started");
  });
});
