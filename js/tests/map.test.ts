import { describe, expect, it } from "vitest";
import type { LayerInfo, MapNode } from "../src/kernel/contract";
import { nodesOf } from "../src/parts/map";
import { type Drawing, drawingOf, HEIGHT, type Place } from "../src/parts/map_layout";
import { destination, type Walked } from "../src/parts/map_walk";
import { open, standInForBrowser, type View } from "./page";

standInForBrowser();

const place = (name: string, sources: string[] = [], inside: Place[] = []): Place => ({
  ...{ name, sources, inside },
});

/** A block of a ResNet: two layers, and what came in added. */
const block = (number: number, from: string): Place[] => [
  place(`a${number}`, [from]),
  place(`b${number}`, [`a${number}`]),
  place(`add${number}`, [from, `b${number}`]),
];

const resnet = (blocks: number): Place[] => [
  place("in"),
  ...Array.from({ length: blocks }, (_, i) => block(i, i === 0 ? "in" : `add${i - 1}`)).flat(),
];

const boxOf = ({ boxes }: Drawing, name: string) => {
  const found = boxes.find((box) => box.name === name);
  if (!found) throw new Error(`There is no ${name}.`);
  return found;
};

/** Pairs of boxes that lie over each other. */
function overlaps({ boxes, frames }: Drawing): string[] {
  const isFolder = new Set(frames.map(({ name }) => name));
  const alone = boxes.filter(({ name }) => !isFolder.has(name));
  return alone.flatMap((one, i) =>
    alone
      .slice(i + 1)
      .filter(
        (other) =>
          Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x) > 0 &&
          Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y) > 0,
      )
      .map((other) => `${one.name} ${other.name}`),
  );
}

const closed = () => false;

describe("the layout", () => {
  it("of a chain is a column from top to bottom", () => {
    const drawing = drawingOf([place("a"), place("b", ["a"]), place("c", ["b"])], closed, "a");
    expect(drawing.boxes.map(({ x }) => x)).toEqual([0, 0, 0]);
    const [a, b, c] = drawing.boxes.map(({ y }) => y) as [number, number, number];
    expect([a, b - a > HEIGHT, c - b]).toEqual([0, true, b - a]);
    expect(drawing.edges.map(({ from, to }) => `${from} ${to}`)).toEqual(["a b", "b c"]);
    expect(drawing.edges[0]?.points).toEqual([
      [92, HEIGHT],
      [92, b],
    ]);
  });

  it("has branches beside each other, and what skips goes around what it skips", () => {
    const fire = [
      place("squeeze"),
      place("one", ["squeeze"]),
      place("three", ["squeeze"]),
      place("concat", ["one", "three"]),
    ];
    const drawing = drawingOf(fire, closed, "one");
    expect(boxOf(drawing, "one").y).toBe(boxOf(drawing, "three").y);
    expect(overlaps(drawing)).toEqual([]);
    const skipped = drawingOf(resnet(1), closed, "in");
    const skip = skipped.edges.find(({ from, to }) => from === "in" && to === "add0");
    const a = boxOf(skipped, "a0");
    const beside = skip?.points.filter(([, y]) => y >= a.y && y <= a.y + a.height) ?? [];
    expect(beside.length).toBeGreaterThan(0);
    for (const [x] of beside) expect(x < a.x || x > a.x + a.width).toBe(true);
  });

  it("of a network of a thousand layers is whole, each block as the first", () => {
    const places = resnet(340);
    const drawing = drawingOf(places, closed, "in");
    expect([drawing.boxes.length, drawing.edges.length]).toEqual([1021, 340 * 4]);
    expect(drawing.leftOut).toBe(0);
    for (const { from, to } of drawing.edges)
      expect(boxOf(drawing, to).y).toBeGreaterThanOrEqual(boxOf(drawing, from).y + HEIGHT);
    const step = boxOf(drawing, "add1").y - boxOf(drawing, "add0").y;
    expect(boxOf(drawing, "add300").y - boxOf(drawing, "add299").y).toBeCloseTo(step);
  });

  it("of what is too much woven shows what is around the layer looked at, and says how many more", () => {
    // Each takes from four before it: nothing can be laid out apart.
    const places = Array.from({ length: 1000 }, (_, i) =>
      place(
        `n${i}`,
        [1, 2, 3, 4].map((k) => i - k).flatMap((k) => (k < 0 ? [] : [`n${k}`])),
      ),
    );
    const drawing = drawingOf(places, closed, "n500");
    expect(drawing.boxes.length + drawing.leftOut).toBe(1000);
    expect(drawing.boxes.length).toBe(24);
    expect(boxOf(drawing, "n500")).toBeDefined();
    expect(overlaps(drawing)).toEqual([]);
  });

  it("of several inputs and outputs has no two boxes over each other", () => {
    const places = [
      place("image"),
      place("conv", ["image"]),
      place("age"),
      place("both", ["conv", "age"]),
      place("out", ["both"]),
      place("other", ["conv"]),
    ];
    const drawing = drawingOf(places, closed, "out");
    expect(overlaps(drawing)).toEqual([]);
    expect(drawing.boxes).toHaveLength(6);
    expect(drawing.edges).toHaveLength(5);
  });

  it("puts what is inside of an open folder into its frame", () => {
    const inner = [place("net/in"), place("net/a", ["net/in"]), place("net/b", ["net/in"])];
    const places = [place("x"), place("net", ["x"], inner), place("y", ["net"])];
    const shut = drawingOf(places, closed, "x");
    expect(shut.boxes.map(({ name }) => name)).toEqual(["x", "net", "y"]);
    const drawing = drawingOf(places, (name) => name === "net", "x");
    expect(drawing.boxes.map(({ name }) => name)).toEqual([
      ...["x", "net", "net/in", "net/a", "net/b", "y"],
    ]);
    const [frame] = drawing.frames;
    for (const name of ["net", "net/in", "net/a", "net/b"]) {
      const { x, y, width, height } = boxOf(drawing, name);
      expect(x >= (frame?.x ?? 0) && y >= (frame?.y ?? 0)).toBe(true);
      expect(x + width <= (frame?.x ?? 0) + (frame?.width ?? 0)).toBe(true);
      expect(y + height <= (frame?.y ?? 0) + (frame?.height ?? 0)).toBe(true);
    }
    expect(overlaps(drawing)).toEqual([]);
    expect(boxOf(drawing, "y").y).toBeGreaterThan((frame?.y ?? 0) + (frame?.height ?? 0));
  });
});

const node = (name: string, sources: number[] = [], over: Partial<MapNode> = {}): MapNode => ({
  ...{ name, type: "Conv2D", shape: [8, 8, 4], sources, first: "", why: "", ...over },
});

/** An input, a model inside with two branches, and what comes after it. */
const TOLD = [
  node("picture", [], { type: "InputLayer", shape: [8, 8, 1], why: "It is the input itself." }),
  node("net", [0], { type: "Functional" }),
  node("net/in", []),
  node("net/left", [2]),
  node("net/right", [2]),
  node("net/sum", [3, 4], { type: "Add" }),
  node("again", [1], { first: "net" }),
  node("out", [6], { type: "Dense", shape: [10] }),
];

const LAYERS: LayerInfo[] = TOLD.slice(1).map(({ name, type, shape }) => ({
  ...{ name, type, shape, filters: 4, parameters: 0 },
}));

describe("the arrow keys", () => {
  const roots = nodesOf(TOLD) as readonly Walked[];
  const all = new Map<string, Walked>();
  const note = (nodes: readonly Walked[]) => {
    for (const one of nodes) {
      all.set(one.name, one);
      note(one.inside);
    }
  };
  note(roots);
  const go = (from: string, key: string, isOpen = () => true) =>
    destination(all.get(from) as Walked, key, roots, drawingOf(roots, isOpen, "out"));

  it("lead down through an open folder and up again", () => {
    const down = ["picture", "net", "net/in", "net/left", "net/sum", "again", "out"];
    for (const [i, name] of down.entries())
      expect([name, go(name, "ArrowDown")]).toEqual([name, down[i + 1] ?? "out"]);
    const up = ["out", "again", "net/sum", "net/left", "net/in", "net", "picture"];
    for (const [i, name] of up.entries())
      expect([name, go(name, "ArrowUp")]).toEqual([name, up[i + 1] ?? "picture"]);
  });

  it("pass a closed folder, and lead to what stands beside", () => {
    expect(go("net", "ArrowDown", closed)).toBe("again");
    expect(go("again", "ArrowUp", closed)).toBe("net");
    const [left, right] = [go("net/right", "ArrowLeft"), go("net/left", "ArrowRight")];
    expect([left, right]).toEqual(["net/left", "net/right"]);
    expect(go("net/left", "ArrowLeft")).toBe("net/left");
    expect([go("out", "Home"), go("picture", "End")]).toEqual(["picture", "out"]);
    expect(go("out", "x")).toBeUndefined();
  });

  it("go down a list where nothing is known of what flows", () => {
    const list = nodesOf([node("a"), node("b"), node("c")]) as readonly Walked[];
    const drawing = drawingOf(list, closed, "a");
    expect(destination(list[0] as Walked, "ArrowDown", list, drawing)).toBe("b");
    expect(destination(list[2] as Walked, "ArrowUp", list, drawing)).toBe("b");
    expect(drawing.edges).toEqual([]);
    expect(overlaps(drawing)).toEqual([]);
  });
});

const names = (view: View): string[] =>
  [...view.part("map-layers").querySelectorAll<HTMLElement>("button")].map(
    ({ dataset }) => dataset.layer ?? "",
  );

const button = (view: View, name: string): HTMLElement => {
  const found = view.part("map-layers").querySelector<HTMLElement>(`[data-layer="${name}"]`);
  if (!found) throw new Error(`There is no ${name}.`);
  return found;
};

const press = (element: HTMLElement, key: string) =>
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

function openMap(nodes: readonly MapNode[] = TOLD, over = {}) {
  const page = open({ layers: LAYERS, layer: "out", filter_indices: [3], ...over });
  const view = page.render();
  view.part("show-map").click();
  page.model.trigger("msg:custom", { type: "map", nodes, sentence: "" }, []);
  return { ...page, view };
}

const OPENED = ["picture", "net", "net/in", "net/left", "net/right", "net/sum", "again", "out"];

describe("the map", () => {
  it("is asked for when it is first shown, and no second time", () => {
    const { model, render } = open({ layers: LAYERS, layer: "out" });
    const view = render();
    const asked = () => model.sent.filter(({ type }) => type === "ask_map").length;
    expect([asked(), view.part("map").hidden]).toEqual([0, true]);
    view.part("show-map").click();
    expect([asked(), view.part("layer-list").hidden]).toEqual([1, true]);
    expect(view.part("map-sentence").textContent).toBe("The kernel is asked for the map…");
    model.trigger("msg:custom", { type: "map", nodes: TOLD, sentence: "It is told." }, []);
    expect(view.part("map-sentence").textContent).toBe("It is told.");
    view.part("show-tree").click();
    view.part("show-map").click();
    expect([asked(), names(view)]).toEqual([1, OPENED]);
    model.update({ layers: LAYERS.slice(1) });
    expect(asked()).toBe(2);
  });

  it("says of each layer what it is and what it takes from, and marks the target", () => {
    const { view, model } = openMap();
    const said = (name: string) => button(view, name).getAttribute("aria-label");
    expect(said("net/sum")).toBe("net/sum, Add, 8 × 8 × 4, from left and right");
    expect(said("again")).toBe("again, Conv2D, 8 × 8 × 4, from net, the same layer as net");
    expect(button(view, "out").getAttribute("aria-current")).toBe("true");
    model.update({ layer: "net/left" });
    expect(button(view, "net/left").getAttribute("aria-current")).toBe("true");
    expect(button(view, "out").hasAttribute("aria-current")).toBe(false);
  });

  it("chooses by a click, and says why of what cannot be", () => {
    const { view, model } = openMap();
    button(view, "net/left").click();
    expect(model.saved.at(-1)).toEqual({ layer: "net/left" });
    const count = model.saved.length;
    button(view, "picture").click();
    expect(model.saved).toHaveLength(count);
    expect(button(view, "picture").getAttribute("aria-disabled")).toBe("true");
    expect(view.part("map-sentence").textContent).toBe("picture: It is the input itself.");
  });

  it("does not choose what a pointer has dragged", () => {
    const { view, model } = openMap();
    const down = { bubbles: true, clientX: 10, clientY: 10 };
    button(view, "net/left").dispatchEvent(new PointerEvent("pointerdown", down));
    const up = { bubbles: true, clientX: 60, clientY: 10, detail: 1 };
    button(view, "net/left").dispatchEvent(new MouseEvent("click", up));
    expect(model.saved).toEqual([]);
    button(view, "net/left").dispatchEvent(new MouseEvent("click", { ...up, clientX: 11 }));
    expect(model.saved).toEqual([{ layer: "net/left" }]);
  });

  it("folds as the tree does, and the tree with it", () => {
    const { view } = openMap();
    press(button(view, "net"), "ArrowLeft");
    expect(names(view)).toEqual(["picture", "net", "again", "out"]);
    expect(document.activeElement).toBe(button(view, "net"));
    expect(button(view, "net").getAttribute("aria-expanded")).toBe("false");
    view.part("show-tree").click();
    expect(view.part("layer-list").children).toHaveLength(3);
    view.part("show-map").click();
    button(view, "net").querySelector<HTMLElement>(".actmax-layer-fold")?.click();
    expect(names(view)).toEqual(OPENED);
  });

  it("moves the focus along what flows, one stop of the Tab key", () => {
    const { view } = openMap();
    const stops = () =>
      [...view.part("map-layers").querySelectorAll<HTMLElement>('[tabindex="0"]')].map(
        ({ dataset }) => dataset.layer,
      );
    expect(stops()).toEqual(["out"]);
    button(view, "out").focus();
    press(button(view, "out"), "ArrowUp");
    expect(document.activeElement).toBe(button(view, "again"));
    expect(stops()).toEqual(["again"]);
  });

  it("marks what is found, also in a closed folder, and Enter goes there", () => {
    const { view } = openMap();
    const found = () =>
      [...view.part("map-layers").querySelectorAll<HTMLElement>("[data-found]")].map(
        ({ dataset }) => dataset.layer,
      );
    view.type("layer-search", "left");
    expect(found()).toEqual(["net/left"]);
    press(button(view, "net"), "ArrowLeft");
    expect(found()).toEqual(["net"]);
    press(view.part("layer-search"), "Enter");
    expect(document.activeElement).toBe(button(view, "net"));
    view.type("layer-search", "");
    expect(found()).toEqual([]);
  });

  it("chooses nothing where an objective has targets of its own", () => {
    const { view, model } = openMap(TOLD, { absent: ["layer"] });
    button(view, "net/left").click();
    expect(model.saved).toEqual([]);
  });

  it("says what it leaves out of a network that is no picture any more", () => {
    const many = Array.from({ length: 1000 }, (_, i) =>
      node(
        `n${i}`,
        [1, 2, 3].map((k) => i - k).filter((k) => k >= 0),
      ),
    );
    const layers = many.map(({ name, type, shape }) => ({
      ...{ name, type, shape, filters: 4, parameters: 0 },
    }));
    const { view, model } = openMap(many, { layers, layer: "n500" });
    expect(names(view)).toHaveLength(24);
    expect(view.part("map-sentence").textContent).toBe(
      "976 more layers are left out, which would be too many for a map: it shows those around n500. The tree has all.",
    );
    model.update({ layer: "n900" });
    expect(button(view, "n900").getAttribute("aria-current")).toBe("true");
  });
});
