import { describe, expect, it, vi } from "vitest";
import { CONTROLS } from "../src/kernel/contract";
import type { Traits } from "../src/kernel/model";
import { POSITIONS } from "../src/kit/scale";
import { open, standInForBrowser } from "./page";

standInForBrowser();

const settled = () => vi.advanceTimersByTime(1000);
const press = (element: HTMLElement, type: string) =>
  element.dispatchEvent(new Event(type, { bubbles: true }));

/** A recipe whose numbers are not keras-vis's. */
const RECIPE: Partial<Traits> = {
  ...{ tv_weight: 0.4, max_iter: 256, input_range: [0, 1], clip: true },
  knobs: { "Scale.high": 1.35 },
  knob_controls: [
    {
      ...{ name: "Scale.high", label: "High", group: "Scale", help: "How near.", default: 1.2 },
      ...{ kind: "number", control: "slider", top: 2, scale: "linear" },
    },
  ],
  parts: { parametrization: "RingSpectrum", optimizer: "Adam", transforms: ["Scale", "Noise"] },
  defaults: {
    ...{ tv_weight: 0.4, max_iter: 256, input_range: [0, 1], clip: true, grad_modifier: null },
    ...{ "Scale.high": 1.35, parametrization: "RingSpectrum", optimizer: "Adam" },
    transforms: ["Scale", "Noise"],
  },
};

describe("a value that is its recipe's", () => {
  it("has no button that would lead back to it, and neither has one whose default nobody knows", () => {
    const { root } = open(RECIPE).render();
    const shown = [...root.querySelectorAll<HTMLElement>(".actmax-back")].filter(
      ({ hidden }) => !hidden,
    );
    expect(shown).toEqual([]);
  });
});

describe("a value that was changed", () => {
  it.each([
    ["tv-weight", { tv_weight: 3 }, "Total variation: back to 0.4"],
    ["max-iter", { max_iter: 10 }, "Iterations a run: back to 256"],
    ["input-range", { input_range: [0, 255] as [number, number] }, "Input range: back to 0 … 1"],
    ["clip", { clip: false }, "Clip to the input range: back to on"],
    ["grad-modifier", { grad_modifier: "relu" }, "Gradient modifier: back to none"],
  ])("goes back by its button, which says to what: %s", (testId, changed, words) => {
    const { model, render } = open({ ...RECIPE, ...changed });
    const view = render();
    const button = view.part(`${testId}-reset`);
    expect([button.hidden, button.getAttribute("aria-label"), button.title]).toEqual([
      false,
      words,
      words,
    ]);
    button.focus();
    button.click();
    const [name = "tv_weight"] = Object.keys(changed) as (keyof Traits)[];
    expect(model.get(name)).toEqual(RECIPE.defaults?.[name]);
    settled();
    expect(Object.keys(model.saved.at(-1) ?? {})).toEqual([name]);
    expect(button.hidden).toBe(true);
    // Not to the page: the field has it now.
    expect(document.activeElement?.matches("input, select")).toBe(true);
  });

  it("goes back by a double click on its name or its slider, which have moved it before", () => {
    const { model, render } = open(RECIPE);
    const view = render();
    for (const handle of ["label", "input"]) {
      view.slide("tv-weight-slider", 300);
      press(view.part("tv-weight").querySelector(handle) as HTMLElement, "dblclick");
      expect([model.get("tv_weight"), view.field("tv-weight-value").value]).toEqual([0.4, "0.4"]);
      settled();
      expect(model.saved.at(-1)).toEqual({ tv_weight: 0.4 });
    }
    view.type("max-iter", "9");
    press(view.part("max-iter").closest("div")?.querySelector("label") as HTMLElement, "dblclick");
    expect(model.get("max_iter")).toBe(256);
  });

  it("is a number of a part, too", () => {
    const { model, render } = open(RECIPE);
    const view = render();
    view.type("Scale.high-value", "1.5");
    settled();
    view.part("Scale.high-reset").click();
    expect(model.sent.at(-1)).toEqual({ type: "set_knob", name: "Scale.high", value: 1.35 });
    expect(view.part("Scale.high-reset").hidden).toBe(true);
  });

  it("is marked when the recipe changes under it", () => {
    const { model, render } = open(RECIPE);
    const view = render();
    model.update({ defaults: { ...RECIPE.defaults, tv_weight: 10 } });
    expect(view.part("tv-weight-reset").getAttribute("aria-label")).toContain("back to 10");
  });
});

describe("a learning rate", () => {
  it("stands in the middle of its slider where it is the recipe's, of any recipe", () => {
    const { model, render } = open({ learning_rate: 0.03, defaults: { learning_rate: 0.03 } });
    const view = render();
    expect(view.field("learning-rate-slider").value).toBe(String(POSITIONS / 2));
    view.slide("learning-rate-slider", POSITIONS);
    expect(model.get("learning_rate")).toBe(3);
    settled();
    model.update({ learning_rate: 1, defaults: { learning_rate: 1 } });
    expect(view.field("learning-rate-slider").value).toBe(String(POSITIONS / 2));
  });

  it.each([0, undefined, "x"])(
    "has the end that was declared where that is %o",
    (learning_rate) => {
      const view = open({ learning_rate: 100, defaults: { learning_rate } }).render();
      expect(view.field("learning-rate-slider").value).toBe(String(POSITIONS));
    },
  );
});

describe("All defaults", () => {
  it.each([
    [{ tv_weight: 3 }],
    [{ knobs: { "Scale.high": 1 } }],
    [{ parts: { ...RECIPE.parts, transforms: ["Scale"] } }],
    [{ parts: { ...RECIPE.parts, optimizer: "SGD" } }],
  ] as Partial<Traits>[][])("asks the kernel, where anything differs: %o", (changed) => {
    const { model, render } = open(RECIPE);
    const button = render().part("all-defaults");
    button.click();
    expect([button.getAttribute("aria-disabled"), model.sentTypes()]).toEqual(["true", ["hello"]]);
    model.update(changed ?? {});
    expect(button.getAttribute("aria-disabled")).toBe("false");
    button.click();
    expect(model.sentTypes()).toEqual(["hello", "restore_defaults"]);
  });

  it("comes after what was dragged last", () => {
    const { model, render } = open(RECIPE);
    const view = render();
    view.slide("tv-weight-slider", 300);
    view.slide("tv-weight-slider", 320);
    const saves = model.saved.length;
    view.part("all-defaults").click();
    expect(model.saved.length).toBe(saves + 1);
    settled();
    expect([model.saved.length, model.sentTypes().at(-1)]).toEqual([saves + 1, "restore_defaults"]);
  });

  it("passes over what the parts have no use for", () => {
    const { render } = open({ ...RECIPE, tv_weight: 7, absent: ["tv_weight"] });
    expect(render().part("all-defaults").getAttribute("aria-disabled")).toBe("true");
  });
});

describe("a recipe", () => {
  it("says in a sentence what it is, and another one another", () => {
    const { model, render } = open({ ...RECIPE, preset: "natural" });
    const view = render();
    const said = view.part("preset-said");
    const select = view.part("preset");
    const choices = CONTROLS.find(({ name }) => name === "preset")?.choices ?? [];
    expect(new Set(choices.map(({ help }) => help)).size).toBe(choices.length);
    for (const { value, help } of choices) {
      model.update({ preset: String(value) });
      expect([said.textContent, said.hidden]).toEqual([help, false]);
    }
    expect(select.getAttribute("aria-describedby")?.split(" ")).toContain(said.id);
    expect(view.part("seed-fit-said").hidden).toBe(true);
  });
});
