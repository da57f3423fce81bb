import type { LayerInfo } from "../kernel/contract";
import type { Link } from "../kernel/link";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import { moveByArrowKeys } from "../kit/arrow_keys";
import { h, setText } from "../kit/dom";
import { formatSides } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { choose } from "./target";

/** A model of more layers than this begins with its folders closed. */
const MOST_OPEN = 60;

/** A layer and those inside of it: a model that is a layer of another, a layer that somebody wrote. */
export interface Branch {
  layer: LayerInfo;
  /** Of its path, what it is called there. */
  name: string;
  inside: Branch[];
}

/** The paths of the layers as a tree. */
export function treeOf(layers: readonly LayerInfo[]): Branch[] {
  const roots: Branch[] = [];
  const known = new Map<string, Branch>();
  for (const layer of layers) {
    const above = known.get(layer.name.slice(0, Math.max(0, layer.name.lastIndexOf("/"))));
    const name = above ? layer.name.slice(above.layer.name.length + 1) : layer.name;
    const branch = { layer, name, inside: [] };
    known.set(layer.name, branch);
    (above?.inside ?? roots).push(branch);
  }
  return roots;
}

/** Whether all words that were typed are in its path or type. */
export function matches({ name, type }: LayerInfo, typed: string): boolean {
  const text = `${name} ${type}`.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

interface Row {
  branch: Branch;
  depth: number;
}

/** What is to be seen: all that is not in a closed folder, or, where something was typed, what matches it. */
export function rowsOf(tree: readonly Branch[], closed: ReadonlySet<string>, typed: string): Row[] {
  const rows: Row[] = [];
  const add = (branches: readonly Branch[], depth: number) => {
    for (const branch of branches) {
      const found = matches(branch.layer, typed);
      const before = rows.length;
      rows.push({ branch, depth });
      if (typed !== "" || !closed.has(branch.layer.name)) add(branch.inside, depth + 1);
      if (!found && rows.length === before + 1) rows.pop();
    }
  };
  add(tree, 0);
  return rows;
}

/** The layers of the model, searched by name and type; a click makes one the target. */
export function createLayerTree(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const search = h("input", {
    type: "search",
    placeholder: TEXTS.layers.placeholder,
    "aria-label": TEXTS.layers.search,
    "data-testid": "layer-search",
  });
  const count = h("span", {
    class: "actmax-caption",
    role: "status",
    "data-testid": "layer-count",
  });
  const list = h("div", {
    class: "actmax-layer-list",
    role: "group",
    "aria-label": TEXTS.layers.label,
    "data-testid": "layer-list",
  });
  const element = h(
    "div",
    { class: "actmax-layer-tree" },
    h("div", { class: "actmax-layer-search" }, search, count),
    list,
  );
  let tree: Branch[] = [];
  let closed = new Set<string>();

  const show = () => {
    const typed = search.value.trim();
    const found = (model.get("layers") ?? []).filter((layer) => matches(layer, typed)).length;
    setText(count, found === 0 ? TEXTS.layers.none : TEXTS.layers.count(found));
    list.replaceChildren(...rowsOf(tree, closed, typed).map((row) => createRow(row, closed)));
    mark();
  };
  const mark = () => {
    const layer = model.get("layer");
    let stop = list.querySelector<HTMLElement>(".actmax-layer-row");
    for (const row of list.children as HTMLCollectionOf<HTMLElement>) {
      const isTarget = row.dataset.layer === layer;
      if (isTarget) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      row.tabIndex = -1;
      if (isTarget) stop = row;
    }
    if (stop) stop.tabIndex = 0;
    reveal();
  };
  /** The target is in sight, also when the list comes into it. */
  const reveal = () => {
    const row = list.querySelector<HTMLElement>("[aria-current]");
    if (!row || list.clientHeight === 0) return;
    const [top, bottom] = [
      row.offsetTop - list.offsetTop,
      row.offsetTop - list.offsetTop + row.offsetHeight,
    ];
    if (top < list.scrollTop || bottom > list.scrollTop + list.clientHeight)
      list.scrollTop = top - list.clientHeight / 2;
  };
  const observer = new ResizeObserver(reveal);
  observer.observe(list);
  scope.add(() => observer.unobserve(list));
  const offer = () => {
    const layers = model.get("layers") ?? [];
    tree = treeOf(layers);
    closed = new Set(layers.length > MOST_OPEN ? layers.map(({ name }) => name) : []);
    openTo(model.get("layer") ?? "");
    show();
  };
  /** The target is never in a closed folder. */
  const openTo = (layer: string) => {
    for (let at = layer.lastIndexOf("/"); at > 0; at = layer.lastIndexOf("/", at - 1))
      closed.delete(layer.slice(0, at));
  };
  const fold = (name: string) => {
    if (!closed.delete(name)) closed.add(name);
    show();
    rowOf(list, name)?.focus();
  };
  const click = ({ target }: MouseEvent) => {
    const row = (target as Element).closest<HTMLElement>(".actmax-layer-row");
    if (!row) return;
    const name = row.dataset.layer ?? "";
    if ((target as Element).closest(".actmax-layer-fold")) fold(name);
    else if (!isAbsent(model, "layer")) choose(model, link, name);
  };
  const press = (event: KeyboardEvent) => {
    const row = event.target as HTMLElement;
    const name = row.dataset.layer ?? "";
    const folds = row.hasAttribute("aria-expanded");
    const opens = event.key === "ArrowRight" && closed.has(name);
    if (folds && (opens || (event.key === "ArrowLeft" && !closed.has(name)))) {
      event.preventDefault();
      event.stopImmediatePropagation();
      fold(name);
    }
  };

  scope.on(model, "change:layers", offer);
  scope.on(model, "change:layer", () => {
    openTo(model.get("layer") ?? "");
    if (rowOf(list, model.get("layer") ?? "")) mark();
    else show();
  });
  scope.listen(search, "input", show);
  scope.listen(list, "click", click);
  scope.listen(list, "keydown", press);
  moveByArrowKeys(list, scope);
  offer();
  return { element, cleanup: scope.cleanup };
}

const rowOf = (list: HTMLElement, name: string): HTMLElement | undefined =>
  ([...list.children] as HTMLElement[]).find(({ dataset }) => dataset.layer === name);

function createRow({ branch, depth }: Row, closed: ReadonlySet<string>): HTMLElement {
  const { layer, name, inside } = branch;
  const folds = inside.length > 0;
  const open = folds && !closed.has(layer.name);
  const row = h(
    "button",
    {
      type: "button",
      class: "actmax-layer-row",
      title: TEXTS.layers.title(layer.name),
      tabindex: -1,
      "data-layer": layer.name,
      "aria-expanded": folds ? String(open) : false,
    },
    h(
      "span",
      { class: "actmax-layer-fold", "aria-hidden": "true" },
      folds ? (open ? "▾" : "▸") : "",
    ),
    h("span", { class: "actmax-layer-name" }, name),
    h("span", { class: "actmax-layer-facts" }, factsOf(layer)),
  );
  row.style.setProperty("--actmax-depth", String(depth));
  return row;
}

const factsOf = ({ type, shape, parameters }: LayerInfo): string =>
  [type, formatSides(shape), parameters ? TEXTS.layers.parameters(parameters) : ""]
    .filter(Boolean)
    .join(" · ");
