import type { TilesMessage } from "../kernel/contract";
import { type ActMaxModel, layerOf } from "../kernel/model";
import type { Names } from "../kernel/names";
import { formatParameter } from "../kit/format";
import { TEXTS } from "../texts";
import { formatFilters } from "./filters";

type Varied = Pick<TilesMessage, "layer" | "varied" | "titles" | "values">;
type Value = TilesMessage["values"][number][number];

const FILTERS = "filter_indices";

/** "483 castle", "Seed 3", "Decay 1.5 · Seed 3": what a tile has of its own. */
export function labelOf({ varied, titles, values }: Varied, index: number, names: Names): string {
  const own = values[index] ?? [];
  return own.map((value, i) => say(varied[i] ?? "", titles[i] ?? "", value, names)).join(" · ");
}

function say(name: string, title: string, value: Value, names: Names): string {
  if (name === FILTERS)
    return value === null ? TEXTS.tileLabel.allFilters : formatFilters(listOf(value), names);
  if (value === null) return TEXTS.tileLabel.wholeMap(title);
  return `${title} ${listOf(value).map(formatParameter).join(", ")}`;
}

const listOf = (value: Value): number[] => (Array.isArray(value) ? value : [value ?? 0]);

/** The tile whose values are those that are set; -1 where none is, or where the tiles are of another layer. */
export function presentIndex(model: ActMaxModel, { layer, varied, values }: Varied): number {
  if (model.get("layer") !== layer) return -1;
  const present = varied.map((name) => JSON.stringify(presentOf(model, name)));
  return values.findIndex((own) => own.every((value, i) => JSON.stringify(value) === present[i]));
}

function presentOf(model: ActMaxModel, name: string): unknown {
  const value = model.get("knobs")?.[name] ?? model.get(name as "seed") ?? null;
  if (name !== FILTERS || !Array.isArray(value)) return value;
  const count = layerOf(model)?.filters ?? 0;
  return (value as number[]).map((index) => (index < 0 ? index + count : index));
}
