/** Another name for a pin: a field in the place of its name. */
import { Pencil } from "lucide";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { icon } from "../kit/icons";
import { Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { createProblem } from "./problem";

const WORDS = TEXTS.compare;

/** What a person may need to tell pins apart; more would hide the pictures. */
const LONGEST = 60;

export function createRename(
  model: ActMaxModel,
  store: Store,
  title: HTMLElement,
  name: () => string,
) {
  const scope = new Scope();
  const button = h(
    "button",
    {
      ...{ type: "button", class: "actmax-quiet actmax-rename", title: WORDS.renameTitle },
      "data-testid": "rename",
    },
    icon(Pencil),
  );
  const field = h("input", { type: "text", maxlength: LONGEST, "data-testid": "new-name" });
  const problem = createProblem("new-name", [field]);
  const editor = h("span", { class: "actmax-new-name", hidden: true }, field, problem.element);
  const isOpen = () => !editor.hidden;

  const show = (open: boolean) => {
    editor.hidden = !open;
    title.hidden = button.hidden = open;
    problem.explain("");
  };
  const begin = () => {
    if (isOpen() || !store.link.connected) return;
    field.value = name();
    field.setAttribute("aria-label", WORDS.newName(name()));
    show(true);
    field.focus();
    field.select();
  };
  const wrong = (wanted: string): string => {
    if (wanted === "") return WORDS.nameless;
    const others = (model.get("pinned") ?? []).map((pin) => pin.name);
    return wanted !== name() && others.includes(wanted) ? WORDS.taken(wanted) : "";
  };
  /** What cannot be taken stays in its field, with the reason. */
  const take = () => {
    if (!isOpen()) return;
    const wanted = field.value.trim();
    const sentence = wrong(wanted);
    if (sentence !== "") {
      problem.explain(sentence);
      return;
    }
    show(false);
    if (wanted !== name()) store.link.send({ type: "rename_pin", name: name(), to: wanted });
  };

  scope.listen(button, "click", begin);
  scope.listen(title, "dblclick", begin);
  scope.listen(field, "input", () => problem.explain(""));
  scope.listen(field, "blur", take);
  scope.listen(field, "keydown", (event) => {
    // The widget has an Escape of its own, and a notebook an Enter.
    event.stopPropagation();
    if (event.key === "Enter") take();
    if (event.key === "Escape") show(false);
    if (event.key === "Enter" || event.key === "Escape") event.preventDefault();
    if (!isOpen()) button.focus();
  });
  return {
    button,
    editor,
    /** F2 anywhere in the figure. */
    listen(figure: HTMLElement) {
      scope.listen(figure, "keydown", (event) => {
        if (event.key !== "F2") return;
        event.preventDefault();
        begin();
      });
    },
    draw() {
      button.setAttribute("aria-label", WORDS.rename(name()));
      button.disabled = !store.link.connected;
    },
    cleanup: scope.cleanup,
  };
}
