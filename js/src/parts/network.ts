import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import type { Component } from "../kit/scope";
import { createLayerTree } from "./layers";
import { createLooks } from "./looks";

/** The network: its layers, and what the chosen one has learned and answers. */
export function createNetwork(model: ActMaxModel, store: Store): Component {
  const layers = createLayerTree(model, store.link);
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
