import type { ScoreMessage } from "../kernel/contract";
import { type ActMaxModel, isBusy } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** How far the present picture can be trusted: three words with their numbers, when somebody asks. */
export function createScore(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const texts = TEXTS.score;
  const button = h(
    "button",
    { type: "button", class: "actmax-button", "data-testid": "ask-score" },
    texts.ask,
  );
  const status = h("p", { class: "actmax-caption", role: "status", "data-testid": "score-status" });
  const rows = h("dl", { class: "actmax-score-rows", "data-testid": "score-rows" });
  const notes = h("p", { class: "actmax-caption", "data-testid": "score-notes" });
  const caution = h("p", { class: "actmax-caption", "data-testid": "score-caution" });
  let isAsked = false;
  let told = "";

  const show = () => {
    button.disabled = !store.link.connected || isAsked;
  };
  /** What is read is of an older picture as soon as a run goes on, and says of which. */
  const age = () => {
    if (!isBusy(model.get("status")) || !told || isAsked) return;
    rows.classList.add("actmax-older");
    setText(status, `${told} ${texts.older}`);
  };
  const take = (content?: unknown) => {
    if ((content as { type?: unknown } | null)?.type !== "score") return;
    const message = content as ScoreMessage;
    isAsked = false;
    show();
    if (message.sentence) {
      setText(status, message.sentence);
      return;
    }
    told = texts.of(message.target, message.iteration, message.passes);
    setText(status, told);
    rows.classList.remove("actmax-older");
    age();
    rows.replaceChildren(...message.rows.flatMap(createRow));
    setText(notes, message.notes.join(" "));
    setText(caution, message.caution);
  };
  scope.on(model, "msg:custom", take);
  scope.on(model, "change:status", age);
  scope.listen(button, "click", () => {
    isAsked = true;
    show();
    setText(status, texts.asking);
    store.link.send({ type: "ask_score" });
  });
  scope.add(
    store.subscribe(() => {
      if (!store.link.connected && isAsked) {
        isAsked = false;
        setText(status, "");
      }
      show();
    }),
  );
  show();
  const element = h(
    "div",
    { class: "actmax-score", "data-testid": "score" },
    h("p", {}, texts.intro),
    button,
    status,
    rows,
    notes,
    caution,
  );
  return { element, cleanup: scope.cleanup };
}

function createRow({ name, verdict, words }: ScoreMessage["rows"][number]): HTMLElement[] {
  const { names, verdicts, explained } = TEXTS.score;
  return [
    h(
      "dt",
      {},
      h("span", { class: "actmax-score-name" }, names[name]),
      // The colour says nothing that the word does not.
      h(
        "span",
        { class: "actmax-verdict", "data-verdict": verdict, "data-testid": `verdict-${name}` },
        verdicts[verdict],
      ),
    ),
    h(
      "dd",
      { "data-testid": `score-${name}` },
      words,
      h("span", { class: "actmax-caption" }, explained[name]),
    ),
  ];
}
