/** An atlas over a kernel that the test speaks for. */
import type { AnyModel } from "@anywidget/types";
import { vi } from "vitest";
import createAtlas from "../src/atlas";
import {
  ATLAS_COLUMNS,
  type AtlasFacts,
  type AtlasPictureMessage,
  type AtlasRowsMessage,
  type AtlasSettings,
} from "../src/kernel/contract";
import { FakeModel } from "./fake_model";
import { nextFrame } from "./page";

type ColumnName = keyof typeof ATLAS_COLUMNS;
/** What a row has, but for what all have alike. */
export type Row = Partial<Record<ColumnName, number | string>>;

const TEXTS = ["layer", "checkpoint", "label", "settings", "error"] as const;
const KINDS = {
  i4: Int32Array,
  u4: Uint32Array,
  f4: Float32Array,
  f8: Float64Array,
  u1: Uint8Array,
} as const;

const isText = (name: string): boolean => (TEXTS as readonly string[]).includes(name);

/** Rows as the kernel sends them, from `first` on. */
export function rowsMessage(all: readonly Row[], first = 0): [AtlasRowsMessage, DataView[]] {
  const given = (name: string, index: number) =>
    all[index]?.[name as ColumnName] ?? (isText(name) ? "" : name === "filter" ? index : 0);
  const listOf = (name: string, end: number) => [
    ...new Set(all.slice(0, end).map((_, index) => String(given(name, index)))),
  ];
  const columns = Object.entries(ATLAS_COLUMNS).map(([name, kind]) => {
    const list = isText(name) ? listOf(name, all.length) : null;
    const values = all.map((_, index) => {
      const value = given(name, index);
      return list ? list.indexOf(String(value)) : Number(value);
    });
    return new DataView(new KINDS[kind](values.slice(first)).buffer);
  });
  const texts_first = Object.fromEntries(TEXTS.map((name) => [name, listOf(name, first).length]));
  const texts = Object.fromEntries(
    TEXTS.map((name) => [name, listOf(name, all.length).slice(texts_first[name])]),
  );
  const count = all.length - first;
  return [{ type: "atlas_rows", first, count, texts, texts_first }, columns];
}

export const FACTS: AtlasFacts & AtlasSettings = {
  ...{ title: "pictures", count: 0, expected: 0, error: "", opening: [], beneath: [] },
  ...{ refused: "", picture: null },
  ...{ sort: "filter", grouped: true, search: "", layer: "", checkpoint: "", failures: false },
  selected: null,
};

export interface Asked {
  type: string;
  seq: number;
  indices: number[];
  index?: number;
}

export function openAtlas(over: Partial<typeof FACTS> = {}, manager?: unknown) {
  const closed = vi.fn();
  vi.stubGlobal("createImageBitmap", async () => ({ width: 28, height: 28, close: closed }));
  vi.stubGlobal("ResizeObserver", Resize);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(900);
  const model = new FakeModel({ ...FACTS, ...over } as object);
  model.manager = manager;
  type Props = { model: AnyModel<typeof FACTS>; el: HTMLElement };
  const atlas = (createAtlas as unknown as () => Record<string, (props: Props) => () => void>)();
  const el = document.createElement("div");
  document.body.append(el);
  const props = { model: model.proxy as unknown as AnyModel<typeof FACTS>, el };
  const cleanups = [atlas.initialize?.(props), atlas.render?.(props)];
  nextFrame();
  const part = (id: string) =>
    el.querySelector<HTMLElement>(`[data-testid="${id}"]`) as HTMLButtonElement;
  const asked = () => model.sent as unknown as Asked[];
  const send = async (message: unknown, buffers: DataView[] = []) => {
    model.trigger("msg:custom", message, buffers);
    // Pictures are decoded a moment later.
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    nextFrame();
  };
  return {
    ...{ model, el, part, asked, send, closed },
    rows: (all: readonly Row[], first = 0) => send(...rowsMessage(all, first)),
    /** Answers all questions for small pictures that wait, with files of a byte. */
    async answer(error = "") {
      const waiting = asked().filter(({ type }) => type === "ask_tiles");
      model.sent.splice(0);
      for (const { seq, indices } of waiting) {
        const sizes = indices.map(() => (error ? 0 : 1));
        const errors = indices.map(() => error);
        const files = new DataView(new ArrayBuffer(error ? 0 : indices.length));
        await send({ type: "atlas_tiles", seq, indices, sizes, errors }, [files]);
      }
      return waiting;
    },
    picture: (index: number, fields: Partial<AtlasPictureMessage> = {}) => {
      const known = { type: "atlas_picture", index, steps: 60, losses: { "TV(2.0) Loss": 0.25 } };
      const curve = new DataView(Float32Array.of(3, 2, 1).buffer);
      const buffers = [new DataView(new ArrayBuffer(1)), curve, curve];
      return send({ ...known, score: [], notes: [], error: "", ...fields }, buffers);
    },
    /** Those in the page, in the order of the sheet. */
    tiles: () =>
      [...el.querySelectorAll<HTMLElement>(".actmax-atlas-tile:not([hidden])")].sort(
        (one, other) =>
          Number(one.getAttribute("aria-posinset")) - Number(other.getAttribute("aria-posinset")),
      ),
    press: (key: string, init: KeyboardEventInit = {}) => {
      const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init });
      part("atlas-list").dispatchEvent(event);
      nextFrame();
      return event;
    },
    cleanup: () => {
      for (const one of cleanups.reverse()) one?.();
    },
  };
}

/** Tells nothing: the sizes of the tests stay. */
class Resize {
  readonly #told: () => void;
  constructor(told: () => void) {
    this.#told = told;
  }
  observe(): void {
    this.#told();
  }
  unobserve(): void {}
  disconnect(): void {}
}
