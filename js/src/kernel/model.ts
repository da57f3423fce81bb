/** What follows from the contract, and is not written in it. */
import type { AnyModel } from "@anywidget/types";
import {
  CONTROLS,
  type Control,
  type Facts,
  type LayerInfo,
  type Outgoing,
  type Parameters,
} from "./contract";

export type Status = Facts["status"];
export type Traits = Parameters & Facts;
export type ActMaxModel = AnyModel<Traits>;

/** The parameters that have values of this type and no others. */
export type NameOf<T> = {
  [K in keyof Parameters]: Parameters[K] extends T ? K : never;
}[keyof Parameters];

/** What the buttons of the run ask for. */
export type RunCommand = Extract<
  Outgoing["type"],
  "start" | "pause" | "step" | "reset" | "rewind" | "branch"
>;
export type TilesCommand = Extract<
  Outgoing["type"],
  "pause_tiles" | "resume_tiles" | "close_tiles"
>;
export type Command = RunCommand | TilesCommand | "make_tiles";

export const isBusy = (status: Status | undefined): boolean =>
  status === "compiling" || status === "running";

/** The layer that is chosen; none while a model has no layers. */
export const layerOf = (model: ActMaxModel): LayerInfo | undefined =>
  (model.get("layers") ?? []).find(({ name }) => name === model.get("layer"));

/** Whether the parts of the run have a use for what this parameter says. */
export const isAbsent = (model: ActMaxModel, name: string): boolean =>
  (model.get("absent") ?? []).includes(name);

/** Whether a lesson does without it. */
export const isHidden = (model: ActMaxModel, name: string): boolean =>
  (model.get("ui")?.hide ?? []).includes(name);

/** The controls of a group, in their order on the screen. */
export const controlsOf = (group: string): readonly Control[] =>
  CONTROLS.filter((control) => control.group === group);

export function controlOf(name: keyof Parameters | "seed_input"): Control {
  const found = CONTROLS.find((control) => control.name === name);
  if (!found) throw new Error(`Python declares no control of ${name}.`);
  return found;
}

/** "tv-weight": how tests find the parts of a control. */
export const testIdOf = ({ name }: Control): string => name.replaceAll("_", "-");
