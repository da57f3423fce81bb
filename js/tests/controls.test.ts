import { describe, expect, it, vi } from "vitest";
import { CONTROLS, type Parameters } from "../src/kernel/contract";
import { POSITIONS } from "../src/kit/scale";
import { parseRange } from "../src/parts/input_range";
import { open, standInForBrowser, type View } from "./page";

standInForBrowser();

const settled = () => vi.advanceTimersByTime(1000);

describe("a weight", () => {
  it("moves at once here, and is saved twenty times a second at most, the last value always", () => {
    const { model, render } = open();
    const view = render();
    for (let i = 0; i < 20; i++) {
      view.slide("tv-weight-slider", 200 + i);
      vi.advanceTimersByTime(10);
    }
    const last = Number(view.field("tv-weight-value").value);
    expect(model.get("tv_weight")).toBe(last);
    expect(model.saved.length).toBeGreaterThan(2);
    expect(model.saved.length).toBeLessThanOrEqual(5);
    settled();
    expect(model.saved.at(-1)).toEqual({ tv_weight: last });
  });

  it("is not pulled back by an echo while it is dragged, and saves what was dragged", () => {
    const { model, render } = open();
    const view = render();
    const slider = view.field("tv-weight-slider");
    slider.dispatchEvent(new Event("pointerdown"));
    view.slide("tv-weight-slider", 300);
    const dragged = Number(view.field("tv-weight-value").value);
    view.slide("tv-weight-slider", 350);
    const last = Number(view.field("tv-weight-value").value);
    model.update({ tv_weight: dragged });
    expect([slider.value, view.field("tv-weight-value").value]).toEqual(["350", String(last)]);
    settled();
    expect(model.saved.at(-1)).toEqual({ tv_weight: last });
    expect([model.get("tv_weight"), slider.value]).toEqual([last, "350"]);
  });

  it("shows the kernel's value when the hand is gone", () => {
    const { model, render } = open();
    const view = render();
    view.slide("learning-rate-slider", 300);
    model.update({ learning_rate: 1 });
    settled();
    expect(view.field("learning-rate-value").value).toBe("1");
    model.update({ learning_rate: 0.5 });
    expect(view.field("learning-rate-value").value).toBe("0.5");
  });

  it("takes any number by hand, and goes back where there is none", () => {
    const { model, render } = open();
    const view = render();
    view.type("act-max-weight-value", "-12345.5");
    expect(model.get("act_max_weight")).toBe(-12345.5);
    view.type("act-max-weight-value", "");
    expect(model.get("act_max_weight")).toBe(-12345.5);
    expect(view.field("act-max-weight-value").value).toBe("-12345.5");
  });

  it("moves its slider when typed, and its number when slid", () => {
    const view = open().render();
    view.type("tv-weight-value", "1000");
    expect(view.field("tv-weight-slider").value).toBe(String(POSITIONS));
    view.slide("tv-weight-slider", 0);
    expect(view.field("tv-weight-value").value).toBe("0");
  });

  it("moves by the arrow keys even where its value is rounded to whole pixels", () => {
    const { render } = open({ jitter: 1 });
    const view = render();
    const slider = view.field("jitter-slider");
    const start = Number(slider.value);
    view.slide("jitter-slider", start + 1);
    settled();
    expect([Number(slider.value), view.field("jitter-value").value]).toEqual([start + 1, "1"]);
  });

  it("of the learning rate never slides to zero", () => {
    const { model, render } = open();
    render().slide("learning-rate-slider", 0);
    expect(model.get("learning_rate")).toBe(0.001);
  });

  it("ends where it still makes sense: a quarter of the picture's shorter side, a rate of 100", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(1, { shape: [28, 40, 1] });
    view.slide("jitter-slider", POSITIONS);
    view.slide("learning-rate-slider", POSITIONS);
    expect([model.get("jitter"), model.get("learning_rate")]).toEqual([7, 100]);
    kernel.snapshot(1, { shape: [224, 224, 3] });
    settled();
    expect(Number(view.field("jitter-slider").value)).toBeLessThan(POSITIONS);
    view.slide("jitter-slider", POSITIONS);
    expect(model.get("jitter")).toBe(56);
  });

  it("beyond its end shows its number, with the thumb at the end", () => {
    const { render, model } = open({ jitter: 20 });
    const view = render();
    model.update({ learning_rate: 977 });
    const shown = (name: string) =>
      ["slider", "value"].map((part) => view.field(`${name}-${part}`).value);
    expect(shown("jitter")).toEqual([String(POSITIONS), "20"]);
    expect(shown("learning-rate")).toEqual([String(POSITIONS), "977"]);
  });

  it("that was typed is sent before the page closes", () => {
    const { model, render, cleanup } = open();
    const view = render();
    view.type("tv-weight-value", "1");
    view.type("tv-weight-value", "2");
    cleanup();
    expect(model.saved.at(-1)).toEqual({ tv_weight: 2 });
  });

  it("changed in one view shows in the other", () => {
    const { render } = open();
    const [one, other] = [render(), render()];
    one.type("jitter-value", "0.25");
    expect(other.field("jitter-value").value).toBe("0.25");
  });
});

describe("a control that Python declares", () => {
  const described = (field: Element, root: HTMLElement) =>
    (field.getAttribute("aria-describedby") ?? "")
      .split(" ")
      .map((id) => root.querySelector(`#${id}`)?.textContent ?? "");

  it.each(CONTROLS.map((control) => [control.name, control] as const))(
    "is there with its help, for the pointer and for a screen reader: %s",
    (_, { help }) => {
      const { root } = open().render();
      const [element, ...others] = [...root.querySelectorAll<HTMLElement>("[title]")].filter(
        ({ title }) => title === help,
      );
      expect(others).toEqual([]);
      const fields = element?.querySelectorAll("input:not([hidden]), select, [aria-describedby]");
      const told = [...(fields ?? [])].filter((field) => described(field, root).includes(help));
      expect(told.length).toBeGreaterThan(0);
    },
  );

  it("is shown in its group, in the order declared, under its label", () => {
    const { root } = open().render();
    const text = (root.textContent ?? "").replace(/Clip to \S+ … \S+/, "Clip to the input range");
    // By group, and what is folded after the rest, of that the group of the picture last.
    const groups = [...new Set(CONTROLS.map(({ group }) => group))];
    const folded = [...groups.filter((name) => name !== "Picture"), "Picture"];
    const labelsOf = (names: string[], folds: boolean) =>
      names.flatMap((name) =>
        CONTROLS.filter((one) => one.group === name && (one.folded ?? false) === folds)
          .map(({ label }) => label)
          .filter((label) => label !== "Start from"),
      );
    const labels = [...labelsOf(groups, false), ...labelsOf(folded, true)];
    expect(labels.length).toBe(CONTROLS.length - 1);
    let at = 0;
    for (const label of labels) {
      expect(text.slice(at)).toContain(label);
      at = text.indexOf(label, at) + label.length;
    }
  });

  it("needs nothing else here: a slider, whatever it is called", () => {
    const declared = { name: "patience", kind: "number", control: "slider", label: "Patience" };
    const more = { help: "How long it remembers.", group: "Patience", default: 0.95 };
    const scale = { bottom: 0.5, top: 1, scale: "linear" };
    (CONTROLS as unknown[]).push({ ...declared, ...more, ...scale });
    try {
      const { model, render } = open();
      const view = render();
      view.slide("patience-slider", POSITIONS / 2);
      expect([model.get("patience" as never), view.field("patience-value").value]).toEqual([
        0.75,
        "0.75",
      ]);
      expect(model.saved.at(-1)).toEqual({ patience: 0.75 });
      expect(view.part("patience").textContent).toBe("PatienceHow long it remembers.");
      const group = view.part("group-Patience");
      expect(group.contains(view.part("patience"))).toBe(true);
      expect(group.firstElementChild?.id).toBe(group.getAttribute("aria-labelledby"));
    } finally {
      (CONTROLS as unknown[]).pop();
    }
  });
});

describe("the filter field", () => {
  it.each([
    ["5", [5]],
    ["3, 7", [3, 7]],
    ["0-4", [0, 1, 2, 3, 4]],
    ["", null],
    ["-1", [-1]],
  ])("sends %j", (text, indices) => {
    const { model, render } = open();
    render().type("filters", text);
    expect(model.get("filter_indices")).toEqual(indices);
    expect(model.saved.at(-1)).toEqual({ filter_indices: indices });
  });

  it("explains bad text beside it and sends nothing", () => {
    const { model, render } = open();
    const view = render();
    view.type("filters", "99");
    expect(view.part("filters-problem").textContent).toBe(
      "There is no filter 99: layer conv2 has filters 0 to 15.",
    );
    expect(view.field("filters").getAttribute("aria-invalid")).toBe("true");
    expect(model.saved).toEqual([]);
    view.type("filters", "9");
    expect(view.part("filters-problem").hidden).toBe(true);
  });

  it("steps around the corner", () => {
    const { model, render } = open({ filter_indices: [15] });
    const view = render();
    view.part("filter-next").click();
    expect(model.get("filter_indices")).toEqual([0]);
    view.part("filter-previous").click();
    expect(model.get("filter_indices")).toEqual([15]);
  });
});

describe("the layer", () => {
  it("is offered with type and shape", () => {
    const options = [...open().render().part("layer").children];
    expect(options.map((option) => option.textContent)).toEqual([
      "conv2 · Conv2D · 26 × 26 × 16",
      "out · Dense · 10",
    ]);
  });

  it("keeps a filter that exists there, and starts at the first where it does not", () => {
    const { model, render } = open();
    const view = render();
    const choose = (layer: string) => {
      view.field("layer").value = layer;
      view.field("layer").dispatchEvent(new Event("change"));
      settled();
    };
    choose("out");
    expect(model.saved.at(-1)).toEqual({ layer: "out" });
    expect(view.part("filter-count").textContent).toBe("of 10");
    choose("conv2");
    view.type("filters", "12");
    choose("out");
    expect(model.saved.at(-1)).toEqual({ layer: "out", filter_indices: [0] });
  });
});

describe("more", () => {
  it("knows the speed limits, null and a speed of its own among them", () => {
    const { model, render } = open({ steps_per_second: 42 });
    const speed = render().part("steps-per-second") as HTMLSelectElement;
    expect(speed.selectedOptions[0]?.textContent).toBe("42");
    speed.selectedIndex = [...speed.options].findIndex((option) => option.text.includes("fast"));
    speed.dispatchEvent(new Event("change"));
    expect(model.get("steps_per_second")).toBe(null);
    model.update({ steps_per_second: 5 });
    expect(speed.selectedOptions[0]?.textContent).toBe("at most 5");
  });

  it.each([
    ["scaled", "scaled"],
    [
      [
        [103.9, 116.8, 123.7],
        [1, 1, 1],
      ],
      "own",
    ],
  ])("shows a preprocessing of one's own, as long as it is the present one: %j", (own, text) => {
    const { model, render } = open({ preprocess: own });
    const select = render().part("preprocess") as HTMLSelectElement;
    expect([select.options.length, select.selectedOptions[0]?.text]).toEqual([5, text]);
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("change"));
    expect(model.saved.at(-1)).toEqual({ preprocess: "tf" });
    expect(select.options.length).toBe(4);
    // What the kernel would not take leaves the own one.
    model.update({ preprocess: own });
    expect(select.selectedOptions[0]?.text).toBe(text);
  });

  it("takes an empty seed as random, and an empty max_iter as a slip", () => {
    const { model, render } = open();
    const view = render();
    view.type("seed", "");
    view.type("max-iter", "");
    expect([model.get("seed"), model.get("max_iter")]).toEqual([null, 500]);
    expect(view.field("max-iter").value).toBe("500");
    view.type("max-iter", "50");
    expect(model.get("max_iter")).toBe(50);
  });

  it("offers the kernel's modifiers and none", () => {
    const { model, render } = open();
    const select = render().part("grad-modifier") as HTMLSelectElement;
    expect([...select.options].map((option) => option.text)).toEqual(["none", "negate", "relu"]);
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("change"));
    expect(model.get("grad_modifier")).toBe("negate");
  });

  it("offers the ways back through a ReLU, and follows the kernel", () => {
    const { model, render } = open();
    const select = render().part("backprop-modifier") as HTMLSelectElement;
    expect([...select.options].map((option) => option.text)).toEqual([
      "none",
      "guided",
      "rectified",
    ]);
    select.selectedIndex = 2;
    select.dispatchEvent(new Event("change"));
    expect(model.saved.at(-1)).toEqual({ backprop_modifier: "rectified" });
    settled();
    select.selectedIndex = 0;
    select.dispatchEvent(new Event("change"));
    expect(model.saved.at(-1)).toEqual({ backprop_modifier: null });
    model.update({ backprop_modifier: "guided" });
    expect(select.selectedOptions[0]?.text).toBe("guided");
    model.update({ backprop_modifiers: ["guided"] });
    expect([...select.options].map((option) => option.text)).toEqual(["none", "guided"]);
  });
});

describe("the input range", () => {
  const texts = (view: View) => [view.field("input-low").value, view.field("input-high").value];

  it("is sent as a whole when either end changes", () => {
    const { model, render } = open();
    const view = render();
    view.type("input-low", "-1.5");
    expect(model.saved.at(-1)).toEqual({ input_range: [-1.5, 255] });
    settled();
    view.type("input-high", "1");
    expect(model.saved.at(-1)).toEqual({ input_range: [-1.5, 1] });
  });

  it("follows the kernel, in the label of the clip, too", () => {
    const { model, render } = open();
    const view = render();
    expect(texts(view)).toEqual(["0", "255"]);
    view.type("input-low", "300");
    model.update({ input_range: [-123.68, 151.061] });
    expect(texts(view)).toEqual(["-123.68", "151.061"]);
    expect(view.part("input-range-problem").hidden).toBe(true);
    expect(view.part("clip").nextElementSibling?.textContent).toBe("Clip to -123.68 … 151.061");
  });

  it("explains beside the fields what cannot be sent, and goes on when the other end fits", () => {
    const { model, render } = open();
    const view = render();
    view.type("input-low", "300");
    expect(view.part("input-range-problem").textContent).toBe(
      "The low end, 300, must be below the high end, 255.",
    );
    expect(view.field("input-low").getAttribute("aria-invalid")).toBe("true");
    expect(model.saved).toEqual([]);
    view.type("input-high", "400");
    expect(view.part("input-range-problem").hidden).toBe(true);
    expect(view.field("input-low").getAttribute("aria-invalid")).toBe("false");
    expect(model.saved).toEqual([{ input_range: [300, 400] }]);
  });

  it("takes an empty field as a slip, which Escape undoes", () => {
    const { model, render } = open();
    const view = render();
    view.type("input-high", "");
    expect(view.part("input-range-problem").textContent).toBe(
      "The high end is not a number. Write one, such as 255.",
    );
    expect(model.saved).toEqual([]);
    view.field("input-high").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect([view.part("input-range-problem").hidden, ...texts(view)]).toEqual([true, "0", "255"]);
  });

  it.each([
    ["0", "1", { range: [0, 1] }],
    [" -1 ", "1e3", { range: [-1, 1000] }],
    ["x", "1", { problem: expect.stringContaining("low end is not a number"), at: ["low"] }],
    ["0", "1e999", { problem: expect.stringContaining("high end is not"), at: ["high"] }],
    ["2", "2", { problem: expect.stringContaining("must be below"), at: ["low", "high"] }],
  ])("reads %j and %j", (low, high, parsed) => {
    expect(parseRange(low, high)).toEqual(parsed);
  });
});

describe("a value that the kernel refuses", () => {
  type Case = [string, string, keyof Parameters, string, unknown, string];
  const cases: Case[] = [
    ["learning-rate", "learning-rate-value", "learning_rate", "-1", -1, "1"],
    ["max-iter-number", "max-iter", "max_iter", "-3", -3, "500"],
    ["seed-number", "seed", "seed", "-1", -1, "0"],
    ["filters", "filters", "filter_indices", "7", [7], "3"],
    ["input-range", "input-high", "input_range", "500", [0, 500], "255"],
  ];

  /** As the kernel does: first the value of before, then the reason. */
  function refused([problem, field, name, typed, value]: Case) {
    const { model, render } = open();
    const view = render();
    const before = model.get(name);
    view.type(field, typed);
    expect(model.get(name)).toEqual(value);
    model.update({ [name]: before });
    const sentence = `This must be something else, not ${typed}.`;
    const error = `${name}: expected something else, received ${typed}.`;
    model.trigger("msg:custom", { type: "refused", name, value, sentence, error });
    model.update({ error });
    const shown = () => [
      view.part(`${problem}-problem`).hidden,
      view.part(`${problem}-problem`).textContent,
      view.field(field).value,
      view.field(field).getAttribute("aria-invalid"),
    ];
    return { model, view, shown, sentence };
  }

  it.each(cases)("is explained beside its field, which keeps it: %s", (...which) => {
    const { view, shown, sentence } = refused(which);
    expect(shown()).toEqual([false, sentence, which[3], "true"]);
    expect(view.field(which[1]).getAttribute("aria-describedby")?.split(" ")[0]).toBe(
      view.part(`${which[0]}-problem`).id,
    );
    expect(view.part(`${which[0]}-problem`).getAttribute("role")).toBe("alert");
    settled();
    expect(shown()).toEqual([false, sentence, which[3], "true"]);
    expect(view.part("error").hidden).toBe(true);
  });

  it.each(cases)("goes when its field is left: %s", (...which) => {
    const { view, shown } = refused(which);
    view.field(which[1]).dispatchEvent(new Event("blur"));
    settled();
    expect(shown()).toEqual([true, "", which[5], "false"]);
  });

  it.each(cases)("goes when a good one follows: %s", (...which) => {
    const { view, shown } = refused(which);
    view.type(which[1], which[5]);
    settled();
    expect(shown()).toEqual([true, "", which[5], "false"]);
  });

  it("goes when the kernel sets another", () => {
    const { model, shown } = refused(cases[0] as Case);
    model.update({ learning_rate: 0.5 });
    expect(shown()).toEqual([true, "", "0.5", "false"]);
  });

  it("is explained beside a list, too, which shows what it was", () => {
    const { model, render } = open();
    const view = render();
    const sentence = "This must be one of negate, relu, not 'x'.";
    model.trigger("msg:custom", { type: "refused", name: "grad_modifier", value: "x", sentence });
    expect(view.part("grad-modifier-problem").textContent).toBe(sentence);
    expect((view.part("grad-modifier") as HTMLSelectElement).selectedOptions[0]?.text).toBe("none");
  });
});
