import { h, setText, uniqueId } from "../kit/dom";
import { REVEAL } from "../kit/reveal";
import { type Drawn, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** CSS pixels: narrower than this its parts stand one below the other, as in the style sheet. */
const LIST_WIDTH = 480;

export interface Section {
  /** Of the tab, and of the heading where there are no tabs. */
  title: string;
  testId: string;
  element: HTMLElement;
  /** Whether there is anything to see; always, unless told. */
  isOffered?(): boolean;
  /** Another value: what is new in it is to be seen at once. */
  news?(): unknown;
}

/**
 * What is looked up now and then, a tab each (the tabs pattern of WAI-ARIA, with one stop of the Tab key). In a narrow
 * column they are a list under headings.
 */
export function createDrawer(sections: readonly Section[]): Drawn {
  const scope = new Scope();
  const parts = sections.map((section) => ({
    ...createPart(section),
    section,
    seen: undefined as unknown,
  }));
  type Part = (typeof parts)[number];
  const bar = h("div", { class: "actmax-tabs", role: "tablist", "aria-label": TEXTS.drawer.label });
  bar.append(...parts.map(({ tab }) => tab));
  const element = h("div", { class: "actmax-drawer" }, bar, ...parts.map(({ panel }) => panel));
  let chosen = parts[0];
  let isList = false;

  const offered = () => parts.filter(({ section }) => section.isOffered?.() ?? true);
  const draw = () => {
    const present = offered();
    for (const part of parts) {
      const news = part.section.news?.();
      if (news !== part.seen && present.includes(part)) chosen = part;
      part.seen = news;
    }
    if (!chosen || !present.includes(chosen)) chosen = present[0];
    for (const part of parts) show(part, present.includes(part), part === chosen, isList);
    bar.hidden = isList;
  };
  const choose = (part: Part | undefined, isFocused = false) => {
    chosen = part ?? chosen;
    draw();
    if (isFocused) chosen?.tab.focus();
  };

  for (const part of parts) scope.listen(part.tab, "click", () => choose(part));
  const reveal = ({ target }: Event) =>
    choose(parts.find(({ panel }) => panel.contains(target as Node)));
  element.addEventListener(REVEAL, reveal);
  scope.listen(bar, "keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const present = offered();
    const at = chosen ? present.indexOf(chosen) : 0;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(present.at(to % present.length), true);
  });
  const observer = new ResizeObserver(([entry]) => {
    const width = entry?.contentRect.width ?? 0;
    if (width === 0 || width < LIST_WIDTH === isList) return;
    isList = width < LIST_WIDTH;
    draw();
  });
  observer.observe(element);
  scope.add(() => observer.unobserve(element));
  draw();
  return { element, draw, cleanup: scope.cleanup };
}

function createPart({ title, testId, element }: Section) {
  const [tabId, panelId] = [uniqueId("tab"), uniqueId("panel")];
  const tab = h(
    "button",
    { type: "button", class: "actmax-tab", role: "tab", id: tabId, "data-testid": `tab-${testId}` },
    title,
  );
  const heading = h("h4", { class: "actmax-tab-heading" }, title);
  const panel = h("div", { class: "actmax-panel", id: panelId }, heading, element);
  tab.setAttribute("aria-controls", panelId);
  return { tab, panel, heading, title };
}

type Shown = Pick<ReturnType<typeof createPart>, "tab" | "panel" | "heading" | "title">;

function show(
  { tab, panel, heading, title }: Shown,
  isPresent: boolean,
  isChosen: boolean,
  isList: boolean,
) {
  tab.hidden = !isPresent;
  tab.tabIndex = isChosen ? 0 : -1;
  tab.setAttribute("aria-selected", String(isChosen));
  panel.hidden = !isPresent || !(isChosen || isList);
  heading.hidden = !isList;
  setText(heading, title);
  panel.setAttribute("role", isList ? "group" : "tabpanel");
  panel.setAttribute("aria-labelledby", tab.id);
}
