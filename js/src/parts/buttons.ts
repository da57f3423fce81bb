import { type ActMaxModel, isBusy, type RunCommand } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";

const COMMANDS: Record<RunCommand, string> = {
  start: "Run",
  pause: "Pause",
  step: "Step",
  reset: "Reset",
  rewind: "Rewind",
  branch: "Branch",
};
const HINTS: Record<RunCommand, string> = {
  start: "Run, or go on from here",
  pause: "Pause after the current step",
  step: "Make one step",
  reset: "Discard the picture and the losses",
  rewind: "Go back to the iteration at the cursor; what was made after it goes",
  branch: "Go on from the iteration at the cursor another way; what was made stays as a branch",
};

/** Run, Pause, Step and Reset, and the ways back, each only where it does something. */
export function createButtons(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const buttons = Object.entries(COMMANDS).map(
    ([command, name]) =>
      [command as RunCommand, createButton(command as RunCommand, name)] as const,
  );
  const element = h(
    "div",
    { class: "actmax-buttons", role: "group", "aria-label": "Run control" },
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

function createButton(command: RunCommand, name: string): HTMLButtonElement {
  return h(
    "button",
    {
      type: "button",
      class: `actmax-button actmax-${command}`,
      title: HINTS[command],
      "data-testid": name.toLowerCase(),
    },
    name,
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
