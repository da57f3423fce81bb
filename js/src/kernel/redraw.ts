import type { Drawn, Scope } from "../kit/scope";
import type { Store } from "./store";

/** However much arrives between two frames of the screen, it is drawn once. */
export function redraw(store: Store, drawn: readonly Drawn[], scope: Scope): void {
  let request: number | undefined;
  const draw = () => {
    request = undefined;
    for (const part of drawn) part.draw();
    store.drawn();
  };
  const schedule = () => {
    request ??= requestAnimationFrame(draw);
  };
  scope.add(store.subscribe(schedule));
  scope.add(() => request !== undefined && cancelAnimationFrame(request));
  schedule();
}
