import { describe, expect, it } from "vitest";
import { nextFrame, open, painted, standInForBrowser } from "./page";

standInForBrowser();

const row = (name: string, verdict: string) => ({ name, verdict, words: `${name} words.` });
const SCORE = {
  type: "score",
  iteration: 40,
  target: "out, unit 3",
  rows: [row("strong", "green"), row("sturdy", "amber"), row("natural", "grey")],
  passes: 16,
  notes: ["One was left out."],
  caution: "Not the whole function.",
  sentence: "",
};
const picture = (value: number, size = 12) =>
  new DataView(new Uint8Array(size).fill(value).buffer as ArrayBuffer);

describe("the score", () => {
  it("is asked of the kernel, and read as three words with their numbers", () => {
    const { model, render } = open();
    const view = render();
    const button = view.part("ask-score") as HTMLButtonElement;
    button.click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_score" });
    expect(button.disabled).toBe(true);
    expect(view.part("score-status").textContent).toContain("Asking");
    model.trigger("msg:custom", SCORE);
    expect(button.disabled).toBe(false);
    expect(view.part("score-status").textContent).toBe(
      "out, unit 3, iteration 40: 16 forward passes.",
    );
    expect(
      ["strong", "sturdy", "natural"].map((name) => view.part(`verdict-${name}`).textContent),
    ).toEqual(["good", "doubtful", "no data"]);
    expect(view.part("score-sturdy").textContent).toContain("sturdy words.");
    expect(view.part("score-caution").textContent).toBe("Not the whole function.");
    expect(view.part("score-notes").textContent).toBe("One was left out.");
    model.update({ status: "running" });
    expect(view.part("score-rows").className).toContain("actmax-older");
    expect(view.part("score-status").textContent).toContain("The picture is another one by now.");
    model.update({ status: "paused" });
    button.click();
    model.trigger("msg:custom", SCORE);
    expect(view.part("score-rows").className).not.toContain("actmax-older");
    expect(view.part("score-status").textContent).not.toContain("by now");
  });

  it("is a sentence where there is none, and the score of before stays", () => {
    const { model, render } = open();
    const view = render();
    model.trigger("msg:custom", SCORE);
    model.trigger("msg:custom", { ...SCORE, rows: [], sentence: "Press Run." });
    expect(view.part("score-status").textContent).toBe("Press Run.");
    expect(view.part("verdict-strong").textContent).toBe("good");
  });
});

describe("real pictures", () => {
  it("have a tab only where there are any", () => {
    const { model, render } = open();
    const view = render();
    expect(view.part("tab-real").hidden).toBe(true);
    model.update({ has_references: true });
    expect(view.part("tab-real").hidden).toBe(false);
    model.update({ ui: { hide: ["examples", "quiz"] } });
    expect(view.part("tab-real").hidden).toBe(true);
  });

  it("are shown with names and answers until another target is chosen", () => {
    const { model, render } = open({ has_references: true });
    const view = render();
    view.part("ask-examples").click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_examples" });
    const message = {
      type: "examples",
      target: "conv2, unit 3",
      names: ["a.jpg", "b.jpg"],
      activations: [109_120, 2],
      shapes: [
        [2, 2, 3],
        [2, 2, 3],
      ],
      number: 40,
      lowest: false,
      notes: ["Left out: c.jpg."],
      sentence: "",
    };
    model.trigger("msg:custom", message, [picture(9), picture(8)]);
    const labels = [...view.part("examples").querySelectorAll("canvas")].map((canvas) =>
      canvas.getAttribute("aria-label"),
    );
    expect(labels).toEqual(["a.jpg: 109,120", "b.jpg: 2.000"]);
    expect(view.part("examples-status").textContent).toBe(
      "conv2, unit 3: the strongest 2 of 40 pictures, with the target's strongest answer in each. Left out: c.jpg.",
    );
    model.trigger("msg:custom", { ...message, lowest: true }, [picture(9), picture(8)]);
    expect(view.part("examples-status").textContent).toContain("that excite it least");
    expect(painted.at(-1)?.[0]).toBe(8);
    model.update({ layer: "out" });
    expect(view.part("examples").children).toHaveLength(0);
  });

  it("are what a quiz asks about, which keeps the focus and counts", () => {
    const { model, render } = open({ has_references: true });
    const view = render();
    expect(view.part("quiz").hidden).toBe(true);
    view.part("ask-quiz").click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_quiz", answer: null });
    const asked = { type: "quiz", target: "out, unit 3", shape: [2, 2, 3], sentence: "" };
    const two = [picture(1), picture(2)];
    model.trigger("msg:custom", { ...asked, right: null, said: "Chance is 50 %." }, two);
    nextFrame();
    expect(view.part("quiz").textContent).toContain("Which of the two excites out, unit 3 more?");
    const left = view.part("quiz-left");
    left.focus();
    left.click();
    expect(model.sent.at(-1)).toEqual({ type: "ask_quiz", answer: "left" });
    const count = model.sent.length;
    left.click();
    expect(model.sent).toHaveLength(count);
    model.trigger("msg:custom", { ...asked, right: true, said: "1 of 1 right." }, two);
    expect(view.part("quiz-told").textContent).toBe("Right. 1 of 1 right.");
    expect(document.activeElement).toBe(left);
    model.trigger("msg:custom", { ...asked, right: false, said: "1 of 2 right." }, two);
    expect(view.part("quiz-told").textContent).toBe("No, the other one. 1 of 2 right.");
    model.trigger("msg:custom", { ...asked, right: null, said: "", sentence: "No pictures." }, []);
    expect(view.part("quiz").hidden).toBe(true);
    expect(view.part("quiz-told").textContent).toBe("No pictures.");
  });
});
