/** Made by `make contract` from what `actmax_widget` declares: change it there. */

export type Incoming =
  | FrameMessage
  | FilmMessage
  | PictureMessage
  | TilesMessage
  | TilesClosedMessage
  | RefusedMessage
  | WeightsMessage
  | ResponseMessage
  | MapMessage
  | FileMessage
  | LinesMessage
  | DifferenceMessage
  | ScoreMessage
  | ExamplesMessage
  | QuizMessage;
export type Outgoing =
  | Hello
  | Receipt
  | Views
  | AskFilm
  | AskPicture
  | Start
  | Pause
  | Reset
  | Step
  | ShowBest
  | SeedPicture
  | ClearSeedPicture
  | Rewind
  | BranchOff
  | OpenBranch
  | SetKnob
  | RestoreDefaults
  | ChoosePart
  | AddTransform
  | RemoveTransform
  | MakeTiles
  | OpenTile
  | PauseTiles
  | ResumeTiles
  | CloseTiles
  | ApplyNote
  | DismissNote
  | AskWeights
  | AskResponse
  | AskMap
  | AskLines
  | TakeAway
  | MakePin
  | Unpin
  | RenamePin
  | RestorePin
  | AskScore
  | AskExamples
  | AskQuiz;
export type AtlasIncoming = AtlasRowsMessage | AtlasTilesMessage | AtlasPictureMessage;
export type AtlasOutgoing =
  | AtlasHello
  | AskTiles
  | AskAtlasPicture
  | GoOn
  | CompareTwo
  | CloseBeneath;

/** All that Python and the page have in common. */
export interface Contract {
  parameters: Parameters;
  facts: Facts;
  incoming: Incoming;
  outgoing: Outgoing;
  atlasincoming: AtlasIncoming;
  atlasoutgoing: AtlasOutgoing;
  savedtiles: SavedTiles;
  partsfacts: PartsFacts;
  ui: Ui;
  control: Control;
  comparefacts: CompareFacts;
  atlasfacts: AtlasFacts;
  atlassettings: AtlasSettings;
}
/** What a person may change: set, saved, checked by the kernel. */
export interface Parameters {
  /** Name of the layer that is looked into. Layers near the input show edges and textures, later ones parts and whole things. A change restarts a running optimization. */
  layer: string;
  /** Filters, units or classes that are maximised together: one, several, or the mean of all. A change restarts a running optimization. */
  filter_indices: (number | string)[] | null;
  /** Where in the layer's map the filters are maximised: one place, as row and column, or the whole map. One place shows what a single unit looks for, the whole map a pattern of it. A change restarts a running optimization. */
  position: number[] | null;
  /** A named set of parts with their weights and numbers, all of which may be changed after it. A change sets all of them anew. */
  preset: string;
  /** Weight of minus the activation. Raise it when the picture stays grey, lower it when it is all noise; below 0 the activation, or a regression's answer, goes down. */
  act_max_weight: number;
  /** Weight of the L6 norm, which keeps values small. Raise it when single pixels glare, lower it when the picture is pale. */
  lp_norm_weight: number;
  /** Weight of the total variation, which keeps the picture smooth. Raise it when the picture is noisy, lower it when it is blurred. */
  tv_weight: number;
  /** Largest random shift at each step: a fraction of the side below 1, pixels from 1 on. Raise it against patterns that cling to single pixels, lower it when edges smear. */
  jitter: number;
  /** Factor of each step. Raise it when the picture hardly changes, lower it when the losses jump. */
  learning_rate: number;
  /** What is done to the gradient before each step; negate lowers the activation instead of raising it. */
  grad_modifier: string | null;
  /** How the gradient goes back through a ReLU: rectified lets only what is positive through, guided only that of units that are active, too. A change is compiled first. */
  backprop_modifier: string | null;
  /** How a class of the last layer is maximised: taken before the softmax and ahead of all other classes, or by its own unit as it is. Take the latter where the last units are no classes. */
  class_loss: string;
  /** How many of the other classes count where a class is maximised ahead of them, in standard deviations of the logits. Raise it to hold all of them down, lower it for the nearest alone. */
  temperature: number;
  /** What is done to a picture of 0 to 255 before the network sees it: what it was trained with. Without the right one pictures are odd in colour, or grey. */
  preprocess: unknown;
  /** Lowest and highest value of the pictures that the network was trained with, such as 0 and 255, or -1 and 1. */
  input_range: [number, number];
  /** Keep the picture inside the input range at every step. Without it values may go beyond what the network knows. */
  clip: boolean;
  /** What is done with a starting picture of another aspect than the input's: crop to the middle, pad with the middle of the range, or stretch. */
  seed_fit: string;
  /** Random state of the starting noise and of the jitter, used at a fresh start. The same one gives the same picture. */
  seed: number | null;
  /** Iterations that a run makes. Raise it when the picture still changes at the end. */
  max_iter: number;
  /** Speed limit while somebody watches. Lower it to follow single steps, raise it to be done sooner. */
  steps_per_second: number | null;
}
/** What only the kernel knows: read-only traits that the page sees, with the values they begin with. */
export interface Facts {
  /** "ready", "compiling", "running", "paused", "finished" or "failed". */
  status: "ready" | "compiling" | "running" | "paused" | "finished" | "failed";
  /** A sentence about the status. */
  message: string;
  /** Why the last input was refused or the last run failed; empty if neither. */
  error: string;
  /** Iterations made since the last fresh start. The page reads it off the frames. */
  iteration: number;
  /** The iteration at which the run ends; 0 before the first. */
  goal: number;
  /** A control for each number of the present parts that may change during a run and is no parameter: dicts, named and grouped by part ("Jitter.shift", "Jitter"). */
  knob_controls: Control[];
  /** The value of each, by its address: {"Jitter.shift": 8.0}. */
  knobs: {
    [k: string]: number;
  };
  /** What the present recipe stands for on this input: the value of each parameter but for those of the target, of each number by its address, and the names of its parametrization, optimizer and transforms. What says how the network is fed is as the widget was made. */
  defaults: Record<string, unknown>;
  /** What of the instrument is hidden, and what is said in place of the model's name and beneath it. */
  ui: Partial<Ui>;
  /** Names of parameters that the present parts have no use for. */
  absent: string[];
  /** The parts present, and those to choose; empty before they are known. */
  parts: Partial<PartsFacts>;
  /** Sides of the map of the layer, where a position may be chosen; empty where it has no places. None is a side that varies. */
  position_shape: (number | null)[];
  /** The layers that can be a target: dicts of name, type, shape (without batch axis; None is a side that varies) and number of filters. */
  layers: LayerInfo[];
  /** The model's name. */
  model_name: string;
  /** Names of the units of the layers below; empty without any. */
  labels: string[];
  /** Names of the layers whose units have these names. */
  labelled: string[];
  /** Choices for grad_modifier. */
  grad_modifiers: string[];
  /** Choices for backprop_modifier. */
  backprop_modifiers: string[];
  /** Whether there are real pictures to set beside the made one. */
  has_references: boolean;
  /** What the starting picture is called; empty for noise. */
  seed_name: string;
  /** What was done to the starting picture, or is odd about it: a sentence; mostly empty. */
  seed_note: string;
  /** The starting picture as PNG; empty for noise. */
  seed_picture: DataView | null;
  /** Names of the losses, a column of the history each; the total comes after them. */
  loss_names: string[];
  /** Names of what is measured beside the losses, a column each after the total: the target's activation, and for a class its probability. */
  measures: string[];
  /** The lines of the run, where it went back and took another way: dicts of name, parent, the iteration at which it left that one, and the iterations made (None for the one in front); empty as long as there is but one. */
  lines: LineInfo[];
  /** What went wrong with the run, or is odd about it, the most urgent first, but for what was dismissed: dicts of name, text and button; `widget.notes` has all of them. */
  advice: NoteInfo[];
  /** The picture as PNG at the last transition, for saved notebooks. */
  picture: DataView | null;
  /** The history at the last transition, for saved notebooks: float32, little endian, of each iteration the losses, their total and the measures. */
  rows: DataView | null;
  /** The tiles of the same moment, but for their pictures; empty without any. */
  saved_tiles: Partial<SavedTiles>;
  /** Their pictures, side by side in one picture file. */
  tiles_picture: DataView | null;
  /** What a run file of several pictures has them differ in: name -> values; the form of Vary begins with it. Empty without one. */
  vary: { [name: string]: (number | string | (number | string)[] | null)[] };
  /** Pictures that were pinned, in order: dicts. */
  pinned: PinInfo[];
  /** The picture of each as PNG. */
  pin_pictures: DataView[];
  /** What the present picture is made with, as long as there are pins to compare it with; else empty. */
  present: Partial<Made>;
}
/** What sets a parameter, or a number of a part. The order of a list of them is that on the screen. */
export interface Control {
  /** Of the parameter; of a part's number its address, such as "Jitter.shift". */
  name: string;
  /** What its values are. */
  kind:
    | "number"
    | "integer"
    | "shift"
    | "choice"
    | "flag"
    | "interval"
    | "layer"
    | "filters"
    | "position"
    | "picture"
    | "part";
  /** What sets it. */
  control:
    | "slider"
    | "field"
    | "select"
    | "checkbox"
    | "interval"
    | "layer"
    | "filters"
    | "position"
    | "picture";
  /** What a person knows it by. */
  label: string;
  /** What it does, and when to raise or lower it. */
  help: string;
  /** What it is shown with; a part's number with the others of the part, whose name this is. */
  group: string;
  /** Where neither Python nor the recipe sets another: see the fact `defaults`. */
  default: unknown;
  /** It is set once and seldom touched. */
  folded?: boolean;
  /** Of the number. */
  unit?: string;
  /** The least number that is taken. */
  least?: number;
  /** The greatest number that is taken. */
  most?: number;
  /** Near end of a slider; 0 unless told. */
  bottom?: number;
  /** Far end of a slider; the number itself may go beyond. */
  top?: number;
  /** Of a slider; "growing" starts at 0 and has the hundredth part half way, to both sides of it. */
  scale?: "growing" | "linear";
  /** All there are, or for a number those that are offered. */
  choices?: Choice[];
  /** What a person calls null; null is not allowed without. */
  none?: string;
}
/** A value to choose, and what a person reads. */
export interface Choice {
  /** What is set. */
  value: string | number;
  /** What a person reads. */
  label: string;
  /** What choosing it means, in a sentence; where its label says it all, there is none. */
  help?: string;
}
/**
 * A layer that can be a target: its path, type, output shape without the batch axis, and numbers.
 *     Attributes:
 *         name: its path.
 *         type: its class.
 *         shape: of its output, without the batch axis.
 *         filters: how many filters or units it has.
 *         parameters: how many weights, those of the layers inside of it among them.
 */
export interface LayerInfo {
  name: string;
  type: string;
  shape: (number | null)[];
  filters: number;
  parameters: number;
}
/** A line of a run. */
export interface LineInfo {
  /** Of it; the first is called main. */
  name: string;
  /** The name of the line that it was taken from; empty for the first. */
  parent: string;
  /** Where it left that one. */
  iteration: number;
  /** Iterations that it came to; None for the one in front. */
  made: number | null;
}
/** What went wrong with the run, or is odd about it. */
export interface NoteInfo {
  /** Of the symptom. */
  name: string;
  /** A sentence or two. */
  text: string;
  /** What applying its remedy is called; empty where there is none. */
  button: string;
}
/** A picture that was pinned. */
export interface PinInfo {
  /** Another one for each pin. */
  number: number;
  /** Of it; no two of a widget have the same. */
  name: string;
  /** Of the picture. */
  iteration: number;
  /** The iteration that is gone back to. */
  goes_on: number;
  /** Of the target; None at the start. */
  activation: number | null;
  /** Of a class; None where there is none. */
  probability: number | null;
  /** Of the losses; None at the start. */
  total: number | null;
  made: Made;
}
/** What it was made with. */
export interface Made {
  /** Of each setting and number, by name or address. */
  values: Record<string, unknown>;
  /** What a person calls each. */
  titles: {
    [k: string]: string;
  };
  /** The layer, after whose units filters are called. */
  layer: string;
}
/** The newest picture and the rows that the page lacks. Buffers: pixels, uint8 (H, W, C), and rows, float32. */
export interface FrameMessage {
  /** A snapshot replaces everything, a frame goes on from what is held. */
  type: "frame" | "snapshot";
  /** Rises by one with each message, whatever it is. */
  seq: number;
  /** Changes at every restart. */
  run: number;
  /** The layer that it is of; what is set may be ahead of it. */
  layer: string;
  /** Its filters; None is all. */
  filter_indices: number[] | null;
  /** Iterations made in this run. */
  iteration: number;
  /** The iteration with the lowest total, 0 before the first, where its picture was asked for; None: it is the newest. */
  best: number | null;
  /** The iteration at which the run ends. */
  goal: number;
  /** Index, within the run, of the first row sent. */
  first: number;
  /** Rows sent. */
  count: number;
  /** Height, width, and channels: 1 (grey), 3 (RGB) or 4 (RGBA). */
  shape: [number, number, number];
  /** Steps per second; None before it was measured. */
  rate: number | null;
  /** Seconds left. */
  remaining: number | null;
}
/** The answer to `ask_film`. The buffer holds small pictures, uint8 (H, W, C), one after the other. */
export interface FilmMessage {
  type: "film";
  /** In one numbering with the frames, and acknowledged as they are. */
  seq: number;
  /** Of which run: another than the page's where that has just begun. */
  run: number;
  /** The iterations of which there are pictures, rising; the last is where the run is. */
  kept: number[];
  /** The iterations of those sent. */
  sent: number[];
  /** Height, width and channels of each. */
  shape: [number, number, 1 | 3];
}
/** The answer to `ask_picture`. The buffer holds the picture, uint8 (H, W, C). */
export interface PictureMessage {
  type: "picture";
  /** In the same numbering. */
  seq: number;
  /** Of which run. */
  run: number;
  /** Of which iteration: of those kept the nearest to the one asked for. */
  iteration: number;
  /** Height, width and channels. */
  shape: [number, number, 1 | 3];
}
/** Tiles as they grow. The buffer holds `count` tiles, uint8, one after the other. */
export interface TilesMessage {
  /** Another number is another set of tiles, which starts afresh. */
  number: number;
  /** The layer. */
  layer: string;
  /** Names of the settings that they differ in: "filter_indices", "seed", or a number of a part by its address. */
  varied: string[];
  /** What a person calls each of these. */
  titles: string[];
  /** Of each tile, in order, its values of these. */
  values: (number | number[] | null)[][];
  /** Height, width and channels of one tile. */
  shape: [number, number, 1 | 3];
  /** Index of the first tile sent. */
  first: number;
  /** Tiles sent; 0 where only the status changed. */
  count: number;
  /** The newest activation of each tile sent; None where none is measured. */
  activations: (number | null)[];
  /** Tiles finished. */
  done: number;
  /** Iterations of the batch in hand. */
  iteration: number;
  /** Iterations for each tile. */
  goal: number;
  /** Of the run while it is at them; else paused, finished or failed. */
  status: "ready" | "compiling" | "running" | "paused" | "finished" | "failed";
  /** Why they failed; empty if they did not. */
  error: string;
  /** What was set otherwise since they were asked for, in a person's words. */
  changed: string[];
  type: "tiles";
  /** In one numbering with the frames, and acknowledged as they are. */
  seq: number;
}
/** There are no tiles any more. */
export interface TilesClosedMessage {
  type: "tiles_closed";
  /** In the same numbering. */
  seq: number;
}
/** Why a value was not taken; the value of before was sent already. */
export interface RefusedMessage {
  type: "refused";
  /** A parameter, the address of a part's number, "seed_picture", "parametrization", "optimizer", "transforms", "vary" or "pin". */
  name: string;
  /** For the person who typed it. */
  sentence: string;
  /** The same in Python's words, as the trait `error` has it. */
  error: string;
  /** What was refused. */
  value: unknown;
}
/** Weights of the chosen layer's first filters as pictures. The buffer holds them, uint8, one after the other. */
export interface WeightsMessage {
  type: "weights";
  /** The layer. */
  layer: string;
  /** Height, width, and channels, 1 or 3, of one; 128 is a weight of 0. */
  shape: [number, number, number];
  /** Pictures sent. */
  count: number;
  /** Filters that the layer has. */
  of: number;
  /** Why there are none; empty if there are. */
  sentence: string;
}
/** Where the chosen filters answer a picture. Buffers: the answers, uint8 (H, W); the picture, uint8 (H, W, C). */
export interface ResponseMessage {
  type: "response";
  /** The layer. */
  layer: string;
  /** Its filters, whose mean it is; None is all. */
  filter_indices: number[] | null;
  /** Of the starting picture, and not of the present one. */
  start: boolean;
  /** That of the present picture. */
  iteration: number;
  /** Height and width of the map. */
  shape: [number, number];
  /** Height, width and channels of the picture. */
  picture: [number, number, number];
  /** The least answer, a 0 in the map. */
  low: number;
  /** The largest one, 255 in the map. */
  high: number;
  /** Why there is no map; empty if there is one. */
  sentence: string;
}
/** The answer to `ask_map`: the layers and operations of the model, and what flows from one to the other. */
export interface MapMessage {
  type: "map";
  /** In the order in which they are computed, what is inside of one right after it. */
  nodes: MapNode[];
  /** What is not known of it, or why there is none; empty if all is. */
  sentence: string;
}
/**
 * A use of a layer or of an operation, and what it takes.
 *     Attributes:
 *         name: its path; that of a target is the target's.
 *         type: its class.
 *         shape: of its output, without the batch axis; empty where there is none at this size of input.
 *         sources: the places, in the list of all nodes, of those beside it whose outputs it takes.
 *         first: the path of the first use of the same layer; empty for that one itself.
 *         why: a sentence why it is no target; empty if it is one.
 */
export interface MapNode {
  name: string;
  type: string;
  shape: (number | null)[];
  sources: number[];
  first: string;
  why: string;
}
/** A file to take away. The buffer holds it. */
export interface FileMessage {
  type: "file";
  /** Of which kind. */
  kind: "png" | "gif" | "webp" | "html" | "csv" | "json" | "py";
  /** Of the picture in front, of all tiles, or of the pins. */
  of: "run" | "tiles" | "pins";
  /** Why there is none; empty if there is one. */
  sentence: string;
}
/**
 * The course of the lines that were left. The buffer holds rows of two float32, one line after the other.
 *     The two are the total, and the activation, which is NaN where it was not measured.
 */
export interface LinesMessage {
  type: "lines";
  /** They, in the order of their beginning. */
  lines: LineCurves[];
}
/** What one of the lines that were left came to. */
export interface LineCurves {
  /** Of it. */
  name: string;
  /** Iterations that it came to. */
  made: number;
  /** Of its rows each how-manieth is sent, from the first on. */
  every: number;
  /** Rows sent. */
  count: number;
}
/** The first picture minus the second. The buffer holds it, uint8 (H, W, C): 128 is none. */
export interface DifferenceMessage {
  type: "difference";
  /** Rises by one, and is acknowledged. */
  seq: number;
  /** Of both. */
  iteration: number;
  /** The iteration at which the run ends. */
  goal: number;
  /** Height, width and channels. */
  shape: [number, number, 1 | 3];
  /** Root of the mean squared difference, in units of the input range. */
  rms: number;
  /** The difference from which on it is drawn white or black, in the same units. */
  scale: number;
}
/** How far the present picture can be trusted: the answer to `ask_score`. */
export interface ScoreMessage {
  type: "score";
  /** That of the picture. */
  iteration: number;
  /** What it was made for. */
  target: string;
  /** Strong, sturdy, natural; none where there is no score. */
  rows: ScoreRow[];
  /** Pictures that the network was shown for it. */
  passes: number;
  /** What else there is to say. */
  notes: string[];
  /** What stands beneath every score. */
  caution: string;
  /** Why there is none; empty if there is one. */
  sentence: string;
}
/** One of the three words of a score. */
export interface ScoreRow {
  /** Which. */
  name: "strong" | "sturdy" | "natural";
  /** Grey is where data is missing. */
  verdict: "green" | "amber" | "grey";
  /** What was found, in sentences with its numbers. */
  words: string;
}
/** The real pictures that excite the target most: the answer to `ask_examples`. A buffer each, uint8 (H, W, C). */
export interface ExamplesMessage {
  type: "examples";
  /** The target. */
  target: string;
  /** Of each. */
  names: string[];
  /** Of each. */
  activations: number[];
  /** Height, width, and channels, 1 or 3, of each: cut to what the unit sees. */
  shapes: number[][];
  /** Of how many real pictures. */
  number: number;
  /** The run lowers the target: these are the pictures that excite it least. */
  lowest: boolean;
  /** What was left out of them, or done to them. */
  notes: string[];
  /** Why there are none; empty if there are. */
  sentence: string;
}
/** Two real pictures, of which one excites the target more: the answer to `ask_quiz`. Buffers: left, right. */
export interface QuizMessage {
  type: "quiz";
  /** The target. */
  target: string;
  /** Height, width, and channels, 1 or 3, of both. */
  shape: number[];
  /** Whether the answer was right; None where none was given. */
  right: boolean | null;
  /** How many were answered rightly, with the interval, in a sentence. */
  said: string;
  /** Why there is no quiz; empty if there is one. */
  sentence: string;
}
/** A page is there (again), with what it has: the answer begins where that ends. */
export interface Hello {
  type: "hello";
  /** The run of its newest frame; None without any. */
  run: number | null;
  /** Rows of that run that it has. */
  rows: number | null;
  /** Views it shows. */
  views: number | null;
}
/** All messages up to `seq` are drawn. */
export interface Receipt {
  type: "receipt";
  /** Number of the newest. */
  seq: number;
}
/** The last view of a page is gone. */
export interface Views {
  type: "views";
  /** With its output, and not with the page. */
  cleared: boolean;
}
/** Send small pictures of the run for a strip: evenly by iteration, the first and the last always among them. */
export interface AskFilm {
  type: "ask_film";
  /** How many the strip has; at most 64. */
  count: number;
  /** The iterations of those that the page has. */
  have: number[];
}
/** Send the picture of an iteration, or of the nearest that was kept. */
export interface AskPicture {
  type: "ask_picture";
  /** The iteration. */
  iteration: number;
}
/** Run until the goal. */
export interface Start {
  type: "start";
}
/** Stop after the step in hand. */
export interface Pause {
  type: "pause";
}
/** Go back to the start. */
export interface Reset {
  type: "reset";
}
/** Make some iterations. */
export interface Step {
  type: "step";
  /** How many. */
  n: number;
}
/** Send the picture of the lowest total so far in place of the newest one, or the newest again. */
export interface ShowBest {
  type: "show_best";
  /** The former. */
  best: boolean;
}
/** Start from the picture file in the buffer. */
export interface SeedPicture {
  type: "seed_picture";
  /** What the file is called. */
  name: string;
}
/** Start from noise. */
export interface ClearSeedPicture {
  type: "clear_seed_picture";
}
/** Go back to the checkpoint nearest to an iteration; what was made after it goes. */
export interface Rewind {
  type: "rewind";
  /** The iteration. */
  iteration: number;
}
/** Go back to the checkpoint nearest to an iteration, on a line of its own; the present one is kept. */
export interface BranchOff {
  type: "branch";
  /** The iteration. */
  iteration: number;
}
/** Go back to a line that was left; the present one is kept. */
export interface OpenBranch {
  type: "open_branch";
  /** Of the line. */
  name: string;
}
/** Give a number of a part another value; the part checks it. For what it refuses `knobs` is sent, and then why. */
export interface SetKnob {
  type: "set_knob";
  /** Its address, such as "Jitter.shift". */
  name: string;
  /** The value. */
  value: number;
}
/** Take parts, weights and numbers as the present recipe has them, and all else but the target as it began. */
export interface RestoreDefaults {
  type: "restore_defaults";
}
/** Take another part of a family in which there is always one. */
export interface ChoosePart {
  type: "choose_part";
  /** Of which family. */
  family: "parametrization" | "optimizer";
  /** The part. */
  name: string;
}
/** Put a transform after the others. */
export interface AddTransform {
  type: "add_transform";
  /** The transform. */
  name: string;
}
/** Leave a transform out. */
export interface RemoveTransform {
  type: "remove_transform";
  /** The transform. */
  name: string;
}
/** Make tiles with the present settings; what is wrong with the values is refused under the name "vary". */
export interface MakeTiles {
  type: "make_tiles";
  /** What they differ in: name -> values, each with each of the others'; None is all filters of the present layer. */
  vary: { [name: string]: (number | string | (number | string)[] | null)[] } | null;
}
/** Make a tile the present picture, with its losses and what it is made of. */
export interface OpenTile {
  type: "open_tile";
  /** Its index. */
  tile: number;
}
/** Stop the tiles after the step in hand. */
export interface PauseTiles {
  type: "pause_tiles";
}
/** Go on with the tiles. */
export interface ResumeTiles {
  type: "resume_tiles";
}
/** Take the tiles away. */
export interface CloseTiles {
  type: "close_tiles";
}
/** Set what a note says. */
export interface ApplyNote {
  type: "apply_note";
  /** Of the note. */
  name: string;
}
/** Do not show a note again in this run. */
export interface DismissNote {
  type: "dismiss_note";
  /** Of the note. */
  name: string;
}
/** Show the weights of the present layer. */
export interface AskWeights {
  type: "ask_weights";
}
/** Show where the present filters answer a picture. */
export interface AskResponse {
  type: "ask_response";
  /** The starting picture, and not the present one. */
  start: boolean;
}
/** Show how the layers of the model hang together. */
export interface AskMap {
  type: "ask_map";
}
/** Send the course of the lines that were left. */
export interface AskLines {
  type: "ask_lines";
}
/** Make a file of the run as it is. */
export interface TakeAway {
  type: "take_away";
  /** Of which kind. */
  kind: "png" | "gif" | "webp" | "html" | "csv" | "json" | "py";
  /** Of the picture in front, of all tiles, or of the pins. */
  of: "run" | "tiles" | "pins";
}
/** Pin a picture; why it is refused is told under the name "pin". */
export interface MakePin {
  type: "pin";
  /** Of the nearest iteration of which there is one; None: the newest. */
  iteration: number | null;
}
/** Take a pin away. */
export interface Unpin {
  type: "unpin";
  /** Of it. */
  name: string;
}
/** Give a pin another name; why it is refused is told under the name "pin". */
export interface RenamePin {
  type: "rename_pin";
  /** Of it. */
  name: string;
  /** What it is called from now on. */
  to: string;
}
/** Stop, and go back to a pin; why it is refused is told under the name "pin". */
export interface RestorePin {
  type: "restore_pin";
  /** Of it. */
  name: string;
}
/** Say how far the present picture can be trusted. */
export interface AskScore {
  type: "ask_score";
}
/** Show the real pictures that excite the target most. */
export interface AskExamples {
  type: "ask_examples";
}
/** Show two real pictures of which one excites the target more; with an answer to the question before. */
export interface AskQuiz {
  type: "ask_quiz";
  /** Which one does; None begins anew. */
  answer: ("left" | "right") | null;
}
/** Rows of pictures. Buffers: a column each, in the order of `COLUMNS`; what is not known is no number. */
export interface AtlasRowsMessage {
  type: "atlas_rows";
  /** Index of the first picture. */
  first: number;
  /** How many. */
  count: number;
  /** Of each column of texts those that are new. */
  texts: {
    [k: string]: string[];
  };
  /** Of each column of texts the number of the first that is new. */
  texts_first: {
    [k: string]: number;
  };
}
/** The answer to `ask_tiles`. The buffer holds the files of small pictures, one after the other. */
export interface AtlasTilesMessage {
  type: "atlas_tiles";
  /** Of the question. */
  seq: number;
  /** Of which pictures. */
  indices: number[];
  /** Bytes of each file; 0 where there is none. */
  sizes: number[];
  /** Why there is none; empty where there is one. */
  errors: string[];
}
/** The answer to `ask_atlas_picture`. Buffers: the picture's file, total and activation by iteration, float32. */
export interface AtlasPictureMessage {
  type: "atlas_picture";
  /** Of which picture. */
  index: number;
  /** Iterations made. */
  steps: number;
  /** At the end, by their names. */
  losses: {
    [k: string]: number;
  };
  /** The score card, if it was kept. */
  score: AtlasScore[];
  /** What was noticed. */
  notes: string[];
  /** Why it failed, or cannot be read; empty if neither. */
  error: string;
}
/** A row of the score card. */
export interface AtlasScore {
  /** Of what. */
  name: "strong" | "sturdy" | "natural";
  /** The word. */
  verdict: "green" | "amber" | "grey";
  /** Its numbers. */
  words: string;
}
/** A page is there (again), or looks whether there is more: it gets the rows that it lacks. */
export interface AtlasHello {
  type: "atlas_hello";
  /** Rows that it has. */
  rows: number;
}
/** Send small pictures. Of questions that wait only the newest two are answered. */
export interface AskTiles {
  type: "ask_tiles";
  /** Number of the question. */
  seq: number;
  /** Of which, at most 64. */
  indices: number[];
}
/** Send a picture as it is, with all that is known of it. Only the newest few questions are answered. */
export interface AskAtlasPicture {
  type: "ask_atlas_picture";
  /** Of which. */
  index: number;
}
/** Make a widget that goes on from a picture, beneath; why it cannot is told by `refused`. */
export interface GoOn {
  type: "go_on";
  /** From which. */
  index: number;
}
/** The same of two, compared. */
export interface CompareTwo {
  type: "compare_two";
  /** From which. */
  one: number;
  /** And from which. */
  other: number;
}
/** Take away what stands beneath. */
export interface CloseBeneath {
  type: "close_beneath";
}
/** All tiles for a saved notebook; their pictures stand in one, in rows. */
export interface SavedTiles {
  /** Another number is another set of tiles, which starts afresh. */
  number: number;
  /** The layer. */
  layer: string;
  /** Names of the settings that they differ in: "filter_indices", "seed", or a number of a part by its address. */
  varied: string[];
  /** What a person calls each of these. */
  titles: string[];
  /** Of each tile, in order, its values of these. */
  values: (number | number[] | null)[][];
  /** Height, width and channels of one tile. */
  shape: [number, number, 1 | 3];
  /** Index of the first tile sent. */
  first: number;
  /** Tiles sent; 0 where only the status changed. */
  count: number;
  /** The newest activation of each tile sent; None where none is measured. */
  activations: (number | null)[];
  /** Tiles finished. */
  done: number;
  /** Iterations of the batch in hand. */
  iteration: number;
  /** Iterations for each tile. */
  goal: number;
  /** Of the run while it is at them; else paused, finished or failed. */
  status: "ready" | "compiling" | "running" | "paused" | "finished" | "failed";
  /** Why they failed; empty if they did not. */
  error: string;
  /** What was set otherwise since they were asked for, in a person's words. */
  changed: string[];
  /** Tiles in a row. */
  across: number;
}
/** Of what a run is composed, and what else there is: a user's own part is among it, under its own name. */
export interface PartsFacts {
  /** Name of the present one. */
  parametrization: string;
  /** Name of the present one. */
  optimizer: string;
  /** Names of those present, in their order. */
  transforms: string[];
  /** Names of the objective's terms. */
  terms: string[];
  /** All there are. */
  parametrizations: PartChoice[];
  /** All there are. */
  optimizers: PartChoice[];
  /** All there are, also those present. */
  transform_choices: PartChoice[];
}
/** A part to choose. */
export interface PartChoice {
  /** Its name. */
  value: string;
  /** What a person reads. */
  label: string;
  /** What it does, in a sentence or two; empty where nobody said. */
  help: string;
}
/** What of the instrument is shown, and what is said above it. */
export interface Ui {
  /** What is neither drawn nor reached: names of its parts, parameters, and numbers of parts. */
  hide: string[];
  /** In place of the model's name. */
  title: string;
  /** A paragraph beneath. */
  text: string;
}
/** What the panel above two widgets in lock-step sees: read-only traits. */
export interface CompareFacts {
  /** As of a widget, of both. */
  status: "ready" | "compiling" | "running" | "paused" | "finished" | "failed";
  /** A sentence about the status. */
  message: string;
  /** What failed, and which of the two; empty if nothing did. */
  error: string;
  /** The last one that both came to, at transitions. */
  iteration: number;
  /** The iteration at which a Run ends; 0 before the first. */
  goal: number;
  /** What the two are called. */
  names: string[];
  /** Root of the mean squared difference, in units of the input range, at transitions. */
  rms: number;
  /** The difference from which on it is drawn white or black, in the same units. */
  scale: number;
  /** The difference as PNG at the last transition, for saved notebooks. */
  picture: DataView | null;
}
/** What the sheet of an atlas sees: read-only traits. */
export interface AtlasFacts {
  /** What the store is called. */
  title: string;
  /** Pictures that there are. */
  count: number;
  /** Pictures that there will be. */
  expected: number;
  /** Why the store cannot be looked at; empty if it can. */
  error: string;
  /** Pictures from which a run is being made; none while nothing is. */
  opening: number[];
  /** Pictures from which what stands beneath goes on: none, one, or two compared. */
  beneath: number[];
  /** Why a run could not go on; empty if it could. */
  refused: string;
  /** The first pictures as a PNG, for saved notebooks. */
  picture: DataView | null;
}
/** What the page and Python both set: traits. */
export interface AtlasSettings {
  /** By which pictures stand in their groups. */
  sort: "filter" | "activation" | "score";
  /** Each layer by itself. */
  grouped: boolean;
  /** Words that label, layer, filter, checkpoint or error must have. */
  search: string;
  /** The layer that is shown; empty: all. */
  layer: string;
  /** The checkpoint that is shown; empty: all. */
  checkpoint: string;
  /** Only what failed. */
  failures: boolean;
  /** The picture that is open; None: none. */
  selected: number | null;
}

export const CONTROLS: readonly Control[] = [
  {
    name: "layer",
    kind: "layer",
    control: "layer",
    label: "Layer",
    help: "Name of the layer that is looked into. Layers near the input show edges and textures, later ones parts and whole things. A change restarts a running optimization.",
    group: "Target",
    default: null,
  },
  {
    name: "filter_indices",
    kind: "filters",
    control: "filters",
    label: "Filters",
    help: "Filters, units or classes that are maximised together: one, several, or the mean of all. A change restarts a running optimization.",
    group: "Target",
    default: [0],
    none: "all",
  },
  {
    name: "position",
    kind: "position",
    control: "position",
    label: "Position",
    help: "Where in the layer's map the filters are maximised: one place, as row and column, or the whole map. One place shows what a single unit looks for, the whole map a pattern of it. A change restarts a running optimization.",
    group: "Target",
    default: null,
    none: "whole map",
  },
  {
    name: "preset",
    kind: "choice",
    control: "select",
    label: "Recipe",
    help: "A named set of parts with their weights and numbers, all of which may be changed after it. A change sets all of them anew.",
    group: "Recipe",
    default: "keras-vis",
    choices: [
      {
        value: "natural",
        label: "natural",
        help: "For any network: many views of a picture whose frequencies keep the energy that photographs have, 256 steps; for small or grey pictures milder views and a free spectrum.",
      },
      { value: "quick", label: "quick", help: "natural with 128 larger steps, for a first look." },
      {
        value: "fourier",
        label: "fourier",
        help: "Lucid's (2017): a Fourier basis, jitter, scale and rotation, 512 steps.",
      },
      {
        value: "phase",
        label: "phase",
        help: "MACO's (2023): crops and noise, a fixed spectrum of which only the phases change, 128 steps.",
      },
      {
        value: "keras-vis",
        label: "keras-vis",
        help: "That of 2017: pixels, an L6 norm and a total variation, which fit networks with large outputs, 500 steps.",
      },
    ],
  },
  {
    name: "act_max_weight",
    kind: "number",
    control: "slider",
    label: "Activation",
    help: "Weight of minus the activation. Raise it when the picture stays grey, lower it when it is all noise; below 0 the activation, or a regression's answer, goes down.",
    group: "Losses",
    default: 1,
    bottom: -1000,
    top: 1000,
  },
  {
    name: "lp_norm_weight",
    kind: "number",
    control: "slider",
    label: "Lp norm",
    help: "Weight of the L6 norm, which keeps values small. Raise it when single pixels glare, lower it when the picture is pale.",
    group: "Losses",
    default: 10,
    top: 1000,
  },
  {
    name: "tv_weight",
    kind: "number",
    control: "slider",
    label: "Total variation",
    help: "Weight of the total variation, which keeps the picture smooth. Raise it when the picture is noisy, lower it when it is blurred.",
    group: "Losses",
    default: 10,
    top: 1000,
  },
  {
    name: "jitter",
    kind: "shift",
    control: "slider",
    label: "Jitter",
    help: "Largest random shift at each step: a fraction of the side below 1, pixels from 1 on. Raise it against patterns that cling to single pixels, lower it when edges smear.",
    group: "Transforms",
    default: 0,
    least: 0,
    top: 8,
  },
  {
    name: "learning_rate",
    kind: "number",
    control: "slider",
    label: "Learning rate",
    help: "Factor of each step. Raise it when the picture hardly changes, lower it when the losses jump.",
    group: "Optimizer",
    default: 1,
    bottom: 0.001,
    top: 100,
  },
  {
    name: "grad_modifier",
    kind: "choice",
    control: "select",
    label: "Gradient modifier",
    help: "What is done to the gradient before each step; negate lowers the activation instead of raising it.",
    group: "Optimizer",
    default: null,
    folded: true,
    choices: [
      { value: "negate", label: "negate" },
      { value: "absolute", label: "absolute" },
      { value: "invert", label: "invert" },
      { value: "relu", label: "relu" },
      { value: "small_values", label: "small_values" },
    ],
    none: "none",
  },
  {
    name: "backprop_modifier",
    kind: "choice",
    control: "select",
    label: "Backprop",
    help: "How the gradient goes back through a ReLU: rectified lets only what is positive through, guided only that of units that are active, too. A change is compiled first.",
    group: "Optimizer",
    default: null,
    folded: true,
    choices: [
      { value: "guided", label: "guided" },
      { value: "rectified", label: "rectified" },
    ],
    none: "none",
  },
  {
    name: "class_loss",
    kind: "choice",
    control: "select",
    label: "Classes",
    help: "How a class of the last layer is maximised: taken before the softmax and ahead of all other classes, or by its own unit as it is. Take the latter where the last units are no classes.",
    group: "Losses",
    default: "activation",
    folded: true,
    choices: [
      { value: "log-odds", label: "ahead of the others" },
      { value: "activation", label: "as it is" },
    ],
  },
  {
    name: "temperature",
    kind: "number",
    control: "slider",
    label: "Temperature",
    help: "How many of the other classes count where a class is maximised ahead of them, in standard deviations of the logits. Raise it to hold all of them down, lower it for the nearest alone.",
    group: "Losses",
    default: 1,
    folded: true,
    bottom: 0.02,
    top: 10,
  },
  {
    name: "preprocess",
    kind: "choice",
    control: "select",
    label: "Preprocessing",
    help: "What is done to a picture of 0 to 255 before the network sees it: what it was trained with. Without the right one pictures are odd in colour, or grey.",
    group: "Picture",
    default: null,
    folded: true,
    choices: [
      { value: "tf", label: "tf: -1 to 1" },
      { value: "caffe", label: "caffe: BGR - mean" },
      { value: "torch", label: "torch: mean and std" },
    ],
    none: "none",
  },
  {
    name: "input_range",
    kind: "interval",
    control: "interval",
    label: "Input range",
    help: "Lowest and highest value of the pictures that the network was trained with, such as 0 and 255, or -1 and 1.",
    group: "Picture",
    default: [0, 255],
    folded: true,
  },
  {
    name: "clip",
    kind: "flag",
    control: "checkbox",
    label: "Clip to the input range",
    help: "Keep the picture inside the input range at every step. Without it values may go beyond what the network knows.",
    group: "Picture",
    default: true,
    folded: true,
  },
  {
    name: "seed_input",
    kind: "picture",
    control: "picture",
    label: "Start from",
    help: "Picture to start from instead of noise, used at a fresh start.",
    group: "Picture",
    default: null,
    folded: true,
    none: "noise",
  },
  {
    name: "seed_fit",
    kind: "choice",
    control: "select",
    label: "Fit starting picture",
    help: "What is done with a starting picture of another aspect than the input's: crop to the middle, pad with the middle of the range, or stretch.",
    group: "Picture",
    default: "crop",
    folded: true,
    choices: [
      { value: "crop", label: "by cropping" },
      { value: "pad", label: "by padding" },
      { value: "stretch", label: "by stretching" },
    ],
  },
  {
    name: "seed",
    kind: "integer",
    control: "field",
    label: "Seed of noise, jitter",
    help: "Random state of the starting noise and of the jitter, used at a fresh start. The same one gives the same picture.",
    group: "Picture",
    default: 0,
    folded: true,
    least: 0,
    most: 4294967295,
    none: "random",
  },
  {
    name: "max_iter",
    kind: "integer",
    control: "field",
    label: "Iterations a run",
    help: "Iterations that a run makes. Raise it when the picture still changes at the end.",
    group: "Run",
    default: 500,
    folded: true,
    least: 1,
    most: 1000000000,
  },
  {
    name: "steps_per_second",
    kind: "number",
    control: "select",
    label: "Steps per second",
    help: "Speed limit while somebody watches. Lower it to follow single steps, raise it to be done sooner.",
    group: "Run",
    default: 60,
    folded: true,
    choices: [
      { value: 1, label: "at most 1" },
      { value: 5, label: "at most 5" },
      { value: 15, label: "at most 15" },
      { value: 30, label: "at most 30" },
      { value: 60, label: "at most 60" },
      { value: 120, label: "at most 120" },
      { value: 250, label: "at most 250" },
    ],
    none: "as fast as it goes",
  },
];

/** Of an atlas: the buffers of its rows in their order, as NumPy calls their numbers. */
export const ATLAS_COLUMNS = {
  filter: "i4",
  seed: "f8",
  activation: "f4",
  total: "f4",
  probability: "f4",
  strong: "u1",
  sturdy: "u1",
  natural: "u1",
  layer: "u4",
  checkpoint: "u4",
  label: "u4",
  settings: "u4",
  error: "u4",
} as const;
