/**
 * The traits and messages of `ActMaxWidget`, mirrored once. Their owner is
 * `actmax_widget/view/widget.py`: change them there first.
 */
import type { AnyModel } from "@anywidget/types";

export type Status = "ready" | "compiling" | "running" | "paused" | "finished" | "failed";

export interface Layer {
  name: string;
  type: string;
  /** The output's shape without the batch; `null` is a side that varies. */
  shape: (number | null)[];
  /** Size of the last axis. */
  filters: number;
}

/** What the user may change here: set, saved, checked by the kernel. */
export interface Parameters {
  layer: string;
  /** Maximised together; `null` is the mean of all; negative ones count from the end. */
  filter_indices: number[] | null;
  act_max_weight: number;
  lp_norm_weight: number;
  tv_weight: number;
  learning_rate: number;
  /** Below 1 a fraction of each side, from 1 on pixels. */
  jitter: number;
  grad_modifier: string | null;
  backprop_modifier: string | null;
  seed: number | null;
  /** What is done with a starting picture of another aspect than the model's. */
  seed_fit: "crop" | "pad" | "stretch";
  /** Low and high end of the picture's values. */
  input_range: [number, number];
  clip: boolean;
  max_iter: number;
  /** `null`: as fast as it goes. */
  steps_per_second: number | null;
}

/** What only the kernel knows: never saved from here. */
export interface Facts {
  layers: Layer[];
  model_name: string;
  grad_modifiers: string[];
  backprop_modifiers: string[];
  /** Name of the starting picture; "" is noise made from `seed`. */
  seed_name: string;
  /** What was done to the starting picture, or is odd about it; mostly "". */
  seed_note: string;
  /** PNG of the starting picture; empty for noise. */
  seed_picture: DataView | null;
  /** The columns of a row, without the total that ends it. */
  loss_names: string[];
  status: Status;
  message: string;
  error: string;
  iteration: number;
  goal: number;
  /** PNG of the last transition. */
  picture: DataView | null;
  /** Little-endian float32 rows of the same moment; row i is iteration i + 1. */
  rows: DataView | null;
  /** The tiles of the same moment; empty without any. */
  saved_tiles: Partial<SavedTiles>;
  /** Their pictures in one picture file. */
  tiles_picture: DataView | null;
}

export type Traits = Parameters & Facts;
export type ActMaxModel = AnyModel<Traits>;

/** Kernel to browser, with the buffers `[pixels, rows]`. */
export interface FrameMessage {
  /** A snapshot replaces everything, a frame goes on from what is held. */
  type: "frame" | "snapshot";
  /** Rises by one with each message. */
  seq: number;
  /** Changes at every restart. */
  run: number | string;
  iteration: number;
  goal: number;
  /** Whose the picture is; the controls may be ahead of it. */
  layer: string;
  filter_indices: number[] | null;
  /** Index, within the run, of the first row sent. */
  first: number;
  count: number;
  /** Height, width, and channels: 1 (grey), 3 (RGB) or 4 (RGBA). */
  shape: [number, number, number];
  /** Steps per second. */
  rate: number | null;
  /** Seconds left. */
  remaining: number | null;
}

/** Tiles in a saved notebook: as in a message, with all pictures in one, in rows of `across`. */
export type SavedTiles = Omit<TilesMessage, "type" | "seq"> & { across: number };

export type TilesStatus = Exclude<Status, "ready"> | "closed";

/** Kernel to browser: pictures of all filters of a layer. The buffer holds `count` tiles, uint8, row by row. */
export interface TilesMessage {
  type: "tiles";
  /** In one numbering with the frames, and acknowledged as they are. */
  seq: number;
  /** Another number is another set of tiles, which starts afresh. */
  number: number;
  layer: string;
  /** The filter of each tile, in order. */
  filters: number[];
  /** Height, width and channels of one tile. */
  shape: [number, number, 1 | 3];
  /** Index of the first tile sent. */
  first: number;
  /** 0 where only the status changed. */
  count: number;
  /** Tiles finished. */
  done: number;
  /** Of the batch in hand. */
  iteration: number;
  /** Iterations for each tile. */
  goal: number;
  /** "closed" takes the tiles away; it comes alone. */
  status: TilesStatus;
  error: string;
}

/** Kernel to browser, after the value of before: why it did not take one. */
export interface RefusedMessage {
  type: "refused";
  /** A parameter, or "seed_picture". */
  name: string;
  /** What was refused. */
  value?: unknown;
  /** For the person who typed it. */
  sentence: string;
  /** The same in Python's words, as the trait `error` has it. */
  error?: string;
}

/** What the buttons of the run ask for. */
export type RunCommand = "start" | "pause" | "step" | "reset";
/** The first one starts the tiles of the present layer, with the present settings. */
export type TilesCommand = "make_tiles" | "pause_tiles" | "resume_tiles" | "close_tiles";
export type Command = RunCommand | TilesCommand;

/** Browser to kernel; `seed_picture` comes with the buffer `[the file as it was chosen]`. */
export type Outgoing =
  /** With what is here already: the answer begins where that ends. */
  | { type: "hello"; run: number | string | null; rows: number; views: number }
  /** The last view is gone; `cleared`: with its output, and not with the page. */
  | { type: "views"; cleared: boolean }
  | { type: "receipt"; seq: number }
  | { type: "step"; n: number }
  | { type: "seed_picture"; name: string }
  | { type: "clear_seed_picture" }
  | { type: Exclude<Command, "step"> }
  /** Makes that filter the present one, with its picture and its losses. */
  | { type: "open_tile"; filter: number };

export const isBusy = (status: Status | TilesStatus): boolean =>
  status === "compiling" || status === "running";

/** The layer that is chosen; none while a model has no layers. */
export const layerOf = (model: ActMaxModel): Layer | undefined =>
  (model.get("layers") ?? []).find(({ name }) => name === model.get("layer"));
