import { nameOfLoss } from "../kernel/columns";
import type { Link } from "../kernel/link";
import { type ActMaxModel, controlOf, isAbsent, layerOf } from "../kernel/model";
import { namesOf } from "../kernel/names";
import { h, setText, uniqueId } from "../kit/dom";
import { formatLayer } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { completions, type Filters, formatFilters, neighbour, parseFilters } from "./filters";
import { addHelp } from "./help";
import { createPosition, isInside, isWithin } from "./position";
import { createProblem, explainRefusals, labelled } from "./problem";

/** What stands beside the filters, and beneath all of it. */
interface More {
  element: HTMLElement;
  panel: HTMLElement;
}

/** What is maximised: the layer, the filters of it and where in its map, or the terms of an objective of one's own. */
export function createTarget(model: ActMaxModel, link: Link, more: More): Component {
  const scope = new Scope();
  const layers = createLayers(model, link);
  const filters = createFilters(model, link);
  const position = createPosition(model, link);
  const terms = createTerms(model);
  const parts = [layers, filters, position, terms];
  const show = () => {
    const own = isAbsent(model, "layer");
    const places = (model.get("position_shape") ?? []).length;
    layers.element.hidden = own;
    filters.element.hidden = own || isAbsent(model, "filter_indices");
    position.element.hidden = own || isAbsent(model, "position") || places === 0;
    terms.element.hidden = !own;
  };
  layers.element.dataset.part = "layer";
  filters.element.dataset.part = "filter_indices";
  position.element.dataset.part = "position";
  for (const { cleanup } of parts) scope.add(cleanup);
  scope.on(model, "change:absent change:position_shape", show);
  show();
  const beside = h("div", { class: "actmax-filters-and-more" }, filters.element, more.element);
  const element = h(
    "div",
    { class: "actmax-target" },
    ...[layers.element, beside, position.element, terms.element, more.panel],
  );
  return { element, cleanup: scope.cleanup };
}

function createTerms(model: ActMaxModel): Component {
  const scope = new Scope();
  const id = uniqueId("terms");
  const list = h("ul", { class: "actmax-chips", "aria-labelledby": id, "data-testid": "terms" });
  const element = h(
    "div",
    { class: "actmax-field actmax-terms" },
    h("span", { id }, TEXTS.target.objective),
    list,
  );
  const show = () => {
    const terms = model.get("parts")?.terms ?? [];
    list.replaceChildren(
      ...terms.map((term) => h("li", { class: "actmax-chip" }, nameOfLoss(model, term))),
    );
  };
  scope.on(model, "change:parts", show);
  show();
  return { element, cleanup: scope.cleanup };
}

function createLayers(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const control = controlOf("layer");
  const select = h("select", { "data-testid": "layer" });
  const problem = createProblem("layer", [select]);
  const element = labelled(control.label, select, problem.element);
  addHelp(element, [select], control.help);
  element.classList.add("actmax-layers");

  const offer = () => {
    const layers = model.get("layers") ?? [];
    select.replaceChildren(
      ...layers.map((layer) => h("option", { value: layer.name }, formatLayer(layer))),
    );
    show();
  };
  const show = () => {
    select.value = model.get("layer");
    select.title = select.selectedOptions[0]?.textContent ?? "";
  };

  explainRefusals(model, "layer", scope, { problem, fields: [select], keep: show, show });
  scope.on(model, "change:layers", offer);
  scope.on(model, "change:layer", show);
  scope.listen(select, "change", () => choose(model, link, select.value));
  offer();
  return { element, cleanup: scope.cleanup };
}

/** Filter 15 of the old layer may not exist in the new one, nor its place: then they change together. */
export function choose(model: ActMaxModel, link: Link, layer: string): void {
  const { filters = 0, shape = [] } =
    (model.get("layers") ?? []).find(({ name }) => name === layer) ?? {};
  const isThere = (one: number | string) => typeof one === "number" && isWithin(one, filters);
  const exist = model.get("filter_indices")?.every(isThere) ?? true;
  link.change({
    layer,
    ...(exist ? {} : { filter_indices: [0] }),
    ...(isInside(model.get("position"), shape.slice(0, -1)) ? {} : { position: null }),
  });
}

function createFilters(model: ActMaxModel, link: Link): Component {
  const scope = new Scope();
  const control = controlOf("filter_indices");
  const { element, field, offers, previous, next, total, problem } = createFilterFields();
  addHelp(element, [field], control.help);

  const names = () => namesOf(model, model.get("layer"));
  const read = () => {
    const layer = layerOf(model);
    return parseFilters(field.value, layer?.filters ?? 0, layer?.name ?? "", names());
  };
  const keep = (filters: Filters) => {
    field.value = formatFilters(filters, names());
    offer(offers, []);
  };
  const show = () => {
    keep(model.get("filter_indices"));
    problem.explain("");
  };
  const showLayer = () => {
    setText(total, TEXTS.target.of(layerOf(model)?.filters ?? 0));
    const named = names().length > 0;
    field.title = named ? TEXTS.target.named : TEXTS.target.numbered;
    field.toggleAttribute("data-named", named);
    if (named) field.setAttribute("list", offers.id);
    else field.removeAttribute("list");
    show();
  };
  const commit = () => {
    const parsed = read();
    if ("problem" in parsed) return problem.explain(parsed.problem);
    link.change({ filter_indices: parsed.indices });
    // Not by a change event alone: "3,3" is the filter that was there before.
    show();
  };
  const go = (direction: 1 | -1) => {
    const count = layerOf(model)?.filters ?? 0;
    if (count === 0) return;
    link.change({ filter_indices: [neighbour(model.get("filter_indices"), direction, count)] });
    show();
  };
  const typed = (event: Event) => {
    // While typing a problem only goes away: half a number is no reason to scold.
    if ("indices" in read()) problem.explain("");
    if (isChosen(event, field, offers)) commit();
    else offer(offers, completions(field.value, names()));
  };

  explainRefusals(model, "filter_indices", scope, { problem, fields: [field], keep, show });
  scope.on(model, "change:filter_indices", show);
  scope.on(model, "change:layer change:layers change:labels change:labelled", showLayer);
  scope.listen(field, "change", commit);
  scope.listen(field, "input", typed);
  scope.listen(field, "keydown", ({ key }) => key === "Escape" && show());
  scope.listen(previous, "click", () => go(-1));
  scope.listen(next, "click", () => go(1));
  selectWhenEntered(field, scope, () => names().length > 0);
  showLayer();
  return { element, cleanup: scope.cleanup };
}

/** Chosen out of the list of offers, and not typed: browsers tell so in two ways. */
function isChosen(event: Event, { value }: HTMLInputElement, { options }: HTMLDataListElement) {
  const type = (event as Partial<InputEvent>).inputType;
  if (type !== undefined && type !== "insertReplacementText") return false;
  return [...options].some((option) => option.value === value);
}

/** A name is replaced as a whole: the next one typed finds its matches. */
function selectWhenEntered(field: HTMLInputElement, scope: Scope, isNamed: () => boolean): void {
  let enters = false;
  scope.listen(field, "focus", () => isNamed() && field.select());
  scope.listen(field, "pointerdown", () => {
    enters = document.activeElement !== field;
  });
  // The click that brings the focus puts the caret somewhere; the next one is meant to.
  scope.listen(field, "click", () => {
    if (enters && isNamed() && field.selectionStart === field.selectionEnd) field.select();
    enters = false;
  });
}

function offer(list: HTMLDataListElement, values: readonly string[]): void {
  list.replaceChildren(...values.map((value) => h("option", { value })));
}

function createFilterFields() {
  const { label, none = "" } = controlOf("filter_indices");
  const id = uniqueId("filters");
  const offers = h("datalist", { id: uniqueId("offers"), "data-testid": "filter-offers" });
  const field = h("input", {
    id,
    type: "text",
    placeholder: none,
    autocomplete: "off",
    spellcheck: "false",
    "data-testid": "filters",
  });
  const previous = stepButton("previous", "‹");
  const next = stepButton("next", "›");
  const total = h("span", { class: "actmax-of", "data-testid": "filter-count" });
  const problem = createProblem("filters", [field]);
  const element = h(
    "div",
    { class: "actmax-field actmax-filters" },
    h("label", { for: id }, label),
    h("span", { class: "actmax-stepper" }, previous, field, next),
    offers,
    total,
    problem.element,
  );
  return { element, field, offers, previous, next, total, problem };
}

function stepButton(which: "previous" | "next", sign: string): HTMLButtonElement {
  const name = TEXTS.target[which];
  return h(
    "button",
    { type: "button", "aria-label": name, title: name, "data-testid": `filter-${which}` },
    sign,
  );
}
