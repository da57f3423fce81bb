import type { ActMaxModel } from "../kernel/model";

/** Everything a component holds on to, let go of at once. */
export type Cleanup = () => void;

export class Scope {
  readonly #controller = new AbortController();

  /** Runs `cleanup` with all the others. */
  add(cleanup: Cleanup): void {
    this.#controller.signal.addEventListener("abort", cleanup, { once: true });
  }

  /** Listens to an element. */
  listen<K extends keyof HTMLElementEventMap>(
    target: HTMLElement,
    event: K,
    handler: (event: HTMLElementEventMap[K]) => void,
  ): void {
    target.addEventListener(event, handler, { signal: this.#controller.signal });
  }

  /** Listens to the model; several events may be given, divided by spaces. */
  on(model: ActMaxModel, events: string, handler: (content?: unknown) => void): void {
    for (const event of events.split(" ")) {
      model.on(event, handler);
      this.add(() => model.off(event, handler));
    }
  }

  readonly cleanup: Cleanup = () => this.#controller.abort();
}

/** A component owns one element. */
export interface Component {
  element: HTMLElement;
  cleanup: Cleanup;
}

/** A component that shows what frames bring, and so is redrawn with each. */
export interface Drawn extends Component {
  draw(): void;
}
