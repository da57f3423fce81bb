import { redraw } from "../kernel/redraw";
import { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { createChart } from "../parts/chart";
import { createDrawer, type Section } from "../parts/drawer";
import { createFilm } from "../parts/film";
import { createPast } from "../parts/past";
import { createPicture } from "../parts/picture";
import { createTable } from "../parts/table";
import { TEXTS } from "../texts";
import { SavedRun } from "./saved_run";
import type { PageData, RunData, Said } from "./told";

/** The whole page of one run. */
export function createRun(data: PageData, run: RunData): Component {
  const shown = createRunView(run, 2);
  const name = h("h1", { class: "actmax-name", "data-testid": "title" }, data.title);
  shown.element
    .querySelector(".actmax-grid")
    ?.prepend(
      h(
        "div",
        { class: "actmax-header" },
        name,
        h("span", { class: "actmax-caption" }, TEXTS.page.iterations(run.iteration)),
      ),
    );
  const element = h("div", {}, shown.element, notesOf(data));
  return { element, cleanup: shown.cleanup };
}

export const notesOf = ({ notes }: PageData): HTMLElement =>
  h("footer", { class: "actmax-page-notes" }, ...notes.map((one) => h("p", {}, one)));

/** Picture, film, chart and what is looked up, as in the widget. `level` is that of its headings. */
export function createRunView(run: RunData, level: number): Component {
  const scope = new Scope();
  const saved = new SavedRun(run);
  const { model } = saved;
  const store = new Store(model);
  const element = h("div", { class: "actmax", "data-status": "finished", "data-iteration": "" });
  const onDrawn = (iteration: number) => {
    element.dataset.iteration = String(iteration);
  };
  const picture = createPicture(model, store, { onDrawn });
  // What only a kernel can make.
  for (const part of [".actmax-take-away", "[data-testid=best]"])
    picture.element.querySelector(part)?.remove();
  const past = createPast(store);
  const film = createFilm(store);
  const table = createTable(model, store);
  const chart = createChart(model, store, { tableId: table.id });
  const hasLosses = run.rows !== "";
  const drawer = createDrawer([
    ...(hasLosses ? [{ title: TEXTS.page.losses, testId: "losses", element: table.element }] : []),
    ...lookedUp(run.settings, run.code, scope),
  ]);
  setLevel(drawer.element, level);
  film.element.hidden = !run.film;
  const left = [h("div", { class: "actmax-stage" }, picture.element, past.element)];
  element.append(
    h(
      "div",
      { class: "actmax-grid" },
      h("div", { class: "actmax-left" }, ...left, ...(run.film ? [film.element] : [])),
      h(
        "div",
        { class: "actmax-side" },
        hasLosses
          ? chart.element
          : h(
              "p",
              { class: "actmax-hint" },
              run.iteration ? TEXTS.page.noLosses : TEXTS.page.notBegun,
            ),
      ),
      drawer.element,
    ),
  );
  const drawn = [
    picture,
    picture.words,
    past,
    drawer,
    ...(run.film ? [film] : []),
    ...(hasLosses ? [table, chart] : []),
  ];
  for (const part of [picture, past, film, table, chart, drawer]) scope.add(part.cleanup);
  scope.add(store.cleanup);
  redraw(store, { watched: drawn }, scope);
  return { element, cleanup: scope.cleanup };
}

/** In the widget headings are those of a notebook's cell. */
export function setLevel(element: HTMLElement, level: number): void {
  for (const heading of element.querySelectorAll("h4"))
    heading.setAttribute("aria-level", String(level));
}

/** What made it, as a list and as code. */
export function lookedUp(settings: readonly Said[], code: string, scope: Scope): Section[] {
  const list = h(
    "dl",
    { class: "actmax-settings-list", "data-testid": "settings" },
    ...settings.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
  return [
    { title: TEXTS.page.settings, testId: "settings", element: list },
    ...(code === ""
      ? []
      : [{ title: TEXTS.page.code, testId: "code", element: codeOf(code, scope) }]),
  ];
}

function codeOf(code: string, scope: Scope): HTMLElement {
  const text = h(
    "pre",
    {
      class: "actmax-code",
      tabindex: 0,
      role: "group",
      "aria-label": TEXTS.page.code,
      "data-testid": "code",
    },
    code,
  );
  const copy = h("button", { type: "button", "data-testid": "copy" }, TEXTS.page.copy);
  const words = h("span", { class: "actmax-caption", role: "status" });
  scope.listen(copy, "click", () => {
    // A page from a file or in a frame may have no clipboard.
    const written = navigator.clipboard?.writeText(code) ?? Promise.reject(new Error("none"));
    void written.then(
      () => words.replaceChildren(TEXTS.page.copied),
      () => {
        getSelection()?.selectAllChildren(text);
        words.replaceChildren(TEXTS.page.selected);
      },
    );
  });
  return h("div", {}, text, h("div", { class: "actmax-buttons" }, copy, words));
}
