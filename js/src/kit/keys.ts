/**
 * Which keys are ours. JupyterLab looks at every key before anybody else does, and in its command mode "a" and "d d" act on
 * the cell, also with a button or a slider of ours in hand. What is typed here is ours; what goes with Ctrl, Cmd or Alt is
 * the host's, but for what edits a text.
 */
import type { Scope } from "./scope";

/** Lumino passes over keys pressed inside an element with this attribute. */
const SUPPRESS = "data-lm-suppress-shortcuts";
/** What is open and has this closes by Escape, which else leads back to the notebook. */
export const TAKES_ESCAPE = "data-takes-escape";
/** With Ctrl or Cmd, in a field. */
const EDITING = /^([acvxyz]|Arrow\w+|Backspace|Delete|Home|End)$/i;
/** With Shift as well: Ctrl+Shift+C is the palette, Ctrl+Shift+Z is redo. */
const SELECTING = /^(z|Arrow\w+|Home|End)$/i;

export function keepKeys(root: HTMLElement, scope: Scope): void {
  // On the window, in its first phase: Lumino listens there, one step further, to the document.
  const closes = ({ key }: KeyboardEvent) =>
    key === "Escape" && root.querySelector(`[${TAKES_ESCAPE}]:not([hidden])`) !== null;
  const decide = (event: KeyboardEvent) => {
    if (!event.composedPath().includes(root)) return;
    if (isOurs(event) || closes(event)) root.setAttribute(SUPPRESS, "true");
    else root.removeAttribute(SUPPRESS);
  };
  window.addEventListener("keydown", decide, true);
  scope.add(() => window.removeEventListener("keydown", decide, true));
  // Other hosts listen in the last phase.
  scope.listen(root, "keydown", (event) => {
    if (isOurs(event) || closes(event)) event.stopPropagation();
  });
}

export function isOurs(event: KeyboardEvent): boolean {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
  if (/^F\d+$/.test(key)) return false;
  const inText = isText(event.composedPath()[0]);
  // A field takes back what was typed; anywhere else it leads back to the notebook.
  // One that stands in the past goes back to the newest.
  if (key === "Escape") return inText || isWithin(event, "[data-escape]");
  if (!ctrlKey && !metaKey && !altKey) return true;
  // How many keyboards write "@" or "€".
  if (event.getModifierState("AltGraph")) return inText;
  return inText && (shiftKey ? SELECTING : EDITING).test(key);
}

const isWithin = (event: KeyboardEvent, selector: string): boolean =>
  (event.composedPath()[0] as Partial<Element> | undefined)?.matches?.(selector) ?? false;

const isText = (target: EventTarget | undefined): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=range], [type=checkbox])");
