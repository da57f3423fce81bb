import { describe, expect, it, vi } from "vitest";
import { openAtlas } from "./atlas_page";
import { nextFrame, open, standInForBrowser } from "./page";

standInForBrowser();

type Slot = (sender: unknown, args: unknown) => void;

/** As Lumino's. */
class FakeSignal {
  readonly slots = new Set<Slot>();
  connect = (slot: Slot) => this.slots.add(slot);
  disconnect = (slot: Slot) => this.slots.delete(slot);
  emit = (args: unknown) => {
    for (const slot of this.slots) slot(null, args);
  };
}

const createSource = () => ({
  statusChanged: new FakeSignal(),
  connectionStatusChanged: new FakeSignal(),
  kernelChanged: new FakeSignal(),
});

/** A run in a notebook. */
function running(source = createSource()) {
  const page = open({ status: "running" }, { context: { sessionContext: source } });
  const view = page.render();
  page.kernel.snapshot(7);
  nextFrame();
  const note = () => {
    nextFrame();
    return view.part("not-connected").textContent;
  };
  return { ...page, view, source, note };
}

describe("the end of a kernel", () => {
  it("is told of an atlas, too, and its connection, which is lost next, is no hope", async () => {
    const source = createSource();
    const { part, rows } = openAtlas({}, { context: { sessionContext: source } });
    await rows([{ layer: "out" }]);
    source.statusChanged.emit("restarting");
    source.connectionStatusChanged.emit("connecting");
    source.connectionStatusChanged.emit("connected");
    expect(part("not-connected").textContent).toContain("restarted");
  });

  it.each([
    ["terminating", "shut down"],
    ["restarting", "restarted"],
    ["autorestarting", "died"],
    ["dead", "died"],
  ])("is told at %s", (status, words) => {
    const { source, note, view } = running();
    expect(view.part("figures").textContent).toContain("steps/s");
    source.statusChanged.emit("busy");
    expect(note()).toBe("");
    source.statusChanged.emit(status);
    expect(note()).toBe(
      `Not connected to a kernel: it ${/died/.test(words) ? "" : "was "}${words}. Run the cell again.`,
    );
    expect(view.part("figures").textContent).toBe("iteration 7 / 500");
  });

  it("is told when the notebook has another, or none", () => {
    const first = running();
    first.source.kernelChanged.emit({ newValue: {} });
    expect(first.note()).toContain("restarted");
    const second = running();
    second.source.kernelChanged.emit({ newValue: null });
    expect(second.note()).toContain("shut down");
  });

  it("keeps the reason that says most: a death is followed by a restart, and that by a new connection", () => {
    const { source, note } = running();
    source.statusChanged.emit("restarting");
    source.statusChanged.emit("autorestarting");
    source.connectionStatusChanged.emit("connecting");
    source.kernelChanged.emit({ newValue: {} });
    source.connectionStatusChanged.emit("connected");
    expect(note()).toContain("died");
  });

  it("is not undone by its last words, but by a comm that is there again and its answer", () => {
    const { source, note, kernel, view, model } = running();
    source.statusChanged.emit("terminating");
    kernel.frame(7, 1);
    kernel.tiles(0, 1);
    expect(note()).toContain("shut down");
    expect(view.root.dataset.iteration).toBe("7");
    model.sent.length = 0;
    model.trigger("comm_live_update");
    expect(model.sentTypes()).toEqual(["hello"]);
    kernel.frame(7, 2);
    expect(note()).toBe("");
  });

  it("stops what sweeps while compiling", () => {
    const { source, model, view, note } = running();
    model.update({ status: "compiling" });
    nextFrame();
    expect(view.part("progress").hasAttribute("value")).toBe(false);
    source.statusChanged.emit("dead");
    note();
    expect(view.part("progress").hasAttribute("value")).toBe(true);
  });

  it("stops what sweeps while the tiles compile, and what they say", () => {
    const { source, model, kernel, view, note } = running();
    model.update({ status: "compiling" });
    kernel.tiles(0, 1, { status: "compiling" });
    nextFrame();
    // The kernel is at the tiles: the picture in front stands still.
    const bars = [view.part("progress"), view.part("tiles-progress")];
    expect(bars.map((bar) => bar.hasAttribute("value"))).toEqual([true, false]);
    source.statusChanged.emit("dead");
    note();
    expect(bars.map((bar) => bar.hasAttribute("value"))).toEqual([true, true]);
    expect(view.part("tiles-status").textContent).toBe("not finished");
    expect(view.part("tile-grid").tabIndex).toBe(0);
  });
});

describe("a lost connection", () => {
  it("is told, and the first message ends it", () => {
    const { source, note, kernel, model } = running();
    source.connectionStatusChanged.emit("connecting");
    expect(note()).toContain("goes on by itself");
    model.sent.length = 0;
    source.connectionStatusChanged.emit("connected");
    expect(model.sentTypes()).toEqual(["hello"]);
    expect(note()).toContain("goes on by itself");
    kernel.frame(7, 1);
    expect(note()).toBe("");
  });

  it("that is given up says what to do", () => {
    const { source, note } = running();
    source.connectionStatusChanged.emit("connecting");
    source.connectionStatusChanged.emit("disconnected");
    expect(note()).toContain("Reload the page");
  });
});

describe("other hosts", () => {
  it("have a kernel without a notebook", () => {
    const kernel = createSource();
    const view = open({}, { kernel }).render();
    kernel.statusChanged.emit("dead");
    expect(view.part("not-connected").hidden).toBe(false);
  });

  it.each([[undefined], [{}], [{ kernel: null }], [{ context: {} }], [{ kernel: {} }]])(
    "that offer %j are taken as they are",
    (manager) => {
      const { render, cleanup } = open({}, manager);
      expect(render().part("not-connected").hidden).toBe(true);
      expect(cleanup).not.toThrow();
    },
  );

  it("keep nothing of ours when the model is closed", () => {
    const { source, cleanup } = running();
    const held = () => Object.values(source).map(({ slots }) => slots.size);
    expect(held()).toEqual([1, 1, 1]);
    cleanup();
    expect(held()).toEqual([0, 0, 0]);
    vi.clearAllTimers();
  });
});
