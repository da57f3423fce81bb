import { afterEach, beforeEach, vi } from "vitest";
import type { Traits } from "../src/kernel/model";
import createWidget from "../src/widget";
import { FakeKernel, FakeModel } from "./fake_model";

type Render = (props: { model: unknown; el: HTMLElement }) => () => void;

/** What was painted on any canvas, newest last; the DOM of the tests has no pixels of its own. */
export const painted: Uint8ClampedArray[] = [];

/** A table nine rows high, a canvas that remembers, all tiles in sight, and time that stands still until told. */
export function standInForBrowser(): void {
  beforeEach(() => {
    painted.length = 0;
    Sight.all.clear();
    vi.useFakeTimers();
    vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(225);
    vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
    vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(scrollHeight);
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context() as never);
    vi.stubGlobal("IntersectionObserver", Sight);
    vi.stubGlobal("Path2D", Silent);
  });
  afterEach(() => {
    document.body.replaceChildren();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}

/** Tells a moment later, as the browser does, that whatever is observed is in sight. */
export class Sight {
  static readonly all = new Set<Sight>();
  readonly #report: (entries: { target: Element; isIntersecting: boolean }[]) => void;
  readonly #targets = new Set<Element>();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(report: (entries: { target: Element; isIntersecting: boolean }[]) => void) {
    this.#report = report;
  }

  observe(target: Element): void {
    Sight.all.add(this);
    this.#targets.add(target);
    this.#timers.push(setTimeout(() => this.tell([target], true)));
  }

  tell(targets: Element[], isIntersecting: boolean): void {
    const observed = targets.filter((target) => this.#targets.has(target));
    if (observed.length > 0) this.#report(observed.map((target) => ({ target, isIntersecting })));
  }

  disconnect(): void {
    this.#targets.clear();
    for (const timer of this.#timers) clearTimeout(timer);
    Sight.all.delete(this);
  }
}

/** As if `targets` had been scrolled out of sight, or back. */
export function scrolled(targets: Element[], inSight: boolean): void {
  for (const sight of Sight.all) sight.tell(targets, inSight);
}

function scrollHeight(this: HTMLElement): number {
  const body = this.querySelector<HTMLElement>(".actmax-table-body");
  return 27 + Number.parseFloat(body?.style.height || "0");
}

/** Takes whatever is drawn with it. */
const Silent = function Path() {
  return new Proxy({}, { get: () => () => ({ width: 10 }), set: () => true });
};

function context() {
  const known = {
    createImageData: (width: number, height: number) => ({
      data: new Uint8ClampedArray(width * height * 4),
    }),
    putImageData: (image: { data: Uint8ClampedArray }) => painted.push(image.data),
    drawImage: () => painted.push(new Uint8ClampedArray()),
  };
  return new Proxy(known, {
    get: (own, name) => own[name as keyof typeof known] ?? (() => ({ width: 10 })),
    set: () => true,
  });
}

/** Two animation frames: whatever was to be drawn is drawn. */
export const nextFrame = (): void => {
  vi.advanceTimersByTime(40);
};

export interface View {
  el: HTMLElement;
  root: HTMLElement;
  part(testId: string): HTMLElement;
  field(testId: string): HTMLInputElement;
  type(testId: string, text: string): void;
  slide(testId: string, position: number): void;
  rowTexts(): string[][];
  cleanup(): void;
}

export interface Page {
  model: FakeModel;
  kernel: FakeKernel;
  render(el?: HTMLElement): View;
  /** anywidget's cleanup of the model. */
  cleanup(): void;
}

export function open(over: Partial<Traits> = {}, manager?: unknown): Page {
  const model = new FakeModel(over);
  model.manager = manager;
  const widget = (createWidget as () => { initialize: Render; render: Render })();
  const { proxy } = model;
  const cleanup = widget.initialize({ model: proxy, el: document.body });
  const render = (el = document.createElement("div")) => {
    document.body.append(el);
    return viewOf(el, widget.render({ model: proxy, el }));
  };
  return { model, kernel: new FakeKernel(model), render, cleanup };
}

function viewOf(el: HTMLElement, cleanup: () => void): View {
  const part = (testId: string): HTMLElement => {
    const found = el.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
    if (!found) throw new Error(`There is no ${testId} in the view.`);
    return found;
  };
  const field = (testId: string) => part(testId) as HTMLInputElement;
  const enter = (testId: string, text: string, ...events: string[]) => {
    field(testId).value = text;
    for (const event of events) field(testId).dispatchEvent(new Event(event, { bubbles: true }));
  };
  return {
    el,
    root: el.firstElementChild as HTMLElement,
    part,
    field,
    type: (testId, text) => enter(testId, text, "input", "change"),
    slide: (testId, position) => enter(testId, String(position), "input"),
    rowTexts: () =>
      [...el.querySelectorAll<HTMLElement>(".actmax-table-body [role=row]")]
        .filter((row) => !row.hidden)
        .map((row) => [...row.children].map((cell) => cell.textContent ?? ""))
        .sort((a, b) => Number(a[0]) - Number(b[0])),
    cleanup,
  };
}
