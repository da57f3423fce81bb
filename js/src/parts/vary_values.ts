/** What may be varied, the values proposed for it, and those that a person has written. */
import { CONTROLS, type Control, type MakeTiles } from "../kernel/contract";
import { type ActMaxModel, isAbsent, layerOf } from "../kernel/model";
import { namesOf } from "../kernel/names";
import { formatCount, formatParameter } from "../kit/format";
import { POSITIONS, toPosition, toValue } from "../kit/scale";
import { TEXTS } from "../texts";
import { parseFilters } from "./filters";

type Values = NonNullable<MakeTiles["vary"]>[string];
export type Parsed = { values: Values } | { problem: string };

/** As many as the kernel makes at once. */
export const MOST = 4096;
export const FILTERS = "filter_indices";
const SEED = "seed";
const RANGE = /^(\d+)\s*[-–]\s*(\d+)$/;
/** Values on either side of the present one, and how far apart: a tenth of the slider. */
const BESIDE = 2;
const APART = POSITIONS / 10;

/** The numbers of a run that are parameters. */
const NUMBERS = CONTROLS.filter(({ control }) => control === "slider");

export interface Choice {
  name: string;
  label: string;
  group: string;
}

/** Filters, the seed, and each number of the present recipe, in the order of their controls. */
export function choicesOf(model: ActMaxModel): Choice[] {
  const logOdds = !isAbsent(model, "layer") && model.get("class_loss") === "log-odds";
  const isThere = ({ name }: Control) =>
    !isAbsent(model, name) && (name !== "temperature" || logOdds);
  const filters = { name: FILTERS, label: TEXTS.varyValues.filters, group: TEXTS.varyValues.group };
  const seed = { name: SEED, label: TEXTS.varyValues.seed, group: TEXTS.varyValues.group };
  const ofParts = model.get("knob_controls") ?? [];
  return [
    ...(isAbsent(model, FILTERS) ? [] : [filters]),
    seed,
    ...[...NUMBERS.filter(isThere), ...ofParts].map(({ name, label, group }) => ({
      name,
      label,
      group,
    })),
  ];
}

/** A sensible text for the field: all filters, eight seeds, five values around the present one. */
export function propose(model: ActMaxModel, name: string): string {
  if (name === FILTERS) return TEXTS.varyValues.all;
  if (name === SEED) return "0-7";
  const control = numberOf(model, name);
  const value = model.get("knobs")?.[name] ?? Number(model.get(name as "seed") ?? 0);
  return control ? around(value, control).map(formatParameter).join(", ") : "";
}

function around(value: number, control: Control): number[] {
  const { bottom = 0, scale, kind, top = Math.max(1, 4 * Math.abs(value)) } = control;
  const ends = { bottom, top, scale };
  const place = toPosition(value, ends);
  // At an end of the slider all of them lie on one side.
  const middle = Math.min(POSITIONS - BESIDE * APART, Math.max(BESIDE * APART, place));
  const others = [...Array(2 * BESIDE + 1).keys()].map((k) => middle + (k - BESIDE) * APART);
  const nearest = others.reduce((one, other) =>
    Math.abs(other - place) < Math.abs(one - place) ? other : one,
  );
  const values = others.map((position) =>
    position === nearest ? value : rounded(toValue(position, ends), kind),
  );
  const allowed = values.filter((one) => one === value || outside(one, control) === "");
  return [...new Set(allowed)].sort((one, other) => one - other);
}

/** A shift is in whole pixels from 1 on. */
const rounded = (value: number, kind: Control["kind"]): number =>
  kind === "integer" || (kind === "shift" && value >= 1) ? Math.round(value) : value;

const numberOf = (model: ActMaxModel, name: string): Control | undefined =>
  (model.get("knob_controls") ?? []).find((control) => control.name === name) ??
  NUMBERS.find((control) => control.name === name);

/** The values written, or a sentence that says what is wrong with them; what only the kernel knows it says itself. */
export function parse(model: ActMaxModel, name: string, text: string): Parsed {
  if (name === FILTERS) return parseAll(model, text);
  const parts = text.split(name === SEED ? /[,;]/ : /[,;\s]+/).map((part) => part.trim());
  const written = parts.filter((part) => part !== "");
  const example = propose(model, name);
  if (written.length === 0) return { problem: TEXTS.varyValues.none(example) };
  return name === SEED ? parseSeeds(written) : parseNumbers(written, numberOf(model, name));
}

function parseAll(model: ActMaxModel, text: string): Parsed {
  const { filters = 0, name = "" } = layerOf(model) ?? {};
  const written = text.trim().toLowerCase() === TEXTS.varyValues.all ? "" : text;
  const found = parseFilters(written, filters, name, namesOf(model, name));
  if ("problem" in found) return found;
  return { values: found.indices ?? [...Array(filters).keys()] };
}

function parseSeeds(parts: string[]): Parsed {
  const seeds = new Set<number>();
  for (const part of parts) {
    const [, from, to] = RANGE.exec(part) ?? [];
    const [first, last] = [Number(from ?? part), Number(to ?? part)];
    if (!/^\d+$/.test(from ?? part)) return { problem: TEXTS.varyValues.noSeed(part) };
    if (last < first) return { problem: TEXTS.filters.backwards(part, first, last) };
    // Checked before the range is written out.
    if (last - first >= MOST) return { problem: tooMany(last - first + 1) };
    for (let seed = first; seed <= last; seed++) seeds.add(seed);
  }
  return { values: [...seeds] };
}

function parseNumbers(parts: string[], control: Control | undefined): Parsed {
  const values = parts.map(Number);
  const wrong = parts[values.findIndex((value) => !Number.isFinite(value))];
  if (wrong !== undefined) return { problem: TEXTS.varyValues.noNumber(wrong) };
  const problem = values.map((value) => outside(value, control)).find((one) => one !== "");
  return problem === undefined ? { values: [...new Set(values)] } : { problem };
}

/** What is said of a number beyond its bounds; "" of others. */
function outside(value: number, { least, most }: Partial<Control> = {}): string {
  if (least !== undefined && value < least)
    return TEXTS.varyValues.tooLow(formatParameter(value), least);
  if (most !== undefined && value > most)
    return TEXTS.varyValues.tooHigh(formatParameter(value), most);
  return "";
}

export const tooMany = (count: number): string =>
  TEXTS.varyValues.tooMany(formatCount(count), formatCount(MOST));
