import { type ActMaxModel, isBusy, type RunCommand } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

const COMMANDS: readonly RunCommand[] = ["start", "pause", "step", "reset", "rewind", "branch"];

/** Run, Pause, Step and Reset, and the ways back, each only where it does something. */
export function createButtons(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const buttons = COMMANDS.map((command) => [command, createButton(command)] as const);
  const element = h(
    "div",
    { class: "actmax-buttons", role: "group", "aria-label": TEXTS.buttons.label },
    ...buttons.map(([, button]) => button),
  );
  // A button that is switched off under the keyboard loses its focus; it goes to the one that now works.
  let hadFocus = false;

  const refresh = () => {
    hadFocus ||= element.contains(document.activeElement);
    for (const [command, button] of buttons) {
      button.disabled = !isOffered(command, model, store);
      button.classList.toggle("actmax-pending", store.pending === command);
    }
    if (hadFocus && store.pending === null) {
      hadFocus = false;
      if (isLost(document.activeElement))
        buttons.find(([, { disabled }]) => !disabled)?.[1].focus();
    }
  };

  for (const [command, button] of buttons) {
    scope.listen(button, "click", () => store.command(command));
  }
  scope.add(store.subscribe(refresh));
  refresh();
  return { element, cleanup: scope.cleanup };
}

function createButton(command: RunCommand): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      class: `actmax-button actmax-${command}`,
      title: TEXTS.buttons.titles[command],
      "data-testid": command === "start" ? "run" : command,
    },
    TEXTS.buttons.names[command],
  );
}

function isOffered(command: RunCommand, model: ActMaxModel, store: Store): boolean {
  const busy = isBusy(model.get("status"));
  // Steps may be clicked in a row; the others wait for the kernel's answer.
  if (store.pending === command && command !== "step") return false;
  if (command === "pause") return busy;
  if (command === "rewind" || command === "branch") return store.cursor.isPast;
  if (command === "reset") return store.iteration > 0 || store.rows.count > 0;
  // Of the picture in front; the tiles pause for it.
  return !busy || store.atTiles;
}

const isLost = (focused: Element | null): boolean =>
  focused === null || focused === document.body || focused.matches(":disabled");
