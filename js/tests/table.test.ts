import { describe, expect, it } from "vitest";
import { LossRows } from "../src/loss_rows";
import { nextFrame, open, standInForBrowser, type View } from "./page";

standInForBrowser();

const scrollTo = (view: View, top: number) => {
  view.part("table").scrollTop = top;
  view.part("table").dispatchEvent(new Event("scroll"));
};
const iterations = (view: View): number[] => view.rowTexts().map(([text]) => Number(text));

function withRows(count: number) {
  const page = open();
  const view = page.render();
  page.kernel.snapshot(count);
  nextFrame();
  return { ...page, view };
}

describe("the table", () => {
  it("names its columns and counts its rows", () => {
    const { view } = withRows(500);
    const names = [...view.el.querySelectorAll("[role=columnheader]")].map((th) => th.textContent);
    expect(names).toEqual([
      "iteration",
      "ActivationMax Loss",
      "L-6.0 Norm Loss",
      "TV(2.0) Loss",
      "total",
    ]);
    expect(view.part("row-count").textContent).toBe("500 rows");
    expect(view.part("table").getAttribute("aria-rowcount")).toBe("501");
  });

  it("holds 100,000 rows and puts a few of them in the page", () => {
    const { view, kernel } = withRows(100_000);
    expect(view.part("table").dataset.rows).toBe("100000");
    expect(view.rowTexts().length).toBeGreaterThan(8);
    expect(view.el.querySelectorAll(".actmax-table-body [role=row]").length).toBeLessThan(60);
    expect(iterations(view).at(-1)).toBe(100_000);
    kernel.frame(100_000, 3);
    nextFrame();
    expect(iterations(view).at(-1)).toBe(100_003);
  });

  it("reaches all rows, from the first on", () => {
    const { view } = withRows(100_000);
    scrollTo(view, 0);
    expect(iterations(view)[0]).toBe(1);
    expect(view.rowTexts()[0]).toEqual(["1", "0", "0.25000", "0.50000", "0.75000"]);
    scrollTo(view, 22 * 50_000);
    expect(iterations(view)).toContain(50_001);
    expect(view.el.querySelectorAll(".actmax-table-body [role=row]").length).toBeLessThan(60);
  });

  it("follows the newest row until it is scrolled up, and again on request", () => {
    const { view, kernel } = withRows(300);
    expect(view.part("newest").hidden).toBe(true);
    scrollTo(view, 22 * 100);
    expect(view.part("newest").hidden).toBe(false);
    kernel.frame(300, 5);
    nextFrame();
    expect(view.part("table").scrollTop).toBe(22 * 100);
    expect(iterations(view)).toContain(101);
    view.part("newest").click();
    expect(iterations(view).at(-1)).toBe(305);
    expect(view.part("newest").hidden).toBe(true);
    kernel.frame(305, 5);
    nextFrame();
    expect(iterations(view).at(-1)).toBe(310);
  });

  it("follows again when it is scrolled back to the end", () => {
    const { view, kernel } = withRows(300);
    scrollTo(view, 0);
    scrollTo(view, 27 + 22 * 300 - 225);
    kernel.frame(300, 5);
    nextFrame();
    expect(iterations(view).at(-1)).toBe(305);
  });
});

describe("the rows", () => {
  it("keep their values while the array grows", () => {
    const rows = new LossRows();
    rows.replace(new Float32Array(), 2);
    for (let i = 0; i < 5000; i++) rows.append(Float32Array.of(i, -i));
    expect([rows.count, rows.at(0, 1), rows.at(1234, 0), rows.at(4999, 1)]).toEqual([
      5000, -0, 1234, -4999,
    ]);
  });
});
