import { nearest } from "../kernel/film";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { formatCount } from "../kit/format";
import { putPixels } from "../kit/pixels";
import { type Drawn, Scope } from "../kit/scope";
import { watchSight } from "../kit/sight";
import { watchWidth } from "../kit/width";
import { TEXTS } from "../texts";

/** CSS pixels of a picture of the strip, with the gap after it. */
const PLACE = 27;
const FEWEST = 2;
const MOST = 40;

interface Place {
  canvas: HTMLCanvasElement;
  painted: Uint8Array | null;
}

/** The whole run in one strip, and a handle where the cursor is: drawn along it, pictures and numbers of then are shown. */
export function createFilm(store: Store): Drawn {
  const scope = new Scope();
  const strip = h("div", { class: "actmax-strip" });
  const handle = h("div", { class: "actmax-handle" });
  const element = h(
    "div",
    {
      class: "actmax-film",
      role: "slider",
      tabindex: 0,
      "aria-label": TEXTS.film.label,
      "aria-valuemin": 0,
      "data-testid": "film",
      title: TEXTS.film.title,
    },
    strip,
    handle,
  );
  const places: Place[] = [];
  const { film, cursor } = store;
  const isInSight = watchSight(element, scope, () => draw());
  const width = watchWidth(strip, scope);

  const first = () => film.kept[0] ?? 0;
  /** Of its places the middle ones of first and last stand for the run's ends. */
  const toShare = (iteration: number) => {
    const [begin, end] = [first(), store.iteration];
    const share = end > begin ? (Math.max(begin, iteration) - begin) / (end - begin) : 1;
    const count = Math.max(1, places.length);
    return (0.5 + share * (count - 1)) / count;
  };
  const toIteration = (share: number) => {
    const along = (share * places.length - 0.5) / Math.max(1, places.length - 1);
    const [begin, end] = [first(), store.iteration];
    return begin + Math.min(1, Math.max(0, along)) * (end - begin);
  };
  let toldAt: number | null = null;
  const tell = () => {
    const { iteration, isPast } = cursor;
    toldAt = cursor.at;
    handle.style.left = `${100 * toShare(iteration)}%`;
    element.toggleAttribute("data-escape", isPast);
    element.setAttribute("aria-valuemax", String(store.iteration));
    element.setAttribute("aria-valuenow", String(iteration));
    const words = TEXTS.film.where(formatCount(iteration), formatCount(store.iteration));
    element.setAttribute("aria-valuetext", isPast ? words : TEXTS.film.newest(words));
  };
  const draw = () => {
    element.setAttribute("aria-disabled", String(store.iteration === 0));
    // The starting picture alone is no film.
    element.classList.toggle("actmax-film-empty", film.isEmpty || store.iteration === 0);
    // Nobody to ask, and nothing that came before: there is none to see.
    element.hidden = film.isEmpty && !store.link.connected;
    if (!isInSight()) return tell();
    const count = Math.round(width() / PLACE);
    layOut(strip, places, Math.min(MOST, Math.max(FEWEST, count)));
    tell();
    if (store.iteration > 0) film.show(places.length, store.iteration);
    // A picture that was opened out of many begins with itself: one is no row of thirteen.
    const isSingle = film.kept.length === 1;
    places.forEach((place, i) => {
      place.canvas.style.visibility = isSingle && i < places.length - 1 ? "hidden" : "";
      const still = film.small(toIteration((i + 0.5) / places.length));
      if (!still || still.pixels === place.painted) return;
      place.painted = still.pixels;
      putPixels(place.canvas, still.shape as [number, number, number], still.pixels);
    });
  };
  /** Where there is a picture, so that picture, row and curve are of one moment. */
  const go = ({ clientX }: MouseEvent) => {
    const { left, width } = strip.getBoundingClientRect();
    if (width === 0 || store.iteration === 0) return;
    const wanted = toIteration((clientX - left) / width);
    cursor.go(nearest(film.kept, wanted) ?? wanted);
  };
  const step = (steps: number) => {
    const kept = film.kept.length > 0 ? film.kept : [0, store.iteration];
    const before = kept.filter((one) => one < cursor.iteration).length;
    // Between two of them either neighbour is one step away.
    const isAt = kept[before] === cursor.iteration;
    const to = steps < 0 || isAt ? before + steps : before + steps - 1;
    cursor.go(kept[Math.max(0, to)] ?? null);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = {
      ArrowLeft: -1,
      ArrowDown: -1,
      PageDown: -5,
      ArrowRight: 1,
      ArrowUp: 1,
      PageUp: 5,
    }[event.key];
    if (steps !== undefined) step(event.shiftKey ? 5 * steps : steps);
    else if (event.key === "Home") cursor.go(first());
    else if (event.key === "End" || (event.key === "Escape" && cursor.isPast)) cursor.go(null);
    else return;
    event.preventDefault();
  };

  scope.listen(element, "pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture?.(event.pointerId);
    go(event);
  });
  scope.listen(element, "pointermove", (event) => {
    if (event.buttons === 1) go(event);
  });
  scope.listen(element, "keydown", pressed);
  // Not in the next animation frame: a thumb that lags behind is hard to hold.
  scope.add(
    store.subscribe(() => {
      if (cursor.at !== toldAt) tell();
    }),
  );
  draw();
  return { element, draw, cleanup: scope.cleanup };
}

function layOut(strip: HTMLElement, places: Place[], count: number): void {
  while (places.length < count) {
    const canvas = h("canvas", { "aria-hidden": "true", width: 1, height: 1 });
    places.push({ canvas, painted: null });
    strip.append(canvas);
  }
  while (places.length > count) places.pop()?.canvas.remove();
}
