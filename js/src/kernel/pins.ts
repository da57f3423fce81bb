/** What is compared: pins, and the present picture beside them. */
import { TEXTS } from "../texts";
import { CONTROLS, type Made, type PinInfo } from "./contract";
import { type ActMaxModel, controlOf } from "./model";
import type { Store } from "./store";

export const NOW = "now";
/** The number of a pin, or the present picture. */
export type Id = number | typeof NOW;
/** More cannot be told apart side by side. */
export const MOST = 4;

export interface Compared extends Pick<PinInfo, "activation" | "probability" | "iteration"> {
  id: Id;
  name: string;
  made: Partial<Made>;
  /** The iteration that is gone back to; the present picture has none. */
  goes_on?: number;
}

export interface Difference {
  /** Of a setting, or of what was measured. */
  key: string;
  title: string;
  /** One for each that is compared; `undefined` where it has none. */
  values: unknown[];
}

export function presentOf(model: ActMaxModel, store: Store, name: string): Compared {
  const iteration = store.frame?.best ?? store.iteration;
  const measures = model.get("measures") ?? [];
  const at = (kind: string): number | null => {
    const column = measures.findIndex((one) => one === kind || one.startsWith(`${kind} of `));
    if (column < 0) return null;
    const { rows } = store;
    const value = rows.at(iteration - 1, rows.columns - measures.length + column);
    return Number.isFinite(value) ? value : null;
  };
  const [activation, probability] = [at("activation"), at("probability")];
  return { id: NOW, name, iteration, activation, probability, made: model.get("present") ?? {} };
}

export const comparedOf = ({ number, ...pin }: PinInfo): Compared => ({ id: number, ...pin });

/** Only what is not the same for all of them. */
export function differing(compared: readonly Compared[]): Difference[] {
  const measured = (["iteration", "activation", "probability"] as const).map((key) => ({
    key,
    title: TEXTS.compare.measures[key],
    values: compared.map((one) => one[key] ?? undefined),
  }));
  const keys = new Set(compared.flatMap(({ made }) => Object.keys(made.values ?? {})));
  const settings = [...keys].map((key) => ({
    key,
    title: titleOf(key, compared),
    values: compared.map(({ made }) => made.values?.[key]),
  }));
  return [...measured, ...settings].filter(({ values }) => !areAlike(values));
}

const areAlike = (values: readonly unknown[]): boolean =>
  new Set(values.map((value) => JSON.stringify(value))).size <= 1;

function titleOf(key: string, compared: readonly Compared[]): string {
  for (const { made } of compared) if (made.titles?.[key]) return made.titles[key];
  return CONTROLS.find(({ name }) => name === key)?.label ?? key;
}

/** What a person reads of a value that is no number. */
export function choiceWords(key: string, value: unknown): string | undefined {
  const control = CONTROLS.find(({ name }) => name === key);
  if (!control) return undefined;
  const { none, choices = [] } = controlOf(control.name as Parameters<typeof controlOf>[0]);
  if (value === null) return none;
  return choices.find((choice) => choice.value === value)?.label;
}
