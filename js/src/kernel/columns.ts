/** What the numbers of a row are called: the same in the table, in the chart and beside the sliders. */
import { formatLoss, formatProbability, formatValue } from "../kit/format";
import { TEXTS } from "../texts";
import { type ActMaxModel, controlOf, isAbsent } from "./model";

export interface Column {
  /** Its place in a row. */
  index: number;
  kind: "loss" | "total" | "activation" | "probability";
  head: string;
  /** What a person is told who points at the head. */
  title: string;
  /** In the table. */
  format: (value: number) => string;
  /** In the legend, where there is less room. */
  short: (value: number) => string;
}

export function columnsOf(model: ActMaxModel): Column[] {
  const losses = (model.get("loss_names") ?? []).map((name) => lossOf(model, name));
  const measures = (model.get("measures") ?? []).map(measureOf);
  const total = {
    kind: "total",
    head: TEXTS.columns.total,
    title: TEXTS.columns.totalTitle,
  } as const;
  return [...losses, { ...total, ...NUMBERS }, ...measures].map((column, index) => ({
    ...column,
    index,
  }));
}

const NUMBERS = { format: formatLoss, short: formatValue };

/** What a term of the objective is called. */
export const nameOfLoss = (model: ActMaxModel, name: string): string => lossOf(model, name).head;

/** A loss that a slider weighs is called as that is; Python's history has it under keras-vis's name. */
function lossOf(model: ActMaxModel, name: string): Omit<Column, "index"> {
  const kind = "loss" as const;
  for (const [parameter, pattern, call] of WEIGHED)
    if (pattern.test(name) && !isAbsent(model, parameter)) {
      const head = call(controlOf(parameter).label);
      return { kind, head, title: TEXTS.columns.inPython(name), ...NUMBERS };
    }
  return { kind, head: name, title: name, ...NUMBERS };
}

/** The activation itself is measured beside, without weight and sign: its loss has to be told from it. */
const WEIGHED = [
  ["act_max_weight", /^ActivationMax Loss$/, TEXTS.columns.lossOf],
  ["lp_norm_weight", /^L-[\d.]+ Norm Loss$/, (label: string) => label],
  ["tv_weight", /^TV\([\d.]+\) Loss$/, (label: string) => label],
] as const;

/** The kernel names them "activation", "probability", "activation of Two units". */
function measureOf(name: string): Omit<Column, "index"> {
  const [measure = "", term = ""] = name.split(/ of (.*)/s);
  const head = name.charAt(0).toUpperCase() + name.slice(1);
  const whose = term && TEXTS.columns.ofTerm(term);
  if (measure === "probability") {
    const title = TEXTS.columns.probability;
    const format = formatProbability;
    return { kind: "probability", head, title: title + whose, format, short: format };
  }
  const title = TEXTS.columns.activation;
  return { kind: "activation", head, title: title + whose, ...NUMBERS };
}
