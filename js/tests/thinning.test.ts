import { describe, expect, it, vi } from "vitest";
import { LossRows } from "../src/kernel/loss_rows";
import { Thinning } from "../src/kit/thinning";

/** Rows of two columns: the iteration, and its square's negative. */
function rowsOf(count: number, value = (i: number) => i): LossRows {
  const rows = new LossRows();
  rows.replace(
    Float32Array.from({ length: 2 * count }, (_, i) => value(i >> 1) * (i % 2 ? -1 : 1)),
    2,
  );
  return rows;
}

const noise = (i: number) => Math.sin(i * 12.9898) * 1000;

describe("thinning", () => {
  it("leaves few rows as they are", () => {
    const thinning = new Thinning(100);
    expect(thinning.take(rowsOf(3))).toBe(true);
    expect(thinning.read()).toEqual([
      [1, 2, 3],
      [0, 1, 2],
      [-0, -1, -2],
    ]);
  });

  it("has nothing of no rows", () => {
    const thinning = new Thinning(100);
    thinning.take(rowsOf(0));
    expect(thinning.read()).toEqual([[], [], []]);
  });

  it.each([101, 1000, 4096, 100_000])(
    "keeps the extremes of each column of pixels of %i rows",
    (count) => {
      const thinning = new Thinning(100);
      const rows = rowsOf(count, noise);
      thinning.take(rows);
      const [x = [], y = []] = thinning.read();
      expect(x.length).toBeLessThanOrEqual(200);
      expect(x.length).toBeGreaterThan(90);
      expect([x[0], x.at(-1)]).toEqual([1, count]);
      for (let i = 0; i + 1 < x.length; i += 2) {
        const [from, to] = [x[i] as number, x[i + 1] as number];
        const values = Array.from({ length: to - from + 1 }, (_, k) => rows.at(from - 1 + k, 0));
        const pair = [y[i] as number, y[i + 1] as number];
        expect([Math.min(...pair), Math.max(...pair)]).toEqual([
          Math.min(...values),
          Math.max(...values),
        ]);
        // In the order in which they came.
        expect(values.indexOf(pair[0] as number)).toBeLessThanOrEqual(
          values.indexOf(pair[1] as number),
        );
      }
    },
  );

  it("comes to the same however the rows come", () => {
    const all = rowsOf(5000, noise);
    const [whole, growing] = [new Thinning(64), new Thinning(64)];
    whole.take(all);
    const rows = new LossRows();
    rows.replace(new Float32Array(), 2);
    for (let from = 0; from < 5000; from += 37) {
      const block = Float32Array.from({ length: 2 * Math.min(37, 5000 - from) }, (_, i) =>
        all.at(from + (i >> 1), i % 2),
      );
      rows.append(block);
      growing.take(rows);
    }
    expect(growing.read()).toEqual(whole.read());
  });

  it("looks at each row once, and at all of them where they are others or the pixels are", () => {
    const thinning = new Thinning(50);
    const rows = rowsOf(1000, noise);
    const at = vi.spyOn(rows, "at");
    thinning.take(rows);
    expect(at).toHaveBeenCalledTimes(2000);
    expect(thinning.take(rows)).toBe(false);
    rows.append(Float32Array.of(1, 2));
    expect(thinning.take(rows)).toBe(true);
    expect(at).toHaveBeenCalledTimes(2002);
    thinning.most = 60;
    thinning.take(rows);
    expect(at).toHaveBeenCalledTimes(4004);
    rows.replace(Float32Array.of(5, 6), 2);
    thinning.take(rows);
    expect(thinning.read()).toEqual([[1], [5], [6]]);
  });

  it("leaves out what is not finite", () => {
    const thinning = new Thinning(4);
    const rows = new LossRows();
    rows.replace(Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY, 2, 3, Number.NaN), 2);
    thinning.take(rows);
    expect(thinning.read()).toEqual([
      [1, 2, 3],
      [null, null, 3],
      [1, 2, null],
    ]);
    rows.replace(
      Float32Array.from({ length: 32 }, (_, i) => (i < 8 ? Number.NaN : i)),
      2,
    );
    thinning.take(rows);
    const [, y] = thinning.read();
    expect(y).toEqual([null, null, 8, 14, 16, 22, 24, 30]);
  });
});
