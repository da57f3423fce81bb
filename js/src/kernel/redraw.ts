import type { Drawn, Scope } from "../kit/scope";
import type { Store } from "./store";

/** Milliseconds between two drawings of what is read: numbers that change more often are a blur. */
const [LEAST_MS, MOST_MS] = [66, 400];
/** Frames with them take at most this share of the time: they have the page laid out, for which picture and run wait. */
const SHARE = 1 / 8;

type Drawing = Pick<Drawn, "draw">;

interface Parts {
  /** What is watched: drawn with each frame that comes. */
  watched: readonly Drawing[];
  /** What is read: during a run drawn now and then, and at once when a person moves the cursor or the run rests. */
  read?: readonly Drawing[];
}

/** However much arrives between two frames of the screen, it is drawn once. */
export function redraw(
  store: Store,
  { watched, read = [] }: Parts,
  scope: Scope,
  isRunning = () => false,
): void {
  let request: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** What a person asked to see: it is shown, in all parts, with the next frame. */
  const asked = () => `${store.cursor.at} ${store.frame?.best == null}`;
  let [dueAt, askedLast] = [Number.NEGATIVE_INFINITY, asked()];
  const drawRead = () => {
    const now = performance.now();
    const wait = dueAt - now;
    if (wait > 0 && asked() === askedLast && isRunning()) {
      timer ??= setTimeout(() => {
        timer = undefined;
        schedule();
      }, wait);
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    askedLast = asked();
    for (const part of read) part.draw();
    dueAt = now + LEAST_MS;
    // Once the page has laid out and painted what was written.
    setTimeout(() => {
      const taken = performance.now() - now;
      dueAt = now + Math.min(MOST_MS, Math.max(LEAST_MS, taken / SHARE));
    });
  };
  const draw = () => {
    request = undefined;
    for (const part of watched) part.draw();
    drawRead();
    store.drawn();
  };
  const schedule = () => {
    request ??= requestAnimationFrame(draw);
  };
  scope.add(store.subscribe(schedule));
  scope.add(() => {
    clearTimeout(timer);
    if (request !== undefined) cancelAnimationFrame(request);
  });
  schedule();
}
