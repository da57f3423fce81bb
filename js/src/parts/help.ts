import { h, setText, uniqueId } from "../kit/dom";

/**
 * Tells what `fields` are for: a pointer by a tooltip of `element`, a screen reader after all else about them. Returns what
 * changes the words.
 */
export function addHelp(
  element: HTMLElement,
  fields: readonly HTMLElement[],
  help: string,
): (help: string) => void {
  const words = h("span", { id: uniqueId("help"), hidden: true });
  const tell = (sentence: string) => {
    element.title = sentence;
    setText(words, sentence);
  };
  tell(help);
  element.append(words);
  for (const field of fields) {
    const others = field.getAttribute("aria-describedby");
    field.setAttribute("aria-describedby", others ? `${others} ${words.id}` : words.id);
  }
  return tell;
}
