/** Whatever an element lies in is asked to show it: a tab that is not open. */
export const REVEAL = "actmax-reveal";

export const reveal = (element: HTMLElement): void => {
  element.dispatchEvent(new CustomEvent(REVEAL, { bubbles: true }));
};
