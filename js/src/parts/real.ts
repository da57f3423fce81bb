import type { AskQuiz, ExamplesMessage, QuizMessage } from "../kernel/contract";
import { bytesOf } from "../kernel/frame";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText, uniqueId } from "../kit/dom";
import { formatActivation } from "../kit/format";
import { putPixels } from "../kit/pixels";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

type Shape = [number, number, number];

/** The real pictures that excite the target most, and a quiz about others. */
export function createReal(model: ActMaxModel, store: Store): Component {
  const parts = [createExamples(model, store), createQuiz(model, store)];
  const [examples, quiz] = parts;
  if (examples) examples.element.dataset.part = "examples";
  if (quiz) quiz.element.dataset.part = "quiz";
  return {
    element: h("div", { class: "actmax-real" }, ...parts.map(({ element }) => element)),
    cleanup() {
      for (const { cleanup } of parts) cleanup();
    },
  };
}

function createExamples(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const texts = TEXTS.real;
  const button = createButton("ask-examples", texts.ask);
  const status = createStatus("examples-status");
  const pictures = h("div", { class: "actmax-examples", "data-testid": "examples" });

  const take = (content?: unknown, buffers?: DataView[]) => {
    if ((content as { type?: unknown } | null)?.type !== "examples") return;
    const { sentence, target, names, number, notes, ...message } = content as ExamplesMessage;
    const told = texts.of(target, names.length, number, message.lowest);
    setText(status, sentence || [told, ...notes].join(" "));
    pictures.replaceChildren(
      ...names.map((name, k) => {
        const value = formatActivation(message.activations[k] ?? Number.NaN);
        const canvas = h("canvas", { role: "img", "aria-label": texts.picture(name, value) });
        putPixels(canvas, message.shapes[k] as Shape, bytesOf(buffers?.[k]));
        return h("figure", { title: name }, canvas, h("figcaption", {}, value));
      }),
    );
  };
  const forget = () => {
    pictures.replaceChildren();
    setText(status, "");
  };
  scope.on(model, "msg:custom", take as (content?: unknown) => void);
  scope.on(model, "change:layer change:filter_indices change:position", forget);
  scope.listen(button, "click", () => {
    setText(status, texts.asking);
    store.link.send({ type: "ask_examples" });
  });
  const element = h(
    "div",
    { class: "actmax-look" },
    h("p", {}, texts.intro),
    button,
    status,
    pictures,
  );
  return { element, cleanup: scope.cleanup };
}

function createQuiz(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const texts = TEXTS.quiz;
  const start = createButton("ask-quiz", texts.start);
  const told = createStatus("quiz-told");
  const sides = (["left", "right"] as const).map((side) => {
    const canvas = h("canvas", { width: 1, height: 1, "aria-hidden": "true" });
    const button = h(
      "button",
      { type: "button", class: "actmax-quiz-picture", "data-testid": `quiz-${side}` },
      canvas,
      h("span", {}, texts[side]),
    );
    return { side, canvas, button };
  });
  const question = h("p", { id: uniqueId("quiz") });
  const pair = h(
    "div",
    { class: "actmax-quiz-pair", role: "group", "aria-labelledby": question.id },
    ...sides.map(({ button }) => button),
  );
  const board = h(
    "div",
    { class: "actmax-quiz", "data-testid": "quiz", hidden: true },
    question,
    pair,
  );

  const wait = (isWaiting: boolean) => {
    // Not `disabled`, which would take the focus away from whoever answers by keys.
    for (const { button } of sides) button.setAttribute("aria-disabled", String(isWaiting));
  };
  const ask = (answer: AskQuiz["answer"]) => {
    wait(true);
    store.link.send({ type: "ask_quiz", answer });
  };
  const take = (content?: unknown, buffers?: DataView[]) => {
    if ((content as { type?: unknown } | null)?.type !== "quiz") return;
    const { sentence, right, said, shape, target } = content as QuizMessage;
    wait(false);
    board.hidden = sentence !== "";
    setText(told, sentence || [texts.verdict(right), said].filter(Boolean).join(" "));
    if (sentence) return;
    setText(question, texts.question(target));
    for (const [k, { canvas }] of sides.entries())
      putPixels(canvas, shape as Shape, bytesOf(buffers?.[k]));
  };
  const forget = () => {
    board.hidden = true;
    setText(told, "");
  };
  scope.on(model, "msg:custom", take as (content?: unknown) => void);
  scope.on(model, "change:layer change:filter_indices change:position", forget);
  scope.listen(start, "click", () => {
    setText(told, texts.asking);
    ask(null);
  });
  for (const { side, button } of sides) {
    scope.listen(button, "click", () => {
      if (button.getAttribute("aria-disabled") !== "true") ask(side);
    });
  }
  const element = h("div", { class: "actmax-look" }, h("p", {}, texts.intro), start, board, told);
  return { element, cleanup: scope.cleanup };
}

function createButton(testId: string, name: string): HTMLButtonElement {
  return h("button", { type: "button", class: "actmax-button", "data-testid": testId }, name);
}

const createStatus = (testId: string): HTMLElement =>
  h("p", { class: "actmax-caption", role: "status", "data-testid": testId });
