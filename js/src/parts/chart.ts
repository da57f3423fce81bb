import uPlot from "uplot";
import { type Column, columnsOf } from "../kernel/columns";
import { moveByKey } from "../kernel/cursor";
import { type Course, watchCourses } from "../kernel/lines";
import { type ActMaxModel, isBusy } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatCount, formatTick } from "../kit/format";
import { type Drawn, Scope } from "../kit/scope";
import { watchSight } from "../kit/sight";
import { watchTheme } from "../kit/theme";
import { type Points, Thinning } from "../kit/thinning";
import { watchWidth } from "../kit/width";
import { TEXTS } from "../texts";
import { colourOf, createLegend } from "./legend";

/** A screen reader is told where the cursor came to rest, and not of each step on the way. */
const SPEAK_MS = 400;
/** A theme's style sheet may come after its name. */
const RESTYLE_MS = 500;
/** How long colours are taken for what they were: to ask has the page laid out. */
const PALETTE_MS = 1000;

interface Options {
  /** The id of the table with the same numbers. */
  tableId: string;
}

/** Every term, the total and what is measured, iteration by iteration; the cursor is that of film and table. */
export function createChart(model: ActMaxModel, store: Store, { tableId }: Options): Drawn {
  const scope = new Scope();
  const { element, chart, plot, line, look, empty, log, spoken } = createFrame(tableId);
  const legend = createLegend({
    ...{ store, log },
    isSlow: () => isSlow(model),
    toggled: () => rebuild(),
  });
  element.prepend(legend.element);
  const thinning = new Thinning(2);
  const palette = new Map<string, string>();
  let recolourAt = Number.NEGATIVE_INFINITY;
  let columns: Column[] = [];
  let drawing: uPlot | null = null;
  let courses: readonly Course[] = [];
  let isLogarithmic = false;
  /** The iteration under the pointer. */
  let hovered: number | null = null;
  let speech: ReturnType<typeof setTimeout> | undefined;

  const isInSight = watchSight(chart, scope, () => redraw());

  /** Lines and numbers: nothing that costs. */
  const point = () => {
    place(look, drawing, hovered);
    place(line, drawing, store.cursor.at);
    legend.tell(hovered ?? store.cursor.iteration);
    chart.toggleAttribute("data-escape", store.cursor.isPast);
  };
  const redraw = () => {
    // A host may change its style without a word.
    if (performance.now() > recolourAt) {
      palette.clear();
      recolourAt = performance.now() + PALETTE_MS;
    }
    if (width() === 0 || !isInSight()) return;
    thinning.most = width();
    const isNew = thinning.take(store.rows);
    if (!drawing) rebuild();
    else if (isNew) drawing.setData(dataOf(thinning.read(), columns, others()));
    point();
  };
  const others = () => curvesOf(courses, columns.filter(legend.isOn));
  const rebuild = () => {
    palette.clear();
    drawing?.destroy();
    drawing = null;
    if (width() === 0) return;
    thinning.most = width();
    thinning.take(store.rows);
    drawing = createPlot(
      plot,
      columns.filter(legend.isOn),
      thinning.read(),
      columns,
      others(),
      isLogarithmic,
      palette,
    );
    point();
  };
  const draw = () => {
    empty.hidden = store.rows.count > 0;
    if (isInSight()) redraw();
    else point();
  };
  const name = () => {
    columns = columnsOf(model);
    legend.show(columns);
    rebuild();
    point();
  };
  const speak = () => {
    clearTimeout(speech);
    speech = setTimeout(
      () => setText(spoken, sentenceOf(store, columns.filter(legend.isOn))),
      SPEAK_MS,
    );
  };

  const iterationAt = ({ clientX }: MouseEvent): number | null => {
    if (!drawing || store.rows.count === 0) return null;
    const value = drawing.posToVal(clientX - drawing.over.getBoundingClientRect().left, "x");
    return Math.min(store.rows.count, Math.max(1, Math.round(value)));
  };
  scope.listen(chart, "pointermove", (event) => {
    hovered = iterationAt(event);
    if (event.buttons === 1 && hovered !== null) store.cursor.go(hovered);
    point();
  });
  scope.listen(chart, "pointerleave", () => {
    hovered = null;
    point();
  });
  scope.listen(chart, "pointerdown", (event) => {
    const at = iterationAt(event);
    if (event.button === 0 && at !== null) store.cursor.go(at);
  });
  scope.listen(chart, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !moveByKey(store.cursor, event)) return;
    event.preventDefault();
    hovered = null;
    point();
    speak();
  });
  scope.listen(log, "click", () => {
    isLogarithmic = !isLogarithmic;
    log.setAttribute("aria-pressed", String(isLogarithmic));
    rebuild();
  });
  const width = watchWidth(plot, scope, () => {
    // Also out of sight: what is wider than its place would have the page scrolled sideways.
    if (drawing && width() > 0) drawing.setSize({ width: width(), height: plot.clientHeight });
    redraw();
  });
  let restyling: ReturnType<typeof setTimeout> | undefined;
  const recolour = () => {
    palette.clear();
    drawing?.redraw(false);
  };
  watchTheme(scope, () => {
    recolour();
    clearTimeout(restyling);
    restyling = setTimeout(recolour, RESTYLE_MS);
  });
  scope.on(model, "change:loss_names change:measures change:absent", name);
  scope.add(
    watchCourses(model, store, (found) => {
      courses = found;
      chart.dataset.others = found.map((one) => one.name).join();
      rebuild();
    }),
  );
  scope.add(() => {
    for (const one of [speech, restyling]) clearTimeout(one);
    drawing?.destroy();
  });
  name();
  return { element, draw, cleanup: scope.cleanup };
}

/** Steps a second that an eye can follow. */
const SLOW = 5;

const isSlow = (model: ActMaxModel): boolean =>
  isBusy(model.get("status")) &&
  (model.get("steps_per_second") ?? Number.POSITIVE_INFINITY) <= SLOW;

function createFrame(tableId: string) {
  const plot = h("div", { class: "actmax-plot" });
  const line = h("div", { class: "actmax-chart-line", hidden: true, "data-testid": "chart-line" });
  const look = h("div", { class: "actmax-chart-look", hidden: true });
  const empty = h("p", { class: "actmax-chart-empty" }, TEXTS.chart.empty);
  const chart = h(
    "div",
    {
      class: "actmax-chart",
      role: "application",
      tabindex: 0,
      "aria-roledescription": TEXTS.chart.role,
      "aria-label": TEXTS.chart.label,
      "aria-details": tableId,
      "data-testid": "chart",
    },
    plot,
    look,
    line,
    empty,
  );
  const spoken = h("p", { class: "actmax-unseen", role: "status", "data-testid": "chart-spoken" });
  const log = h(
    "button",
    {
      type: "button",
      class: "actmax-curve actmax-log",
      title: TEXTS.chart.logTitle,
      "aria-pressed": "false",
      "data-testid": "chart-log",
    },
    TEXTS.chart.log,
  );
  const element = h("div", { class: "actmax-course" }, chart, spoken);
  return { element, chart, plot, line, look, empty, log, spoken };
}

/** What another line of the run came to, in a curve of one column. */
interface Other {
  name: string;
  x: number[];
  values: (number | null)[];
  column: Column;
}

/** One curve a line that was left, or the chart would be full of them: of the activation, or else of the total. */
function curvesOf(courses: readonly Course[], on: readonly Column[]): Other[] {
  const wanted = (["activation", "total"] as const).flatMap((kind) => {
    const column = on.find((one) => one.kind === kind);
    return column ? [{ kind, column }] : [];
  });
  return courses.flatMap((course) => {
    const found = wanted.find(({ kind }) => course[kind] !== null);
    const values = found && course[found.kind];
    return found && values
      ? [{ name: course.name, x: course.x, values, column: found.column }]
      : [];
  });
}

/** Curves over one axis: those of the run, then those of the lines that were left. */
function dataOf(
  [x = [], ...points]: Points,
  columns: readonly Column[],
  others: readonly Other[],
): uPlot.AlignedData {
  const own = columns.map(({ index }) => points[index] ?? x.map(() => null));
  const data: uPlot.AlignedData = [x as number[], ...own];
  if (others.length === 0) return data;
  return uPlot.join([data, ...others.map((one): uPlot.AlignedData => [one.x, one.values])]);
}

function createPlot(
  plot: HTMLElement,
  on: readonly Column[],
  points: Points,
  all: readonly Column[],
  others: readonly Other[],
  isLogarithmic: boolean,
  palette: Map<string, string>,
): uPlot {
  // Asked of the style sheet at each redraw they would have the whole page laid out each time.
  const colour = (name: string) => {
    const found = palette.get(name) ?? getComputedStyle(plot).getPropertyValue(name);
    if (found) palette.set(name, found);
    return found || "gray";
  };
  const isShown = new Set(on);
  const faint = () => colour("--am-faint");
  const font = `11px ${getComputedStyle(plot).fontFamily || "sans-serif"}`;
  const axis = { stroke: faint, font, ticks: { show: false } };
  const options: uPlot.Options = {
    width: plot.clientWidth,
    height: plot.clientHeight || 150,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: false, range: (_, _min, max) => [0, Math.max(1, max ?? 1)] },
      y: isLogarithmic ? { distr: 4, asinh: 1 } : {},
      p: { range: [0, 1] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 3,
        grid: { show: false },
        incrs: [1, 2, 5]
          .flatMap((one) => Array.from({ length: 9 }, (_, i) => one * 10 ** i))
          .sort((a, b) => a - b),
        values: (_, splits) => splits.map(formatTick),
      },
      {
        ...axis,
        size: 44,
        gap: 4,
        space: 26,
        grid: { stroke: () => colour("--am-line"), width: 1, ...(isLogarithmic ? { filter } : {}) },
        ...(isLogarithmic ? { filter } : {}),
        values: (_, splits) => splits.map((value) => (value === null ? "" : formatTick(value))),
      },
    ],
    series: [
      {},
      ...all.map((column) => ({
        show: isShown.has(column),
        scale: column.kind === "probability" ? "p" : "y",
        stroke: () => colour(colourOf(column)),
        width: column.kind === "activation" ? 2 : 1.25,
        pxAlign: 0,
        // A run of one iteration is a point and no line.
        points: { show: ({ data }: uPlot) => data[0].length < 2, size: 5 },
      })),
      ...others.map(({ column }) => ({
        scale: "y",
        stroke: () => colour(colourOf(column)),
        width: 1.25,
        alpha: 0.75,
        dash: [5, 4],
        pxAlign: 0,
        points: { show: false },
      })),
    ],
    hooks: {
      draw: [(drawing) => nameOthers(drawing, others, [faint(), colour("--am-panel")], font)],
    },
  };
  return new uPlot(options, dataOf(points, all, others), plot);
}

/** Each dashed curve has its name at its end, in the plot; two that end side by side stand one below the other. */
function nameOthers(
  { ctx, bbox, valToPos }: uPlot,
  others: readonly Other[],
  [colour, ground]: [string, string],
  font: string,
): void {
  if (others.length === 0) return;
  const dense = devicePixelRatio || 1;
  ctx.save();
  ctx.font = font.replace("11px", `${11 * dense}px`);
  ctx.fillStyle = colour;
  // A rim of the ground's colour, so that a name can be read upon curves.
  ctx.strokeStyle = ground;
  ctx.lineWidth = 4 * dense;
  ctx.lineJoin = "round";
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  const taken: { left: number; top: number }[] = [];
  const height = 13 * dense;
  for (const { name, x, values } of others) {
    let last = values.length - 1;
    while (last >= 0 && values[last] === null) last -= 1;
    if (last < 0) continue;
    const width = ctx.measureText(name).width;
    const end = valToPos(x[last] as number, "x", true);
    const left = Math.min(bbox.left + bbox.width, end) - width;
    let top = Math.max(bbox.top + height, valToPos(values[last] as number, "y", true) - 2 * dense);
    while (
      taken.some((one) => Math.abs(one.left - left) < width && Math.abs(one.top - top) < height)
    )
      top += height;
    taken.push({ left, top });
    ctx.strokeText(name, Math.max(bbox.left, left), top);
    ctx.fillText(name, Math.max(bbox.left, left), top);
  }
  ctx.restore();
}

/** Of a logarithmic axis zero and powers of ten, but for those that would be written over others. */
const filter: uPlot.Axis.Filter = (drawing, splits) => {
  let last = drawing.valToPos(0, "y");
  return splits.map((value) => {
    if (value === 0) return value;
    const place = drawing.valToPos(value, "y");
    const isPower = Number.isInteger(Number(Math.log10(Math.abs(value)).toFixed(6)));
    const isFree = [last, drawing.valToPos(0, "y")].every((one) => !(Math.abs(one - place) < 14));
    if (!isPower || !isFree) return null;
    last = place;
    return value;
  });
};

/** A line across the chart at an iteration. */
function place(line: HTMLElement, drawing: uPlot | null, iteration: number | null): void {
  line.hidden = iteration === null || !drawing || drawing.data[0].length === 0;
  if (iteration === null || !drawing) return;
  const left = drawing.over.offsetLeft + drawing.valToPos(iteration, "x");
  line.style.transform = `translateX(${Math.round(left)}px)`;
}

function sentenceOf({ cursor, rows }: Store, columns: readonly Column[]): string {
  const { iteration, isPast } = cursor;
  const values =
    iteration > 0 && iteration <= rows.count
      ? columns.map(({ head, index, short }) => `${head} ${short(rows.at(iteration - 1, index))}`)
      : [];
  return TEXTS.chart.sentence(formatCount(iteration), !isPast, values);
}
