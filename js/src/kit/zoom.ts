import Panzoom, { type PanzoomObject } from "@panzoom/panzoom";
import type { Scope } from "./scope";

/** A pixel of a picture of 1,000 in a frame of 300 is then some ten pixels of the screen. */
const MOST = 40;
/** A key or a button makes it half as large again. */
const STEP = 0.4;
/** Of the frame, by one arrow key. */
const SHARE = 0.1;
const UNBOUND: object = { contain: undefined };

/** How far a picture is zoomed, and to where it is moved. */
export interface Place {
  scale: number;
  x: number;
  y: number;
}

export interface Zoom {
  readonly scale: number;
  readonly place: Place;
  /** Follows another one, at once and without telling. */
  take(place: Place): void;
  closer(): void;
  farther(): void;
  /** All of it, as it began. */
  fit(): void;
  /** What stands in the middle of the frame, told from the middle of the stage. */
  centre(): readonly [x: number, y: number];
  /** Brings a place of the stage, told in the same way, to the middle, as far as the stage reaches. */
  show(place: readonly [x: number, y: number], scale?: number): void;
  /** To be called once the frame is in the page. */
  begin(): void;
}

/**
 * Zooms and moves `stage` in `frame`, which takes the keys: by a wheel with Ctrl and by two fingers, by keys, by dragging once
 * it is larger than the frame. A wheel alone and a single finger scroll the page.
 */
export function createZoom(
  frame: HTMLElement,
  stage: HTMLElement,
  scope: Scope,
  changed: () => void,
): Zoom {
  let panzoom: PanzoomObject | undefined;
  const animate = () => !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const scale = () => panzoom?.getScale() ?? 1;
  const isLarge = () => scale() > 1.001;

  const begin = () => {
    // It refuses what is not in the page yet, and hosts put a view there when it is made.
    if (panzoom || !stage.isConnected) return;
    panzoom = Panzoom(stage, {
      ...{ contain: "outside", minScale: 1, maxScale: MOST, step: STEP, panOnlyWhenZoomed: true },
      ...{ cursor: "", touchAction: "pan-x pan-y", duration: 120 },
      // A picture that cannot be moved is scrolled over, and a click gives the focus to the frame.
      handleStartEvent(event: Event) {
        if (!isLarge()) return;
        event.preventDefault();
        frame.focus({ preventScroll: true });
      },
    });
  };
  const mark = () => {
    const large = isLarge();
    if (frame.hasAttribute("data-zoomed") === large) return;
    frame.toggleAttribute("data-zoomed", large);
    panzoom?.setOptions({ touchAction: large ? "none" : "pan-x pan-y" });
  };
  const apply = () => {
    mark();
    changed();
  };
  const closer = () => panzoom?.zoomIn({ animate: animate() });
  const farther = () => panzoom?.zoomOut({ animate: animate() });
  const fit = () => panzoom?.reset({ animate: animate() });
  const move = (x: number, y: number) => {
    const [dx, dy] = [x * frame.clientWidth * SHARE, y * frame.clientHeight * SHARE];
    panzoom?.pan(dx / scale(), dy / scale(), { relative: true, animate: animate() });
  };

  const centre = (): [number, number] => {
    const { x, y } = panzoom?.getPan() ?? { x: 0, y: 0 };
    return [-x, -y];
  };
  const show = ([x, y]: readonly [number, number], to = scale()) => {
    const isMoved = to === scale();
    panzoom?.setOptions({ maxScale: Math.max(MOST, 2 * to) });
    panzoom?.zoom(to, { animate: false });
    // Panzoom measures how far it may go in the page, which it changes a frame later.
    const reach = (1 - 1 / scale()) / 2;
    const within = (value: number, size: number) =>
      Math.max(-size * reach, Math.min(size * reach, value));
    const [left, top] = [within(-x, stage.clientWidth), within(-y, stage.clientHeight)];
    panzoom?.pan(left, top, { ...UNBOUND, force: true, animate: isMoved && animate() });
  };

  const keys: Record<string, () => void> = {
    "+": closer,
    "=": closer,
    "-": farther,
    "0": fit,
  };
  const arrows: Record<string, () => void> = {
    ArrowLeft: () => move(1, 0),
    ArrowRight: () => move(-1, 0),
    ArrowUp: () => move(0, 1),
    ArrowDown: () => move(0, -1),
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.target !== frame || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key] ?? (isLarge() ? arrows[event.key] : undefined);
    if (!act) return;
    event.preventDefault();
    act();
  };
  const wheeled = (event: WheelEvent) => {
    // A trackpad's pinch comes as a wheel with Ctrl, too.
    if (!(event.ctrlKey || event.metaKey) || !panzoom) return;
    event.preventDefault();
    panzoom.zoomWithWheel(event, { step: STEP });
  };

  scope.listen(frame, "keydown", pressed);
  scope.listen(frame, "wheel", wheeled);
  stage.addEventListener("panzoomchange", apply);
  scope.add(() => {
    stage.removeEventListener("panzoomchange", apply);
    panzoom?.destroy();
  });
  return {
    get scale() {
      return scale();
    },
    get place() {
      return { scale: scale(), ...(panzoom?.getPan() ?? { x: 0, y: 0 }) };
    },
    take(place) {
      // Contained it would be measured as it stands in the page, a frame behind; the other one is contained already.
      const quietly = { ...UNBOUND, animate: false, silent: true, force: true };
      panzoom?.zoom(place.scale, quietly);
      panzoom?.pan(place.x, place.y, quietly);
      mark();
    },
    ...{ closer, farther, fit, begin, centre, show },
  };
}
