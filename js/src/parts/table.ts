import { type Column, columnsOf } from "../kernel/columns";
import { moveByKey } from "../kernel/cursor";
import type { LossRows } from "../kernel/loss_rows";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText, uniqueId } from "../kit/dom";
import { formatLoss } from "../kit/format";
import { ROW_HEIGHT, RowWindow } from "../kit/row_window";
import { type Drawn, Scope } from "../kit/scope";
import { watchTheme } from "../kit/theme";
import { TEXTS } from "../texts";

/** Every iteration's losses and what is measured beside them; only the rows in sight are in the page. */
export function createTable(model: ActMaxModel, store: Store): Drawn & { id: string } {
  const scope = new Scope();
  const { rows } = store;
  const { element, table, header, body, empty, caption, newest } = createFrame();
  const inSight = new RowWindow(table);
  const lines: HTMLElement[] = [];
  let columns: Column[] = [];
  let follows = true;
  let markedAt = store.cursor.at;
  // Jupyter takes cells out of the page while they are out of sight; they come back scrolled to the top.
  let parked = true;

  const paint = () => {
    const [first, end] = inSight.range();
    while (lines.length < end - first) lines.push(body.appendChild(h("div", { role: "row" })));
    lines.forEach((line, i) => {
      const index = first + i;
      line.hidden = index >= end;
      if (index < end) paintLine(line, rows, index, inSight.place(index), columns);
      mark(line, index + 1 === store.cursor.at);
    });
    newest.hidden = follows;
  };
  /** The cursor was moved, here or elsewhere: its row comes into sight. */
  const follow = () => {
    const { at } = store.cursor;
    table.toggleAttribute("data-escape", at !== null);
    if (at === markedAt) return;
    markedAt = at;
    follows = at === null;
    if (at !== null && table.clientHeight > 0) inSight.reveal(at - 1);
  };
  const draw = () => {
    table.dataset.rows = String(rows.count);
    table.setAttribute("aria-rowcount", String(rows.count + 1));
    setText(caption, TEXTS.table.rows(rows.count));
    empty.hidden = rows.count > 0;
    // Out of the page nothing can be scrolled.
    if (table.clientHeight > 0) inSight.heard();
    const isGrown = inSight.count !== rows.count;
    inSight.count = rows.count;
    body.style.height = `${inSight.height}px`;
    if (table.clientHeight > 0) {
      follow();
      if (follows) inSight.scrollToEnd();
      // Only where it must be: it ends whatever the browser scrolls smoothly.
      else if (isGrown && inSight.isStretched) inSight.restore();
    }
    paint();
  };
  const resized = () => {
    const wasParked = parked;
    parked = table.clientHeight === 0;
    if (parked) return;
    if (wasParked) inSight.restore();
    draw();
  };
  /** Put into the page anew in one go it is at its top, and no observer hears of it: it is as large as it was. */
  const putAnew = () => {
    if (table.clientHeight === 0) return;
    parked = false;
    inSight.restore();
    draw();
  };
  const scrolled = () => {
    if (parked) return;
    const before = inSight.left;
    inSight.heard();
    if (inSight.left < ROW_HEIGHT) follows = true;
    else if (inSight.left > before) follows = false;
    paint();
  };
  const scrollBy = (pixels: number) => {
    if (pixels < 0) follows = false;
    inSight.scrollBy(pixels);
    if (inSight.left < ROW_HEIGHT) follows = true;
    paint();
  };
  const showHeader = () => {
    columns = columnsOf(model);
    paintHeader(table, header, columns);
    draw();
  };

  const observer = new ResizeObserver(resized);
  observer.observe(table);
  scope.add(() => observer.unobserve(table));
  scope.on(model, "change:loss_names change:measures change:absent", showHeader);
  scope.listen(table, "scroll", scrolled);
  scope.listen(table, "animationstart", putAnew);
  watchTheme(scope, putAnew);
  scope.listen(newest, "click", () => {
    follows = true;
    store.cursor.go(null);
    draw();
  });
  scope.listen(body, "click", ({ target }) => {
    const at = Number(
      (target as Element).closest<HTMLElement>("[data-iteration]")?.dataset.iteration,
    );
    // Its row is in sight, and stays where it is.
    if (at > 0) store.cursor.go(at);
  });
  scope.listen(table, "keydown", (event) => {
    if (event.key === "Escape" && moveByKey(store.cursor, event)) event.preventDefault();
  });
  scrollFinely(table, inSight, scrollBy, scope);
  showHeader();
  parked = table.clientHeight === 0;
  return { element, draw, cleanup: scope.cleanup, id: table.id };
}

/** Where a pixel of the scroll bar is several of the rows, keys and wheel would leave rows out. */
function scrollFinely(
  table: HTMLElement,
  inSight: RowWindow,
  scrollBy: (pixels: number) => void,
  scope: Scope,
): void {
  const scroll = (event: Event, pixels: number) => {
    if (!inSight.isStretched || pixels === 0) return;
    // At either end the page takes over, as it does elsewhere.
    if (pixels > 0 && inSight.left <= 0) return;
    event.preventDefault();
    scrollBy(pixels);
  };
  scope.listen(table, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The row at one edge is then at the other; the header stands before one.
    const page = table.clientHeight - 2 * ROW_HEIGHT;
    const all = inSight.length;
    const pixels = { ArrowDown: ROW_HEIGHT, PageDown: page, End: all }[event.key];
    const back = { ArrowUp: ROW_HEIGHT, PageUp: page, Home: all }[event.key];
    scroll(event, pixels ?? -(back ?? 0));
  });
  scope.listen(table, "wheel", (event) => {
    if (event.ctrlKey || event.shiftKey) return;
    const inLines = event.deltaMode === WheelEvent.DOM_DELTA_LINE;
    scroll(event, event.deltaY * (inLines ? ROW_HEIGHT : 1));
  });
}

function createFrame() {
  const id = uniqueId("losses");
  const header = h("div", { role: "row", class: "actmax-table-header", "aria-rowindex": 1 });
  // A group of rows has one: a screen reader would announce an empty one as a fault of the page.
  const empty = h(
    "div",
    { role: "row", class: "actmax-table-empty" },
    h("span", { role: "cell" }, TEXTS.table.empty),
  );
  const body = h("div", { role: "rowgroup", class: "actmax-table-body" }, empty);
  const caption = h("span", { class: "actmax-caption", "data-testid": "row-count" });
  const newest = h(
    "button",
    { type: "button", class: "actmax-quiet actmax-newest", "data-testid": "newest", hidden: true },
    TEXTS.table.newest,
  );
  const table = h(
    "div",
    // Focusable, so that the arrow keys scroll it.
    {
      role: "table",
      id: uniqueId("table"),
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
    // Its tab, or the heading of the drawer, says so to the eye.
    h("span", { id, class: "actmax-unseen" }, TEXTS.table.label),
    caption,
    newest,
  );
  const element = h("div", { class: "actmax-losses" }, title, table);
  return { element, table, header, body, empty, caption, newest };
}

function paintHeader(table: HTMLElement, header: HTMLElement, columns: Column[]): void {
  const heads = [{ head: TEXTS.table.iteration, title: TEXTS.table.iteration }, ...columns];
  table.style.setProperty("--actmax-columns", String(columns.length));
  table.setAttribute("aria-colcount", String(heads.length));
  header.replaceChildren(
    ...heads.map(({ head, title }) =>
      h("span", { role: "columnheader", title }, ...breakable(head)),
    ),
  );
}

/** Lines are used again: the texts change, the elements stay. */
function paintLine(
  line: HTMLElement,
  rows: LossRows,
  index: number,
  top: number,
  columns: Column[],
): void {
  const cells = rows.columns + 1;
  while (line.children.length < cells) line.append(h("span", { role: "cell" }));
  while (line.children.length > cells) line.lastChild?.remove();
  line.style.transform = `translateY(${top}px)`;
  line.setAttribute("aria-rowindex", String(index + 2));
  line.dataset.iteration = String(index + 1);
  line.classList.toggle("actmax-odd", index % 2 === 1);
  for (let i = 0; i < cells; i++) {
    const column = columns[i - 1];
    const text =
      i === 0 ? String(index + 1) : (column?.format ?? formatLoss)(rows.at(index, i - 1));
    const cell = line.children[i] as HTMLElement;
    setText(cell, text);
    cell.classList.toggle("actmax-total", column?.kind === "total");
  }
}

/** The row at the cursor. */
function mark(line: HTMLElement, isAt: boolean): void {
  line.classList.toggle("actmax-at", isAt);
  if (isAt) line.setAttribute("aria-current", "true");
  else line.removeAttribute("aria-current");
}

/** "ActivationMax" may be broken before its second word, where a column is narrow. */
const breakable = (name: string): (Node | string)[] =>
  name.split(/(?<=[a-z])(?=[A-Z])/).flatMap((word, i) => (i === 0 ? [word] : [h("wbr"), word]));
