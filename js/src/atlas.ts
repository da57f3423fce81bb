/** The atlas: all pictures of a sweep in one sheet, and the one that is open beside it. */
import type { AnyWidget } from "@anywidget/types";
import { type AtlasModel, AtlasStore } from "./kernel/atlas_store";
import type { AtlasFacts, AtlasSettings } from "./kernel/contract";
import { bytesOf } from "./kernel/frame";
import type { ActMaxModel } from "./kernel/model";
import { h, setText } from "./kit/dom";
import { formatCount } from "./kit/format";
import { createFullScreen } from "./kit/full_screen";
import { keepKeys } from "./kit/keys";
import { decode } from "./kit/png";
import { type Cleanup, Scope } from "./kit/scope";
import { createAtlasBar } from "./parts/atlas_bar";
import { createAtlasPicture } from "./parts/atlas_picture";
import { createAtlasSheet } from "./parts/atlas_sheet";
import { TEXTS } from "./texts";

const WORDS = TEXTS.atlas;
/** Classes of the element that the host gives us. */
const HOST = ["actmax-host", "actmax-atlas-host"];

/** anywidget calls this once for each model. */
const createAtlas: AnyWidget<AtlasFacts & AtlasSettings> = () => {
  let store: AtlasStore;
  return {
    initialize({ model }) {
      store = new AtlasStore(model);
      return store.cleanup;
    },
    render({ model, el }) {
      return renderAtlas(model, store, el);
    },
  };
};

function renderAtlas(model: AtlasModel, store: AtlasStore, el: HTMLElement): Cleanup {
  const scope = new Scope();
  const parts = createParts();
  const { root } = parts;
  const selected = () => model.get("selected") ?? null;
  const select = (row: number | null) => {
    if (row !== null) store.forget(row);
    store.set({ selected: row });
    drawAll();
  };
  const close = () => {
    select(null);
    sheet.focus();
  };
  const chosen = () => ({
    sort: model.get("sort") ?? "filter",
    grouped: model.get("grouped") ?? true,
    search: model.get("search") ?? "",
    layer: model.get("layer") ?? "",
    checkpoint: model.get("checkpoint") ?? "",
    failures: model.get("failures") ?? false,
  });
  const sheet = createAtlasSheet(store, { chosen, selected, open: select, close });
  const picture = createAtlasPicture(store, { selected, open: select, close });
  const arrange = () => {
    sheet.arrange();
    bar.draw(sheet.count);
  };
  const bar = createAtlasBar(store, arrange);
  let version = -1;

  const drawAll = () => {
    if (version !== store.rows.version) {
      version = store.rows.version;
      arrange();
    }
    sayFacts(parts, store);
    root.toggleAttribute("data-open", !picture.element.hidden && selected() !== null);
    sheet.draw();
    picture.draw();
  };
  const revealed = () => {
    const row = selected();
    drawAll();
    root.toggleAttribute("data-open", row !== null);
    if (row !== null) sheet.reveal(row);
  };

  parts.main.append(sheet.element, picture.element);
  parts.main.before(bar.element);
  const as = model as unknown as ActMaxModel;
  const listen = (names: readonly string[], changed: () => void) =>
    scope.on(as, names.map((name) => `change:${name}`).join(" "), changed);
  listen(["title", "count", "expected", "error", "opening", "beneath", "refused"], drawAll);
  listen(["sort", "grouped", "search", "layer", "checkpoint", "failures"], arrange);
  listen(["selected"], revealed);
  scope.add(store.subscribe(drawAll));
  const toggle = createFullScreen(root, scope, {
    instead: (large) => root.toggleAttribute("data-large", large),
    changed: (full) => {
      root.toggleAttribute("data-full", full);
      setText(parts.full, full ? WORDS.fullBack : WORDS.full);
    },
  });
  scope.listen(parts.full, "click", toggle);
  keepKeys(root, scope);
  for (const part of [bar, sheet, picture]) scope.add(part.cleanup);
  // Set by ipywidgets where there is no comm: sends are silently dropped then.
  if (el.classList.contains("jupyter-widgets-disconnected")) store.loss = "unknown";
  el.classList.add(...HOST);
  el.append(root);
  scope.add(() => {
    el.classList.remove(...HOST);
    root.remove();
  });
  drawAll();
  void drawSaved(parts, model).then(drawAll);
  return scope.cleanup;
}

type Parts = ReturnType<typeof createParts>;

function sayFacts(parts: Parts, store: AtlasStore): void {
  const { model, rows } = store;
  const expected = Math.max(model.get("expected") ?? 0, rows.count);
  setText(parts.title, model.get("title") ?? "");
  const failed = countOf(store);
  // Of a saved notebook there are no rows, but how many there were.
  const count = store.connected ? rows.count : Math.max(rows.count, model.get("count") ?? 0);
  const words =
    count < expected ? WORDS.some(formatCount(count), formatCount(expected)) : WORDS.all(count);
  setText(parts.status, failed > 0 ? WORDS.withFailed(words, failed) : words);
  const isGrowing = rows.count < expected;
  parts.bar.hidden = !isGrowing;
  parts.bar.max = Math.max(1, expected);
  parts.bar.value = rows.count;
  setText(parts.note, store.loss === null ? "" : TEXTS.view.notes[store.loss]);
  parts.note.hidden = store.loss === null;
  const error = model.get("error") ?? "";
  setText(parts.error, error);
  parts.error.hidden = error === "";
  // What a saved notebook kept stands in for what nobody sends.
  parts.saved.hidden = store.connected || rows.count > 0 || parts.saved.width < 2;
  const { connected } = store;
  Object.assign(parts.root.dataset, { connected, count: rows.count, saved: !parts.saved.hidden });
}

const failures = new WeakMap<AtlasStore, { version: number; count: number }>();

function countOf(store: AtlasStore): number {
  const known = failures.get(store);
  const { rows } = store;
  if (known?.version === rows.version) return known.count;
  let count = 0;
  for (let row = 0; row < rows.count; row++) if (rows.hasFailed(row)) count += 1;
  failures.set(store, { version: rows.version, count });
  return count;
}

async function drawSaved({ saved }: Parts, model: AtlasModel): Promise<void> {
  const file = bytesOf(model.get("picture"));
  const bitmap = file.length > 0 ? await decode(file) : null;
  if (!bitmap) return;
  Object.assign(saved, { width: bitmap.width, height: bitmap.height });
  saved.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
}

function createParts() {
  const title = h("h3", { class: "actmax-name", "data-testid": "atlas-name" });
  const status = h("span", {
    ...{ class: "actmax-caption", role: "status", "data-testid": "atlas-status" },
  });
  const full = h(
    "button",
    { type: "button", class: "actmax-quiet", "data-testid": "atlas-full" },
    WORDS.full,
  );
  const bar = h("progress", { "aria-label": WORDS.progress, max: 1, hidden: true });
  const note = h("p", {
    ...{ class: "actmax-note", role: "status", "data-testid": "not-connected", hidden: true },
  });
  const error = h("p", { class: "actmax-error", role: "alert", hidden: true });
  const saved = h("canvas", {
    ...{ class: "actmax-atlas-saved", role: "img", "aria-label": WORDS.saved },
    ...{ width: 1, height: 1, hidden: true, "data-testid": "atlas-saved" },
  });
  const head = h("div", { class: "actmax-atlas-head" }, title, status, full);
  const main = h("div", { class: "actmax-atlas-main" });
  const root = h(
    "div",
    { class: "actmax-atlas", tabindex: -1, "data-testid": "atlas" },
    ...[head, bar, note, error, saved, main],
  );
  root.classList.add("actmax");
  return { root, head, main, title, status, full, bar, note, error, saved };
}

export default createAtlas;
