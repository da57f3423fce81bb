import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Rect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import { h, setText, uniqueId } from "./dom";
import { formatLoss, plural } from "./format";
import type { LossRows } from "./loss_rows";
import type { ActMaxModel } from "./model";
import { type Drawn, Scope } from "./scope";
import type { Store } from "./store";

/** Pixels; the style sheet sets the same height. */
const ROW_HEIGHT = 22;
/** Rows kept ready beyond either edge. */
const OVERSCAN = 8;
/** The virtualizer lays out all rows anew when their number changes, so it is told of them by the thousand. */
const BLOCK = 4096;

type Options = VirtualizerOptions<HTMLElement, HTMLElement>;

/** Every iteration's losses; only the rows in sight are in the page. */
export function createTable(model: ActMaxModel, store: Store): Drawn {
  const scope = new Scope();
  const { rows } = store;
  const { element, table, header, body, empty, caption, newest } = createFrame();
  const lines: HTMLElement[] = [];
  let follows = true;
  // Jupyter takes cells out of the page while they are out of sight; they come back scrolled to the top.
  let parked = true;
  let top = 0;

  const paint = () => {
    const items = virtualizer.getVirtualItems();
    while (lines.length < items.length) lines.push(body.appendChild(h("div", { role: "row" })));
    lines.forEach((line, i) => {
      const item = items[i];
      line.hidden = !item;
      if (item) paintLine(line, rows, item.index);
    });
    newest.hidden = follows;
  };
  const toNewest = () => {
    if (follows) table.scrollTop = table.scrollHeight - table.clientHeight;
    top = table.scrollTop;
    // The scroll event comes a frame later; until then the rows painted would be those of before.
    virtualizer.scrollOffset = top;
  };
  const resized = ({ height }: Rect) => {
    if (height === 0) parked = true;
    else if (parked) {
      parked = false;
      table.scrollTop = top;
      draw();
    }
  };
  const scrolled = () => {
    if (parked) return;
    const fromEnd = table.scrollHeight - table.clientHeight - table.scrollTop;
    if (fromEnd < ROW_HEIGHT) follows = true;
    else if (table.scrollTop < top) follows = false;
    top = table.scrollTop;
    newest.hidden = follows;
  };

  const options = (count: number): Options => ({
    count: Math.ceil(count / BLOCK) * BLOCK,
    // Made anew with each count, or the virtualizer would answer from memory.
    rangeExtractor: (range) => defaultRangeExtractor(range).filter((index) => index < count),
    getScrollElement: () => table,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    observeElementOffset,
    observeElementRect: (instance, report) =>
      observeElementRect(instance, (rect) => {
        report(rect);
        resized(rect);
      }),
    scrollToFn: elementScroll,
    onChange: paint,
  });
  const virtualizer = new Virtualizer<HTMLElement, HTMLElement>(options(rows.count));

  const draw = () => {
    table.dataset.rows = String(rows.count);
    table.setAttribute("aria-rowcount", String(rows.count + 1));
    setText(caption, plural(rows.count, "row"));
    empty.hidden = rows.count > 0;
    body.style.height = `${rows.count * ROW_HEIGHT}px`;
    virtualizer.setOptions(options(rows.count));
    toNewest();
    paint();
  };
  const showHeader = () => {
    paintHeader(table, header, model.get("loss_names") ?? []);
    draw();
  };

  scope.on(model, "change:loss_names", showHeader);
  scope.listen(table, "scroll", scrolled);
  scope.listen(newest, "click", () => {
    follows = true;
    draw();
  });
  scope.add(virtualizer._didMount());
  virtualizer._willUpdate();
  showHeader();
  return { element, draw, cleanup: scope.cleanup };
}

function createFrame() {
  const id = uniqueId("losses");
  const header = h("div", { role: "row", class: "actmax-table-header", "aria-rowindex": 1 });
  // A group of rows has one: a screen reader would announce an empty one as a fault of the page.
  const empty = h(
    "div",
    { role: "row", class: "actmax-table-empty" },
    h("span", { role: "cell" }, "Each iteration adds a row."),
  );
  const body = h("div", { role: "rowgroup", class: "actmax-table-body" }, empty);
  const caption = h("span", { class: "actmax-caption", "data-testid": "row-count" });
  const newest = h(
    "button",
    { type: "button", class: "actmax-quiet actmax-newest", "data-testid": "newest", hidden: true },
    "newest ↓",
  );
  const table = h(
    "div",
    // Focusable, so that the arrow keys scroll it.
    {
      role: "table",
      class: "actmax-table",
      tabindex: 0,
      "aria-labelledby": id,
      "data-testid": "table",
    },
    h("div", { role: "rowgroup", class: "actmax-table-head" }, header),
    body,
  );
  const title = h(
    "div",
    { class: "actmax-table-title" },
    h("span", { id }, "Losses"),
    caption,
    newest,
  );
  const element = h("div", { class: "actmax-losses" }, title, table);
  return { element, table, header, body, empty, caption, newest };
}

function paintHeader(table: HTMLElement, header: HTMLElement, lossNames: string[]): void {
  const names = ["iteration", ...lossNames, "total"];
  table.style.setProperty("--actmax-losses", String(names.length - 1));
  table.setAttribute("aria-colcount", String(names.length));
  header.replaceChildren(
    ...names.map((name) => h("span", { role: "columnheader", title: name }, ...breakable(name))),
  );
}

/** Lines are used again: the texts change, the elements stay. */
function paintLine(line: HTMLElement, rows: LossRows, index: number): void {
  const cells = rows.columns + 1;
  while (line.children.length < cells) line.append(h("span", { role: "cell" }));
  while (line.children.length > cells) line.lastChild?.remove();
  line.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
  line.setAttribute("aria-rowindex", String(index + 2));
  line.classList.toggle("actmax-odd", index % 2 === 1);
  for (let i = 0; i < cells; i++) {
    const text = i === 0 ? String(index + 1) : formatLoss(rows.at(index, i - 1));
    setText(line.children[i] as HTMLElement, text);
  }
}

/** "ActivationMax" may be broken before its second word, where a column is narrow. */
const breakable = (name: string): (Node | string)[] =>
  name.split(/(?<=[a-z])(?=[A-Z])/).flatMap((word, i) => (i === 0 ? [word] : [h("wbr"), word]));
