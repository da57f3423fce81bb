import { describe, expect, it, vi } from "vitest";
import type { Control, Facts, PartChoice } from "../src/kernel/contract";
import { POSITIONS } from "../src/kit/scale";
import { parsePosition } from "../src/parts/position";
import type { FakeModel } from "./fake_model";
import { nextFrame, open, standInForBrowser, type View } from "./page";

standInForBrowser();

const settled = () => vi.advanceTimersByTime(1000);

function knobControl(name: string, label: string, more: Partial<Control> = {}): Control {
  const [group = ""] = name.split(".");
  const plain = {
    kind: "number",
    control: "slider",
    help: `What ${label} does.`,
    default: 0,
  } as const;
  return { name, label, group, top: 10, scale: "linear", ...plain, ...more };
}

const SHIFT = knobControl("Jitter.shift", "Shift", { kind: "shift", default: 8, least: 0 });
const RATE = knobControl("Adam.learning_rate", "Learning rate", { default: 0.05 });
const MOMENTUM = knobControl("Adam.beta", "Momentum", { default: 0.9, top: 1 });
const THREE = {
  knob_controls: [SHIFT, RATE, MOMENTUM],
  knobs: { "Jitter.shift": 8, "Adam.learning_rate": 0.05, "Adam.beta": 0.9 },
};

const knobsSent = (model: FakeModel) =>
  model.sent
    .filter(({ type }) => type === "set_knob")
    .map(({ name, value }) => [name, value] as const);

const groupsOf = (view: View) =>
  [...view.part("knobs").querySelectorAll("fieldset")].map((group) => [
    group.querySelector("legend")?.textContent,
    [...group.querySelectorAll("label")].map((label) => label.textContent),
  ]);

describe("the numbers of parts", () => {
  it("stand under their part's name, beside the picture, after the weights", () => {
    const view = open(THREE).render();
    expect(groupsOf(view)).toEqual([
      ["Jitter", ["Shift"]],
      ["Adam", ["Learning rate", "Momentum"]],
    ]);
    const order = view.part("jitter").compareDocumentPosition(view.part("knobs"));
    expect(order & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
    expect(view.part("knobs-Adam").localName).toBe("fieldset");
    expect(view.field("Adam.beta-value").value).toBe("0.9");
    expect(view.part("Adam.beta").title).toBe("What Momentum does.");
  });

  it("are a command each when slid: 50 ms apart, the last value always, and none of them lost", () => {
    const { model, render } = open(THREE);
    const view = render();
    for (let i = 0; i < 20; i++) {
      view.slide("Adam.learning-rate-slider", 200 + i);
      if (i === 7) view.slide("Adam.beta-slider", POSITIONS);
      vi.advanceTimersByTime(10);
    }
    settled();
    const sent = knobsSent(model);
    const rates = sent.filter(([name]) => name === "Adam.learning_rate");
    expect(rates.length).toBeGreaterThan(2);
    expect(rates.length).toBeLessThanOrEqual(5);
    expect(rates.at(-1)).toEqual([
      "Adam.learning_rate",
      Number(view.field("Adam.learning-rate-value").value),
    ]);
    expect(sent.filter(([name]) => name === "Adam.beta")).toEqual([["Adam.beta", 1]]);
  });

  it("never ride to the kernel with a parameter: that is Python's fact", () => {
    const { model, render } = open(THREE);
    const view = render();
    view.type("Adam.beta-value", "0.5");
    expect(model.get("knobs")).toEqual({ ...THREE.knobs, "Adam.beta": 0.5 });
    settled();
    expect(model.saved).toEqual([]);
    view.type("tv-weight-value", "3");
    expect(model.saved).toEqual([{ tv_weight: 3 }]);
  });

  it("that were typed are sent before the page closes", () => {
    const { model, render, cleanup } = open(THREE);
    const view = render();
    view.type("Adam.beta-value", "0.5");
    view.type("Adam.beta-value", "0.6");
    cleanup();
    expect(knobsSent(model)).toEqual([
      ["Adam.beta", 0.5],
      ["Adam.beta", 0.6],
    ]);
  });

  it("are not pulled back by an echo while they are dragged", () => {
    const { model, render } = open(THREE);
    const view = render();
    view.field("Adam.beta-slider").dispatchEvent(new Event("pointerdown"));
    view.slide("Adam.beta-slider", 100);
    view.slide("Adam.beta-slider", 200);
    model.update({ knobs: { ...THREE.knobs, "Adam.beta": 0.25 } });
    expect([view.field("Adam.beta-slider").value, view.field("Adam.beta-value").value]).toEqual([
      "200",
      "0.5",
    ]);
    settled();
    expect(knobsSent(model).at(-1)).toEqual(["Adam.beta", 0.5]);
  });

  it("follow the kernel, and each other's view", () => {
    const { model, render } = open(THREE);
    const [one, other] = [render(), render()];
    one.type("Jitter.shift-value", "3");
    expect(other.field("Jitter.shift-value").value).toBe("3");
    settled();
    model.update({ knobs: { ...THREE.knobs, "Jitter.shift": 5 } });
    expect(one.field("Jitter.shift-value").value).toBe("5");
    expect(other.field("Jitter.shift-value").value).toBe("5");
  });

  it("without a far end are a field alone, under their label", () => {
    const { top: _, ...endless } = knobControl("Mine.patience", "Patience", { control: "field" });
    const { model, render } = open({ knob_controls: [endless], knobs: { "Mine.patience": 1e-7 } });
    const view = render();
    expect(view.part("Mine.patience-slider").hidden).toBe(true);
    const number = view.field("Mine.patience-value");
    expect(number.value).toBe("1e-7");
    expect(view.part("Mine.patience").querySelector("label")?.htmlFor).toBe(number.id);
    view.type("Mine.patience-value", "2000");
    expect(knobsSent(model)).toEqual([["Mine.patience", 2000]]);
  });

  it("of a part with a long name of its own have ids that can be referred to", () => {
    const control = knobControl("Two classes.weight", "Weight");
    const view = open({ knob_controls: [control], knobs: {} }).render();
    const described = view.field("Two classes.weight-slider").getAttribute("aria-describedby");
    expect(view.root.querySelector(`[id="${described}"]`)?.textContent).toBe("What Weight does.");
    expect(view.field("Two classes.weight-slider").id).not.toMatch(/[\s.]/);
  });

  describe("of which some change", () => {
    it("are made anew only where they did, so that a slider in the hand stays", () => {
      const { model, render } = open(THREE);
      const view = render();
      const [adam, jitter] = [view.part("knobs-Adam"), view.part("knobs-Jitter")];
      view.field("Adam.beta-slider").focus();
      const zoom = knobControl("Scale.zoom", "Zoom");
      model.update({ knob_controls: [zoom, { ...SHIFT, top: 20 }, RATE, MOMENTUM] });
      expect(groupsOf(view).map(([name]) => name)).toEqual(["Scale", "Jitter", "Adam"]);
      expect(view.part("knobs-Adam")).toBe(adam);
      expect(view.part("knobs-Jitter")).not.toBe(jitter);
      expect(document.activeElement).toBe(view.field("Adam.beta-slider"));
      model.update({ knob_controls: [MOMENTUM] });
      expect(groupsOf(view)).toEqual([["Adam", ["Momentum"]]]);
    });

    it("leave nothing of those of before behind", () => {
      const { model, render, cleanup } = open(THREE);
      const view = render();
      const listeners = model.listeners;
      model.update({ knob_controls: [] });
      expect(model.listeners).toBeLessThan(listeners);
      model.update({ knob_controls: THREE.knob_controls });
      view.slide("Adam.beta-slider", 100);
      expect(model.listeners).toBe(listeners);
      view.cleanup();
      cleanup();
      expect(model.listeners).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    });

    it("do not redraw a number that is being typed when another's value comes", () => {
      const { model, render } = open(THREE);
      const view = render();
      view.field("Adam.beta-value").value = "0.";
      view.field("Adam.beta-value").dispatchEvent(new Event("input"));
      model.update({ knobs: { ...THREE.knobs, "Jitter.shift": 2 } });
      expect(view.field("Adam.beta-value").value).toBe("0.");
    });
  });

  it("are not explained twice in a view that was opened after the first refusal", () => {
    const error = "Adam.beta: expected a finite number from 0 to 1, received 2 (int).";
    const { model, render } = open({ ...THREE, error });
    const view = render();
    expect(view.part("error").textContent).toBe(error);
    model.trigger("msg:custom", {
      type: "refused",
      name: "Adam.beta",
      value: 2,
      sentence: "No.",
      error,
    });
    expect(view.part("Adam.beta-problem").textContent).toBe("No.");
    expect(view.part("error").hidden).toBe(true);
  });

  describe("of which one is refused", () => {
    const sentence = "This must be a number of at least 0, not -3.";

    /** As the kernel does: first the values of before, then the reason. */
    function refused() {
      const { model, render } = open(THREE);
      const view = render();
      view.type("Jitter.shift-value", "-3");
      model.update({ knobs: THREE.knobs });
      const error = "shift: expected a finite number >= 0, received -3 (int).";
      model.trigger("msg:custom", {
        type: "refused",
        name: SHIFT.name,
        value: -3,
        sentence,
        error,
      });
      model.update({ error });
      const shown = () => [
        view.part("Jitter.shift-problem").textContent,
        view.field("Jitter.shift-value").value,
        view.field("Jitter.shift-value").getAttribute("aria-invalid"),
      ];
      return { model, view, shown };
    }

    it("say so beside it alone, and keep what was typed, whatever becomes of the others", () => {
      const { model, view, shown } = refused();
      model.update({ knobs: { ...THREE.knobs, "Adam.beta": 0.1 } });
      settled();
      expect(shown()).toEqual([sentence, "-3", "true"]);
      expect(view.part("Adam.beta-problem").hidden).toBe(true);
      expect(view.part("error").hidden).toBe(true);
    });

    it("forget it when the field is left, or another value comes", () => {
      const left = refused();
      left.view.field("Jitter.shift-value").dispatchEvent(new Event("blur"));
      settled();
      expect(left.shown()).toEqual(["", "8", "false"]);
      const changed = refused();
      changed.model.update({ knobs: { ...THREE.knobs, "Jitter.shift": 4 } });
      settled();
      expect(changed.shown()).toEqual(["", "4", "false"]);
    });
  });
});

const choice = (value: string): PartChoice => ({ value, label: value, help: `What ${value} is.` });
const PARTS = {
  parametrization: "Fourier",
  optimizer: "Adam",
  transforms: ["Jitter", "Scale", "Mine"],
  terms: ["Two classes", "TV(2.0) Loss"],
  parametrizations: ["Pixels", "Fourier"].map(choice),
  optimizers: ["RMSProp", "Adam"].map(choice),
  transform_choices: ["Jitter", "Scale", "Rotate", "Flip", "Mine"].map(choice),
} satisfies Facts["parts"];

function choose(view: View, testId: string, value: string): void {
  view.field(testId).value = value;
  view.field(testId).dispatchEvent(new Event("change", { bubbles: true }));
}

describe("the parts", () => {
  const chips = (view: View) => [...view.part("transforms").children] as HTMLElement[];
  const names = (view: View) => chips(view).map((chip) => chip.firstChild?.textContent);
  const remover = (view: View, name: string) =>
    view.part(`chip-${name}`).querySelector("button") as HTMLButtonElement;
  const optionsOf = (view: View, testId: string) =>
    [...(view.part(testId) as HTMLSelectElement).options].map(({ text }) => text);

  it("are not shown before they are known", () => {
    const { model, render } = open();
    const view = render();
    expect(view.part("parts").hidden).toBe(true);
    model.update({ parts: PARTS });
    expect(view.part("parts").hidden).toBe(false);
    expect(view.field("parametrization").value).toBe("Fourier");
  });

  it.each([
    ["parametrization", "Pixels", ["Pixels", "Fourier"]],
    ["optimizer", "RMSProp", ["RMSProp", "Adam"]],
  ] as const)("%s: another one is asked for, and told what it is", (family, other, offered) => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    expect(optionsOf(view, family)).toEqual(offered);
    choose(view, family, other);
    expect(model.sent.at(-1)).toEqual({ type: "choose_part", family, name: other });
    model.update({ parts: { ...PARTS, [family]: other } });
    expect(view.field(family).value).toBe(other);
    expect(view.part(family).parentElement?.title).toContain(`What ${other} is.`);
  });

  it("that the list does not have are in it all the same", () => {
    const view = open({ parts: { ...PARTS, optimizer: "Lion" } }).render();
    expect(optionsOf(view, "optimizer")).toEqual(["RMSProp", "Adam", "Lion"]);
    expect(view.field("optimizer").value).toBe("Lion");
  });

  it.each([
    [{ type: "refused", name: "parametrization", value: "Pixels", sentence: "No." }, "No."],
    [null, ""],
  ])("are as they were where the kernel would not take another: %j", (refusal, sentence) => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    choose(view, "parametrization", "Pixels");
    if (refusal) model.trigger("msg:custom", refusal);
    else model.update({ error: "It did not compile." });
    expect(view.field("parametrization").value).toBe("Fourier");
    expect(view.part("parametrization-problem").textContent).toBe(sentence);
  });

  it("list the transforms in their order, each with a button that removes it", () => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    expect(names(view)).toEqual(["Jitter", "Scale", "Mine"]);
    expect(view.part("chip-Scale").title).toBe("What Scale is.");
    expect(remover(view, "Scale").getAttribute("aria-label")).toBe("Remove Scale");
    remover(view, "Scale").click();
    expect(model.sent.at(-1)).toEqual({ type: "remove_transform", name: "Scale" });
    model.update({ parts: { ...PARTS, transforms: ["Jitter", "Mine"] } });
    expect(names(view)).toEqual(["Jitter", "Mine"]);
  });

  it("hand the keyboard on when its button goes with the transform", () => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    const left = (transforms: string[]) => model.update({ parts: { ...PARTS, transforms } });
    remover(view, "Scale").focus();
    left(["Jitter", "Mine"]);
    expect(document.activeElement).toBe(remover(view, "Mine"));
    left(["Jitter"]);
    expect(document.activeElement).toBe(remover(view, "Jitter"));
    left([]);
    expect(document.activeElement).toBe(view.part("add-transform"));
  });

  it("offer the transforms that are not there yet, and add the one chosen", () => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    expect(optionsOf(view, "add-transform")).toEqual(["Rotate", "Flip"]);
    choose(view, "add-transform", "Flip");
    // The arrow keys change a closed list at once: nothing is added before it is asked for.
    expect(model.sentTypes()).not.toContain("add_transform");
    view.part("add").click();
    expect(model.sent.at(-1)).toEqual({ type: "add_transform", name: "Flip" });
    model.update({ parts: { ...PARTS, transforms: [...PARTS.transforms, "Flip"] } });
    expect(names(view).at(-1)).toBe("Flip");
    expect(optionsOf(view, "add-transform")).toEqual(["Rotate"]);
    const all = PARTS.transform_choices.map(({ value }) => value);
    model.update({ parts: { ...PARTS, transforms: all } });
    expect([view.part("add").hidden, view.part("add-transform").hidden]).toEqual([true, true]);
  });

  it("say beside the list why a transform was not taken", () => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    const refusal = { type: "refused", name: "transforms", value: "Flip", sentence: "No." };
    model.trigger("msg:custom", refusal);
    expect(view.part("transforms-problem").textContent).toBe("No.");
    view.part("add").click();
    expect(view.part("transforms-problem").hidden).toBe(true);
  });

  it("do not touch a list that is open when something else changes", () => {
    const { model, render } = open({ parts: PARTS });
    const view = render();
    const option = (view.part("optimizer") as HTMLSelectElement).options[0];
    model.update({ parts: { ...PARTS, transforms: [] } });
    expect((view.part("optimizer") as HTMLSelectElement).options[0]).toBe(option);
  });
});

describe("the recipe", () => {
  it("stands in the header, and is set as any parameter", () => {
    const { model, render } = open({ parts: PARTS, preset: "natural" });
    const view = render();
    const select = view.part("preset") as HTMLSelectElement;
    expect(select.closest(".actmax-header")).not.toBeNull();
    expect([...select.options].map(({ text }) => text)).toEqual([
      "natural",
      "quick",
      "fourier",
      "phase",
      "keras-vis",
    ]);
    expect(select.selectedOptions[0]?.text).toBe("natural");
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("change"));
    expect(model.saved.at(-1)).toEqual({ preset: "quick" });
  });

  it("stays when parts or numbers are others, and says why it was refused", () => {
    const { model, render } = open({ parts: PARTS, preset: "natural" });
    const view = render();
    const select = view.part("preset") as HTMLSelectElement;
    model.update({ parts: { ...PARTS, transforms: [] }, learning_rate: 3 });
    expect(select.selectedOptions[0]?.text).toBe("natural");
    select.selectedIndex = 3;
    select.dispatchEvent(new Event("change"));
    model.update({ preset: "natural" });
    model.trigger("msg:custom", {
      type: "refused",
      name: "preset",
      value: "phase",
      sentence: "No.",
    });
    expect(select.selectedOptions[0]?.text).toBe("natural");
    expect(view.part("preset-problem").textContent).toBe("No.");
  });

  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => knobControl(`Part.number${i}`, `Number ${i}`));
  const knobs = (view: View) => view.part("knobs") as HTMLDetailsElement;

  it.each([
    [6, true],
    [7, false],
  ])("of %d numbers begins with them in sight: %j", (count, open_) => {
    const view = open({ knob_controls: many(count) }).render();
    expect([knobs(view).hidden, knobs(view).open]).toEqual([false, open_]);
    expect(knobs(view).querySelector("summary")?.textContent).toBe("Numbers of the recipe");
  });

  it("leaves its numbers folded as a person has them, whatever comes and in another view", () => {
    const { model, render } = open({ knob_controls: many(12) });
    const view = render();
    knobs(view).open = true;
    knobs(view).dispatchEvent(new Event("toggle"));
    model.update({ knob_controls: many(20) });
    expect([knobs(view).open, knobs(render()).open]).toEqual([true, true]);
    model.update({ knob_controls: [] });
    expect(knobs(view).hidden).toBe(true);
    knobs(view).open = false;
    knobs(view).dispatchEvent(new Event("toggle"));
    model.update({ knob_controls: many(1) });
    expect([knobs(view).hidden, knobs(view).open, knobs(render()).open]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("decides when there are numbers for the first time", () => {
    const { model, render } = open();
    const view = render();
    expect(knobs(view).hidden).toBe(true);
    model.update({ knob_controls: many(2) });
    expect(knobs(view).open).toBe(true);
  });
});

describe("a control that the parts have no use for", () => {
  it("is hidden, and comes back", () => {
    const { model, render } = open({ absent: ["tv_weight", "jitter", "clip"] });
    const view = render();
    const hidden = () =>
      ["tv-weight", "jitter", "learning-rate"].filter((testId) => view.part(testId).hidden);
    expect(hidden()).toEqual(["tv-weight", "jitter"]);
    expect(view.part("clip").closest("[hidden]")).toBeTruthy();
    model.update({ absent: [] });
    expect(hidden()).toEqual([]);
  });

  it("leaves the terms in the place of the target", () => {
    const absent = ["layer", "filter_indices", "position"];
    const { model, kernel, render } = open({ absent, parts: PARTS });
    const view = render();
    const isShown = (testId: string) => view.part(testId).closest("[hidden]") === null;
    const shown = () => ["layer", "filters", "all-filters", "position", "terms"].filter(isShown);
    expect(shown()).toEqual(["terms"]);
    // As their sliders and columns.
    expect([...view.part("terms").children].map((term) => term.textContent)).toEqual([
      "Two classes",
      "Total variation",
    ]);
    kernel.snapshot(5);
    nextFrame();
    expect(view.part("picture").getAttribute("aria-label")).toBe(
      "Objective Two classes, TV(2.0) Loss, iteration 5",
    );
    model.update({ absent: [] });
    expect(shown()).toEqual(["layer", "filters", "all-filters", "position"]);
  });
});

describe("the position", () => {
  it.each([
    ["3, 7", [3, 7]],
    ["(3,7)", [3, 7]],
    ["3 × -1", [3, -1]],
    ["4 5 6", [4, 5, 6]],
    ["", null],
    ["  ", null],
  ])("reads %j", (text, position) => {
    expect(parsePosition(text, 2)).toEqual({ position });
  });

  it.each(["x", "3,", "1.5, 2", "3;7"])("knows no place %j", (text) => {
    expect(parsePosition(text, 2)).toEqual({
      problem: `"${text}" is not a place. Write one ("3, 7"), or nothing for the whole map.`,
    });
  });

  it("is typed, is the middle, or the whole map", () => {
    const { model, render } = open({ position_shape: [13, 26] });
    const view = render();
    expect([view.field("position").value, view.field("position").placeholder]).toEqual([
      "",
      "whole map",
    ]);
    expect(view.part("position-of").textContent).toBe("of 13 × 26");
    const saved = () => {
      settled();
      return [model.saved.at(-1), view.field("position").value];
    };
    view.type("position", "(3,7)");
    expect(saved()).toEqual([{ position: [3, 7] }, "3, 7"]);
    view.part("position-middle").click();
    expect(saved()).toEqual([{ position: [6, 13] }, "6, 13"]);
    view.part("position-whole").click();
    expect(saved()).toEqual([{ position: null }, ""]);
  });

  it("is not there where the layer has no places, and has no middle where a side varies", () => {
    const { model, render } = open({ position_shape: [] });
    const view = render();
    const field = () => view.part("position").parentElement?.hidden;
    expect(field()).toBe(true);
    model.update({ position_shape: [null, 26] });
    expect([field(), view.part("position-middle").hidden]).toEqual([false, true]);
    expect(view.part("position-of").textContent).toBe("of ? × 26");
  });

  it("explains bad text beside it and sends nothing; the kernel explains the rest", () => {
    const { model, render } = open();
    const view = render();
    view.type("position", "left");
    expect(view.part("position-problem").textContent).toContain('"left" is not a place.');
    expect(model.saved).toEqual([]);
    view.type("position", "3, 99");
    expect(view.part("position-problem").hidden).toBe(true);
    model.update({ position: null });
    const refusal = { type: "refused", name: "position", value: [3, 99], sentence: "Outside." };
    model.trigger("msg:custom", refusal);
    expect(view.part("position-problem").textContent).toBe("Outside.");
    expect(view.field("position").value).toBe("3, 99");
    view.field("position").dispatchEvent(new Event("blur"));
    expect([view.part("position-problem").hidden, view.field("position").value]).toEqual([
      true,
      "",
    ]);
  });

  it("goes with the layer that has it not, and stays with one that has it", () => {
    const layers = [
      { name: "conv2", type: "Conv2D", shape: [26, 26, 16], filters: 16, parameters: 80 },
      { name: "conv3", type: "Conv2D", shape: [13, 13, 16], filters: 16, parameters: 80 },
      { name: "open", type: "Conv2D", shape: [null, null, 16], filters: 16, parameters: 80 },
      { name: "out", type: "Dense", shape: [10], filters: 10, parameters: 80 },
    ];
    const { model, render } = open({ position: [3, 20], layers });
    const view = render();
    choose(view, "layer", "open");
    expect(model.saved.at(-1)).toEqual({ layer: "open" });
    settled();
    choose(view, "layer", "conv3");
    expect(model.saved.at(-1)).toEqual({ layer: "conv3", position: null });
    settled();
    view.type("position", "3, 7");
    settled();
    choose(view, "layer", "out");
    expect(model.saved.at(-1)).toEqual({ layer: "out", position: null });
  });
});

describe("without a kernel", () => {
  it("all of it shows what was saved, and is switched off", () => {
    const el = document.createElement("div");
    el.classList.add("jupyter-widgets-disconnected");
    const view = open({ ...THREE, parts: PARTS, position: [3, 7] }).render(el);
    const controls = ["Adam.beta-slider", "Adam.beta-value", "optimizer", "add", "position"];
    for (const testId of controls) expect(view.part(testId).closest(":disabled")).not.toBeNull();
    expect(view.part("chip-Jitter").closest(":disabled")).not.toBeNull();
    expect(controls.slice(1, 3).map((testId) => view.field(testId).value)).toEqual(["0.9", "Adam"]);
    expect(view.field("position").value).toBe("3, 7");
  });
});
