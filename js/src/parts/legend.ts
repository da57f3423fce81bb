import type { Column } from "../kernel/columns";
import type { LossRows } from "../kernel/loss_rows";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatCount } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

/** Colours there are, in the style sheet: the activation's, the total's, those of the losses. */
const COLOURS = 8;

export interface Legend extends Component {
  /** Of the columns there are now. */
  show(columns: readonly Column[]): void;
  /** The numbers of an iteration; 0 has none. */
  tell(iteration: number): void;
  isOn(column: Column): boolean;
}

interface Options {
  store: Store;
  /** The button of the scale, which stands at its end. */
  log: HTMLElement;
  /** Whether the run goes slowly enough to see what each step does. */
  isSlow(): boolean;
  /** A curve was taken away, or put back. */
  toggled(): void;
}

/** What each curve is called and comes to; a click takes it away, or puts it back. */
export function createLegend({ store, log, isSlow, toggled }: Options): Legend {
  const scope = new Scope();
  const list = h("div", {
    class: "actmax-curves",
    role: "group",
    "aria-label": TEXTS.legend.label,
  });
  const iteration = h("b", { "data-testid": "chart-iteration" });
  // In one piece: apart, the last of them would begin a line of its own.
  const scale = h(
    "span",
    { class: "actmax-scale" },
    h("span", {}, TEXTS.legend.iteration, iteration),
    log,
  );
  const element = h("div", { class: "actmax-legend", "data-testid": "legend" }, list, scale);
  /** By its name: a curve that was taken away stays so when the run begins afresh. */
  const switched = new Map<string, boolean>();
  const values = new Map<Column, HTMLElement>();

  const isOn = (column: Column) => switched.get(column.head) ?? column.kind !== "probability";
  const createButton = (column: Column) => {
    const value = h("b", {});
    values.set(column, value);
    const button = h(
      "button",
      {
        type: "button",
        class: "actmax-curve",
        title: column.title,
        "aria-pressed": String(isOn(column)),
        "data-testid": `curve-${column.head}`,
        style: `--actmax-curve: var(${colourOf(column)})`,
      },
      h("i", {}),
      h("span", {}, column.head),
      value,
    );
    button.addEventListener("click", () => {
      switched.set(column.head, !isOn(column));
      button.setAttribute("aria-pressed", String(isOn(column)));
      toggled();
    });
    return button;
  };
  return {
    element,
    cleanup: scope.cleanup,
    isOn,
    show(columns) {
      values.clear();
      list.replaceChildren(...inOrder(columns).map(createButton));
    },
    tell(at) {
      setText(iteration, formatCount(at));
      const lit = isSlow() ? changedMost([...values.keys()], store.rows, at) : null;
      for (const [column, value] of values) {
        const isKnown = at > 0 && at <= store.rows.count;
        setText(value, isKnown ? column.short(store.rows.at(at - 1, column.index)) : "–");
        value.parentElement?.classList.toggle("actmax-lit", column === lit);
      }
    },
  };
}

/** The term of the sum that the last step changed most. */
function changedMost(columns: readonly Column[], rows: LossRows, at: number): Column | null {
  let [found, most]: [Column | null, number] = [null, 0];
  for (const column of at > 1 ? columns : []) {
    const change = Math.abs(rows.at(at - 1, column.index) - rows.at(at - 2, column.index));
    if (column.kind === "loss" && change > most) [found, most] = [column, change];
  }
  return found;
}

/** What is wanted first, then the sum, then what it is made of. */
const inOrder = (columns: readonly Column[]): Column[] => {
  const ranks: Record<Column["kind"], number> = {
    activation: 0,
    probability: 1,
    total: 2,
    loss: 3,
  };
  return [...columns].sort((one, other) => ranks[one.kind] - ranks[other.kind]);
};

/** The name of the variable that holds it. */
export function colourOf({ kind, index }: Column): string {
  const number = { activation: 1, total: 2, probability: 3, loss: 4 + (index % (COLOURS - 3)) };
  return `--am-curve-${number[kind]}`;
}
