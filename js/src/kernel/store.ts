import { type Cleanup, Scope } from "../kit/scope";
import type {
  FilmMessage,
  MakeTiles,
  Parameters,
  PictureMessage,
  SavedTiles,
  TilesClosedMessage,
  TilesMessage,
} from "./contract";
import { Cursor } from "./cursor";
import { Film, isFilmMessage, isPictureMessage, type Still } from "./film";
import { bytesOf, type Frame, floatsOf, isFrameMessage, readFrame } from "./frame";
import { Greeting } from "./greeting";
import { type Loss, watchKernel } from "./kernel_watch";
import { Link } from "./link";
import { LossRows } from "./loss_rows";
import { type ActMaxModel, type Command, isBusy } from "./model";
import { Receipts } from "./receipts";
import { readSavedTiles } from "./saved_tiles";
import { isTilesClosedMessage, isTilesMessage, Tiles } from "./tiles";

/** Whoever runs sends oftener: after this long a message was lost, or the kernel's patience was. */
const SILENCE_MS = 2500;
/** A view that is moved is back before this. */
const MOVED_MS = 1000;
/** How long a clicked button is believed before the kernel has said anything. */
const PENDING_MS = 3000;

/** What was maximised in the run that is shown. */
export type Subject = Pick<Parameters, "layer" | "filter_indices">;

/** All that the views of one model share: rows, newest picture, tiles, and the talk with the kernel. */
export class Store {
  readonly rows = new LossRows();
  readonly link: Link;
  readonly cursor = new Cursor(
    () => this.iteration,
    () => this.#changed(),
  );
  readonly film: Film;
  /** The newest frame; `null` until the kernel has sent one. */
  frame: Frame | null = null;
  /** The PNG of a saved notebook, shown until there is a frame. */
  savedPicture: Uint8Array | null = null;
  /** Pictures side by side; `null` until they are asked for, and when they are closed. */
  tiles: Tiles | null = null;
  /** Whether the numbers of the parts were last seen unfolded; `null` before there were any. */
  numbersOpen: boolean | null = null;
  /** The command clicked and not yet answered. */
  pending: Command | null = null;

  readonly #model: ActMaxModel;
  readonly #scope = new Scope();
  readonly #listeners = new Set<() => void>();
  readonly #receipts: Receipts;
  readonly #greeting: Greeting;
  #heardAt = 0;
  #heardTiles = false;
  #views = 0;
  /** A kernel that is being shut down goes on for a second: its last words prove nothing. */
  #deaf = false;
  /** Number of the newest message that was taken. */
  #seq: number | undefined;
  #pendingTimer: ReturnType<typeof setTimeout> | undefined;
  #viewTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(model: ActMaxModel) {
    this.#model = model;
    this.link = new Link(model, () => this.#connectionChanged());
    this.film = new Film((message) => {
      if (this.link.connected) this.link.send(message);
    });
    this.#receipts = new Receipts((seq) => this.link.send({ type: "receipt", seq }));
    this.#greeting = new Greeting(() => this.#sayHello());
    this.#listen();
    this.#watch();
    this.#adoptSaved();
    this.#adoptSavedTiles();
    this.#greeting.hello();
  }

  /** Iterations made, as far as is known here. */
  get iteration(): number {
    // The picture of a saved notebook is that of its last row, the trait may be ahead of both.
    return this.frame?.iteration ?? this.rows.count;
  }

  /** The picture at the cursor: the newest, or the nearest of the film that is here; `null` where there is none yet. */
  shown(): Still | null {
    const { at } = this.cursor;
    const past = at === null || !this.frame ? null : this.film.still(at);
    if (past) return past;
    const { iteration, shape, pixels } = this.frame ?? {};
    return pixels && shape ? { iteration: iteration ?? 0, shape, pixels } : null;
  }

  /** Whose the picture is; the controls may be ahead of it. In a saved notebook the two are of one moment. */
  get subject(): Subject {
    if (this.frame) return this.frame;
    const filter_indices = this.#model.get("filter_indices") ?? null;
    return { layer: this.#model.get("layer") ?? "", filter_indices };
  }

  /** The kernel is at the tiles: status and message are theirs. */
  get atTiles(): boolean {
    return isBusy(this.tiles?.news.status);
  }

  get goal(): number {
    return this.frame?.goal ?? this.#model.get("goal") ?? 0;
  }

  /** Calls `listener` after every change of what the store holds. */
  subscribe(listener: () => void): Cleanup {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A view is here: the kernel may have stopped sending while there was none. `isClosed` tells what took it away. */
  addView(isClosed: () => boolean): Cleanup {
    this.#views += 1;
    if (this.link.connected) this.#greeting.hello();
    return () => {
      this.#views -= 1;
      // Jupyter makes the view of a moved cell anew, and takes a closed notebook apart before it takes it away.
      clearTimeout(this.#viewTimer);
      this.#viewTimer = setTimeout(() => this.#viewRemoved(!isClosed()), MOVED_MS);
    };
  }

  /** A view has put all that the store holds on the screen. */
  drawn(): void {
    if (this.#seq !== undefined) this.#receipts.drawn(this.#seq);
  }

  command(type: Exclude<Command, "make_tiles">): void {
    this.#setPending(type);
    if (type === "step") this.link.send({ type, n: 1 });
    else if (type === "rewind" || type === "branch")
      this.link.send({ type, iteration: this.cursor.iteration });
    else this.link.send({ type });
  }

  /** Asks for tiles that differ in `vary`; `null`: in their filter, all of the layer. */
  makeTiles(vary: MakeTiles["vary"]): void {
    this.#setPending("make_tiles");
    this.link.send({ type: "make_tiles", vary });
  }

  readonly cleanup: Cleanup = () => {
    this.#scope.cleanup();
    this.#greeting.stop();
    this.#receipts.cleanup();
    this.film.cleanup();
    clearTimeout(this.#pendingTimer);
    clearTimeout(this.#viewTimer);
    this.link.cleanup();
    this.#listeners.clear();
  };

  #listen(): void {
    const receive = (content?: unknown, buffers?: DataView[]) => {
      if (isFrameMessage(content))
        this.#receive(readFrame(content, buffers ?? [], this.#columns()));
      else if (isFilmMessage(content) || isPictureMessage(content))
        this.#receiveFilm(content, bytesOf(buffers?.[0]));
      else if (isTilesMessage(content)) this.#receiveTiles(content, bytesOf(buffers?.[0]));
      else if (isTilesClosedMessage(content)) this.#closeTiles(content);
    };
    this.#scope.on(this.#model, "msg:custom", receive);
    this.#scope.on(this.#model, "comm_live_update", () => this.#probe());
    this.#scope.on(this.#model, "change:rows change:picture", () => this.#adoptSaved());
    this.#scope.on(this.#model, "change:tiles_picture", () => this.#adoptSavedTiles());
    this.#scope.on(this.#model, "change:status change:error", () => this.#setPending(null));
    const shown = () => this.#pageShown();
    document.addEventListener("visibilitychange", shown);
    this.#scope.add(() => document.removeEventListener("visibilitychange", shown));
    const watch = setInterval(() => this.#pageShown(), SILENCE_MS);
    this.#scope.add(() => clearInterval(watch));
  }

  #sayHello(): void {
    const { run = null } = this.frame ?? {};
    this.link.send({ type: "hello", run, rows: this.rows.count, views: this.#views });
  }

  #viewRemoved(cleared: boolean): void {
    if (this.#views === 0 && this.link.connected) this.link.send({ type: "views", cleared });
  }

  #watch(): void {
    const lost = (loss: Loss) => {
      this.link.lose(loss);
      this.#deaf = this.link.isOver;
    };
    // Said even where nothing is awaited: the answer is the only proof that it is the kernel of before.
    const back = () => {
      if (!this.link.connected && !this.link.isOver) this.#greeting.hello();
    };
    this.#scope.add(watchKernel(this.#model, { lost, back }));
  }

  #receive(frame: Frame): void {
    if (!this.#hear()) return;
    if (frame.type === "frame" && !this.#continues(frame)) {
      this.#greeting.hello();
      return;
    }
    this.#greeting.stop();
    if (frame.type === "snapshot") this.#startOver(frame);
    else this.#goOn(frame);
    this.#take(frame);
  }

  #receiveTiles(message: TilesMessage, pixels: Uint8Array): void {
    if (!this.#hear()) return;
    this.#heardTiles = true;
    const { number, status } = this.tiles?.news ?? {};
    if (message.number === number) this.tiles?.take(message, pixels);
    else this.tiles = new Tiles(message, pixels);
    this.#seq = message.seq;
    if (message.number !== number || message.status !== status) this.#setPending(null);
    else this.#changed();
  }

  #receiveFilm(message: FilmMessage | PictureMessage, pixels: Uint8Array): void {
    if (!this.#hear()) return;
    if (message.type === "film") this.film.take(message, pixels);
    else this.film.takePicture(message, pixels);
    this.#seq = message.seq;
    this.#changed();
  }

  #closeTiles({ seq }: TilesClosedMessage): void {
    if (!this.#hear()) return;
    this.#heardTiles = true;
    this.tiles = null;
    this.#seq = seq;
    this.#setPending(null);
  }

  /** A message is proof of a kernel, whatever was believed before. */
  #hear(): boolean {
    if (this.#deaf) return false;
    this.#heardAt = Date.now();
    this.link.found();
    return true;
  }

  #continues(frame: Frame): boolean {
    const sameColumns =
      frame.count === 0 || this.rows.count === 0 || frame.columns === this.rows.columns;
    return frame.run === this.frame?.run && frame.first <= this.rows.count && sameColumns;
  }

  #startOver(frame: Frame): void {
    this.#receipts.hurry();
    if (frame.run !== this.frame?.run) this.cursor.go(null);
    this.rows.replace(frame.losses, frame.columns);
    this.#setPending(null);
  }

  #goOn(frame: Frame): void {
    if (this.rows.count === 0) this.rows.replace(frame.losses, frame.columns);
    else
      this.rows.append(frame.losses.subarray((this.rows.count - frame.first) * this.rows.columns));
    if (this.pending === "step") this.#setPending(null);
  }

  #take(frame: Frame): void {
    // The rows are stored: only the picture of the newest frame is kept.
    this.film.begin(frame.run);
    this.frame = { ...frame, losses: new Float32Array() };
    this.#seq = frame.seq;
    if (frame.pixels) this.savedPicture = null;
    this.link.noteIteration(frame.iteration);
    this.#changed();
  }

  /** The traits of a saved notebook or of a page just loaded; frames are newer wherever there are any. */
  #adoptSaved(): void {
    const columns = this.#columns();
    const saved = floatsOf(this.#model.get("rows"));
    if (saved.length / columns > this.rows.count) this.rows.replace(saved, columns);
    if (!this.frame) {
      const png = bytesOf(this.#model.get("picture"));
      this.savedPicture = png.length > 0 ? png : null;
    }
    this.#changed();
  }

  /** Tiles that the kernel has sent, or says are closed, are newer. */
  #adoptSavedTiles(): void {
    const saved = this.#model.get("saved_tiles");
    if (this.#heardTiles || !saved?.shape) return;
    void readSavedTiles(saved as SavedTiles, bytesOf(this.#model.get("tiles_picture"))).then(
      (tiles) => {
        if (this.#heardTiles || !tiles) return;
        this.tiles = tiles;
        this.#changed();
      },
    );
  }

  /**
   * The comm came or went, and the event does not say which. anywidget's proxy hides `comm_live`, and
   * anywidget 0.11 unhooks the listener that would mark the view's element. A dead comm throws.
   */
  #probe(): void {
    this.#deaf = false;
    this.#greeting.stop();
    this.#greeting.hello();
  }

  #connectionChanged(): void {
    if (!this.link.connected) this.#greeting.stop();
    this.#setPending(null);
  }

  /**
   * After a silence in a run the kernel may wait to be greeted, or what it said last was lost: back from the
   * background, from sleep, from a gap in the network.
   */
  #pageShown(): void {
    const silent = Date.now() - this.#heardAt > SILENCE_MS;
    const busy = isBusy(this.#model.get("status"));
    if (!document.hidden && this.#views > 0 && this.link.connected && silent && busy) {
      this.#greeting.hello();
    }
  }

  #setPending(command: Command | null): void {
    clearTimeout(this.#pendingTimer);
    this.pending = command;
    if (command) this.#pendingTimer = setTimeout(() => this.#setPending(null), PENDING_MS);
    this.#changed();
  }

  /** Of a row: the losses, the total, and what is measured beside; a notebook of before has no measures. */
  #columns(): number {
    const losses = this.#model.get("loss_names") ?? [];
    return losses.length + 1 + (this.#model.get("measures") ?? []).length;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
