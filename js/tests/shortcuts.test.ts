import { describe, expect, it } from "vitest";
import type { Traits } from "../src/kernel/model";
import { open, standInForBrowser } from "./page";

standInForBrowser();

const press = (target: Element | null, key: string, more: KeyboardEventInit = {}) => {
  const event = new KeyboardEvent("keydown", {
    ...{ key, bubbles: true, cancelable: true, composed: true },
    ...more,
  });
  target?.dispatchEvent(event);
  return event.defaultPrevented;
};

function opened(over: Partial<Traits> = {}) {
  const page = open(over);
  const view = page.render();
  const commands = () => page.model.sentTypes().filter((type) => type !== "hello");
  return { ...page, view, commands };
}

describe("the space bar", () => {
  it("runs and pauses, and does not scroll the page", () => {
    const { model, view, commands } = opened();
    expect(press(view.root, " ")).toBe(true);
    model.update({ status: "running" });
    expect(press(view.part("picture-frame"), " ")).toBe(true);
    model.update({ status: "paused" });
    press(view.part("tv-weight-slider"), " ");
    expect(commands()).toEqual(["start", "pause", "start"]);
  });

  it.each(["step", "filters", "tv-weight-value", "layer", "clip"])(
    "is left to what uses it itself: %s",
    (testId) => {
      const { view, commands } = opened();
      expect([press(view.part(testId), " "), commands()]).toEqual([false, []]);
    },
  );

  it("does nothing where a lesson has no such buttons, with Ctrl, or while it is held down", () => {
    const { model, view, commands } = opened({ ui: { hide: ["buttons"] } });
    expect(press(view.root, " ")).toBe(false);
    model.update({ ui: {} });
    expect(press(view.root, " ", { ctrlKey: true })).toBe(false);
    press(view.root, " ", { repeat: true });
    expect(commands()).toEqual([]);
  });
});

describe("R and B", () => {
  it("press the buttons of that name where they can be pressed", () => {
    const { view } = opened();
    const clicked: string[] = [];
    for (const testid of ["rewind", "branch"] as const) {
      view.part(testid).addEventListener("click", () => clicked.push(testid));
    }
    expect(press(view.root, "r")).toBe(false); // the newest picture is in front
    view.field("rewind").disabled = false;
    press(view.part("run"), "r");
    view.field("branch").disabled = false; // none can be pressed while one is answered
    press(view.root, "B", { shiftKey: true });
    expect(clicked).toEqual(["rewind", "branch"]);
    press(view.part("filters"), "r");
    press(view.part("layer"), "b");
    view.field("rewind").disabled = true;
    press(view.root, "r");
    expect(clicked).toEqual(["rewind", "branch"]);
  });
});

describe("the list of keys", () => {
  it("opens by ? and by its button, and gives the focus back when it closes", () => {
    const { view } = opened();
    const [panel, frame] = [view.part("key-list"), view.part("picture-frame")];
    frame.focus();
    expect(press(frame, "?", { shiftKey: true })).toBe(true);
    expect([panel.hidden, document.activeElement]).toEqual([false, panel]);
    expect(view.part("keys").getAttribute("aria-expanded")).toBe("true");
    expect([...panel.querySelectorAll("kbd")].map((keys) => keys.textContent)).toEqual([
      "Space",
      "R",
      "B",
      "+ − 0",
      "Arrows",
      "Double click",
      "?",
    ]);
    press(panel, "Escape");
    expect([panel.hidden, document.activeElement]).toEqual([true, frame]);
    view.part("keys").click();
    view.part("keys").click();
    expect([panel.hidden, view.part("keys").getAttribute("aria-expanded")]).toEqual([
      true,
      "false",
    ]);
    expect(press(view.part("filters"), "?")).toBe(false);
  });

  it("keeps Escape from the notebook only while it is open", () => {
    const { view } = opened();
    const suppressed = () => {
      press(view.part("run"), "Escape");
      return view.root.hasAttribute("data-lm-suppress-shortcuts");
    };
    expect(suppressed()).toBe(false);
    view.part("keys").click();
    expect(suppressed()).toBe(true);
    expect(suppressed()).toBe(false);
  });
});
