import { type Cleanup, Scope } from "../kit/scope";
import type { Facts, Outgoing, Parameters } from "./contract";
import { type Loss, RANKS } from "./kernel_watch";
import type { ActMaxModel, Traits } from "./model";

/** At most twenty saves a second, and of each number of a part twenty commands: a dragged thumb moves far more often. */
const SAVE_INTERVAL_MS = 50;

/** ipywidgets' model behind anywidget's proxy. */
interface Buffering {
  _buffered_state_diff?: Record<string, unknown>;
}

/** The one place that writes to the kernel, and so the one that knows whether it is there. */
export class Link {
  readonly #model: ActMaxModel;
  readonly #scope = new Scope();
  readonly #onConnection: () => void;
  #loss: Loss | null = null;
  #unsaved: Partial<Parameters> = {};
  /** Numbers of parts, by their addresses. */
  readonly #unsent = new Map<string, number>();
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  #source: Buffering | undefined;

  constructor(model: ActMaxModel, onConnection: () => void) {
    this.#model = model;
    this.#onConnection = onConnection;
    const remember = (source?: unknown) => {
      this.#source = source as Buffering;
    };
    this.#scope.on(model, "change:iteration change:knobs", remember);
  }

  get connected(): boolean {
    return this.#loss === null;
  }

  /** Why it is not connected; `null` while it is. */
  get loss(): Loss | null {
    return this.#loss;
  }

  /** This kernel does not come back, although its last words may still be under way. */
  get isOver(): boolean {
    return this.#loss !== null && RANKS[this.#loss] >= RANKS.restarted;
  }

  found(): void {
    this.#setLoss(null);
  }

  lose(loss: Loss): void {
    if (this.#loss === null || RANKS[loss] > RANKS[this.#loss]) this.#setLoss(loss);
  }

  #setLoss(loss: Loss | null): void {
    if (loss === this.#loss) return;
    this.#loss = loss;
    this.#onConnection();
  }

  /** Never throws: a dead comm throws "Cannot send", some hosts reject a promise instead. */
  send(message: Outgoing, buffers?: ArrayBuffer[]): void {
    const lost = () => this.lose("unknown");
    try {
      Promise.resolve(this.#model.send(message, undefined, buffers) as unknown).catch(lost);
    } catch {
      lost();
    }
  }

  /** Everyone here sees the new values at once; the kernel at the next save. */
  change(parameters: Partial<Parameters>): void {
    Object.assign(this.#unsaved, parameters);
    this.#set(parameters);
    if (this.#saveTimer === undefined) this.#flush();
  }

  /** The same for a number of a part, which is no parameter: a command asks for it. */
  setKnob(name: string, value: number): void {
    this.#unsent.set(name, value);
    this.#note("knobs", { ...this.#model.get("knobs"), [name]: value });
    if (this.#saveTimer === undefined) this.#flush();
  }

  /** Tells jslink. */
  noteIteration(iteration: number): void {
    this.#note("iteration", iteration);
  }

  /**
   * Sets a fact without saving it. ipywidgets keeps every value that was set for the next
   * `save_changes`, so the fact would ride to the kernel on the next parameter: it is taken out
   * again. The proxy hides that buffer; a change event carries the model that has it.
   */
  #note<K extends "iteration" | "knobs">(name: K, value: Facts[K]): void {
    this.#model.set(name, value as Traits[K]);
    const buffered = this.#source?._buffered_state_diff;
    if (buffered) delete buffered[name];
  }

  /** What is not saved yet is saved now: a page may close right after a drag. */
  readonly cleanup: Cleanup = () => {
    this.#scope.cleanup();
    this.flush();
    clearTimeout(this.#saveTimer);
  };

  /** Saves at once what would be saved in a moment: before a command that is about the same things. */
  flush(): void {
    if (!this.#isBehind()) return;
    clearTimeout(this.#saveTimer);
    this.#flush();
  }

  #set(parameters: Partial<Parameters>): void {
    for (const [name, value] of Object.entries(parameters)) {
      this.#model.set(name as keyof Parameters, value);
    }
  }

  #flush(): void {
    if (this.#hasUnsaved()) this.#save();
    const unsent = [...this.#unsent];
    this.#unsent.clear();
    for (const [name, value] of unsent) this.send({ type: "set_knob", name, value });
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = undefined;
      if (this.#isBehind()) this.#flush();
    }, SAVE_INTERVAL_MS);
  }

  /** Set again before saving: an echo of an older value may have come in between. */
  #save(): void {
    this.#set(this.#unsaved);
    this.#unsaved = {};
    try {
      this.#model.save_changes();
    } catch {
      this.lose("unknown");
    }
  }

  #hasUnsaved(): boolean {
    return Object.keys(this.#unsaved).length > 0;
  }

  #isBehind(): boolean {
    return this.#hasUnsaved() || this.#unsent.size > 0;
  }
}
