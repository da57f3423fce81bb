import type { Link } from "../kernel/link";
import { type ActMaxModel, controlOf, isAbsent, layerOf } from "../kernel/model";
import { h, setText, uniqueId } from "../kit/dom";
import { formatLayer } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { formatFilters, neighbour, parseFilters } from "./filters";
import { addHelp } from "./help";
import { createPosition, isInside, isWithin } from "./position";
import { createProblem, explainRefusals, labelled } from "./problem";

/**
 * What is maximised: the layer, the filters of it and where in its map, or the terms of an objective of one's own; `more`
 * stands beside the filters.
 */
export function createTarget(model: ActMaxModel, link: Link, more: HTMLElement): Component {
  const scope = new Scope();
  const layers = createLayers(model, link);
  const filters = createFilters(model, link, more);
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
  for (const { cleanup } of parts) scope.add(cleanup);
  scope.on(model, "change:absent change:position_shape", show);
  show();
  const element = h("div", { class: "actmax-target" }, ...parts.map((part) => part.element));
  return { element, cleanup: scope.cleanup };
}

function createTerms(model: ActMaxModel): Component {
  const scope = new Scope();
  const id = uniqueId("terms");
  const list = h("ul", { class: "actmax-chips", "aria-labelledby": id, "data-testid": "terms" });
  const element = h(
    "div",
    { class: "actmax-field actmax-terms" },
    h("span", { id }, "Objective"),
    list,
  );
  const show = () => {
    const terms = model.get("parts")?.terms ?? [];
    list.replaceChildren(...terms.map((term) => h("li", { class: "actmax-chip" }, term)));
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
function choose(model: ActMaxModel, link: Link, layer: string): void {
  const { filters = 0, shape = [] } =
    (model.get("layers") ?? []).find(({ name }) => name === layer) ?? {};
  const exist = model.get("filter_indices")?.every((index) => isWithin(index, filters)) ?? true;
  link.change({
    layer,
    ...(exist ? {} : { filter_indices: [0] }),
    ...(isInside(model.get("position"), shape.slice(0, -1)) ? {} : { position: null }),
  });
}

function createFilters(model: ActMaxModel, link: Link, more: HTMLElement): Component {
  const scope = new Scope();
  const control = controlOf("filter_indices");
  const id = uniqueId("filters");
  const field = h("input", {
    id,
    type: "text",
    placeholder: control.none ?? "",
    autocomplete: "off",
    spellcheck: "false",
    title: 'Filters maximised together: "3", "3, 7", "0-4", or nothing for all',
    "data-testid": "filters",
  });
  const previous = stepButton("previous", "‹");
  const next = stepButton("next", "›");
  const total = h("span", { class: "actmax-of", "data-testid": "filter-count" });
  const problem = createProblem("filters", [field]);
  const element = h(
    "div",
    { class: "actmax-field actmax-filters" },
    h("label", { for: id }, control.label),
    h("span", { class: "actmax-stepper" }, previous, field, next),
    total,
    more,
    problem.element,
  );
  addHelp(element, [field], control.help);

  const read = () => {
    const layer = layerOf(model);
    return parseFilters(field.value, layer?.filters ?? 0, layer?.name ?? "");
  };
  const keep = (indices: number[] | null) => {
    field.value = formatFilters(indices);
  };
  const show = () => {
    keep(model.get("filter_indices"));
    problem.explain("");
  };
  const showTotal = () => setText(total, `of ${layerOf(model)?.filters ?? 0}`);
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

  explainRefusals(model, "filter_indices", scope, { problem, fields: [field], keep, show });
  scope.on(model, "change:filter_indices", show);
  scope.on(model, "change:layer change:layers", showTotal);
  scope.listen(field, "change", commit);
  // While typing a problem only goes away: half a number is no reason to scold.
  scope.listen(field, "input", () => "indices" in read() && problem.explain(""));
  scope.listen(field, "keydown", ({ key }) => key === "Escape" && show());
  scope.listen(previous, "click", () => go(-1));
  scope.listen(next, "click", () => go(1));
  show();
  showTotal();
  return { element, cleanup: scope.cleanup };
}

function stepButton(which: "previous" | "next", sign: string): HTMLButtonElement {
  const name = which === "next" ? "Next filter" : "Previous filter";
  return h(
    "button",
    { type: "button", "aria-label": name, title: name, "data-testid": `filter-${which}` },
    sign,
  );
}
