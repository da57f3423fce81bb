import { describe, expect, it, vi } from "vitest";
import type { Traits } from "../src/kernel/model";
import { Store } from "../src/kernel/store";
import { FakeModel, PARAMETERS, rowsView } from "./fake_model";
import { nextFrame, open, painted, standInForBrowser } from "./page";

standInForBrowser();

function stored() {
  const model = new FakeModel();
  return { model, store: new Store(model.proxy) };
}

describe("hello", () => {
  it("is said once when the model comes up", () => {
    expect(open().model.sentTypes()).toEqual(["hello"]);
  });

  it("is repeated every three seconds, but not for ever, while nothing answers", () => {
    const { model } = open();
    vi.advanceTimersByTime(2999);
    expect(model.sentTypes()).toEqual(["hello"]);
    vi.advanceTimersByTime(1);
    expect(model.sentTypes()).toEqual(["hello", "hello"]);
    vi.advanceTimersByTime(60_000);
    expect(model.sentTypes()).toHaveLength(5);
  });

  it("is not repeated after the snapshot", () => {
    const { model, kernel } = open();
    kernel.snapshot(0);
    vi.advanceTimersByTime(60_000);
    expect(model.sentTypes().filter((type) => type === "hello")).toHaveLength(1);
  });

  it("asks once for what a gap left out, and the snapshot fills it", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(10);
    model.sent.length = 0;
    kernel.frame(12, 2);
    kernel.frame(14, 2);
    expect(model.sentTypes()).toEqual(["hello"]);
    nextFrame();
    expect(view.part("table").dataset.rows).toBe("10");
    kernel.snapshot(16);
    nextFrame();
    expect(view.part("table").dataset.rows).toBe("16");
    kernel.frame(16, 1);
    expect(model.sentTypes().filter((type) => type === "hello")).toHaveLength(1);
  });

  it("is said when a frame of another run comes", () => {
    const { model, kernel } = open();
    kernel.snapshot(10);
    model.sent.length = 0;
    kernel.run = 2;
    kernel.frame(5, 1);
    expect(model.sentTypes()).toEqual(["hello"]);
  });

  it("is said when the page comes back from the background after a silence", () => {
    const { model, kernel, render } = open({ status: "running" });
    render();
    kernel.snapshot(1);
    nextFrame();
    model.sent.length = 0;
    document.dispatchEvent(new Event("visibilitychange"));
    expect(model.sentTypes()).toEqual([]);
    vi.advanceTimersByTime(5000);
    document.dispatchEvent(new Event("visibilitychange"));
    expect(model.sentTypes()).toEqual(["hello"]);
  });
});

describe("a view", () => {
  it("asks for what is lacking, however long there was none", () => {
    const { model, kernel, render } = open();
    kernel.snapshot(3);
    vi.advanceTimersByTime(60_000);
    model.sent.length = 0;
    render();
    expect(model.sent).toEqual([{ type: "hello", run: 1, rows: 3, views: 1 }]);
    kernel.frame(3, 4);
    vi.advanceTimersByTime(60_000);
    expect(model.sentTypes().filter((type) => type !== "ask_film")).toEqual(["hello", "receipt"]);
  });

  it("asks again and again when a run falls silent, and not when it is paused or hidden", () => {
    const { model, kernel, render } = open({ status: "running" });
    const view = render();
    kernel.snapshot(3);
    model.sent.length = 0;
    vi.advanceTimersByTime(20_000);
    expect(model.sentTypes().filter((type) => type === "hello").length).toBeGreaterThan(3);
    kernel.frame(3, 1);
    model.update({ status: "paused" });
    vi.advanceTimersByTime(1000);
    model.sent.length = 0;
    vi.advanceTimersByTime(60_000);
    expect(model.sent).toEqual([]);
    model.update({ status: "running" });
    view.cleanup();
    vi.advanceTimersByTime(60_000);
    expect(model.sentTypes()).toEqual(["views"]);
  });

  it("that goes is told: with its output, or with its page", () => {
    for (const closed of [true, false]) {
      const { model, store } = stored();
      const remove = store.addView(() => closed);
      model.sent.length = 0;
      remove();
      vi.advanceTimersByTime(60_000);
      expect(model.sent).toContainEqual({ type: "views", cleared: !closed });
    }
  });

  it("that is moved is not gone", () => {
    const { model, store } = stored();
    store.addView(() => false)();
    store.addView(() => false);
    vi.advanceTimersByTime(60_000);
    expect(model.sentTypes()).not.toContain("views");
  });
});

describe("rows", () => {
  it("of a saved notebook have the columns that it had", () => {
    const saved = (columns: number, measures: string[] | undefined) => {
      const model = new FakeModel({ measures, rows: rowsView(0, 12, columns) } as Partial<Traits>);
      return new Store(model.proxy).rows;
    };
    const now = saved(6, ["activation", "probability"]);
    expect([now.count, now.at(11, 5)]).toEqual([12, 12.25]);
    const before = saved(4, undefined);
    expect([before.count, before.at(11, 3)]).toEqual([12, 11.75]);
  });

  it("come in at any byte offset and in order", () => {
    const { kernel, render } = open();
    const view = render();
    kernel.snapshot(0);
    kernel.frame(0, 2);
    kernel.frame(2, 1);
    nextFrame();
    expect(view.rowTexts()).toEqual([
      ["1", "0", "0.25000", "0.50000", "0.75000"],
      ["2", "1.0000", "1.2500", "1.5000", "1.7500"],
      ["3", "2.0000", "2.2500", "2.5000", "2.7500"],
    ]);
  });

  it("sent twice are kept once", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(4);
    kernel.frame(2, 4);
    kernel.frame(1, 2);
    nextFrame();
    expect(view.rowTexts().map(([iteration, , , , total]) => [iteration, total])).toEqual([
      ["1", "0.75000"],
      ["2", "1.7500"],
      ["3", "2.7500"],
      ["4", "3.7500"],
      ["5", "4.7500"],
      ["6", "5.7500"],
    ]);
    expect(model.sentTypes().filter((type) => type === "hello")).toHaveLength(1);
  });

  it("of an old run go when a new one starts", () => {
    const { kernel, render } = open();
    const view = render();
    kernel.snapshot(30);
    nextFrame();
    kernel.run = 2;
    kernel.snapshot(1);
    kernel.frame(1, 1);
    nextFrame();
    expect(view.rowTexts().map(([iteration]) => iteration)).toEqual(["1", "2"]);
    expect(view.part("row-count").textContent).toBe("2 rows");
    expect(view.root.dataset.iteration).toBe("2");
  });
});

describe("receipts", () => {
  it("follow a drawn snapshot at once", () => {
    const { model, kernel, render } = open();
    render();
    const seq = kernel.snapshot(3);
    expect(model.receipts()).toEqual([]);
    nextFrame();
    expect(model.receipts()).toEqual([seq]);
  });

  it("follow a drawn snapshot even where a frame overtook it on the way to the screen", () => {
    const { model, kernel, render } = open();
    render();
    kernel.snapshot(3);
    const seq = kernel.frame(3, 1);
    nextFrame();
    expect(model.receipts()).toEqual([seq]);
  });

  it("follow every second drawn frame", () => {
    const { model, kernel, render } = open();
    render();
    kernel.snapshot(0);
    nextFrame();
    model.sent.length = 0;
    const seqs = [0, 1, 2, 3].map((first) => {
      const seq = kernel.frame(first, 1);
      nextFrame();
      return seq;
    });
    expect(model.receipts()).toEqual([seqs[1], seqs[3]]);
  });

  it("follow a single frame after a quarter of a second", () => {
    const { model, kernel, render } = open();
    render();
    kernel.snapshot(0);
    nextFrame();
    model.sent.length = 0;
    const seq = kernel.frame(0, 1);
    vi.advanceTimersByTime(200);
    expect(model.receipts()).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(model.receipts()).toEqual([seq]);
  });

  it("are not sent for what no view has drawn", () => {
    const { model, kernel } = open();
    kernel.snapshot(0);
    kernel.frame(0, 1);
    kernel.frame(1, 1);
    vi.advanceTimersByTime(1000);
    expect(model.receipts()).toEqual([]);
  });

  it("count a frame once, however many views draw it", () => {
    const { model, kernel, render } = open();
    render();
    render();
    kernel.snapshot(0);
    nextFrame();
    model.sent.length = 0;
    kernel.frame(0, 1);
    nextFrame();
    expect(model.receipts()).toEqual([]);
  });
});

describe("frames", () => {
  it("that come together are drawn once, the newest", () => {
    const { kernel, render } = open();
    const view = render();
    nextFrame();
    kernel.snapshot(1);
    kernel.frame(1, 1);
    kernel.frame(2, 1);
    nextFrame();
    expect(painted).toHaveLength(1);
    expect([...(painted[0] ?? [])].slice(0, 4)).toEqual([3, 3, 3, 255]);
    expect(view.root.dataset.iteration).toBe("3");
  });

  it("tell the model their iteration without ever saving it", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(1);
    kernel.frame(1, 6);
    expect(model.get("iteration")).toBe(7);
    view.type("tv-weight-value", "33");
    vi.advanceTimersByTime(1000);
    expect(model.saved).toEqual([{ tv_weight: 33 }]);
  });
});

describe("what is saved", () => {
  it("is nothing but parameters, whatever is clicked", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(3);
    for (const control of view.el.querySelectorAll<HTMLElement>("button")) control.click();
    for (const control of view.el.querySelectorAll("input, select")) {
      control.dispatchEvent(new Event("input"));
      control.dispatchEvent(new Event("change"));
    }
    view.field("clip").click();
    kernel.frame(3, 3);
    vi.advanceTimersByTime(1000);
    const names = new Set(model.saved.flatMap((state) => Object.keys(state)));
    expect(names.size).toBeGreaterThan(1);
    expect([...names].filter((name) => !PARAMETERS.includes(name as never))).toEqual([]);
  });
});

describe("a notebook without a kernel", () => {
  const saved = {
    rows: rowsView(0, 40),
    picture: new DataView(Uint8Array.of(1, 2, 3).buffer),
    iteration: 40,
    goal: 40,
    status: "finished",
  } as const;

  it("shows rows and picture of the traits", async () => {
    vi.stubGlobal("createImageBitmap", async () => ({ width: 28, height: 28 }));
    const { render } = open(saved);
    const view = render();
    nextFrame();
    await vi.advanceTimersByTimeAsync(10);
    expect(view.part("table").dataset.rows).toBe("40");
    expect(view.root.dataset.iteration).toBe("40");
    expect((view.part("picture") as HTMLCanvasElement).width).toBe(28);
    vi.unstubAllGlobals();
  });

  it("opens with a damaged picture, too", async () => {
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("damaged")));
    const view = open(saved).render();
    nextFrame();
    await vi.advanceTimersByTimeAsync(10);
    expect(view.part("table").dataset.rows).toBe("40");
    vi.unstubAllGlobals();
  });

  it("gives way to frames, and stays out of their way", () => {
    const { model, kernel, render } = open(saved);
    const view = render();
    kernel.snapshot(50);
    model.update({ rows: rowsView(0, 45), picture: new DataView(Uint8Array.of(9).buffer) });
    nextFrame();
    expect(view.part("table").dataset.rows).toBe("50");
    expect(view.root.dataset.iteration).toBe("50");
    expect(painted).toHaveLength(1);
  });
});
