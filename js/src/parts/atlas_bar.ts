/** What of an atlas is shown, and in which order: fields above the sheet. */
import type { AtlasStore } from "../kernel/atlas_store";
import type { AtlasSettings } from "../kernel/contract";
import { h, setText, uniqueId } from "../kit/dom";
import { formatCount } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

const WORDS = TEXTS.atlas;
/** Typing goes on for so long before all is searched anew. */
const SEARCH_MS = 120;

export interface AtlasBar extends Component {
  draw(count: number): void;
}

export function createAtlasBar(store: AtlasStore, found: () => void): AtlasBar {
  const scope = new Scope();
  const { model } = store;
  const search = h("input", {
    ...{ type: "search", placeholder: WORDS.searchFor, "aria-label": WORDS.search },
    ...{ "data-testid": "atlas-search", spellcheck: "false", autocomplete: "off" },
  });
  const layer = createSelect("atlas-layer", WORDS.layer);
  const checkpoint = createSelect("atlas-checkpoint", WORDS.checkpoint);
  const sort = createSelect("atlas-sort", WORDS.sort);
  sort.list.append(
    ...(["filter", "activation", "score"] as const).map((name) =>
      h("option", { value: name }, WORDS.sorts[name]),
    ),
  );
  const grouped = createCheck("atlas-grouped", WORDS.grouped);
  const failures = createCheck("atlas-failures", WORDS.failures);
  const shown = h("p", { class: "actmax-caption", role: "status", "data-testid": "atlas-shown" });
  const element = h(
    "div",
    { class: "actmax-atlas-bar", role: "group", "aria-label": WORDS.bar },
    ...[search, layer.element, checkpoint.element, sort.element],
    ...[grouped.element, failures.element, shown],
  );
  let timer: ReturnType<typeof setTimeout> | undefined;

  const set = (settings: Partial<AtlasSettings>) => {
    store.set(settings);
    found();
  };
  const choose = (list: HTMLSelectElement, name: "layer" | "checkpoint" | "sort") =>
    scope.listen(list, "change", () => set({ [name]: list.value }));
  choose(layer.list, "layer");
  choose(checkpoint.list, "checkpoint");
  choose(sort.list, "sort");
  scope.listen(grouped.box, "change", () => set({ grouped: grouped.box.checked }));
  scope.listen(failures.box, "change", () => set({ failures: failures.box.checked }));
  scope.listen(search, "input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      set({ search: search.value });
    }, SEARCH_MS);
  });
  scope.listen(search, "keydown", (event) => {
    if (event.key !== "Escape" || search.value === "") return;
    search.value = "";
    set({ search: "" });
    event.preventDefault();
  });
  scope.add(() => clearTimeout(timer));
  return {
    element,
    cleanup: scope.cleanup,
    draw(count) {
      const { rows } = store;
      offer(layer.list, rows.textsOf("layer"), WORDS.allLayers, model.get("layer") ?? "");
      const checkpoints = rows.textsOf("checkpoint");
      const chosen = model.get("checkpoint") ?? "";
      offer(checkpoint.list, checkpoints, WORDS.allCheckpoints, chosen);
      checkpoint.element.hidden = checkpoints.length < 2 && chosen === "";
      sort.list.value = model.get("sort") ?? "filter";
      grouped.box.checked = model.get("grouped") ?? true;
      failures.box.checked = model.get("failures") ?? false;
      // What is being typed is not to be overwritten.
      if (timer === undefined && document.activeElement !== search)
        search.value = model.get("search") ?? "";
      const isAll = count === rows.count;
      setText(shown, isAll ? "" : WORDS.shown(formatCount(count), formatCount(rows.count)));
    },
  };
}

function createSelect(testId: string, label: string) {
  const id = uniqueId(testId);
  const list = h("select", { id, "data-testid": testId });
  const element = h("span", { class: "actmax-field" }, h("label", { for: id }, label), list);
  return { element, list };
}

function createCheck(testId: string, label: string) {
  const box = h("input", { type: "checkbox", "data-testid": testId });
  return { box, element: h("label", { class: "actmax-check" }, box, label) };
}

/** Names with one for all; what is chosen stays, also where there is none such any more. */
function offer(list: HTMLSelectElement, names: readonly string[], all: string, chosen: string) {
  const wanted = ["", ...names, ...(chosen === "" || names.includes(chosen) ? [] : [chosen])];
  const isOther =
    list.options.length !== wanted.length ||
    wanted.some((name, i) => list.options[i]?.value !== name);
  if (isOther)
    list.replaceChildren(
      ...wanted.map((name) => h("option", { value: name }, name === "" ? all : name)),
    );
  list.value = chosen;
}
