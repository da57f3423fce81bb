/** A locked subset for lessons: what `ui` hides is neither drawn nor reached, and its words stand above the rest. */
import { type ActMaxModel, isHidden } from "../kernel/model";
import { h, setText } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";

/** Elements say what they are, most by `data-part`; buttons of the run by their test ids. */
const NAMED = "[data-part], .actmax-buttons > button[data-testid]";
/** Whatever may bring new elements. */
const CHANGES = "change:ui change:knob_controls change:parts change:absent";

/** The words; as long as it lives, `root` shows no more than it may. To be made after all that is in `root`. */
export function createLesson(model: ActMaxModel, root: HTMLElement): Component {
  const scope = new Scope();
  const element = h("p", { class: "actmax-lesson", "data-testid": "lesson" });
  const show = () => {
    setText(element, model.get("ui")?.text ?? "");
    element.hidden = element.textContent === "";
    for (const part of root.querySelectorAll<HTMLElement>(NAMED)) {
      const { part: name, testid } = part.dataset;
      part.toggleAttribute("data-locked", isHidden(model, name ?? testid ?? ""));
    }
  };
  scope.on(model, CHANGES, show);
  show();
  return { element, cleanup: scope.cleanup };
}
