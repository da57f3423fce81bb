import type { MakeTiles } from "../kernel/contract";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText, uniqueId } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createProblem, isRefusal } from "./problem";
import { choicesOf, FILTERS, MOST, type Parsed, parse, propose, tooMany } from "./vary_values";

export interface Vary extends Component {
  /** What is varied, by which values; hidden until it is asked for. */
  panel: HTMLElement;
  /** The keyboard's focus comes to what makes tiles. */
  focus(): void;
}

/** A name and its values. */
interface Row {
  readonly name: string;
  element: HTMLElement;
  select: HTMLSelectElement;
  field: HTMLInputElement;
  explain(sentence: string): void;
  /** Offers what there is, and proposes values where nobody has written any. */
  refresh(): void;
  /** Begins with these. */
  adopt(name: string, text: string): void;
  read(): Parsed;
}

/** The buttons that make tiles: of all filters at once, and by a small form of whatever else may be varied. */
export function createVary(model: ActMaxModel, store: Store): Vary {
  const scope = new Scope();
  const rows = [
    createRow(model, scope, "vary", TEXTS.vary.first),
    createRow(model, scope, "vary-by", TEXTS.vary.second, TEXTS.vary.nothingElse),
  ];
  const { element, all, more, panel, make, cancel } = createElements(rows);
  let asked: number | null | undefined;

  const set = (open: boolean) => {
    if (!open && panel.contains(document.activeElement)) more.focus();
    panel.hidden = !open;
    more.setAttribute("aria-expanded", String(open));
    if (!open) asked = undefined;
    else for (const row of rows) row.refresh();
    count();
  };
  const read = (): Map<Row, Parsed> =>
    new Map(rows.filter(({ name }) => name !== "").map((row) => [row, row.read()]));
  const count = () => {
    const found = [...read().values()].map((one) => ("values" in one ? one.values.length : 0));
    const pictures = found.reduce((product, one) => product * one, 1);
    setText(
      make,
      pictures > 0 && pictures <= MOST ? TEXTS.vary.makeCount(pictures) : TEXTS.vary.make,
    );
  };
  const submit = () => {
    const vary = check(read());
    if (!vary || store.pending === "make_tiles") return;
    asked = store.tiles?.news.number ?? null;
    store.makeTiles(isAllFilters(rows) ? null : vary);
  };
  const refresh = () => {
    const pending = store.pending === "make_tiles";
    all.classList.toggle("actmax-pending", pending && asked === undefined);
    make.classList.toggle("actmax-pending", pending && asked !== undefined);
    // What was asked for is there.
    if (asked !== undefined && store.tiles && store.tiles.news.number !== asked) set(false);
  };
  const offer = () => {
    for (const row of rows) row.refresh();
    all.hidden = !choicesOf(model).some(({ name }) => name === FILTERS);
    count();
  };

  // What a run file has: more than two names, or filters in groups, are made from Python.
  const adopt = () => {
    const vary = Object.entries(model.get("vary") ?? {});
    const isPlain = vary.every(([, values]) => values.every((one) => typeof one === "number"));
    if (vary.length === 0 || vary.length > rows.length || !isPlain) return;
    for (const [at, row] of rows.entries()) {
      const [name, values] = vary[at] ?? ["", []];
      row.adopt(name, values.join(", "));
    }
    set(true);
  };

  // A second click would throw away what the first one has just begun.
  scope.listen(all, "click", () => store.pending !== "make_tiles" && store.makeTiles(null));
  scope.listen(more, "click", () => {
    set(panel.hidden === true);
    if (!panel.hidden) rows[0]?.select.focus();
  });
  scope.listen(make, "click", submit);
  scope.listen(cancel, "click", () => set(false));
  scope.listen(panel, "keydown", (event) => {
    if (event.key === "Escape") set(false);
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) submit();
  });
  scope.listen(panel, "input", count);
  scope.listen(panel, "change", count);
  // The kernel knows more of a number than the page.
  scope.on(model, "msg:custom", (content) => {
    if (!isRefusal(content) || content.name !== "vary") return;
    asked = undefined;
    rows[0]?.explain(content.sentence);
  });
  scope.on(model, "change:absent change:knob_controls change:class_loss change:layer", offer);
  scope.on(model, "change:vary", adopt);
  scope.add(store.subscribe(refresh));
  offer();
  refresh();
  adopt();
  return {
    element,
    panel,
    cleanup: scope.cleanup,
    focus: () => (all.hidden ? more : all).focus(),
  };
}

/** What the kernel is asked for; `null` where something is wrong, which then stands beside its field. */
function check(read: Map<Row, Parsed>): MakeTiles["vary"] {
  const vary: NonNullable<MakeTiles["vary"]> = {};
  let pictures = 1;
  let isWrong = false;
  for (const [row, found] of read) {
    row.explain("problem" in found ? found.problem : "");
    if ("problem" in found) {
      isWrong = true;
      continue;
    }
    // The same name twice is one name.
    vary[row.name] = [...new Set([...(vary[row.name] ?? []), ...found.values])];
    pictures *= found.values.length;
    if (pictures <= MOST) continue;
    row.explain(tooMany(pictures));
    isWrong = true;
  }
  return isWrong ? null : vary;
}

/** The button beside the form asks for the same. */
const isAllFilters = ([first, second]: Row[]): boolean =>
  first?.name === FILTERS &&
  second?.name === "" &&
  ["", TEXTS.varyValues.all].includes(first.field.value.trim().toLowerCase());

function createRow(
  model: ActMaxModel,
  scope: Scope,
  testId: string,
  label: string,
  none?: string,
): Row {
  const id = uniqueId(testId);
  const select = h("select", { id, "data-testid": testId });
  const field = h("input", {
    type: "text",
    "aria-label": TEXTS.vary.values(label),
    autocomplete: "off",
    spellcheck: "false",
    "data-testid": `${testId}-values`,
  });
  const problem = createProblem(testId, [field]);
  const element = h(
    "div",
    { class: "actmax-field actmax-vary-row" },
    h("label", { for: id }, label),
    select,
    field,
    problem.element,
  );
  let isTyped = false;
  let offered = "";
  const suggest = () => {
    isTyped = false;
    field.hidden = select.value === "";
    field.value = select.value === "" ? "" : propose(model, select.value);
    problem.explain("");
  };
  const row: Row = {
    get name() {
      return select.value;
    },
    element,
    select,
    field,
    explain: (sentence) => problem.explain(sentence),
    read: () => parse(model, select.value, field.value),
    adopt(name, text) {
      row.refresh();
      select.value = name;
      field.hidden = select.value === "";
      field.value = text;
      isTyped = true;
    },
    refresh() {
      const before = select.value;
      const choices = choicesOf(model);
      // A list that is rebuilt closes under the pointer.
      if (JSON.stringify(choices) !== offered) offer(select, choices, none);
      offered = JSON.stringify(choices);
      if (!isTyped || select.value !== before) suggest();
    },
  };
  scope.listen(select, "change", suggest);
  scope.listen(field, "input", () => {
    isTyped = true;
    // While typing a problem only goes away: half a number is no reason to scold.
    if ("values" in row.read()) problem.explain("");
  });
  return row;
}

function offer(
  select: HTMLSelectElement,
  choices: ReturnType<typeof choicesOf>,
  none?: string,
): void {
  const before = select.value;
  const groups = new Map<string, HTMLOptGroupElement>();
  for (const { name, label, group } of choices) {
    if (!groups.has(group)) groups.set(group, h("optgroup", { label: group }));
    groups.get(group)?.append(h("option", { value: name }, label));
  }
  select.replaceChildren(
    ...(none === undefined ? [] : [h("option", { value: "" }, none)]),
    ...groups.values(),
  );
  const isThere = choices.some(({ name }) => name === before);
  if (isThere) select.value = before;
  else select.selectedIndex = 0;
}

function createElements(rows: Row[]) {
  const id = uniqueId("vary-panel");
  const button = (testId: string, name: string, title: string, look = "") =>
    h("button", { type: "button", class: look, title, "data-testid": testId }, name);
  const all = button("all-filters", TEXTS.vary.allFilters, TEXTS.vary.allFiltersTitle);
  const more = button("vary-open", TEXTS.vary.open, TEXTS.vary.openTitle);
  more.setAttribute("aria-expanded", "false");
  more.setAttribute("aria-controls", id);
  const make = button("vary-make", TEXTS.vary.make, TEXTS.vary.makeTitle);
  const cancel = button("vary-cancel", TEXTS.vary.cancel, TEXTS.vary.cancelTitle, "actmax-quiet");
  const panel = h(
    "div",
    {
      id,
      class: "actmax-vary",
      role: "group",
      "aria-label": TEXTS.vary.first,
      hidden: true,
      "data-testid": "vary-panel",
    },
    ...rows.map((row) => row.element),
    h("div", { class: "actmax-buttons" }, make, cancel),
  );
  return {
    element: h("span", { class: "actmax-pair" }, all, more),
    all,
    more,
    panel,
    make,
    cancel,
  };
}
