import { moveByArrowKeys } from "../kit/arrow_keys";
import { arrange, h } from "../kit/dom";
import { formatActivation } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { createDrawer } from "../parts/drawer";
import { TEXTS } from "../texts";
import { addressOf } from "./saved_run";
import type { PageData, RunData } from "./told";
import { createRunView, lookedUp, notesOf, setLevel } from "./view";

/** As few as these are shown large, side by side. */
const FEW = 4;
/** A pixel of a picture as small as this is a square. */
const SQUARES = 120;
const ACTIVATION = -1;

/** Pictures side by side: sorted by what they differ in or by their activation; one of them opens below. */
export function createSheet(data: PageData): Component {
  const scope = new Scope();
  const { runs, titles } = data;
  const grid = h("div", {
    class: "actmax-tile-grid actmax-sheet",
    role: "group",
    "aria-label": data.title,
    "data-few": runs.length <= FEW,
    "data-testid": "sheet",
  });
  const tiles = runs.map((run, index) => createTile(run, index));
  if (tiles[0]) tiles[0].tabIndex = 0;
  grid.append(...tiles);
  const opened = h("div", { class: "actmax-opened", "data-testid": "opened" });
  const order = createOrder(titles, runs);
  let close: (() => void) | undefined;

  const open = (index: number) => {
    const run = runs[index];
    if (!run) return;
    close?.();
    const view = createRunView(run, 3);
    close = view.cleanup;
    const name = h("h2", { class: "actmax-name" }, run.title || saidOf(run));
    opened.replaceChildren(name, view.element);
    for (const tile of tiles) tile.removeAttribute("aria-current");
    tiles[index]?.setAttribute("aria-current", "true");
    // Not smoothly where motion is not wanted: the style sheet says how.
    opened.scrollIntoView({ block: "nearest" });
  };
  scope.listen(grid, "click", ({ target }) => {
    const tile = (target as Element).closest<HTMLElement>(".actmax-tile");
    if (tile) open(Number(tile.dataset.index));
  });
  scope.listen(order, "change", () =>
    arrange(
      grid,
      sorted(runs, order.value).flatMap((index) => tiles[index] ?? []),
    ),
  );
  moveByArrowKeys(grid, scope);
  const drawer = createDrawer(lookedUp(data.settings, data.code, scope));
  setLevel(drawer.element, 2);
  scope.add(drawer.cleanup);
  const sheet = h(
    "div",
    { class: "actmax", "data-status": "finished" },
    h(
      "div",
      { class: "actmax-grid actmax-one-column" },
      h(
        "div",
        { class: "actmax-header" },
        h("h1", { class: "actmax-name", "data-testid": "title" }, data.title),
        h("span", { class: "actmax-caption" }, TEXTS.page.pictures(runs.length)),
        order,
      ),
      h("p", { class: "actmax-hint" }, TEXTS.page.hint),
      grid,
      drawer.element,
    ),
  );
  return { element: h("div", {}, sheet, opened, notesOf(data)), cleanup: scope.cleanup };
}

function createTile(run: RunData, index: number): HTMLElement {
  const activation = run.activation === null ? "" : formatActivation(run.activation);
  const [height, width] = run.shape;
  const picture = h("img", {
    src: addressOf(run.picture),
    alt: "",
    class: Math.max(height, width) <= SQUARES ? "actmax-enlarged" : "",
  });
  const line = (text: string) =>
    h("span", { class: "actmax-tile-name", "data-wraps": "true" }, text);
  const measured = h("span", { class: "actmax-unseen" }, `${TEXTS.page.activation} `);
  return h(
    "button",
    { type: "button", class: "actmax-tile", tabindex: -1, "data-index": index },
    h("span", { class: "actmax-tile-picture" }, picture),
    ...(run.title === "" ? [] : [h("b", { class: "actmax-tile-title" }, run.title)]),
    ...run.differs.map(([name, value]) => line(`${name} ${value}`)),
    h("span", { class: "actmax-tile-activation" }, ...(activation ? [measured, activation] : [])),
  );
}

const saidOf = ({ differs }: RunData): string =>
  differs.map(([name, value]) => `${name} ${value}`).join(" · ");

function createOrder(titles: readonly string[], runs: readonly RunData[]): HTMLSelectElement {
  const isMeasured = runs.some(({ activation }) => activation !== null);
  const isNumber = (at: number) => runs.every(({ values }) => (values[at] ?? null) !== null);
  return h(
    "select",
    { "aria-label": TEXTS.page.order, "data-testid": "order" },
    h("option", { value: "" }, TEXTS.page.inOrder),
    ...(isMeasured ? [h("option", { value: ACTIVATION }, TEXTS.page.byActivation)] : []),
    ...titles.flatMap((title, at) =>
      isNumber(at) ? [h("option", { value: at }, TEXTS.page.by(title))] : [],
    ),
  );
}

/** The largest activation first, the smallest value first; what has none comes last. */
function sorted(runs: readonly RunData[], by: string): number[] {
  const order = [...runs.keys()];
  if (by === "") return order;
  const column = Number(by);
  const key = (index: number) => {
    const { activation, values } = runs[index] as RunData;
    if (column === ACTIVATION) return -(activation ?? Number.NEGATIVE_INFINITY);
    return values[column] ?? Number.POSITIVE_INFINITY;
  };
  return order.sort((one, other) => Number(key(one) > key(other)) - Number(key(one) < key(other)));
}
