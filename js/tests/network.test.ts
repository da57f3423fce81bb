import { describe, expect, it, vi } from "vitest";
import type { LayerInfo } from "../src/kernel/contract";
import { matches, rowsOf, treeOf } from "../src/parts/layers";
import { open, painted, standInForBrowser, type View } from "./page";

standInForBrowser();

const layer = (name: string, type = "Conv2D"): LayerInfo => ({
  ...{ name, type, shape: [8, 8, 4], filters: 4, parameters: 1234 },
});

const NESTED = [
  layer("rescale", "Rescaling"),
  layer("base", "Functional"),
  layer("base/conv1"),
  layer("base/block", "Block"),
  layer("base/block/conv2"),
  layer("apart/of/nothing", "Dense"),
];

const names = (view: View): string[] =>
  [...view.part("layer-list").children].map((row) => (row as HTMLElement).dataset.layer ?? "");

const row = (view: View, name: string): HTMLElement => {
  const found = view.part("layer-list").querySelector<HTMLElement>(`[data-layer="${name}"]`);
  if (!found) throw new Error(`There is no ${name}.`);
  return found;
};

const press = (element: HTMLElement, key: string) =>
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

describe("the layers as a tree", () => {
  it("follows from their paths, and what has nobody above it is a root", () => {
    const tree = treeOf(NESTED);
    expect(tree.map(({ name }) => name)).toEqual(["rescale", "base", "apart/of/nothing"]);
    expect(tree[1]?.inside.map(({ name }) => name)).toEqual(["conv1", "block"]);
    expect(tree[1]?.inside[1]?.inside[0]?.layer.name).toBe("base/block/conv2");
  });

  it("has what is inside of something untold in what that is in", () => {
    const [block] = treeOf([layer("block", "Block"), layer("block/wrapped/conv")]);
    expect(block?.inside.map(({ name }) => name)).toEqual(["wrapped/conv"]);
  });

  it("is searched by words of path and type, and shows what a match is in", () => {
    expect(matches(layer("base/conv1"), "BASE 2d")).toBe(true);
    expect(matches(layer("base/conv1"), "base dense")).toBe(false);
    const found = (typed: string) =>
      rowsOf(treeOf(NESTED), new Set(["base"]), typed).map(({ branch }) => branch.layer.name);
    expect(found("block conv")).toEqual(["base", "base/block", "base/block/conv2"]);
    expect(found("nowhere")).toEqual([]);
    expect(found("")).toEqual(["rescale", "base", "apart/of/nothing"]);
  });

  it("marks the target, and a click makes another one it", () => {
    const { model, render } = open({ layers: NESTED, layer: "base/conv1", filter_indices: [3] });
    const view = render();
    expect(names(view)).toEqual(NESTED.map(({ name }) => name));
    expect(row(view, "base/conv1").getAttribute("aria-current")).toBe("true");
    row(view, "rescale").click();
    expect(model.saved.at(-1)).toEqual({ layer: "rescale" });
    expect(row(view, "rescale").getAttribute("aria-current")).toBe("true");
    expect(row(view, "base/conv1").hasAttribute("aria-current")).toBe(false);
  });

  it("folds by a click on its arrow or by the arrow keys, and keeps the focus", () => {
    const view = open({ layers: NESTED, layer: "rescale" }).render();
    row(view, "base").querySelector<HTMLElement>(".actmax-layer-fold")?.click();
    expect(names(view)).toEqual(["rescale", "base", "apart/of/nothing"]);
    expect(document.activeElement).toBe(row(view, "base"));
    press(row(view, "base"), "ArrowRight");
    expect(row(view, "base").getAttribute("aria-expanded")).toBe("true");
    press(row(view, "base"), "ArrowLeft");
    expect(row(view, "base").getAttribute("aria-expanded")).toBe("false");
    press(row(view, "base"), "End");
    expect(document.activeElement).toBe(row(view, "apart/of/nothing"));
  });

  it("of a thousand layers begins with closed folders, but for those of the target", () => {
    const many = Array.from({ length: 100 }, (_, k) => [
      layer(`block${k}`, "Block"),
      ...Array.from({ length: 9 }, (_, i) => layer(`block${k}/conv${i}`)),
    ]).flat();
    const { model, render } = open({ layers: many, layer: "block7/conv3" });
    const view = render();
    expect(names(view)).toHaveLength(109);
    expect(row(view, "block7/conv3").getAttribute("aria-current")).toBe("true");
    model.update({ layer: "block9/conv1" });
    expect(row(view, "block9/conv1").getAttribute("aria-current")).toBe("true");
    view.type("layer-search", "conv8");
    expect(names(view)).toHaveLength(200);
    expect(view.part("layer-count").textContent).toBe("100 layers");
    view.type("layer-search", "xyz");
    expect(view.part("layer-count").textContent).toBe("No layer is called that");
  });

  it("chooses nothing where an objective has targets of its own", () => {
    const { model, render } = open({ layers: NESTED, layer: "rescale", absent: ["layer"] });
    row(render(), "base").click();
    expect(model.saved).toEqual([]);
  });
});

describe("weights", () => {
  const told = {
    type: "weights",
    layer: "conv2",
    shape: [1, 2, 1],
    count: 2,
    of: 16,
    sentence: "",
  };

  it("are asked for, and shown as pictures with what they mean", () => {
    const { model, render } = open();
    const view = render();
    view.part("ask-weights").click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_weights" });
    painted.length = 0;
    model.trigger("msg:custom", told, [new DataView(new Uint8Array([1, 2, 3, 4]).buffer)]);
    expect(painted.map(([first]) => first)).toEqual([1, 3]);
    expect(view.part("weights-sentence").textContent).toContain("The first 2 of 16.");
    model.update({ layer: "out" });
    expect(view.part("weight-pictures").children).toHaveLength(0);
    model.trigger("msg:custom", told, []);
    expect(view.part("weight-pictures").children).toHaveLength(0);
  });

  it("that are none are told in a sentence; nobody who has not asked is told", () => {
    const { model, render } = open();
    const [view, other] = [render(), render()];
    view.part("ask-weights").click();
    model.trigger("msg:custom", { ...told, count: 0, sentence: "They are no picture." }, []);
    expect(view.part("weights-sentence").textContent).toBe("They are no picture.");
    expect(other.part("weights-sentence").textContent).toBe("");
  });
});

describe("the response", () => {
  const told = {
    ...{ type: "response", layer: "conv2", filter_indices: [3], start: false, iteration: 40 },
    ...{ shape: [1, 2], picture: [1, 1, 1], low: -0.5, high: 3, sentence: "" },
  };
  const buffers = [
    new DataView(new Uint8Array([0, 255]).buffer),
    new DataView(new Uint8Array([9]).buffer),
  ];

  it("is laid over the picture, clear where nothing is answered", () => {
    const { model, render } = open({ status: "paused" });
    const view = render();
    view.part("ask-response").click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_response", start: false });
    painted.length = 0;
    model.trigger("msg:custom", told, buffers);
    expect([...(painted[0] ?? [])]).toEqual([9, 9, 9, 255]);
    expect([...(painted[1] ?? [])]).toEqual([255, 120, 0, 0, 255, 120, 0, 255]);
    expect(view.part("response-sentence").textContent).toBe(
      "conv2, filter 3: -0.50000 (clear) to 3.0000 (orange) at 1 × 2 places of the picture of iteration 40.",
    );
    expect(view.part("response").hidden).toBe(false);
    model.trigger("msg:custom", { ...told, sentence: "One number: 3." }, []);
    expect(view.part("response").hidden).toBe(true);
    expect(view.part("response-sentence").textContent).toBe("One number: 3.");
  });

  it("is asked for anew when the target changes or the run ends, and not before somebody asked", () => {
    const { model, render } = open({ status: "running" });
    const view = render();
    model.update({ filter_indices: [4] });
    expect(model.sent.filter(({ type }) => type === "ask_response")).toEqual([]);
    view.part("ask-response").click();
    model.update({ filter_indices: [5] });
    model.update({ status: "finished" });
    expect(model.sent.filter(({ type }) => type === "ask_response")).toHaveLength(3);
  });

  it("follows a run while it is in sight, and rests out of it", () => {
    const { model, render } = open({ status: "running" });
    const view = render();
    const seen = vi.spyOn(view.part("response"), "clientHeight", "get").mockReturnValue(240);
    const asked = () => model.sent.filter(({ type }) => type === "ask_response").length;
    view.part("ask-response").click();
    model.trigger("msg:custom", told, buffers);
    vi.advanceTimersByTime(1000);
    expect(asked()).toBe(2);
    seen.mockReturnValue(0);
    model.trigger("msg:custom", told, buffers);
    vi.advanceTimersByTime(5000);
    expect(asked()).toBe(2);
  });

  it("to the starting picture is offered where there is one", () => {
    const { model, render } = open();
    const view = render();
    expect(view.part("ask-response-start").hidden).toBe(true);
    model.update({ seed_name: "cat.png" });
    view.part("ask-response-start").click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_response", start: true });
  });
});
