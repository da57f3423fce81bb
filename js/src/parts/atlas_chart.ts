/** Total and activation of a picture over the iterations that made it. */
import uPlot from "uplot";
import { h } from "../kit/dom";
import { formatActivation, formatCount, formatTick } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { watchTheme } from "../kit/theme";
import { Thinning } from "../kit/thinning";
import { TEXTS } from "../texts";

const WORDS = TEXTS.atlas;
/** A theme's style sheet may come after its name. */
const RESTYLE_MS = 500;

export interface AtlasChart extends Component {
  show(total: Float32Array, activation: Float32Array): void;
}

export function createAtlasChart(): AtlasChart {
  const scope = new Scope();
  const plot = h("div", { class: "actmax-plot" });
  const legend = h("p", { class: "actmax-atlas-legend actmax-caption" });
  const chart = h(
    "div",
    { class: "actmax-atlas-chart", role: "img", "data-testid": "atlas-chart" },
    plot,
  );
  const element = h("div", { class: "actmax-atlas-course" }, legend, chart);
  let drawing: uPlot | null = null;
  let data: uPlot.AlignedData = [[], [], []];
  let restyling: ReturnType<typeof setTimeout> | undefined;

  const rebuild = () => {
    drawing?.destroy();
    drawing = null;
    if (plot.clientWidth > 0 && data[0].length > 0) drawing = createPlot(plot, data);
  };
  const observer = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = plot;
    if (!drawing) rebuild();
    else if (width > 0) drawing.setSize({ width, height });
  });
  observer.observe(plot);
  scope.add(() => observer.disconnect());
  watchTheme(scope, () => {
    drawing?.redraw(false);
    clearTimeout(restyling);
    restyling = setTimeout(() => drawing?.redraw(false), RESTYLE_MS);
  });
  scope.add(() => {
    clearTimeout(restyling);
    drawing?.destroy();
  });
  return {
    element,
    cleanup: scope.cleanup,
    show(total, activation) {
      element.hidden = total.length === 0;
      data = dataOf(total, activation);
      const curves = [
        { name: WORDS.total, values: total, colour: "--am-curve-2" },
        { name: WORDS.activationName, values: activation, colour: "--am-curve-1" },
      ].filter(({ values }) => values.length > 0);
      legend.replaceChildren(
        ...curves.map(({ name, values, colour }) => {
          const mark = h("i", {});
          mark.style.setProperty("--actmax-curve", `var(${colour})`);
          const last = formatActivation(values.at(-1) ?? Number.NaN);
          return h("span", { class: "actmax-curve" }, mark, h("span", {}, name), h("b", {}, last));
        }),
      );
      const said = curves.map(({ name, values }) =>
        WORDS.course(
          name,
          formatActivation(values[0] ?? Number.NaN),
          formatActivation(values.at(-1) ?? Number.NaN),
        ),
      );
      chart.setAttribute("aria-label", WORDS.courses(formatCount(total.length), said));
      rebuild();
    },
  };
}

/** As few points as the chart has pixels. */
function dataOf(total: Float32Array, activation: Float32Array): uPlot.AlignedData {
  const thinning = new Thinning(400);
  const columns = [total, activation];
  thinning.take({
    ...{ count: total.length, columns: 2, version: 1 },
    at: (index, column) => columns[column]?.[index] ?? Number.NaN,
  });
  return thinning.read() as uPlot.AlignedData;
}

function createPlot(plot: HTMLElement, data: uPlot.AlignedData): uPlot {
  const colour = (name: string) => () =>
    getComputedStyle(plot).getPropertyValue(name).trim() || "gray";
  const font = `11px ${getComputedStyle(plot).fontFamily || "sans-serif"}`;
  const axis = { stroke: colour("--am-faint"), font, ticks: { show: false } };
  const curve = (name: string, width: number) => ({
    ...{ stroke: colour(name), width, pxAlign: 0 },
    points: { show: (one: uPlot) => one.data[0].length < 2, size: 5 },
  });
  return new uPlot(
    {
      width: plot.clientWidth,
      height: plot.clientHeight || 120,
      padding: [6, 14, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: { time: false, range: (_, _min, max) => [0, Math.max(1, max ?? 1)] },
      },
      axes: [
        {
          ...axis,
          ...{ size: 22, gap: 3, grid: { show: false } },
          values: (_, splits) => splits.map(formatTick),
        },
        {
          ...axis,
          ...{ size: 44, gap: 4, space: 26, grid: { stroke: colour("--am-line"), width: 1 } },
          values: (_, splits) => splits.map(formatTick),
        },
      ],
      series: [{}, curve("--am-curve-2", 1.25), curve("--am-curve-1", 2)],
    },
    data,
    plot,
  );
}
