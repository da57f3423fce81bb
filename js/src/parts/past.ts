import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatCount } from "../kit/format";
import { type Drawn, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** Says over the picture that it is not the newest, and leads back to that. */
export function createPast(store: Store): Drawn {
  const scope = new Scope();
  const words = h("span", { "data-testid": "past-words" });
  const newest = h(
    "button",
    { type: "button", title: TEXTS.past.newestTitle, "data-testid": "past-newest" },
    TEXTS.past.newest,
  );
  const element = h("div", { class: "actmax-past", "data-testid": "past" }, words, newest);
  const draw = () => {
    const { at } = store.cursor;
    if (at === null && element.contains(document.activeElement)) newest.blur();
    element.hidden = at === null;
    if (at === null) return;
    const shown = store.shown()?.iteration ?? at;
    const where = TEXTS.past.where(formatCount(at), formatCount(store.iteration));
    setText(words, shown === at ? where : TEXTS.past.nearest(where, formatCount(shown)));
  };
  scope.listen(newest, "click", () => store.cursor.go(null));
  draw();
  return { element, draw, cleanup: scope.cleanup };
}
