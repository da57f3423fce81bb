/** What went wrong with the run, or is odd about it: one note at a time, beneath the chart. */
import type { NoteInfo } from "../kernel/contract";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** The first note that nobody has dismissed, with its remedy as a button. Without a kernel there are no buttons. */
export function createNotes(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const text = h("p", { role: "status", "data-testid": "note-text" });
  const count = h("span", { class: "actmax-note-count", "data-testid": "note-count" });
  const apply = h("button", { type: "button", "data-testid": "note-apply" });
  const dismiss = h(
    "button",
    {
      type: "button",
      class: "actmax-quiet",
      title: TEXTS.notes.dismissTitle,
      "data-testid": "note-dismiss",
    },
    TEXTS.notes.dismiss,
  );
  const ends = h("div", { class: "actmax-note-ends" }, count, apply, dismiss);
  const element = h("div", { class: "actmax-advice", "data-testid": "notes" }, text, ends);
  let shown: NoteInfo | undefined;

  const show = () => {
    const notes = model.get("advice") ?? [];
    const hadFocus = ends.contains(document.activeElement);
    shown = notes[0];
    element.toggleAttribute("data-empty", !shown);
    ends.hidden = !shown;
    // The region stays: a screen reader hears what comes into one that it knows.
    setText(text, shown?.text ?? "");
    setText(count, notes.length > 1 ? TEXTS.notes.of(notes.length) : "");
    setText(apply, shown?.button ?? "");
    const { connected } = store.link;
    apply.hidden = !connected || !shown?.button;
    dismiss.hidden = !connected;
    if (hadFocus) keepFocus(dismiss, element);
  };
  const send = (type: "apply_note" | "dismiss_note") => () => {
    if (!shown) return;
    store.link.flush(); // what was typed a moment ago comes first
    store.link.send({ type, name: shown.name });
  };
  scope.listen(apply, "click", send("apply_note"));
  scope.listen(dismiss, "click", send("dismiss_note"));
  scope.on(model, "change:advice", show);
  scope.add(store.subscribe(show));
  show();
  return { element, cleanup: scope.cleanup };
}

/** What had the focus may be gone with its note: it goes to the next note's button, or to the instrument. */
function keepFocus(dismiss: HTMLElement, element: HTMLElement): void {
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && element.contains(focused) && !focused.closest("[hidden]"))
    return;
  if (dismiss.closest("[hidden]")) element.closest<HTMLElement>(".actmax")?.focus();
  else dismiss.focus();
}
