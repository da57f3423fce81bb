import { type ActMaxModel, isHidden } from "./kernel/model";
import { redraw } from "./kernel/redraw";
import type { Store } from "./kernel/store";
import { h, setText } from "./kit/dom";
import { keepKeys } from "./kit/keys";
import { type Cleanup, type Component, type Drawn, Scope } from "./kit/scope";
import { createButtons } from "./parts/buttons";
import { createChart } from "./parts/chart";
import { createCompare, createPinButton } from "./parts/compare";
import { createSettings, createWeights } from "./parts/controls";
import { createDrawer } from "./parts/drawer";
import { createFilm } from "./parts/film";
import { createKnobs } from "./parts/knobs";
import { createLesson } from "./parts/lesson";
import { createLines } from "./parts/lines";
import { createNetwork } from "./parts/network";
import { createNotes } from "./parts/notes";
import { createPartChoices, createRecipe } from "./parts/part_choices";
import { createPast } from "./parts/past";
import { createPicture } from "./parts/picture";
import { createProgress, createStatusWord } from "./parts/progress";
import { createReal } from "./parts/real";
import { createScore } from "./parts/score";
import { createShortcuts } from "./parts/shortcuts";
import { createTable } from "./parts/table";
import { createTarget } from "./parts/target";
import { createTiles } from "./parts/tiles";
import { createVary } from "./parts/vary";
import { TEXTS } from "./texts";

/** Set by ipywidgets on the element of a view that opens without a comm; sends are silently dropped then. */
const DISCONNECTED = "jupyter-widgets-disconnected";
/** The style sheet gives the host's element a width where it is asked for one. */
const HOST = "actmax-host";

/** One view: all components in `el`, redrawn together in one animation frame. */
export function renderView(model: ActMaxModel, store: Store, el: HTMLElement): Cleanup {
  const scope = new Scope();
  const root = createRoot();
  el.classList.add(HOST);
  scope.add(() => el.classList.remove(HOST));
  const parts = createParts(model, store, root);
  const drawer = arrange(root, model, store, parts, scope);
  nameParts(parts);
  const lesson = createLesson(model, root);
  root.querySelector(".actmax-header")?.after(lesson.element);
  scope.add(lesson.cleanup);
  for (const part of Object.values(parts)) scope.add(part.cleanup);
  keepKeys(root, scope);
  if (el.classList.contains(DISCONNECTED)) store.link.lose("unknown");
  const { picture, past, film, chart, progress, tiles, compare, table } = parts;
  const watched = [picture, past, tiles, drawer, compare];
  const read = [picture.words, chart, table, film, progress];
  const isRunning = () => model.get("status") === "running" && store.link.connected;
  redraw(store, { watched, read }, scope, isRunning);
  // There may be pins before, or long after, anything of the run comes.
  scope.on(model, "change:pinned", () => drawer.draw());
  mirror(root, model, store, scope);
  el.append(root);
  scope.add(() => root.remove());
  scope.add(store.addView(createPageWatch(root, scope)));
  return scope.cleanup;
}

/** Tells, once the view is gone, whether its notebook was closed: an output that is cleared leaves it standing. */
function createPageWatch(root: HTMLElement, scope: Scope): () => boolean {
  let page: Element | null = null;
  // A view is put into the page after it was made.
  const look = new ResizeObserver(() => {
    page ??= root.closest(".jp-NotebookPanel, .jp-CodeConsole");
  });
  look.observe(root);
  scope.add(() => look.unobserve(root));
  return () => !page?.isConnected;
}

interface Parts extends Record<string, Component> {
  picture: ReturnType<typeof createPicture>;
  progress: Drawn;
  tiles: Drawn;
  compare: Drawn;
  table: Drawn;
  chart: Drawn;
  past: Drawn;
  film: Drawn;
}

/** What the tab of the recipe holds. */
const OF_REFERENCES = ["examples", "quiz"];
const OF_RECIPE = ["parametrization", "optimizer", "transforms"];

const createRoot = (): HTMLElement =>
  // It takes the focus of a click beside its buttons: the keys are then its own.
  h("div", { class: "actmax", tabindex: -1, "data-iteration": "" });

function createParts(model: ActMaxModel, store: Store, root: HTMLElement) {
  const onDrawn = (iteration: number) => {
    root.dataset.iteration = String(iteration);
  };
  const vary = createVary(model, store);
  const pin = createPinButton(store);
  const picture = createPicture(model, store, { onDrawn, beside: pin.element });
  const table = createTable(model, store);
  return {
    status: createStatusWord(model, store),
    keys: createShortcuts(model, root),
    vary,
    target: createTarget(model, store.link, vary),
    picture,
    pin,
    compare: createCompare(model, store),
    past: createPast(store),
    film: createFilm(store),
    lines: createLines(model, store),
    buttons: createButtons(model, store),
    progress: createProgress(model, store),
    recipe: createRecipe(model, store),
    choices: createPartChoices(model, store),
    weights: createWeights(model, store, picture.element),
    knobs: createKnobs(model, store),
    settings: createSettings(model, store, picture.element),
    tiles: createTiles(model, store, { fallback: vary }),
    network: createNetwork(model, store),
    score: createScore(model, store),
    real: createReal(model, store),
    notes: createNotes(model, store),
    table,
    chart: createChart(model, store, { tableId: table.id }),
  } satisfies Parts;
}

type AllParts = ReturnType<typeof createParts>;

/** What is in front at the top, what is looked up now and then in the drawer. Controls lie in fieldsets: one attribute
 * switches all of them off. */
function arrange(
  root: HTMLElement,
  model: ActMaxModel,
  store: Store,
  parts: AllParts,
  scope: Scope,
): Drawn {
  const name = h("h3", { class: "actmax-name", "data-testid": "model-name" });
  const showName = () => setText(name, model.get("ui")?.title || (model.get("model_name") ?? ""));
  scope.on(model, "change:model_name change:ui", showName);
  showName();
  const note = h("p", { class: "actmax-note", role: "status", "data-testid": "not-connected" });
  const controls = (...inside: Component[]) =>
    h("fieldset", { class: "actmax-controls" }, ...inside.map(({ element }) => element));
  const { status, target, recipe, picture, buttons, progress, chart, choices, weights } = parts;
  const isShown = (part: string) => () => !isHidden(model, part);
  const drawer = createDrawer([
    {
      ...{ title: TEXTS.view.losses, testId: "losses", element: parts.table.element },
      isOffered: isShown("table"),
    },
    {
      ...{ title: TEXTS.view.vary, testId: "tiles", element: parts.tiles.element },
      isOffered: () => store.tiles !== null && !isHidden(model, "tiles"),
      news: () => store.tiles?.news.number,
    },
    {
      ...{ title: TEXTS.compare.tab, testId: "compare", element: parts.compare.element },
      isOffered: () => !parts.compare.isEmpty && !isHidden(model, "pins"),
      news: () => parts.compare.news,
    },
    {
      ...{ title: TEXTS.view.recipe, testId: "recipe", element: controls(choices) },
      isOffered: () => OF_RECIPE.some((part) => !isHidden(model, part)),
    },
    {
      ...{ title: TEXTS.view.score, testId: "score", element: controls(parts.score) },
      isOffered: isShown("score"),
    },
    {
      ...{ title: TEXTS.view.real, testId: "real", element: controls(parts.real) },
      isOffered: () =>
        Boolean(model.get("has_references")) &&
        OF_REFERENCES.some((part) => !isHidden(model, part)),
    },
    {
      ...{ title: TEXTS.view.more, testId: "more", element: controls(parts.settings) },
      isOffered: isShown("settings"),
    },
    {
      ...{ title: TEXTS.view.model, testId: "network", element: controls(parts.network) },
      isOffered: isShown("network"),
    },
  ]);
  scope.add(drawer.cleanup);
  scope.on(model, "change:ui change:has_references", () => drawer.draw());
  const chosen = controls(target, recipe);
  chosen.classList.add("actmax-chosen");
  root.append(
    h(
      "div",
      { class: "actmax-grid" },
      // No <header>: an output of JupyterLab lies in its page's landmarks, which hold no second banner.
      h("div", { class: "actmax-header" }, name, chosen, status.element, parts.keys.element),
      note,
      h(
        "div",
        { class: "actmax-left" },
        h("div", { class: "actmax-stage" }, picture.element, parts.past.element),
        parts.film.element,
        controls(buttons, parts.lines),
        progress.element,
      ),
      h(
        "div",
        { class: "actmax-side" },
        chart.element,
        parts.notes.element,
        controls(weights),
        controls(parts.knobs),
      ),
      drawer.element,
    ),
  );
  return drawer;
}

/** By which a lesson knows them: "table", "knobs", and so on. */
function nameParts(parts: AllParts): void {
  for (const [name, { element }] of Object.entries(parts)) element.dataset.part ??= name;
  // What brings them is of no use without them.
  for (const element of [parts.vary.element, parts.vary.panel]) element.dataset.part = "tiles";
}

/** What style sheet and tests read off the root. */
function mirror(root: HTMLElement, model: ActMaxModel, store: Store, scope: Scope): void {
  const note = root.querySelector<HTMLElement>(".actmax-note");
  const show = () => {
    const { connected, loss } = store.link;
    mark(root, "status", model.get("status") ?? "");
    mark(root, "connected", String(connected));
    for (const fieldset of root.querySelectorAll("fieldset")) fieldset.disabled = !connected;
    if (note) {
      setText(note, loss ? TEXTS.view.notes[loss] : "");
      note.hidden = connected;
    }
  };
  scope.add(store.subscribe(show));
  scope.on(model, "change:status", show);
  show();
}

/** Written only when it changes: whoever observes the attribute is not told the same thing again. */
function mark(root: HTMLElement, name: "status" | "connected", value: string): void {
  if (root.dataset[name] !== value) root.dataset[name] = value;
}
