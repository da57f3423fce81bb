import { describe, expect, it } from "vitest";
import { arrangementOf, type Chosen } from "../src/kernel/atlas_order";
import { AtlasRows } from "../src/kernel/atlas_rows";
import { Lru } from "../src/kit/lru";
import { TileWindow } from "../src/kit/tile_window";
import { type Row, rowsMessage } from "./atlas_page";

const ALL: Chosen = {
  ...{ sort: "filter", grouped: true, search: "", layer: "", checkpoint: "", failures: false },
};

function rowsOf(all: readonly Row[]): AtlasRows {
  const rows = new AtlasRows();
  rows.take(...rowsMessage(all));
  return rows;
}

const shown = (all: readonly Row[], chosen: Partial<Chosen> = {}) =>
  [...arrangementOf(rowsOf(all), { ...ALL, ...chosen }).order].map(Number);

describe("rows", () => {
  const all: Row[] = [
    { layer: "a", filter: 0, label: "cat", checkpoint: "1" },
    { layer: "b", filter: 1, label: "dog", checkpoint: "1" },
    { layer: "b", filter: 1, label: "dog", checkpoint: "2" },
    { layer: "c", filter: 1, label: "owl", checkpoint: "2" },
  ];

  it("come in turn, each text once, and what is known already is passed over", () => {
    const rows = new AtlasRows();
    expect(rows.take(...rowsMessage(all.slice(0, 2)))).toBe(true);
    expect(rows.take(...rowsMessage(all.slice(0, 2)))).toBe(false);
    // There is a gap: what lies between was never sent.
    expect(rows.take(...rowsMessage(all, 3))).toBe(false);
    expect(rows.take(...rowsMessage(all, 1))).toBe(true);
    expect(rows.count).toBe(4);
    expect(rows.version).toBe(2);
    expect(all.map((_, row) => rows.text("layer", row))).toEqual(["a", "b", "b", "c"]);
    expect(all.map((_, row) => rows.text("label", row))).toEqual(["cat", "dog", "dog", "owl"]);
    expect(rows.textsOf("label")).toEqual(["cat", "dog", "owl"]);
    expect(rows.number("filter", 3)).toBe(1);
  });

  it("know the same picture of other checkpoints, in the order of the store", () => {
    const film = rowsOf([
      { layer: "a", filter: 5, checkpoint: "epoch 10" },
      { layer: "a", filter: 6, checkpoint: "epoch 10" },
      { layer: "a", filter: 5, checkpoint: "epoch 9" },
      { layer: "a", filter: 5, checkpoint: "epoch 9", seed: 1 },
      { layer: "b", filter: 5, checkpoint: "epoch 11" },
      { layer: "a", filter: 5, checkpoint: "epoch 9" },
    ]);
    expect(film.filmOf(0)).toEqual([0, 2]);
    expect(film.filmOf(5)).toEqual([0, 5]);
    expect(film.filmOf(4)).toEqual([4]);
  });

  it("count what is good of the score card, and half of what is doubtful", () => {
    const rows = rowsOf([{ strong: 3, sturdy: 2, natural: 1 }, {}]);
    expect([rows.score(0), rows.hasScore(0), rows.score(1), rows.hasScore(1)]).toEqual([
      1.5,
      true,
      0,
      false,
    ]);
  });
});

describe("what is shown", () => {
  const all: Row[] = [
    { layer: "out", filter: 2, label: "castle", activation: 5, checkpoint: "epoch 1" },
    { layer: "conv", filter: 7, activation: Number.NaN, error: "Silent.", checkpoint: "epoch 1" },
    {
      layer: "out",
      filter: 1,
      label: "Great owl",
      activation: 9,
      strong: 3,
      checkpoint: "epoch 12",
    },
    { layer: "conv", filter: 3, activation: 7, checkpoint: "epoch 12" },
    { layer: "conv", filter: 12, activation: 8, strong: 3, sturdy: 3, checkpoint: "epoch 1" },
  ];

  it("is grouped by layer in the order of the store", () => {
    const { groups, order } = arrangementOf(rowsOf(all), ALL);
    expect([...order]).toEqual([2, 0, 3, 1, 4]);
    expect(groups).toEqual([
      { heading: "out", start: 0, count: 2 },
      { heading: "conv", start: 2, count: 3 },
    ]);
    expect(arrangementOf(rowsOf(all), { ...ALL, grouped: false }).groups).toEqual([
      { heading: "", start: 0, count: 5 },
    ]);
  });

  it("is sorted, the greatest first, and what failed stands at the end", () => {
    expect(shown(all, { sort: "activation" })).toEqual([2, 0, 4, 3, 1]);
    expect(shown(all, { sort: "activation", grouped: false })).toEqual([2, 4, 3, 0, 1]);
    expect(shown(all, { sort: "score", grouped: false })).toEqual([4, 2, 3, 0, 1]);
    expect(shown(all, { sort: "filter", grouped: false })).toEqual([2, 0, 3, 1, 4]);
  });

  it("has all words that are searched for, in whatever it is known by", () => {
    expect(shown(all, { search: "OWL" })).toEqual([2]);
    expect(shown(all, { search: "great castle" })).toEqual([]);
    expect(shown(all, { search: "conv epoch" })).toEqual([3, 1, 4]);
    expect(shown(all, { search: "silent" })).toEqual([1]);
    // A number is a filter or a word of its own: not the 12 of "epoch 12" for a 1.
    expect(shown(all, { search: "12" })).toEqual([2, 3, 4]);
    expect(shown(all, { search: "1 out" })).toEqual([2, 0]);
    expect(shown(all, { search: "out 12" })).toEqual([2]);
    expect(shown(all, { search: "(" })).toEqual([]);
  });

  it("is of a layer or a checkpoint, or what failed", () => {
    expect(shown(all, { layer: "out" })).toEqual([2, 0]);
    expect(shown(all, { checkpoint: "epoch 12" })).toEqual([2, 3]);
    expect(shown(all, { layer: "out", checkpoint: "epoch 1" })).toEqual([0]);
    expect(shown(all, { layer: "gone" })).toEqual([]);
    expect(shown(all, { failures: true })).toEqual([1]);
  });
});

describe("where tiles stand", () => {
  const SIZES = { width: 430, least: 100, gap: 10, words: 30, heading: 20 };
  const places = new TileWindow();
  places.layOut(
    [
      { heading: "a", start: 0, count: 5 },
      { heading: "b", start: 5, count: 2 },
    ],
    SIZES,
  );

  it("is in rows as wide as there is room, each group with its heading", () => {
    expect([places.columns, places.tileWidth, places.tileHeight]).toEqual([4, 100, 130]);
    expect(
      places.lines.map(({ top, start, end, isHeading }) => [top, start, end, isHeading]),
    ).toEqual([
      [0, 0, 0, true],
      [20, 0, 4, false],
      [160, 4, 5, false],
      [300, 5, 5, true],
      [320, 5, 7, false],
    ]);
    expect(places.height).toBe(450);
    expect(places.leftOf(6, places.lines[4] as never)).toBe(110);
  });

  it("is found by height and by tile", () => {
    expect(places.linesIn(0, 20)).toEqual([0, 1]);
    expect(places.linesIn(149, 161)).toEqual([1, 3]);
    expect(places.linesIn(10_000, 20_000)).toEqual([5, 5]);
    expect([0, 3, 4, 5, 6, 7, -1].map((tile) => places.lineOf(tile))).toEqual([
      1, 1, 2, 4, 4, -1, -1,
    ]);
  });

  it("is walked by rows, over headings and short rows", () => {
    expect(places.beside(3, 1)).toBe(4);
    expect(places.beside(1, 2)).toBe(6);
    expect(places.beside(6, -1)).toBe(4);
    expect(places.beside(6, 1)).toBe(6);
    expect(places.beside(2, -1)).toBe(2);
  });

  it("costs nothing that grows with what is out of sight", () => {
    const large = new TileWindow();
    large.layOut([{ heading: "all", start: 0, count: 200_000 }], SIZES);
    const [first, end] = large.linesIn(3_000_000, 3_000_600);
    expect(end - first).toBeLessThan(8);
    expect(large.lines[first]?.top).toBeLessThanOrEqual(3_000_000);
    large.layOut([], { ...SIZES, width: 0 });
    expect([large.columns, large.height, large.lineOf(0)]).toEqual([1, 0, -1]);
  });
});

describe("what is kept", () => {
  it("are the last used ones; what goes is let go of", () => {
    const gone: string[] = [];
    const kept = new Lru<number, string>(2, (value) => gone.push(value));
    kept.set(1, "a");
    kept.set(2, "b");
    kept.get(1);
    kept.set(3, "c");
    expect([gone, kept.has(2), kept.size]).toEqual([["b"], false, 2]);
    kept.set(1, "A");
    kept.delete(3);
    kept.delete(3);
    kept.clear();
    expect(gone).toEqual(["b", "a", "c", "A"]);
  });
});
