import { describe, expect, it, vi } from "vitest";
import { LossRows } from "../src/kernel/loss_rows";
import { nextFrame, open, standInForBrowser, type View } from "./page";

standInForBrowser();

const scrollTo = (view: View, top: number) => {
  view.part("table").scrollTop = top;
  view.part("table").dispatchEvent(new Event("scroll"));
};
const iterations = (view: View): number[] => view.rowTexts().map(([text]) => Number(text));

function withRows(count: number, measures: string[] = []) {
  const page = open({ measures });
  const view = page.render();
  page.kernel.snapshot(count);
  nextFrame();
  return { ...page, view };
}

describe("the table", () => {
  it("names its columns and counts its rows", () => {
    const { view } = withRows(500);
    const names = [...view.el.querySelectorAll("[role=columnheader]")].map((th) => th.textContent);
    expect(names).toEqual(["iteration", "Activation loss", "Lp norm", "Total variation", "total"]);
    expect(view.part("row-count").textContent).toBe("500 rows");
    expect(view.part("table").getAttribute("aria-rowcount")).toBe("501");
  });

  it("has what the target answers with after the total, and says what that is", () => {
    const { view, model, kernel } = withRows(1, ["activation", "probability"]);
    const heads = () => [...view.el.querySelectorAll<HTMLElement>("[role=columnheader]")].slice(4);
    expect(heads().map((head) => head.textContent)).toEqual(["total", "Activation", "Probability"]);
    expect(heads()[1]?.title).toMatch(/logit/);
    expect(heads()[2]?.title).toMatch(/^How sure/);
    expect(view.part("table").getAttribute("aria-colcount")).toBe("7");
    expect(view.rowTexts()[0]).toEqual([
      ...["1", "0", "0.25000", "0.50000", "0.75000", "1.0000", "125%"],
    ]);
    model.update({ measures: ["activation of Two units"] });
    kernel.run = 2;
    kernel.snapshot(2);
    nextFrame();
    expect(heads().map((head) => head.textContent)).toEqual(["total", "Activation of Two units"]);
    expect(heads()[1]?.title).toMatch(/Of the term Two units\.$/);
    expect(view.rowTexts()[1]).toEqual(["2", "1.0000", "1.2500", "1.5000", "1.7500", "2.0000"]);
    kernel.frame(2, 1);
    nextFrame();
    expect(view.rowTexts()[2]?.at(-1)).toBe("3.0000");
  });

  it.each([
    [
      "was put into the page anew",
      (view: View) => view.part("table").dispatchEvent(new Event("animationstart")),
    ],
    ["has another theme", () => document.body.setAttribute("data-jp-theme-name", "Dark")],
  ])(
    "shows the rows that it showed where it %s, which put its scroll bar to the top",
    async (_, happens) => {
      const { view } = withRows(100);
      const seen = iterations(view);
      const top = view.part("table").scrollTop;
      expect(top).toBeGreaterThan(0);
      view.part("table").scrollTop = 0; // and no event tells
      happens(view);
      await vi.waitFor(() => expect(view.part("table").scrollTop).toBe(top));
      expect(iterations(view)).toEqual(seen);
      document.body.removeAttribute("data-jp-theme-name");
    },
  );

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

  it("lets the browser scroll smoothly while rows come", () => {
    const { view, kernel } = withRows(300);
    scrollTo(view, 22 * 100);
    const set = vi.spyOn(Element.prototype, "scrollTop", "set");
    kernel.frame(300, 5);
    nextFrame();
    expect(view.part("table").dataset.rows).toBe("305");
    expect(set).not.toHaveBeenCalled();
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

describe("a table taller than any element may be", () => {
  const COUNT = 2_000_000;
  const press = (view: View, key: string) =>
    view.part("table").dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));
  /** By their places, from the upper edge down, without those kept ready. */
  const inSight = (view: View): number[] => {
    const top = view.part("table").scrollTop;
    const rows = [...view.el.querySelectorAll<HTMLElement>(".actmax-table-body [role=row]")];
    return rows
      .filter((row) => !row.hidden && row.style.transform !== "")
      .map((row) => [Number(row.style.transform.replace(/[^-\d]/g, "")), row] as const)
      .filter(([place]) => place >= top && place + 22 <= top + 225 - 27)
      .sort(([a], [b]) => a - b)
      .map(([, row]) => Number(row.firstElementChild?.textContent));
  };

  it("shows the newest row, and the first", () => {
    const { view } = withRows(COUNT);
    expect(
      Number.parseFloat(
        view.el.querySelector<HTMLElement>(".actmax-table-body")?.style.height ?? "",
      ),
    ).toBe(8e6);
    expect(iterations(view).at(-1)).toBe(COUNT);
    expect(inSight(view).at(-1)).toBe(COUNT);
    scrollTo(view, 0);
    expect(inSight(view)[0]).toBe(1);
    scrollTo(view, 27 + 8e6 - 225);
    expect(inSight(view).at(-1)).toBe(COUNT);
  });

  it("leaves no row out by key and wheel, and none is out of reach", () => {
    const { view } = withRows(COUNT);
    scrollTo(view, 4e6);
    const [first = 0] = inSight(view);
    expect(first).toBeGreaterThan(900_000);
    press(view, "ArrowDown");
    expect(inSight(view)[0]).toBe(first + 1);
    press(view, "ArrowUp");
    expect(inSight(view)[0]).toBe(first);
    const last = inSight(view).at(-1) ?? 0;
    press(view, "PageDown");
    expect(inSight(view)[0]).toBeLessThanOrEqual(last + 1);
    expect(inSight(view)[0]).toBeGreaterThan(last - 2);
    const before = inSight(view)[0] ?? 0;
    const wheel = new WheelEvent("wheel", { deltaY: 44, cancelable: true });
    view.part("table").dispatchEvent(wheel);
    expect([wheel.defaultPrevented, inSight(view)[0]]).toEqual([true, before + 2]);
  });

  it("keeps what is read where it is while rows come", () => {
    const { view, kernel } = withRows(COUNT);
    scrollTo(view, 3_000_001);
    const read = inSight(view);
    for (let i = 0; i < 50; i++) kernel.frame(COUNT + i * 10, 10);
    nextFrame();
    expect(view.part("row-count").textContent).toBe("2,000,500 rows");
    expect(inSight(view)).toEqual(read);
  });

  it("leaves keys and wheel to the browser where all rows fit", () => {
    const { view } = withRows(300);
    expect(press(view, "PageUp")).toBe(true);
    const wheel = new WheelEvent("wheel", { deltaY: -44, cancelable: true });
    view.part("table").dispatchEvent(wheel);
    expect(wheel.defaultPrevented).toBe(false);
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
