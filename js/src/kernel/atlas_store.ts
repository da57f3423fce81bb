/** What the views of an atlas share: its rows, the pictures that came, and what is asked of the kernel. */
import type { AnyModel } from "@anywidget/types";
import { Lru } from "../kit/lru";
import { decode } from "../kit/png";
import { type Cleanup, Scope } from "../kit/scope";
import { AtlasRows } from "./atlas_rows";
import type {
  AtlasFacts,
  AtlasIncoming,
  AtlasOutgoing,
  AtlasPictureMessage,
  AtlasSettings,
  AtlasTilesMessage,
} from "./contract";
import { bytesOf, floatsOf } from "./frame";
import { type Loss, RANKS, watchKernel } from "./kernel_watch";
import type { ActMaxModel } from "./model";

export type AtlasModel = AnyModel<AtlasFacts & AtlasSettings>;

/** Small pictures that are kept: some screens, at 64 KB each at the most. */
export const MOST_TILES = 768;
/** Large ones: a film of training plays from these. */
export const MOST_PICTURES = 48;
/** Of small pictures in a question: the answer to one is on its way while the next is asked. */
export const ASKED_AT_ONCE = 32;
export const IN_FLIGHT = 2;
/** An answer that takes longer than this does not come. */
const LOST_MS = 10_000;
/** Between two looks for more pictures. */
const LOOK_MS = 2000;
/** The same where all that was asked for is there: a training asks for more after each epoch. */
const SELDOM = 5;
/** Looks after the last news for which it goes on often: as long as an epoch may take, and as it is cheap. */
const STILL = 60;

/** A small picture, or why there is none. */
export interface Small {
  bitmap: ImageBitmap | null;
  error: string;
}

/** A large one, and all that is known of it. */
export interface Large extends AtlasPictureMessage {
  bitmap: ImageBitmap | null;
  total: Float32Array;
  activation: Float32Array;
}

export class AtlasStore {
  readonly model: AtlasModel;
  readonly rows = new AtlasRows();
  /** Why there is no kernel; `null` while there is one. */
  loss: Loss | null = null;
  readonly #tiles = new Lru<number, Small>(MOST_TILES, ({ bitmap }) => bitmap?.close());
  readonly #pictures = new Lru<number, Large>(MOST_PICTURES, ({ bitmap }) => bitmap?.close());
  readonly #listeners = new Set<() => void>();
  readonly #scope = new Scope();
  /** What each view would like to have, most wanted first. */
  readonly #wanted = new Map<object, readonly number[]>();
  readonly #inFlight = new Map<number, { indices: readonly number[]; at: number }>();
  readonly #opening = new Map<number, number>();
  #seq = 0;
  #looks = 0;
  /** The look that last found more. */
  #news = Number.NEGATIVE_INFINITY;
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(model: AtlasModel) {
    this.model = model;
    const as = model as unknown as ActMaxModel;
    const take = (content?: unknown, buffers?: DataView[]) =>
      this.#take(content as AtlasIncoming | null, buffers ?? []);
    this.#scope.on(as, "msg:custom", take as (content?: unknown) => void);
    this.#scope.on(as, "comm_live_update", () => this.hello());
    this.#scope.add(
      watchKernel(as, {
        lost: (loss) => this.#lose(loss),
        back: () => this.hello(),
      }),
    );
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
    this.#scope.add(() => clearInterval(this.#looking));
    this.hello();
  }

  get connected(): boolean {
    return this.loss === null;
  }

  /** Rows that are still on their way, or will be made. */
  get isWhole(): boolean {
    return this.rows.count >= (this.model.get("expected") ?? 0);
  }

  get keptTiles(): number {
    return this.#tiles.size;
  }

  hello(): void {
    this.send({ type: "atlas_hello", rows: this.rows.count });
  }

  small(index: number): Small | undefined {
    return this.#tiles.get(index);
  }

  large(index: number): Large | undefined {
    return this.#pictures.get(index);
  }

  /** Small pictures that a view would like, most wanted first; what is scrolled past is simply no longer among them. */
  want(view: object, indices: readonly number[]): void {
    this.#wanted.set(view, indices);
    this.#ask();
  }

  unwant(view: object): void {
    this.#wanted.delete(view);
  }

  /** A large picture, unless it is there or on its way. */
  open(index: number): void {
    const since = this.#opening.get(index);
    if (this.#pictures.has(index) || (since !== undefined && Date.now() - since < LOST_MS)) return;
    this.#opening.set(index, Date.now());
    this.send({ type: "ask_atlas_picture", index });
  }

  /** A picture that could not be read may be there again. */
  forget(index: number): void {
    if (this.#pictures.get(index)?.error) this.#pictures.delete(index);
    if (this.#tiles.get(index)?.error) this.#tiles.delete(index);
  }

  set(settings: Partial<AtlasSettings>): void {
    for (const [name, value] of Object.entries(settings))
      this.model.set(name as keyof AtlasSettings, value as never);
    try {
      this.model.save_changes();
    } catch {
      this.#lose("unknown");
    }
  }

  send(message: AtlasOutgoing): void {
    const lost = () => this.#lose("unknown");
    try {
      Promise.resolve(this.model.send(message) as unknown).catch(lost);
    } catch {
      lost();
    }
  }

  subscribe(listener: () => void): Cleanup {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly cleanup: Cleanup = () => {
    this.#scope.cleanup();
    this.#tiles.clear();
    this.#pictures.clear();
    this.#wanted.clear();
  };

  #look(): void {
    const before = this.#inFlight.size;
    this.#forgetLost();
    if (this.#inFlight.size < before) this.#ask();
    this.#looks += 1;
    const isNew = this.rows.count === 0 || this.#looks - this.#news <= STILL;
    const isGrowing = !this.isWhole || isNew;
    const isDue = isGrowing || this.#looks % SELDOM === 0;
    if (this.connected && isDue && !document.hidden && this.#listeners.size > 0) this.hello();
  }

  #forgetLost(): void {
    for (const [seq, { at }] of this.#inFlight)
      if (Date.now() - at >= LOST_MS) this.#inFlight.delete(seq);
  }

  #ask(): void {
    if (!this.connected) return;
    while (this.#inFlight.size < IN_FLIGHT) {
      const indices = this.#next();
      if (indices.length === 0) return;
      const seq = ++this.#seq;
      this.#inFlight.set(seq, { indices, at: Date.now() });
      this.send({ type: "ask_tiles", seq, indices });
      if (!this.connected) return;
    }
  }

  /** What is wanted most of what is neither there nor on its way. */
  #next(): number[] {
    const asked = new Set([...this.#inFlight.values()].flatMap(({ indices }) => indices));
    const wanted = new Set([...this.#wanted.values()].flat());
    return [...wanted]
      .filter((index) => !this.#tiles.has(index) && !asked.has(index))
      .slice(0, ASKED_AT_ONCE);
  }

  #take(message: AtlasIncoming | null, buffers: DataView[]): void {
    if (message?.type === "atlas_rows") {
      this.#found();
      if (!this.rows.take(message, buffers)) return;
      // What is there from the first tells nothing of whether more are made.
      if (this.#looks > 0) this.#news = this.#looks;
      this.tell();
    } else if (message?.type === "atlas_tiles") void this.#takeTiles(message, buffers);
    else if (message?.type === "atlas_picture") void this.#takePicture(message, buffers);
  }

  async #takeTiles({ seq, indices, sizes, errors }: AtlasTilesMessage, buffers: DataView[]) {
    const bytes = bytesOf(buffers[0]);
    let at = 0;
    const made = indices.map(async (index, i): Promise<void> => {
      const file = bytes.subarray(at, at + (sizes[i] ?? 0));
      at += sizes[i] ?? 0;
      const bitmap = file.length > 0 ? await decode(file) : null;
      this.#tiles.set(index, { bitmap, error: errors[i] ?? "" });
    });
    await Promise.all(made);
    this.#inFlight.delete(seq);
    this.#ask();
    this.tell();
  }

  async #takePicture(message: AtlasPictureMessage, buffers: DataView[]): Promise<void> {
    const file = bytesOf(buffers[0]);
    const [total, activation] = [floatsOf(buffers[1]).slice(), floatsOf(buffers[2]).slice()];
    const bitmap = file.length > 0 ? await decode(file) : null;
    this.#opening.delete(message.index);
    this.#pictures.set(message.index, { ...message, bitmap, total, activation });
    this.tell();
  }

  #found(): void {
    if (this.loss === null) return;
    this.loss = null;
    this.#inFlight.clear();
    this.#opening.clear();
    this.#ask();
    this.tell();
  }

  #lose(loss: Loss): void {
    if (this.loss !== null && RANKS[this.loss] >= RANKS[loss]) return;
    this.loss = loss;
    this.tell();
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
