type Attributes = Record<string, string | number | boolean>;

/** Makes an element; `true` writes a bare attribute, `false` leaves it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** Writes only what changed, so that nothing is laid out or read aloud again for no reason. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

let used = 0;
/** Each widget of a page has a module of its own, whose numbers begin at 1 again. */
const OWN = Math.random().toString(36).slice(2, 8);

/** An id for `for` and `aria-describedby`, which divides ids by spaces; a page may hold many widgets and views. */
export const uniqueId = (stem: string): string =>
  `actmax-${stem.replaceAll(/[^\w-]+/g, "-")}-${OWN}-${++used}`;

/** Puts `children` into `parent` in this order. Whatever is there already stays: moved, it would lose its focus. */
export function arrange(parent: HTMLElement, children: readonly HTMLElement[]): void {
  for (const child of [...parent.children] as HTMLElement[])
    if (!children.includes(child)) child.remove();
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
