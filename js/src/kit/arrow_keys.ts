import type { Scope } from "./scope";

/** Makes the buttons in `grid` one stop of the Tab key; the arrow keys, Home and End move among them. */
export function moveByArrowKeys(grid: HTMLElement, scope: Scope): void {
  const focused = (event: FocusEvent) => {
    const target = event.target as HTMLElement;
    if (target.parentElement !== grid) return;
    for (const stop of grid.querySelectorAll<HTMLElement>('[tabindex="0"]')) stop.tabIndex = -1;
    target.tabIndex = 0;
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const buttons = [...grid.children] as HTMLElement[];
    const from = buttons.indexOf(event.target as HTMLElement);
    const to = destination(event.key, from, buttons.length, () => columnsOf(buttons));
    if (from < 0 || to === null) return;
    // Or the grid would scroll beneath the focus that moves.
    event.preventDefault();
    buttons[to]?.focus();
  };
  scope.listen(grid, "focusin", focused);
  scope.listen(grid, "keydown", pressed);
}

/** `null` for a key that moves nothing; at an edge the focus stays. */
function destination(
  key: string,
  from: number,
  count: number,
  columns: () => number,
): number | null {
  const inside = (to: number) => (to >= 0 && to < count ? to : from);
  switch (key) {
    case "ArrowRight":
      return inside(from + 1);
    case "ArrowLeft":
      return inside(from - 1);
    case "ArrowDown":
      return inside(from + columns());
    case "ArrowUp":
      return inside(from - columns());
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** As many as stand in the first row: the browser decides how many fit. */
function columnsOf(buttons: HTMLElement[]): number {
  const below = buttons.findIndex(({ offsetTop }) => offsetTop !== buttons[0]?.offsetTop);
  return below < 0 ? buttons.length : below;
}
