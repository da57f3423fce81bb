import {
  CONTROLS,
  type FilmMessage,
  type FrameMessage,
  type Parameters,
  type PictureMessage,
  type TilesMessage,
} from "../src/kernel/contract";
import type { ActMaxModel, Traits } from "../src/kernel/model";

type Handler = (...args: unknown[]) => void;

/** What the browser may save, as Python declares it; everything else is the kernel's. */
const DEFAULTS = Object.fromEntries(
  CONTROLS.filter(({ control }) => control !== "picture").map(({ name, default: value }) => [
    name,
    value,
  ]),
) as unknown as Parameters;
export const PARAMETERS = Object.keys(DEFAULTS) as readonly (keyof Parameters)[];

export const LOSS_NAMES = ["ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss"];

export function traits(over: Partial<Traits> = {}): Traits {
  return {
    ...DEFAULTS,
    layer: "conv2",
    filter_indices: [3],
    layers: [
      { name: "conv2", type: "Conv2D", shape: [26, 26, 16], filters: 16, parameters: 80 },
      { name: "out", type: "Dense", shape: [10], filters: 10, parameters: 80 },
    ],
    model_name: "digits",
    grad_modifiers: ["negate", "relu"],
    backprop_modifiers: ["guided", "rectified"],
    loss_names: LOSS_NAMES,
    measures: [],
    status: "ready",
    message: "",
    error: "",
    iteration: 0,
    goal: 0,
    knob_controls: [],
    knobs: {},
    defaults: {},
    ui: {},
    absent: [],
    parts: {},
    position_shape: [26, 26],
    labels: [],
    labelled: [],
    has_references: false,
    seed_name: "",
    seed_note: "",
    seed_picture: null,
    picture: null,
    rows: null,
    lines: [],
    advice: [],
    saved_tiles: {},
    tiles_picture: null,
    vary: {},
    pinned: [],
    pin_pictures: [],
    present: {},
    ...over,
  };
}

/**
 * Behaves as ipywidgets' WidgetModel does where that matters: change events carry the model, whatever
 * was set is kept for the next save, and a kernel's update is not. `proxy` hides all of it, as
 * anywidget's does.
 */
export class FakeModel {
  readonly sent: {
    type: string;
    seq?: number;
    n?: number;
    name?: string;
    tile?: number;
    vary?: unknown;
    value?: number;
    iteration?: number;
    count?: number;
    have?: number[];
  }[] = [];
  /** The buffers of the message sent last. */
  buffers: ArrayBuffer[] | undefined;
  readonly saved: Partial<Traits>[] = [];
  readonly handlers = new Map<string, Set<Handler>>();
  _buffered_state_diff: Partial<Traits> = {};
  /** A dead comm throws on every send. */
  dead = false;
  /** Some hosts reject a promise instead. */
  rejecting = false;
  /** What a host offers beyond anywidget's contract. */
  manager: unknown;
  readonly #attributes: Traits;

  constructor(over: Partial<Traits> = {}) {
    this.#attributes = traits(over);
  }

  get proxy(): ActMaxModel {
    const proxy = {
      get: (name: keyof Traits) => this.#attributes[name],
      set: (name: keyof Traits, value: never) => {
        if (this.#assign(name, value)) Object.assign(this._buffered_state_diff, { [name]: value });
      },
      on: (event: string, handler: Handler) => {
        this.handlers.set(event, (this.handlers.get(event) ?? new Set()).add(handler));
      },
      off: (event: string, handler: Handler) => this.handlers.get(event)?.delete(handler),
      save_changes: () => {
        this.saved.push(this._buffered_state_diff);
        this._buffered_state_diff = {};
      },
      send: (content: { type: string }, _callbacks?: unknown, buffers?: ArrayBuffer[]) => {
        if (this.dead) throw new Error("Cannot send");
        this.sent.push(content);
        this.buffers = buffers;
        return this.rejecting ? Promise.reject(new Error("Cannot send")) : undefined;
      },
      widget_manager: this.manager,
    };
    return proxy as unknown as ActMaxModel;
  }

  get<K extends keyof Traits>(name: K): Traits[K] {
    return this.#attributes[name];
  }

  /** An update from the kernel. */
  update(state: Partial<Traits>): void {
    for (const [name, value] of Object.entries(state)) this.#assign(name as keyof Traits, value);
  }

  trigger(event: string, ...args: unknown[]): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) handler(...args);
  }

  get listeners(): number {
    return [...this.handlers.values()].reduce((sum, handlers) => sum + handlers.size, 0);
  }

  sentTypes(): string[] {
    return this.sent.map(({ type }) => type);
  }

  receipts(): (number | undefined)[] {
    return this.sent.filter(({ type }) => type === "receipt").map(({ seq }) => seq);
  }

  #assign(name: keyof Traits, value: unknown): boolean {
    const old = this.#attributes[name];
    // All buffers look alike as JSON.
    const binary = value instanceof DataView || old instanceof DataView;
    if (binary ? old === value : JSON.stringify(old) === JSON.stringify(value)) return false;
    Object.assign(this.#attributes, { [name]: value });
    this.trigger(`change:${name}`, this, value);
    return true;
  }
}

/** Tiles of these filters. */
export const ofFilters = (filters: number[]) => ({
  varied: ["filter_indices"],
  titles: ["Filters"],
  values: filters.map((filter) => [[filter]]),
});

/** Speaks as the kernel does: row i holds i, i + 0.25, i + 0.5 and i + 0.75; tile i is all i + iteration. */
export class FakeKernel {
  seq = 0;
  run = 1;
  readonly model: FakeModel;
  /** Whose the run is: what is chosen when it begins. */
  #subject: Pick<FrameMessage, "run" | "layer" | "filter_indices"> | undefined;

  constructor(model: FakeModel) {
    this.model = model;
  }

  snapshot(count: number, over: Partial<FrameMessage> = {}): number {
    return this.#send("snapshot", 0, count, over);
  }

  frame(first: number, count: number, over: Partial<FrameMessage> = {}): number {
    return this.#send("frame", first, count, over);
  }

  /** Tiles of 16 filters, of 2 × 2 grey pixels each. */
  tiles(first: number, count: number, over: Partial<TilesMessage> = {}): number {
    const seq = this.seq++;
    const message: TilesMessage = {
      ...{ type: "tiles", seq, number: 1, layer: "conv2", shape: [2, 2, 1], first, count },
      ...ofFilters(Array.from({ length: 16 }, (_, i) => i)),
      ...{ activations: [], changed: [] },
      ...{ done: 0, iteration: 0, goal: 200, status: "running", error: "" },
      ...over,
    };
    const size = message.shape.reduce((product, side) => product * side);
    const pixels = new Uint8Array(3 + count * size);
    for (let i = 0; i < count; i++) {
      pixels.fill(first + i + message.iteration, 3 + i * size, 3 + (i + 1) * size);
    }
    this.model.trigger("msg:custom", message, [new DataView(pixels.buffer, 3)]);
    return seq;
  }

  /** Small pictures of 2 × 2 grey pixels, each all of its iteration. */
  film(kept: number[], sent: number[], over: Partial<FilmMessage> = {}): number {
    const seq = this.seq++;
    const run = this.run;
    const message = { type: "film", seq, run, kept, sent, shape: [2, 2, 1], ...over };
    this.model.trigger("msg:custom", message, [stills(sent)]);
    return seq;
  }

  picture(iteration: number, over: Partial<PictureMessage> = {}): number {
    const seq = this.seq++;
    const run = this.run;
    const message = { type: "picture", seq, run, iteration, shape: [2, 2, 1], ...over };
    this.model.trigger("msg:custom", message, [stills([iteration])]);
    return seq;
  }

  /** There are no tiles any more. */
  closeTiles(): number {
    const seq = this.seq++;
    this.model.trigger("msg:custom", { type: "tiles_closed", seq }, []);
    return seq;
  }

  #send(
    type: FrameMessage["type"],
    first: number,
    count: number,
    over: Partial<FrameMessage>,
  ): number {
    const seq = this.seq++;
    const iteration = first + count;
    const shape: FrameMessage["shape"] = [2, 2, 1];
    const rate = { goal: 500, rate: 58.2, remaining: 5.4 };
    if (this.#subject?.run !== this.run) {
      const filter_indices = this.model.get("filter_indices") as number[] | null;
      this.#subject = { run: this.run, layer: this.model.get("layer"), filter_indices };
    }
    const numbers = { seq, iteration, first, count, shape, best: null };
    const message = { type, ...this.#subject, ...numbers, ...rate, ...over };
    const [height, width, channels] = message.shape;
    const pixels = new Uint8Array(height * width * channels).fill(iteration % 256);
    this.model.trigger("msg:custom", message, [
      new DataView(pixels.buffer),
      rowsView(first, count, 4 + this.model.proxy.get("measures").length),
    ]);
    return seq;
  }
}

const stills = (iterations: number[]): DataView =>
  new DataView(Uint8Array.from(iterations.flatMap((one) => [one, one, one, one])).buffer);

/** Starts at an odd offset, as buffers inside a websocket message may. */
export function rowsView(first: number, count: number, columns = 4): DataView {
  const bytes = new Uint8Array(3 + count * columns * 4);
  const view = new DataView(bytes.buffer, 3);
  for (let i = 0; i < count * columns; i++) {
    view.setFloat32(i * 4, first + Math.floor(i / columns) + (i % columns) / 4, true);
  }
  return view;
}
