import type { LayerInfo } from "../kernel/contract";
import type { Link } from "../kernel/link";
import { type ActMaxModel, isAbsent } from "../kernel/model";
import { moveByArrowKeys } from "../kit/arrow_keys";
import { h } from "../kit/dom";
import { formatSides } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { choose } from "./target";

/** A layer and those inside of it: a model that is a layer of another, a layer that somebody wrote. */
export interface Branch<Layer extends Named = LayerInfo> {
  layer: Layer;
  /** Of its path, what it is called there. */
  name: string;
  inside: Branch<Layer>[];
}

/** What the map and the tree know of a layer. */
export type Named = Pick<LayerInfo, "name" | "type">;

/** The paths of the layers as a tree: what a layer is in may be none that is told of. */
export function treeOf<Layer extends Named>(layers: readonly Layer[]): Branch<Layer>[] {
  const roots: Branch<Layer>[] = [];
  const known = new Map<string, Branch<Layer>>();
  for (const layer of layers) {
    const above = outsideOf(layer.name)
      .map((path) => known.get(path))
      .find((one) => one !== undefined);
    const name = above ? layer.name.slice(above.layer.name.length + 1) : layer.name;
    const branch = { layer, name, inside: [] };
    known.set(layer.name, branch);
    (above?.inside ?? roots).push(branch);
  }
  return roots;
}

/** The paths that a path is in, from inside to outside. */
export function outsideOf(path: string): string[] {
  const found: string[] = [];
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
    found.push(path.slice(0, at));
  return found;
}

/** Whether all words that were typed are in its path or type. */
export function matches({ name, type }: Named, typed: string): boolean {
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

/** Which folders are closed, of the tree and of the map alike. */
export interface Folds {
  readonly closed: ReadonlySet<string>;
  /** Closes one that is open, and opens one that is closed. */
  fold(name: string): void;
  /** Closes these, and opens all others. */
  begin(names: readonly string[]): void;
  /** A layer is in no closed folder then. */
  openTo(layer: string): void;
}

/** A way to show the layers; `show` when it comes into sight. */
export interface LayerView extends Component {
  show(): void;
  /** There are other layers. */
  offer(): void;
}

/** The layers in a list; a click makes one the target. */
export function createLayerTree(
  model: ActMaxModel,
  link: Link,
  folds: Folds,
  search: HTMLInputElement,
): LayerView {
  const scope = new Scope();
  const list = h("div", {
    class: "actmax-layer-list",
    role: "group",
    "aria-label": TEXTS.layers.label,
    "data-testid": "layer-list",
  });
  const { closed } = folds;
  let tree: Branch[] = [];

  const show = () => {
    const typed = search.value.trim();
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
    tree = treeOf(model.get("layers") ?? []);
    show();
  };
  const fold = (name: string) => {
    folds.fold(name);
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

  scope.on(model, "change:layer", () => {
    // The target is never in a closed folder.
    folds.openTo(model.get("layer") ?? "");
    if (rowOf(list, model.get("layer") ?? "")) mark();
    else show();
  });
  scope.listen(search, "input", show);
  scope.listen(list, "click", click);
  scope.listen(list, "keydown", press);
  moveByArrowKeys(list, scope);
  return { element: list, show, offer, cleanup: scope.cleanup };
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
