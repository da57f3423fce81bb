import type { RefusedMessage } from "../kernel/contract";
import type { ActMaxModel } from "../kernel/model";
import { h, setText, uniqueId } from "../kit/dom";
import type { Scope } from "../kit/scope";

/** A sentence beside the fields that it is about. */
export interface Problem {
  element: HTMLElement;
  readonly isShown: boolean;
  /** "" takes it away; `at` are the fields that are wrong, all unless told. */
  explain(sentence: string, at?: readonly HTMLElement[]): void;
}

export function createProblem(testId: string, fields: readonly HTMLElement[]): Problem {
  const id = uniqueId("problem");
  const element = h("p", {
    id,
    class: "actmax-problem",
    role: "alert",
    "data-testid": `${testId}-problem`,
  });
  const explain = (sentence: string, at = fields) => {
    setText(element, sentence);
    element.hidden = sentence === "";
    for (const field of fields) {
      field.setAttribute("aria-invalid", String(sentence !== "" && at.includes(field)));
    }
  };
  for (const field of fields) field.setAttribute("aria-describedby", id);
  explain("");
  return {
    element,
    explain,
    get isShown() {
      return !element.hidden;
    },
  };
}

/** The sentence stands outside of the label, or it would be read as a part of the name. */
export function labelled(name: string, field: HTMLElement, problem: HTMLElement): HTMLElement {
  field.id ||= uniqueId("field");
  return h("div", { class: "actmax-field" }, h("label", { for: field.id }, name), field, problem);
}

interface Refusable<T> {
  problem: Problem;
  fields: readonly HTMLElement[];
  /** Puts back into the fields what was refused. */
  keep(value: T): void;
  /** Puts into the fields what the model has. */
  show(): void;
  /** Tells of changes of what the model has; those of the trait `name` unless told. */
  watch?(scope: Scope, changed: () => void): void;
}

/** Says beside the fields of a parameter why the kernel refused it, and keeps that there until it is corrected or left. */
export function explainRefusals<T>(
  model: ActMaxModel,
  name: string,
  scope: Scope,
  { problem, fields, keep, show, watch = watchTrait(model, name) }: Refusable<T>,
): void {
  let isRefused = false;
  const settle = () => {
    isRefused = false;
    problem.explain("");
  };
  // The kernel sends the value of before first, and then why.
  scope.on(model, "msg:custom", (content) => {
    if (!isRefusal(content) || content.name !== name) return;
    keep(content.value as T);
    problem.explain(content.sentence);
    isRefused = true;
  });
  watch(scope, settle);
  for (const field of fields) {
    scope.listen(field, "blur", () => {
      if (!isRefused) return;
      settle();
      show();
    });
  }
}

const watchTrait = (model: ActMaxModel, name: string) => (scope: Scope, changed: () => void) =>
  scope.on(model, `change:${name}`, changed);

export function isRefusal(content: unknown): content is RefusedMessage {
  return (content as { type?: unknown } | null)?.type === "refused";
}
