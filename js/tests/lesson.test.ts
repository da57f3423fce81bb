import { describe, expect, it } from "vitest";
import type { Traits } from "../src/kernel/model";
import { open, standInForBrowser, type View } from "./page";

standInForBrowser();

const isLocked = (view: View, testId: string) =>
  view.part(testId).closest("[data-locked]") !== null;
const locked = (view: View, ...testIds: string[]) =>
  testIds.filter((testId) => isLocked(view, testId));

const KNOBS: Partial<Traits> = {
  knobs: { "Scale.low": 0.8, "Scale.high": 1.2 },
  knob_controls: ["Scale.low", "Scale.high"].map((name) => ({
    ...{ name, label: name, group: "Scale", help: "How near.", default: 1 },
    ...{ kind: "number", control: "slider", top: 2, scale: "linear" },
  })),
};

describe("a lesson", () => {
  it("takes away what it names, and gives it back when it names other things", () => {
    const { model, render } = open({ ui: { hide: ["table", "tv_weight", "step", "seed"] } });
    const view = render();
    const all = [
      "table",
      "tv-weight",
      "lp-norm-weight",
      "step",
      "run",
      "seed",
      "max-iter",
      "picture",
    ];
    expect(locked(view, ...all)).toEqual(["table", "tv-weight", "step", "seed"]);
    model.update({ ui: { hide: ["run"] } });
    expect(locked(view, ...all)).toEqual(["run"]);
    model.update({ ui: {} });
    expect(locked(view, ...all)).toEqual([]);
  });

  it.each([
    ["tiles", ["all-filters", "tiles"]],
    ["settings", ["more", "seed-upload"]],
    ["recipe", ["preset", "all-defaults"]],
    ["defaults", ["all-defaults"]],
    ["optimizer", ["optimizer"]],
    ["transforms", ["transforms", "add"]],
    ["buttons", ["run", "pause", "step", "reset"]],
    ["weights", ["tv-weight", "learning-rate"]],
    ["filter_indices", ["filters"]],
    ["best", ["best"]],
    ["zoom", ["zoom-in", "full-screen"]],
    ["knobs", ["knobs"]],
  ])("knows the parts of the instrument by name: %s", (name, testIds) => {
    const view = open({ ...KNOBS, ui: { hide: [name] } }).render();
    expect(locked(view, ...testIds)).toEqual(testIds);
    expect(locked(view, "picture", "layer", "status")).toEqual([]);
  });

  it("takes numbers of parts away, also such as come later", () => {
    const { model, render } = open({ ui: { hide: ["Scale.low"] } });
    const view = render();
    model.update(KNOBS);
    expect(locked(view, "Scale.low", "Scale.high", "knobs-Scale")).toEqual(["Scale.low"]);
    model.update({ ui: { hide: ["Scale"] } });
    expect(locked(view, "Scale.low", "Scale.high")).toEqual(["Scale.low", "Scale.high"]);
  });

  it("says its own words, and nothing that would be markup", () => {
    const { model, render } = open({
      ui: { title: "What is a three?", text: "Press <b>Run</b>." },
    });
    const view = render();
    expect(view.part("model-name").textContent).toBe("What is a three?");
    expect(view.part("lesson").textContent).toBe("Press <b>Run</b>.");
    expect(view.part("lesson").childElementCount).toBe(0);
    model.update({ ui: {} });
    expect([view.part("model-name").textContent, view.part("lesson").hidden]).toEqual([
      "digits",
      true,
    ]);
  });

  it("of an older notebook has none", () => {
    const view = open({ ui: undefined as never }).render();
    expect([view.part("lesson").hidden, locked(view, "table")]).toEqual([true, []]);
  });

  it("without a starting picture takes none that is dropped", () => {
    const { model, render } = open({ ui: { hide: ["seed_input"] } });
    const view = render();
    const event = new Event("drop", { bubbles: true, cancelable: true });
    const dataTransfer = { types: ["Files"], files: [new File(["x"], "a.png")], dropEffect: "" };
    view.part("picture").dispatchEvent(Object.assign(event, { dataTransfer }));
    expect([event.defaultPrevented, model.sentTypes()]).toEqual([true, ["hello"]]);
  });
});
