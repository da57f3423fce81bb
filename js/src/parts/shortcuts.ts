import { Keyboard } from "lucide";
import { type ActMaxModel, isHidden } from "../kernel/model";
import { h, uniqueId } from "../kit/dom";
import { icon } from "../kit/icons";
import { TAKES_ESCAPE } from "../kit/keys";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** Keys that press a button, wherever in the widget the focus is; the first of several that can be pressed. */
const PRESSES: Record<string, readonly string[]> = {
  " ": ["pause", "run"],
  r: ["rewind"],
  b: ["branch"],
};
/** What a key is for, and the parts without which it is for nothing. */
const LIST: readonly (readonly [keys: string, words: string, needs: readonly string[]])[] = [
  [...TEXTS.shortcuts.run, ["run", "pause"]],
  [...TEXTS.shortcuts.rewind, ["rewind"]],
  [...TEXTS.shortcuts.branch, ["branch"]],
  [...TEXTS.shortcuts.zoom, ["zoom-in"]],
  [...TEXTS.shortcuts.arrows, []],
  [...TEXTS.shortcuts.reset, ["weights"]],
  [...TEXTS.shortcuts.list, []],
];
/** These take letters, or the space bar, themselves. */
const TYPED = "input:not([type=range], [type=checkbox]), select, textarea, [contenteditable]";
const PRESSED = `${TYPED}, button, summary, a, input[type=checkbox]`;

/** The keys of the whole widget: they press its buttons, and "?" opens a list of them. */
export function createShortcuts(model: ActMaxModel, root: HTMLElement): Component {
  const scope = new Scope();
  const { element, opener, panel, list } = createParts();
  let isOpen = false;
  let before: HTMLElement | null = null;

  const find = (testId: string) => {
    const found = root.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
    return found?.closest("[data-locked], [hidden]") ? null : found;
  };
  const rows = () =>
    LIST.filter(([, , needs]) => needs.length === 0 || needs.some(find)).flatMap(
      ([keys, words]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, words)],
    );
  const open = (show: boolean) => {
    isOpen = show;
    panel.hidden = !show;
    opener.setAttribute("aria-expanded", String(show));
    if (show) {
      before = document.activeElement as HTMLElement | null;
      list.replaceChildren(...rows());
      panel.focus();
    } else if (before && root.contains(before)) before.focus();
  };
  const toggle = () => {
    if (!isHidden(model, "keys")) open(!isOpen);
    return true;
  };
  /** Whether there was something to press. */
  const press = (testIds: readonly string[]) => {
    const button = testIds.map(find).find((one) => one && !(one as HTMLButtonElement).disabled);
    button?.click();
    return button !== undefined;
  };
  const act = ({ key, repeat }: KeyboardEvent) =>
    key === "?" ? toggle() : (repeat && key in PRESSES) || press(PRESSES[key.toLowerCase()] ?? []);
  const pressed = (event: KeyboardEvent) => {
    const isPlain = !(event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey);
    const isTaken = (event.target as HTMLElement).closest(event.key === " " ? PRESSED : TYPED);
    if (!isPlain || isTaken) return;
    // The space bar would scroll the page.
    if (act(event)) event.preventDefault();
  };

  scope.listen(root, "keydown", (event) => {
    if (event.key === "Escape" && isOpen) open(false);
    else pressed(event);
  });
  scope.listen(opener, "click", toggle);
  return { element, cleanup: scope.cleanup };
}

function createParts() {
  const id = uniqueId("keys");
  const opener = h(
    "button",
    {
      ...{
        type: "button",
        class: "actmax-quiet",
        title: TEXTS.shortcuts.title,
        "aria-label": TEXTS.shortcuts.label,
      },
      ...{ "aria-expanded": "false", "aria-controls": id, "data-testid": "keys" },
    },
    icon(Keyboard),
  );
  const list = h("dl");
  const panel = h(
    "div",
    {
      ...{
        id,
        class: "actmax-keys",
        role: "dialog",
        "aria-label": TEXTS.shortcuts.label,
        tabindex: -1,
      },
      ...{ [TAKES_ESCAPE]: true, hidden: true, "data-testid": "key-list" },
    },
    list,
  );
  const element = h("div", { class: "actmax-keys-place" }, opener, panel);
  return { element, opener, panel, list };
}
