import type { LineInfo } from "../kernel/contract";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h } from "../kit/dom";
import { formatCount } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** The lines of the run, where it went back and took another way; a click opens one. Hidden while there is but one. */
export function createLines(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const list = h("ul", {
    class: "actmax-lines",
    "aria-label": TEXTS.lines.label,
    "data-testid": "lines",
  });
  const show = () => {
    const lines = model.get("lines") ?? [];
    const focused = [...list.children].findIndex((one) => one.contains(document.activeElement));
    list.hidden = lines.length === 0;
    list.replaceChildren(...lines.map((line) => h("li", {}, createButton(line, store))));
    if (focused >= 0) list.children[focused]?.querySelector("button")?.focus();
  };
  scope.on(model, "change:lines", show);
  show();
  return { element: list, cleanup: scope.cleanup };
}

function createButton(line: LineInfo, store: Store): HTMLElement {
  const { name, parent, iteration, made } = line;
  const isInFront = made === null;
  const origin = parent && TEXTS.lines.origin(parent, formatCount(iteration));
  const far = isInFront ? TEXTS.lines.inFront : TEXTS.lines.waits(formatCount(made));
  const button = h(
    "button",
    {
      type: "button",
      class: "actmax-line",
      title: [name, origin, far].filter(Boolean).join(", "),
      "data-testid": `line-${name}`,
      ...(isInFront ? { "aria-current": "true" } : {}),
    },
    name,
    ...(parent ? [h("small", {}, ` ${parent} ${formatCount(iteration)}`)] : []),
  );
  button.addEventListener("click", () => {
    if (!isInFront) store.link.send({ type: "open_branch", name });
  });
  return button;
}
