import type { Scope } from "./scope";

/**
 * Shows `element` on the whole screen and back again. Where that is refused (a frame of another site, a telephone) `instead` is
 * told to make it as large as the page allows.
 */
export function createFullScreen(
  element: HTMLElement,
  scope: Scope,
  { instead, changed }: { instead(large: boolean): void; changed(full: boolean): void },
): () => void {
  let isLarge = false;
  const isFull = () => element.ownerDocument.fullscreenElement === element;
  const enlarge = (large: boolean) => {
    isLarge = large;
    instead(large);
    changed(large);
  };
  const told = () => changed(isFull() || isLarge);
  element.addEventListener("fullscreenchange", told);
  scope.add(() => element.removeEventListener("fullscreenchange", told));
  return () => {
    if (isFull()) void element.ownerDocument.exitFullscreen();
    else if (isLarge || !element.requestFullscreen) enlarge(!isLarge);
    else element.requestFullscreen().catch(() => enlarge(true));
  };
}
