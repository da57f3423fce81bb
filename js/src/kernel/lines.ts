import { type Cleanup, Scope } from "../kit/scope";
import type { LinesMessage } from "./contract";
import { floatsOf } from "./frame";
import type { ActMaxModel } from "./model";
import type { Store } from "./store";

/** The course of a line that the run left for another. */
export interface Course {
  name: string;
  /** Iterations, rising. */
  x: number[];
  total: (number | null)[];
  /** `null` where nothing is measured. */
  activation: (number | null)[] | null;
}

/** Fetches the courses of the lines that were left, and again when a line is left or taken up; tells `changed` of them. */
export function watchCourses(
  model: ActMaxModel,
  store: Store,
  changed: (courses: readonly Course[]) => void,
): Cleanup {
  const scope = new Scope();
  let asked = "";
  const ask = () => {
    const lines = model.get("lines") ?? [];
    // The line in front grows; those that were left do not.
    const wanted = lines.map(({ name, made }) => `${name} ${made ?? "front"}`).join();
    if (wanted === asked) return;
    asked = wanted;
    if (lines.length === 0) changed([]);
    else store.link.send({ type: "ask_lines" });
  };
  scope.on(model, "msg:custom", (content?: unknown, buffers?: DataView[]) => {
    if ((content as { type?: unknown } | null)?.type === "lines")
      changed(coursesOf(content as LinesMessage, floatsOf(buffers?.[0])));
  });
  scope.on(model, "change:lines", ask);
  if (store.link.connected) ask();
  return scope.cleanup;
}

export function coursesOf({ lines }: LinesMessage, values: Float32Array): Course[] {
  let first = 0;
  return lines.map(({ name, every, count }) => {
    const column = (which: number) =>
      Array.from({ length: count }, (_, i) => finite(values[2 * (start + i) + which]));
    const start = first;
    first += count;
    const activation = column(1);
    return {
      name,
      x: Array.from({ length: count }, (_, i) => 1 + i * every),
      total: column(0),
      activation: activation.some((value) => value !== null) ? activation : null,
    };
  });
}

const finite = (value = Number.NaN): number | null => (Number.isFinite(value) ? value : null);
