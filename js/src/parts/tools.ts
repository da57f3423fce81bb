import { Expand, Shrink } from "lucide";
import { h } from "../kit/dom";
import { createFullScreen } from "../kit/full_screen";
import { icon } from "../kit/icons";
import type { Scope } from "../kit/scope";
import { TEXTS } from "../texts";

type Sign = Parameters<typeof icon>[0];

/** A button that shows a sign and is called by `words`. */
export function createTool(testId: string, words: string, sign: Sign): HTMLButtonElement {
  const button = h("button", { type: "button", "data-testid": testId }, icon(sign));
  name(button, words);
  return button;
}

export const createFullTool = (testId: string): HTMLButtonElement =>
  createTool(testId, TEXTS.picture.full, Expand);

/** The button then shows `frame` on the whole screen and back again; where that is refused `element` takes all its place. */
export function showFullBy(
  button: HTMLElement,
  { frame, element }: { frame: HTMLElement; element: HTMLElement },
  scope: Scope,
): void {
  const toggle = createFullScreen(frame, scope, {
    instead: (large) => element.classList.toggle("actmax-wide", large),
    changed: (full) => {
      button.replaceChildren(icon(full ? Shrink : Expand));
      name(button, full ? TEXTS.picture.leaveFull : TEXTS.picture.full);
    },
  });
  scope.listen(button, "click", toggle);
}

function name(button: HTMLElement, words: string): void {
  button.setAttribute("aria-label", words);
  button.title = words;
}
