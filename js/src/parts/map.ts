import { Minus, Plus, Scan } from "lucide";
import type { MapMessage, MapNode } from "../kernel/contract";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatCount, formatSides } from "../kit/format";
import { Scope } from "../kit/scope";
import { createZoom } from "../kit/zoom";
import { TEXTS } from "../texts";
import { type Branch, type Folds, type LayerView, matches, treeOf } from "./layers";
import { type Box, type Drawing, drawingOf, HEIGHT, type Point } from "./map_layout";
import { destination, type Walked } from "./map_walk";
import { choose } from "./target";
import { createFullTool, createTool, showFullBy } from "./tools";

/** What is around the map, in CSS pixels. */
const MARGIN = 14;
/** Smaller than this share of its own size a map begins enlarged: nobody could read it. */
const LEGIBLE = 0.8;
/** Smaller than this there are only boxes: to lay out a thousand names that nobody can read takes long. */
const TINY = 0.25;
/** A pointer that went farther has dragged the map. */
const DRAGGED = 5;

interface Node extends Walked {
  node: MapNode;
  /** Of its path, what it is called where it is. */
  label: string;
  inside: readonly Node[];
  outside: Node | null;
}

/** How the layers hang together, asked for when it is first shown; a click makes a layer the target. */
export function createMap(
  model: ActMaxModel,
  store: Store,
  folds: Folds,
  search: HTMLInputElement,
): LayerView {
  const scope = new Scope();
  const parts = createParts();
  const { element, frame, stage, board, list, sentence } = parts;
  const buttons = new Map<string, HTMLButtonElement>();
  let roots: Node[] = [];
  let nodes = new Map<string, Node>();
  let drawing: Drawing | null = null;
  let told = "";
  let isAsked = false;
  let fit = 1;
  let pressed: readonly [number, number] = [0, 0];

  const zoom = createZoom(frame, stage, scope, () => {
    const isWhole = zoom.scale <= 1.001;
    for (const button of [parts.farther, parts.fit])
      button.setAttribute("aria-disabled", String(isWhole));
    board.toggleAttribute("data-tiny", zoom.scale * fit < TINY);
  });
  const target = () => model.get("layer") ?? "";
  const isOpen = (name: string) => !folds.closed.has(name);
  const isShown = () => !element.hidden;

  const ask = () => {
    if (isAsked || !store.link.connected) return;
    isAsked = true;
    setText(sentence, TEXTS.map.asking);
    store.link.send({ type: "ask_map" });
  };
  const take = (content?: unknown) => {
    if ((content as { type?: unknown } | null)?.type !== "map" || !isAsked) return;
    const message = content as MapMessage;
    told = message.sentence;
    roots = nodesOf(message.nodes);
    nodes = byName(roots);
    buttons.clear();
    drawing = null;
    if (isShown()) draw();
  };

  /** Lays it out anew; `anchor` stays where it is on the screen. */
  const draw = (anchor = "") => {
    const before = drawing && middleOf(anchor);
    const [scale, [x, y]] = [zoom.scale * fit, zoom.centre()];
    const isFirst = drawing === null;
    drawing = drawingOf(roots, isOpen, target());
    const names = drawing.boxes
      .map(({ name }) => nodes.get(name))
      .filter((one) => one !== undefined);
    for (const node of names) if (!buttons.has(node.name)) buttons.set(node.name, createNode(node));
    list.replaceChildren(...drawing.boxes.map((box) => place(box)));
    parts.frames.replaceChildren(...drawing.frames.map(createFrame));
    board.style.width = `${drawing.width}px`;
    board.style.height = `${drawing.height}px`;
    const left = drawing.leftOut;
    setText(
      sentence,
      [told, left ? TEXTS.map.leftOut(formatCount(left), target()) : ""].join(" ").trim(),
    );
    mark();
    const size = measure();
    if (isFirst) begin();
    else if (before && size) {
      const after = middleOf(anchor);
      zoom.show([x + (after[0] - before[0]), y + (after[1] - before[1])], scale / fit);
    }
  };
  const place = (box: Box): HTMLElement => {
    const button = buttons.get(box.name) as HTMLButtonElement;
    const node = nodes.get(box.name) as Node;
    if (node.inside.length > 0) {
      button.setAttribute("aria-expanded", String(isOpen(node.name)));
      setText(button.firstElementChild as HTMLElement, isOpen(node.name) ? "▾" : "▸");
    }
    const item = (button.parentElement as HTMLElement | null) ?? h("li", {}, button);
    item.style.transform = `translate(${box.x}px, ${box.y}px)`;
    return item;
  };
  /** Of the board's size that which fits into the frame. */
  const measure = (): boolean => {
    const [width, height] = [frame.clientWidth - 2 * MARGIN, frame.clientHeight - 2 * MARGIN];
    if (!drawing || width <= 0 || height <= 0) return false;
    fit = Math.min(1, width / Math.max(1, drawing.width), height / Math.max(1, drawing.height));
    board.style.setProperty("--actmax-fit", String(fit));
    return true;
  };
  const begin = () => {
    if (fit < LEGIBLE) zoom.show(middleOf(shownOf(target())), 1 / fit);
    else zoom.show([0, 0], 1);
  };
  /** Where a layer's box is on the stage, from its middle. */
  const middleOf = (name: string): [number, number] => {
    const box = drawing?.boxes.find((one) => one.name === name);
    if (!box || !drawing) return [0, 0];
    const { x, y, width, height } = box;
    return [(x + (width - drawing.width) / 2) * fit, (y + (height - drawing.height) / 2) * fit];
  };
  /** The layer, or the closed folder that it is in. */
  const shownOf = (name: string): string => {
    const node = nodes.get(name);
    return !node?.outside || isDrawn(name) ? name : shownOf(node.outside.name);
  };
  const isDrawn = (name: string) => buttons.get(name)?.isConnected ?? false;
  const reveal = (name: string) => {
    const [place, centre] = [middleOf(name), zoom.centre()];
    const half = [frame.clientWidth / 2, frame.clientHeight / 2] as const;
    const isOut = ([0, 1] as const).some((axis) => {
      const away = Math.abs(place[axis] - centre[axis]) * zoom.scale;
      return away + (HEIGHT / 2) * fit * zoom.scale > half[axis];
    });
    if (isOut) zoom.show(place);
  };

  const mark = () => {
    const chosen = target();
    const typed = search.value.trim();
    const stop = shownOf(chosen);
    for (const [name, button] of buttons) {
      const node = nodes.get(name) as Node;
      if (name === chosen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.tabIndex = name === stop ? 0 : -1;
      button.toggleAttribute("data-found", typed !== "" && isFound(node, typed));
    }
    const first = list.querySelector<HTMLElement>("button");
    if (!isDrawn(stop) && first) first.tabIndex = 0;
    const { edges = [] } = drawing ?? {};
    const isOf = ({ from, to }: { from: string; to: string }) => from === stop || to === stop;
    parts.edges.setAttribute("d", pathOf(edges.filter((edge) => !isOf(edge))));
    parts.own.setAttribute("d", pathOf(edges.filter(isOf)));
  };
  const isFound = ({ node, name, inside }: Node, typed: string): boolean =>
    matches(node, typed) || (!isOpen(name) && inside.some((one) => isFound(one, typed)));
  const find = () => {
    if (!isShown()) return;
    mark();
    const found = list.querySelector<HTMLElement>("[data-found]");
    if (found) reveal(found.dataset.layer ?? "");
  };

  const fold = (name: string) => {
    folds.fold(name);
    draw(name);
    focus(name);
  };
  const focus = (name: string) => {
    buttons.get(name)?.focus({ preventScroll: true });
    reveal(name);
  };
  const click = (event: MouseEvent) => {
    const button = (event.target as Element).closest<HTMLElement>("button");
    const [x, y] = pressed;
    const isDragged =
      event.detail > 0 && Math.hypot(event.clientX - x, event.clientY - y) > DRAGGED;
    if (!button || isDragged) return;
    const name = button.dataset.layer ?? "";
    const { node } = nodes.get(name) ?? {};
    if ((event.target as Element).closest(".actmax-layer-fold")) return fold(name);
    focus(name);
    if (node?.why) setText(sentence, TEXTS.map.why(name, node.why));
    else if (!isAbsent(model, "layer")) choose(model, store.link, name);
  };
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { layer: name } = (event.target as HTMLElement).dataset;
    const node = nodes.get(name ?? "");
    if (!node || !drawing) return;
    const act = zooms[event.key] ?? (() => move(node, event.key));
    if (act() === false) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const zooms: Record<string, () => unknown> = {
    ...{ "+": zoom.closer, "=": zoom.closer, "-": zoom.farther, "0": zoom.fit },
  };
  /** `false` for a key that moves nothing. */
  const move = (node: Node, key: string): boolean => {
    const folded = node.inside.length > 0;
    if (folded && key === (isOpen(node.name) ? "ArrowLeft" : "ArrowRight")) fold(node.name);
    else {
      const to = drawing ? destination(node, key, roots, drawing) : undefined;
      if (to === undefined) return false;
      focus(to);
    }
    return true;
  };

  scope.on(model, "msg:custom", take);
  scope.on(model, "change:layer", () => {
    folds.openTo(target());
    if (!isShown() || !drawing) drawing = null;
    else if (isDrawn(target()) && drawing.leftOut === 0) mark();
    else draw();
    if (drawing) reveal(target());
  });
  scope.listen(search, "input", find);
  scope.listen(search, "keydown", ({ key }) => {
    const found = [...list.querySelectorAll<HTMLElement>("[data-found]")];
    if (key !== "Enter" || !isShown() || found.length === 0) return;
    reveal(found[0]?.dataset.layer ?? "");
    found[0]?.focus({ preventScroll: true });
  });
  scope.listen(frame, "pointerdown", ({ clientX, clientY }) => {
    pressed = [clientX, clientY];
  });
  scope.listen(list, "click", click);
  scope.listen(list, "keydown", press);
  scope.listen(list, "focusin", ({ target: focused }) => {
    const button = focused as HTMLElement;
    for (const stop of list.querySelectorAll<HTMLElement>('[tabindex="0"]')) stop.tabIndex = -1;
    button.tabIndex = 0;
    // What a pointer has pressed is in sight.
    if (button.matches(":focus-visible")) reveal(button.dataset.layer ?? "");
  });
  for (const name of ["closer", "farther", "fit"] as const)
    scope.listen(parts[name], "click", zoom[name]);
  showFullBy(parts.full, parts, scope);
  const observer = new ResizeObserver(() => {
    const [scale, [x, y], old] = [zoom.scale * fit, zoom.centre(), fit];
    if (!isShown() || !measure() || old === fit) return;
    zoom.show([(x / old) * fit, (y / old) * fit], Math.max(1, scale / fit));
  });
  observer.observe(frame);
  scope.add(() => observer.unobserve(frame));

  return {
    ...{ element, cleanup: scope.cleanup },
    show() {
      // Before there is anything to see: a moment later it goes to the middle by itself.
      zoom.begin();
      ask();
      if (roots.length > 0) draw(shownOf(target()));
    },
    offer() {
      isAsked = false;
      if (isShown()) ask();
    },
  };
}

function createParts() {
  const [lines, edges] = [svg("svg"), svg("path")];
  const own = svg("path");
  lines.setAttribute("aria-hidden", "true");
  lines.setAttribute("class", "actmax-map-edges");
  own.setAttribute("class", "actmax-map-own");
  lines.append(edges, own);
  const frames = h("div", { "aria-hidden": "true" });
  const list = h("ul", { "aria-label": TEXTS.map.list, "data-testid": "map-layers" });
  const board = h("div", { class: "actmax-map-board" }, frames, lines, list);
  const stage = h("div", { class: "actmax-map-stage" }, board);
  const farther = createTool("map-out", TEXTS.picture.smaller, Minus);
  const fit = createTool("map-fit", TEXTS.picture.fit, Scan);
  const closer = createTool("map-in", TEXTS.picture.larger, Plus);
  const full = createFullTool("map-full");
  const tools = [farther, fit, closer, full];
  const frame = h(
    "div",
    {
      class: "actmax-map-frame",
      role: "group",
      tabindex: -1,
      "aria-label": TEXTS.map.label,
      title: TEXTS.picture.frameTitle,
      "data-testid": "map-frame",
    },
    stage,
    h("div", { class: "actmax-zoom", role: "group", "aria-label": TEXTS.map.zoom }, ...tools),
  );
  const sentence = h("p", {
    class: "actmax-caption",
    role: "status",
    "data-testid": "map-sentence",
  });
  const element = h("div", { class: "actmax-map", "data-testid": "map" }, sentence, frame);
  return {
    ...{ element, frame, stage, board, frames, list, edges, own, sentence },
    ...{ farther, fit, closer, full },
  };
}

const svg = <K extends keyof SVGElementTagNameMap>(tag: K): SVGElementTagNameMap[K] =>
  document.createElementNS("http://www.w3.org/2000/svg", tag);

/** The nodes as a tree, each with the names of those that it takes from. */
export function nodesOf(told: readonly MapNode[]): Node[] {
  const build = (branch: Branch<MapNode>, outside: Node | null): Node => {
    const { layer, name: label } = branch;
    const sources = layer.sources.map((index) => told[index]?.name ?? "");
    const node: Node = { name: layer.name, sources, inside: [], node: layer, label, outside };
    node.inside = branch.inside.map((one) => build(one, node));
    return node;
  };
  return treeOf(told).map((branch) => build(branch, null));
}

function byName(roots: readonly Node[], found = new Map<string, Node>()): Map<string, Node> {
  for (const node of roots) {
    found.set(node.name, node);
    byName(node.inside, found);
  }
  return found;
}

function createNode({ node, label, inside, sources }: Node): HTMLButtonElement {
  const { name: path, type, shape, first, why } = node;
  const last = (name: string) => name.slice(name.lastIndexOf("/") + 1);
  const facts = [type, formatSides(shape)];
  const words = [
    ...[path, ...facts],
    sources.length > 0 ? TEXTS.map.from(sources.map(last)) : "",
    first ? TEXTS.map.again(first) : "",
  ];
  const said = words.filter(Boolean).join(", ");
  const button = h(
    "button",
    {
      type: "button",
      class: "actmax-map-node",
      title: why ? `${said}. ${why}` : said,
      tabindex: -1,
      "data-layer": path,
      "data-again": first !== "",
      "aria-label": why ? `${said}. ${why}` : said,
      "aria-disabled": why ? "true" : false,
    },
    h("span", { class: "actmax-layer-fold", "aria-hidden": "true" }, inside.length > 0 ? "▸" : ""),
    h("span", { class: "actmax-layer-name" }, first ? `${label} ↻` : label),
    h("span", { class: "actmax-map-facts" }, ...facts.map((one) => h("span", {}, one))),
  );
  return button;
}

function createFrame({ x, y, width, height }: Box): HTMLElement {
  const frame = h("div", { class: "actmax-map-folder" });
  Object.assign(frame.style, {
    ...{ width: `${width}px`, height: `${height}px`, transform: `translate(${x}px, ${y}px)` },
  });
  return frame;
}

/** All lines as one path: each leaves and enters upright, with a point where it ends. */
function pathOf(edges: readonly { points: readonly Point[] }[]): string {
  return edges.map(({ points }) => `${points.map(curveTo).join("")}m-4 -6l4 6l4 -6`).join("");
}

function curveTo([x, y]: Point, index: number, points: readonly Point[]): string {
  const before = points[index - 1];
  if (!before) return `M${round(x)} ${round(y)}`;
  const half = round((before[1] + y) / 2);
  return `C${round(before[0])} ${half} ${round(x)} ${half} ${round(x)} ${round(y)}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
