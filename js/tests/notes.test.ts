import { describe, expect, it } from "vitest";
import { nextFrame, open, standInForBrowser } from "./page";

standInForBrowser();

const GREY = { name: "grey", text: "The picture is all but one colour.", button: "" };
const HEAVY = {
  name: "outweighed",
  text: "Total variation outweighs all else.",
  button: "Set Total variation to 0.03",
};

describe("the notes", () => {
  it("are not there where nothing went wrong, nor in a notebook of before", () => {
    for (const advice of [[], undefined as never]) {
      const view = open({ advice }).render();
      expect(view.part("notes").hasAttribute("data-empty")).toBe(true);
      expect(view.part("note-text").textContent).toBe("");
      expect(view.part("note-apply").closest("[hidden]")).not.toBeNull();
    }
  });

  it("are shown one at a time, in a region that is spoken", () => {
    const { model, render } = open({ advice: [HEAVY, GREY] });
    const view = render();
    expect(view.part("note-text").getAttribute("role")).toBe("status");
    expect(view.part("note-text").textContent).toBe(HEAVY.text);
    expect(view.part("note-count").textContent).toBe("1 of 2");
    expect(view.part("note-apply").textContent).toBe(HEAVY.button);
    model.update({ advice: [GREY] });
    expect(view.part("note-text").textContent).toBe(GREY.text);
    expect(view.part("note-count").textContent).toBe("");
    expect([view.part("note-apply").hidden, view.part("note-dismiss").hidden]).toEqual([
      true,
      false,
    ]);
  });

  it("ask the kernel to apply and to dismiss the one that is shown, after what was just set", () => {
    const { model, render } = open({ advice: [HEAVY, GREY] });
    const view = render();
    view.slide("tv-weight-slider", 0.4);
    view.slide("tv-weight-slider", 0.5);
    view.part("note-apply").click();
    expect(model.saved).toHaveLength(2);
    view.part("note-dismiss").click();
    const sent = model.sent.filter(({ type }) => type.endsWith("_note"));
    expect(sent).toEqual([
      { type: "apply_note", name: "outweighed" },
      { type: "dismiss_note", name: "outweighed" },
    ]);
  });

  it("keep the focus when theirs is gone", () => {
    const { model, render } = open({ advice: [HEAVY, GREY] });
    const view = render();
    view.part("note-apply").focus();
    model.update({ advice: [GREY] });
    expect(document.activeElement).toBe(view.part("note-dismiss"));
    model.update({ advice: [] });
    expect(document.activeElement).toBe(view.root);
  });

  it("stand without buttons where there is no kernel", () => {
    const { model, kernel, render } = open({ advice: [HEAVY] });
    const view = render();
    kernel.snapshot(3);
    nextFrame();
    model.dead = true;
    view.part("run").click();
    expect(view.part("note-text").textContent).toBe(HEAVY.text);
    expect([view.part("note-apply").hidden, view.part("note-dismiss").hidden]).toEqual([
      true,
      true,
    ]);
  });

  it("can be left out of a lesson", () => {
    const view = open({ advice: [HEAVY], ui: { hide: ["notes"] } }).render();
    expect(view.part("notes").hasAttribute("data-locked")).toBe(true);
  });
});
