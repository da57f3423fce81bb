import { describe, expect, it, vi } from "vitest";
import { coursesOf } from "../src/kernel/lines";
import type { Traits } from "../src/kernel/model";
import { nextFrame, open, painted, scrolled, standInForBrowser, type View } from "./page";

standInForBrowser();

const press = (view: View, part: string, key: string, modifiers = {}) => {
  const event = new KeyboardEvent("keydown", {
    key,
    bubbles: true,
    composed: true,
    cancelable: true,
    ...modifiers,
  });
  view.part(part).dispatchEvent(event);
  nextFrame();
  return event.defaultPrevented;
};
const text = (view: View, part: string) => view.part(part).textContent;
const curve = (view: View, name: string) =>
  view.part(`curve-${name}`).querySelector("b")?.textContent;

function run(count: number, over: Partial<Traits> = {}) {
  const page = open(over);
  const view = page.render();
  page.kernel.snapshot(count);
  nextFrame();
  return { ...page, view };
}

describe("the cursor", () => {
  it("follows the newest until a key moves it, and again on Escape", () => {
    const { view, kernel } = run(100);
    expect(text(view, "chart-iteration")).toBe("100");
    expect(press(view, "chart", "ArrowLeft")).toBe(true);
    press(view, "chart", "ArrowLeft", { shiftKey: true });
    expect(text(view, "chart-iteration")).toBe("89");
    kernel.frame(100, 5);
    nextFrame();
    expect(text(view, "chart-iteration")).toBe("89");
    press(view, "chart", "Home");
    expect(text(view, "chart-iteration")).toBe("0");
    press(view, "chart", "ArrowRight", { shiftKey: true });
    expect(text(view, "chart-iteration")).toBe("10");
    press(view, "chart", "Escape");
    expect(text(view, "chart-iteration")).toBe("105");
    expect(press(view, "chart", "Escape")).toBe(false); // which is the notebook's
    expect(press(view, "chart", "a")).toBe(false);
  });

  it("is the same in chart, table, film and picture, and in every view", () => {
    const { view, render, kernel } = run(300);
    const other = render();
    nextFrame();
    kernel.film([0, 100, 200, 300], [0, 100, 200, 300]);
    press(view, "chart", "Home");
    for (let i = 0; i < 12; i++) press(view, "chart", "ArrowRight", { shiftKey: true });
    for (const one of [view, other]) {
      expect(one.el.querySelector(".actmax-at")?.firstElementChild?.textContent).toBe("120");
      expect(text(one, "chart-iteration")).toBe("120");
      expect(one.part("film").getAttribute("aria-valuetext")).toBe("iteration 120 of 300");
      expect(text(one, "past-words")).toBe("iteration 120 of 300, picture of 100");
      expect(one.part("chart-line").hidden).toBe(false);
    }
    other.part("past-newest").click();
    nextFrame();
    expect(text(view, "chart-iteration")).toBe("300");
    expect(view.part("past").hidden).toBe(true);
    expect(view.el.querySelector(".actmax-at")).toBeNull();
  });

  it("goes to the row that is clicked, and the table stays where it is", () => {
    const { view } = run(300);
    view.part("table").scrollTop = 22 * 100;
    view.part("table").dispatchEvent(new Event("scroll"));
    const row = [...view.el.querySelectorAll<HTMLElement>(".actmax-table-body [role=row]")].find(
      (one) => one.firstElementChild?.textContent === "104",
    );
    row?.querySelector("span")?.click();
    nextFrame();
    expect(text(view, "chart-iteration")).toBe("104");
    expect(row?.getAttribute("aria-current")).toBe("true");
    expect(view.part("table").scrollTop).toBe(22 * 100);
    press(view, "table", "Escape");
    expect(text(view, "chart-iteration")).toBe("300");
  });

  it("brings a row that is far away into sight", () => {
    const { view } = run(100_000);
    press(view, "chart", "Home");
    press(view, "chart", "ArrowRight");
    expect(view.rowTexts()[0]?.[0]).toBe("1");
    expect(view.part("newest").hidden).toBe(false);
    view.part("newest").click();
    nextFrame();
    expect(text(view, "chart-iteration")).toBe("100,000");
    expect(view.rowTexts().at(-1)?.[0]).toBe("100000");
  });

  it("follows again when another run begins", () => {
    const { view, kernel } = run(100);
    press(view, "chart", "ArrowLeft");
    kernel.run = 2;
    kernel.snapshot(3);
    nextFrame();
    expect(text(view, "chart-iteration")).toBe("3");
    expect(view.part("past").hidden).toBe(true);
  });

  it("is told to whoever hears the page, once it has come to rest", () => {
    const { view } = run(100, { measures: ["activation"] });
    press(view, "chart", "ArrowLeft");
    press(view, "chart", "ArrowLeft");
    expect(text(view, "chart-spoken")).toBe("");
    vi.advanceTimersByTime(500);
    expect(text(view, "chart-spoken")).toBe(
      "Iteration 98: Activation loss 97.00, Lp norm 97.25, Total variation 97.50, total 97.75, Activation 98.00.",
    );
    expect(view.part("chart").getAttribute("aria-details")).toBe(view.part("table").id);
  });
});

describe("the chart", () => {
  it("names its curves as sliders and columns are named, with four digits in groups", () => {
    const { view } = run(12_346, { measures: ["activation", "probability"] });
    const names = [...view.part("legend").querySelectorAll("button span")].map(
      (one) => one.textContent,
    );
    expect(names).toEqual([
      ...["Activation", "Probability", "total", "Activation loss", "Lp norm", "Total variation"],
    ]);
    expect(curve(view, "total")).toBe("12,350");
    expect(text(view, "chart-iteration")).toBe("12,346");
  });

  it("takes a curve away, and keeps it so when a run begins afresh; a probability is off at first", () => {
    const { view, model, kernel } = run(10, { measures: ["activation", "probability"] });
    const pressed = (name: string) => view.part(`curve-${name}`).getAttribute("aria-pressed");
    expect([pressed("total"), pressed("Probability")]).toEqual(["true", "false"]);
    view.part("curve-total").click();
    expect(pressed("total")).toBe("false");
    model.update({ loss_names: ["ActivationMax Loss"] });
    kernel.run = 2;
    kernel.snapshot(2);
    nextFrame();
    expect(pressed("total")).toBe("false");
    view.part("chart-log").click();
    expect(view.part("chart-log").getAttribute("aria-pressed")).toBe("true");
  });

  it("lights what the last step changed most, where steps are slow enough to be seen", () => {
    const { view, model, kernel } = run(2, { status: "running", steps_per_second: 60 });
    const lit = () =>
      [...view.el.querySelectorAll(".actmax-lit span")].map((one) => one.textContent);
    expect(lit()).toEqual([]);
    model.update({ steps_per_second: 1 });
    const rows = new DataView(Float32Array.of(2, 9, 2.5, 13.5).buffer);
    const message = {
      type: "frame",
      seq: 9,
      run: 1,
      layer: "conv2",
      filter_indices: [3],
      iteration: 3,
    };
    const rest = { goal: 9, first: 2, count: 1, shape: [1, 1, 1], rate: null, remaining: null };
    model.trigger("msg:custom", { ...message, ...rest }, [new DataView(new ArrayBuffer(1)), rows]);
    vi.advanceTimersByTime(120);
    expect(lit()).toEqual(["Lp norm"]);
    model.update({ status: "paused" });
    kernel.frame(3, 1);
    nextFrame();
    expect(lit()).toEqual([]);
  });

  it("is calm without a row, with one, and with none that is finite", () => {
    const { view, kernel, model } = run(0);
    expect(view.el.querySelector<HTMLElement>(".actmax-chart-empty")?.hidden).toBe(false);
    expect(curve(view, "total")).toBe("–");
    kernel.frame(0, 1);
    nextFrame();
    expect(view.el.querySelector<HTMLElement>(".actmax-chart-empty")?.hidden).toBe(true);
    const buffers = [new DataView(new ArrayBuffer(4)), nans(3)];
    const message = {
      type: "snapshot",
      seq: 9,
      run: 2,
      layer: "out",
      filter_indices: [3],
      iteration: 3,
    };
    const rest = { goal: 9, first: 0, count: 3, shape: [2, 2, 1], rate: null, remaining: null };
    model.trigger("msg:custom", { ...message, ...rest }, buffers);
    nextFrame();
    expect(curve(view, "total")).toBe("NaN");
  });

  it("is drawn fifteen times a second at most while a run goes, and not where nobody sees it", async () => {
    let cleared = 0;
    const drawn = () => cleared;
    const context = new Proxy({} as Record<string, unknown>, {
      get: (_, name) => (name === "clearRect" ? () => cleared++ : () => ({ width: 9, data: [] })),
      set: () => true,
    });
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
    const { view, kernel, model } = run(10, { status: "running" });
    await vi.advanceTimersByTimeAsync(100);
    expect(drawn()).toBeGreaterThan(0);
    const before = drawn();
    for (let i = 0; i < 125; i++) {
      kernel.frame(10 + i, 1);
      await vi.advanceTimersByTimeAsync(8);
    }
    await vi.advanceTimersByTimeAsync(120);
    expect(text(view, "chart-iteration")).toBe("135");
    expect(drawn() - before).toBeGreaterThan(6);
    expect(drawn() - before).toBeLessThanOrEqual(16);
    // What a person asks for comes with the next frame, and so does the last row of a run.
    view.part("chart").dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
    await vi.advanceTimersByTimeAsync(20);
    expect(text(view, "chart-iteration")).not.toBe("135");
    view.part("chart").dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
    model.update({ status: "paused" });
    kernel.frame(135, 1);
    await vi.advanceTimersByTimeAsync(20);
    expect(text(view, "chart-iteration")).toBe("136");
    scrolled([view.part("chart")], false);
    const seen = drawn();
    kernel.frame(136, 1);
    await vi.advanceTimersByTimeAsync(100);
    expect(drawn()).toBe(seen);
    scrolled([view.part("chart")], true);
    await vi.advanceTimersByTimeAsync(1);
    expect(drawn()).toBe(seen + 1);
  });
});

const nans = (count: number) => new DataView(new Float32Array(count * 4).fill(Number.NaN).buffer);

describe("the film", () => {
  const shown = () => painted.at(-1)?.[0];

  it("asks for a strip when it is seen, again when there is more, and not while it waits", () => {
    const { model, kernel } = run(50);
    const asked = () => model.sent.filter(({ type }) => type === "ask_film");
    expect(asked()).toEqual([{ type: "ask_film", count: 22, have: [] }]);
    kernel.frame(50, 1);
    vi.advanceTimersByTime(500);
    expect(asked()).toHaveLength(1);
    kernel.film([0, 25, 51], [0, 25, 51]);
    nextFrame();
    vi.advanceTimersByTime(5000);
    expect(asked()).toHaveLength(1); // all of it is here
    kernel.frame(51, 4);
    vi.advanceTimersByTime(1100);
    expect(asked().slice(1)).toEqual([{ type: "ask_film", count: 22, have: [0, 25, 51] }]);
  });

  it("shows a picture once where there is but one", () => {
    const { view, kernel } = run(60);
    const seen = () =>
      [...view.part("film").querySelectorAll("canvas")].filter(
        ({ style }) => style.visibility !== "hidden",
      ).length;
    kernel.film([60], [60]);
    nextFrame();
    expect(seen()).toBe(1);
    kernel.film([60, 70], [70]);
    nextFrame();
    expect(seen()).toBeGreaterThan(1);
  });

  it("asks for nothing where nobody sees it", () => {
    const page = open();
    const view = page.render();
    vi.advanceTimersByTime(1);
    scrolled([view.part("film")], false);
    page.kernel.snapshot(50);
    vi.advanceTimersByTime(10_000);
    expect(page.model.sentTypes()).not.toContain("ask_film");
  });

  it("shows what is near at once and what was asked for when it comes: the last one only", () => {
    const { model, view, kernel } = run(100);
    kernel.film([0, 20, 40, 60, 80, 100], [0, 40, 100]);
    nextFrame();
    model.sent.length = 0;
    press(view, "film", "ArrowLeft");
    expect(view.part("film").getAttribute("aria-valuenow")).toBe("80");
    expect(shown()).toBe(100); // the nearest small one
    press(view, "film", "ArrowLeft");
    press(view, "film", "ArrowLeft");
    expect(model.sent.filter(({ type }) => type === "ask_picture")).toEqual([
      { type: "ask_picture", iteration: 80 },
    ]);
    kernel.picture(80);
    nextFrame();
    expect(model.sent.filter(({ type }) => type === "ask_picture").at(-1)).toEqual({
      type: "ask_picture",
      iteration: 40,
    });
    kernel.picture(40);
    nextFrame();
    expect([shown(), view.root.dataset.iteration]).toEqual([40, "40"]);
    press(view, "film", "ArrowRight");
    press(view, "film", "ArrowRight");
    expect(shown()).toBe(80); // which is still here
    press(view, "film", "End");
    expect([shown(), view.root.dataset.iteration]).toEqual([100, "100"]);
  });

  it("says which picture it is where the one asked for is gone, and asks no more for it", () => {
    const { model, view, kernel } = run(100);
    press(view, "chart", "ArrowLeft");
    kernel.picture(96);
    nextFrame();
    expect(text(view, "past-words")).toBe("iteration 99 of 100, picture of 96");
    model.sent.length = 0;
    kernel.frame(100, 1);
    nextFrame();
    expect(model.sentTypes()).not.toContain("ask_picture");
  });

  it("keeps what was fetched when the kernel is gone, and switches off what would go back", () => {
    const { model, view, kernel } = run(100);
    kernel.film([0, 50, 100], [0, 50, 100]);
    nextFrame();
    press(view, "film", "ArrowLeft");
    expect((view.part("rewind") as HTMLButtonElement).disabled).toBe(false);
    model.dead = true;
    view.part("rewind").click();
    expect(view.part("rewind").closest(":disabled")).not.toBeNull();
    model.sent.length = 0;
    vi.advanceTimersByTime(4000);
    press(view, "film", "ArrowLeft");
    expect([shown(), view.part("film").hidden]).toEqual([0, false]);
    expect(model.sent).toEqual([]);
  });

  it("is hidden in a saved notebook, and takes no answer of another run", () => {
    const page = open();
    const view = page.render();
    page.model.dead = true;
    page.model.trigger("comm_live_update");
    nextFrame();
    expect(view.part("film").hidden).toBe(true);
    page.model.dead = false;
    page.kernel.snapshot(100);
    page.kernel.film([0, 100], [0, 100], { run: 7 });
    nextFrame();
    press(view, "film", "Home");
    expect(shown()).toBe(100);
  });

  it("goes where it is pointed at, to a picture that there is", () => {
    const { view, kernel } = run(100);
    kernel.film([0, 24, 48, 72, 100], [0, 48, 100]);
    nextFrame();
    const strip = view.part("film").firstElementChild as HTMLElement;
    vi.spyOn(strip, "getBoundingClientRect").mockReturnValue({ left: 0, width: 220 } as DOMRect);
    const point = (type: string, clientX: number, buttons = 1) =>
      view.part("film").dispatchEvent(new MouseEvent(type, { clientX, buttons, bubbles: true }));
    point("pointerdown", 100);
    expect(view.part("film").getAttribute("aria-valuenow")).toBe("48");
    point("pointermove", 150);
    expect(view.part("film").getAttribute("aria-valuenow")).toBe("72");
    point("pointermove", 60, 0);
    expect(view.part("film").getAttribute("aria-valuenow")).toBe("72");
    point("pointermove", 219);
    expect(view.part("film").getAttribute("aria-valuetext")).toBe(
      "iteration 100 of 100, the newest",
    );
  });
});

describe("the ways back", () => {
  it("are offered in the past, and go to where the cursor is", () => {
    const { model, view } = run(100);
    const off = (part: string) => (view.part(part) as HTMLButtonElement).disabled;
    expect([off("rewind"), off("branch")]).toEqual([true, true]);
    press(view, "chart", "ArrowLeft", { shiftKey: true });
    expect([off("rewind"), off("branch")]).toEqual([false, false]);
    view.part("rewind").click();
    expect(model.sent.at(-1)).toEqual({ type: "rewind", iteration: 90 });
    expect(text(view, "status")).toBe("going back …");
    model.update({ status: "paused" });
    view.part("branch").click();
    expect(model.sent.at(-1)).toEqual({ type: "branch", iteration: 90 });
  });

  it("are listed when there are several lines, and one is opened by a click", () => {
    const { model, view } = run(100);
    expect(view.part("lines").hidden).toBe(true);
    model.update({
      lines: [
        { name: "main", parent: "", iteration: 0, made: 120 },
        { name: "branch 1", parent: "main", iteration: 50, made: null },
      ],
    });
    const buttons = [...view.part("lines").querySelectorAll("button")];
    expect(buttons.map((one) => one.textContent)).toEqual(["main", "branch 1 main 50"]);
    expect(buttons.map((one) => one.getAttribute("aria-current"))).toEqual([null, "true"]);
    expect(buttons[1]?.title).toBe("branch 1, left main at 50, in front");
    model.sent.length = 0;
    buttons[1]?.click();
    expect(model.sent).toEqual([]);
    buttons[0]?.click();
    expect(model.sent).toEqual([{ type: "open_branch", name: "main" }]);
  });
});

describe("the lines that were left", () => {
  const message = {
    type: "lines",
    lines: [
      { name: "main", made: 4, every: 2, count: 2 },
      { name: "branch 1", made: 1, every: 1, count: 1 },
    ],
  } as const;
  const rows = new Float32Array([5, 1, 3, Number.NaN, 2, Number.NaN]);

  it("have a course each", () => {
    expect(coursesOf({ ...message, lines: [...message.lines] }, rows)).toEqual([
      { name: "main", x: [1, 3], total: [5, 3], activation: [1, null] },
      { name: "branch 1", x: [1], total: [2], activation: null },
    ]);
  });

  it("are asked for when a line is left or taken up, and told of in the chart", () => {
    const { model, view } = run(5);
    const asked = () => model.sent.filter(({ type }) => type === "ask_lines").length;
    const main = { name: "main", parent: "", iteration: 0, made: 4 };
    const branch = { name: "branch 1", parent: "main", iteration: 2, made: null };
    expect(asked()).toBe(0);
    model.update({ lines: [main, branch] });
    expect(asked()).toBe(1);
    model.update({ lines: [{ ...main }, branch] });
    expect(asked()).toBe(1);
    model.trigger("msg:custom", message, [new DataView(rows.buffer)]);
    expect(view.part("chart").dataset.others).toBe("main,branch 1");
    model.update({ lines: [] });
    expect(view.part("chart").dataset.others).toBe("");
  });
});

describe("the drawer", () => {
  const opened = (view: View) =>
    [...view.el.querySelectorAll<HTMLElement>(".actmax-panel")]
      .filter((panel) => !panel.hidden)
      .map((panel) => panel.querySelector("h4")?.textContent);
  const offered = (view: View) =>
    [...view.el.querySelectorAll<HTMLElement>("[role=tab]")]
      .filter((tab) => !tab.hidden)
      .map((tab) => tab.textContent);

  it("has one tab in front and one stop of the Tab key; arrows, Home and End choose another", () => {
    const { view } = run(3);
    expect(offered(view)).toEqual(["Losses", "Recipe", "Score", "More", "Model"]);
    expect(opened(view)).toEqual(["Losses"]);
    press(view, "tab-losses", "ArrowRight");
    expect(document.activeElement).toBe(view.part("tab-recipe"));
    expect(opened(view)).toEqual(["Recipe"]);
    press(view, "tab-recipe", "End");
    press(view, "tab-network", "ArrowRight");
    expect(opened(view)).toEqual(["Losses"]);
    press(view, "tab-losses", "ArrowLeft");
    expect(opened(view)).toEqual(["Model"]);
    const stops = [...view.el.querySelectorAll<HTMLElement>("[role=tab]")].map(
      ({ tabIndex }) => tabIndex,
    );
    expect(stops.filter((stop) => stop === 0)).toHaveLength(1);
    const tab = view.part("tab-network");
    expect(tab.getAttribute("aria-selected")).toBe("true");
    expect(view.part("network").closest("[role=tabpanel]")?.id).toBe(
      tab.getAttribute("aria-controls"),
    );
  });

  it("shows tiles when they come, and the losses when they go", () => {
    const { view, kernel, render } = run(3);
    kernel.tiles(0, 4);
    nextFrame();
    expect(offered(view)).toEqual(["Losses", "Vary", "Recipe", "Score", "More", "Model"]);
    expect(opened(view)).toEqual(["Vary"]);
    view.part("tab-more").click();
    kernel.tiles(4, 4);
    nextFrame();
    expect(opened(view)).toEqual(["More"]); // the same ones
    kernel.tiles(0, 4, { number: 2 });
    nextFrame();
    expect(opened(view)).toEqual(["Vary"]);
    const late = render();
    nextFrame();
    expect(opened(late)).toEqual(["Vary"]); // they were there before it was
    kernel.closeTiles();
    nextFrame();
    expect(opened(view)).toEqual(["Losses"]);
  });

  it("is a list under headings in a narrow column", () => {
    const reports: ((entries: { contentRect: { width: number } }[]) => void)[] = [];
    class Resizes {
      constructor(report: (typeof reports)[number]) {
        reports.push(report);
      }
      observe(): void {}
      unobserve(): void {}
    }
    vi.stubGlobal("ResizeObserver", Resizes);
    const { view } = run(3);
    for (const report of reports) report([{ contentRect: { width: 470 } }]);
    expect(opened(view)).toEqual(["Losses", "Recipe", "Score", "More", "Model"]);
    expect(view.el.querySelector<HTMLElement>("[role=tablist]")?.hidden).toBe(true);
    expect(view.el.querySelector("[role=tabpanel]")).toBeNull();
    for (const report of reports) report([{ contentRect: { width: 500 } }]);
    expect(opened(view)).toEqual(["Losses"]);
  });
});
