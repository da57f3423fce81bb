import type { Scope } from "./scope";

/**
 * How wide an element is inside; 0 where it is not in the page. Asked of the page once for each size, as to ask in the middle
 * of drawing has the whole page laid out.
 */
export function watchWidth(
  element: HTMLElement,
  scope: Scope,
  changed: () => void = () => {},
): () => number {
  let width = 0;
  const observer = new ResizeObserver(() => {
    width = 0;
    changed();
  });
  observer.observe(element);
  scope.add(() => observer.unobserve(element));
  return () => {
    width ||= element.clientWidth;
    return width;
  };
}
