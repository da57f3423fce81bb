import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createLayerTree, type Folds, matches, outsideOf } from "./layers";
import { createLooks } from "./looks";
import { createMap } from "./map";

/** A model of more layers than this begins with its folders closed. */
const MOST_OPEN = 60;

/** The network: its layers, and what the chosen one has learned and answers. */
export function createNetwork(model: ActMaxModel, store: Store): Component {
  const layers = createLayers(model, store);
  const looks = createLooks(model, store);
  return {
    element: h(
      "div",
      { class: "actmax-network", "data-testid": "network" },
      layers.element,
      looks.element,
    ),
    cleanup() {
      layers.cleanup();
      looks.cleanup();
    },
  };
}

function createFolds(): Folds {
  const closed = new Set<string>();
  const openTo = (layer: string) => {
    for (const path of outsideOf(layer)) closed.delete(path);
  };
  return {
    ...{ closed, openTo },
    fold(name) {
      if (!closed.delete(name)) closed.add(name);
    },
    begin(names) {
      closed.clear();
      for (const name of names) closed.add(name);
    },
  };
}

/** The layers of the model as a tree or as a map, searched by name and type; a click makes one the target. */
function createLayers(model: ActMaxModel, store: Store): Component {
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
  const folds = createFolds();
  const tree = createLayerTree(model, store.link, folds, search);
  const map = createMap(model, store, folds, search);
  const views = [
    { ...view("tree", TEXTS.layers.tree, TEXTS.layers.treeTitle), part: tree },
    { ...view("map", TEXTS.layers.map, TEXTS.layers.mapTitle), part: map },
  ];
  const show = (shown: string) => {
    for (const { button, name, part } of views) {
      button.setAttribute("aria-pressed", String(name === shown));
      part.element.hidden = name !== shown;
    }
    for (const { name, part } of views) if (name === shown) part.show();
  };
  const tell = () => {
    const typed = search.value.trim();
    const found = (model.get("layers") ?? []).filter((layer) => matches(layer, typed)).length;
    setText(count, found === 0 ? TEXTS.layers.none : TEXTS.layers.count(found));
  };
  const offer = () => {
    const layers = model.get("layers") ?? [];
    folds.begin(layers.length > MOST_OPEN ? layers.map(({ name }) => name) : []);
    folds.openTo(model.get("layer") ?? "");
    tell();
    tree.offer();
    map.offer();
  };
  for (const { button, name, part } of views) {
    scope.listen(button, "click", () => show(name));
    scope.add(part.cleanup);
  }
  scope.on(model, "change:layers", offer);
  scope.listen(search, "input", tell);
  show("tree");
  offer();
  const buttons = views.map(({ button }) => button);
  return {
    element: h(
      "div",
      { class: "actmax-layer-tree" },
      h(
        "div",
        { class: "actmax-layer-search" },
        search,
        count,
        h(
          "span",
          { class: "actmax-layer-views", role: "group", "aria-label": TEXTS.layers.views },
          ...buttons,
        ),
      ),
      ...views.map(({ part }) => part.element),
    ),
    cleanup: scope.cleanup,
  };
}

function view(name: string, words: string, title: string) {
  const attributes = {
    type: "button",
    class: "actmax-quiet",
    title,
    "data-testid": `show-${name}`,
  };
  return { name, button: h("button", attributes, words) };
}
