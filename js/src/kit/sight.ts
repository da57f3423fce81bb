import type { Scope } from "./scope";

/** Whether an element is where somebody may see it: in the page, in a tab that is open, not scrolled away. */
export function watchSight(
  element: HTMLElement,
  scope: Scope,
  appeared: () => void,
): () => boolean {
  let isInSight = false;
  const observer = new IntersectionObserver((entries) => {
    isInSight = entries.at(-1)?.isIntersecting ?? false;
    if (isInSight) appeared();
  });
  observer.observe(element);
  scope.add(() => observer.disconnect());
  return () => isInSight && !document.hidden;
}
