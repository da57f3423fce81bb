import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";

/** The button that starts the tiles. */
export function createTilesButton(store: Store): Component {
  const scope = new Scope();
  const element = h(
    "button",
    {
      type: "button",
      class: "actmax-all-filters",
      title: "Make a picture of every filter of this layer",
      "data-testid": "all-filters",
    },
    "All filters",
  );
  const refresh = () => element.classList.toggle("actmax-pending", store.pending === "make_tiles");
  // A second click would throw away what the first one has just begun.
  const start = () => store.pending !== "make_tiles" && store.command("make_tiles");
  scope.listen(element, "click", start);
  scope.add(store.subscribe(refresh));
  refresh();
  return { element, cleanup: scope.cleanup };
}
