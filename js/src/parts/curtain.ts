/** Two pictures on top of each other, and between them a divider that is dragged, or moved by keys. */
import { h, setText } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

const WORDS = TEXTS.curtain;
/** Percent, by an arrow key; ten times as much by a page. */
const STEP = 2;

export interface Curtain extends Component {
  /** The divider; the pictures are put before it. */
  name(left: string, right: string): void;
}

/** `left` lies above `right` and is cut at the divider. */
export function createCurtain(left: HTMLElement, right: HTMLElement): Curtain {
  const scope = new Scope();
  const divider = h(
    "div",
    {
      ...{ class: "actmax-divider", role: "slider", tabindex: 0, title: WORDS.hint },
      ...{ "aria-label": WORDS.divider, "aria-orientation": "horizontal" },
      ...{ "aria-valuemin": 0, "aria-valuemax": 100, "data-testid": "divider" },
    },
    h("span", { class: "actmax-divider-grip", "aria-hidden": "true" }),
  );
  const [leftName, rightName] = ["left", "right"].map((side) =>
    h("span", {
      class: "actmax-on-picture actmax-side-name",
      "data-side": side,
      "aria-hidden": "true",
    }),
  ) as [HTMLElement, HTMLElement];
  left.classList.add("actmax-curtain-left");
  const element = h(
    "div",
    { class: "actmax-curtain", "data-testid": "curtain" },
    ...[right, left, leftName, rightName, divider],
  );
  let share = 50;
  let names: [string, string] = ["", ""];

  const set = (wanted: number) => {
    share = Math.min(100, Math.max(0, wanted));
    element.style.setProperty("--actmax-share-left", `${share}%`);
    divider.setAttribute("aria-valuenow", String(Math.round(share)));
    divider.setAttribute("aria-valuetext", WORDS.value(...names, Math.round(share)));
  };
  const go = ({ clientX }: MouseEvent) => {
    const { left: begin, width } = element.getBoundingClientRect();
    if (width > 0) set((100 * (clientX - begin)) / width);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 * STEP : STEP;
    const to = {
      ...{ ArrowLeft: share - step, ArrowDown: share - step, PageDown: share - 10 * STEP },
      ...{ ArrowRight: share + step, ArrowUp: share + step, PageUp: share + 10 * STEP },
      ...{ Home: 0, End: 100 },
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  };
  scope.listen(divider, "keydown", pressed);
  scope.listen(divider, "pointerdown", (event) => {
    if (event.button !== 0) return;
    divider.setPointerCapture?.(event.pointerId);
    event.preventDefault();
    divider.focus({ preventScroll: true });
  });
  scope.listen(divider, "pointermove", (event) => {
    if (event.buttons === 1) go(event);
  });
  set(share);
  return {
    element,
    cleanup: scope.cleanup,
    name(one, other) {
      names = [one, other];
      setText(leftName, one);
      setText(rightName, other);
      set(share);
    },
  };
}
