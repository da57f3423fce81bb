import { describe, expect, it, vi } from "vitest";
import { nextFrame, open, painted, standInForBrowser, type View } from "./page";

standInForBrowser();

/** By itself, or because the fieldset around it is. */
const disabled = (view: View, testId: string): boolean =>
  view.part(testId).closest(":disabled") !== null;
const offered = (view: View): string[] =>
  ["run", "pause", "step", "reset"].filter((testId) => !disabled(view, testId));

describe("the buttons", () => {
  it.each([
    ["ready", 0, ["run", "step"]],
    ["compiling", 0, ["pause"]],
    ["running", 3, ["pause", "reset"]],
    ["paused", 3, ["run", "step", "reset"]],
    ["finished", 3, ["run", "step", "reset"]],
    ["failed", 0, ["run", "step"]],
  ] as const)("at %s after %i iterations", (status, iterations, expected) => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(iterations);
    model.update({ status });
    expect(offered(view)).toEqual(expected);
    expect(view.root.dataset.status).toBe(status);
  });

  it.each([
    ["run", "ready", { type: "start" }],
    ["pause", "running", { type: "pause" }],
    ["step", "paused", { type: "step", n: 1 }],
    ["reset", "paused", { type: "reset" }],
  ] as const)("%s sends its command", (testId, status, message) => {
    const { model, kernel, render } = open({ status });
    const view = render();
    kernel.snapshot(2);
    model.sent.length = 0;
    view.part(testId).click();
    expect(model.sent).toEqual([message]);
  });

  it("answer a click before the kernel does, and believe it no longer than three seconds", () => {
    const { render } = open();
    const view = render();
    view.part("run").click();
    expect(disabled(view, "run")).toBe(true);
    expect(view.part("status").textContent).toBe("starting …");
    vi.advanceTimersByTime(3000);
    expect(disabled(view, "run")).toBe(false);
    expect(view.part("status").textContent).toBe("ready");
  });

  it("hand the keyboard on to the button that works now", () => {
    const { model, render } = open();
    const view = render();
    view.part("run").focus();
    view.part("run").click();
    model.update({ status: "running" });
    expect(document.activeElement).toBe(view.part("pause"));
  });

  it("have their exact names", () => {
    const view = open().render();
    const names = ["run", "pause", "step", "reset"].map((testId) => view.part(testId).textContent);
    expect(names).toEqual(["Run", "Pause", "Step", "Reset"]);
  });
});

describe("the error", () => {
  it("is an alert, and hidden while there is none", () => {
    const { model, render } = open();
    const error = render().part("error");
    expect(error.hidden).toBe(true);
    model.update({ error: "max_iter must be at least 1." });
    expect([error.hidden, error.textContent]).toEqual([false, "max_iter must be at least 1."]);
    model.update({ error: "" });
    expect(error.hidden).toBe(true);
  });
});

describe("the progress", () => {
  it("tells iteration, goal, speed and time left", () => {
    const { kernel, render } = open({ status: "running" });
    const view = render();
    kernel.snapshot(123);
    nextFrame();
    expect(view.part("figures").textContent).toBe("iteration 123 / 500 · 58 steps/s · 6 s left");
    const bar = view.part("progress") as HTMLProgressElement;
    expect([Number(bar.value), Number(bar.max)]).toEqual([123, 500]);
  });

  it("leaves speed out where nothing moves", () => {
    const { kernel, render } = open({ status: "paused" });
    const view = render();
    kernel.snapshot(123);
    nextFrame();
    expect(view.part("figures").textContent).toBe("iteration 123 / 500");
  });
});

describe("the picture", () => {
  it("is labelled with what it shows, not with what was chosen since", () => {
    const { model, kernel, render } = open({ filter_indices: [3, 7] });
    const view = render();
    kernel.snapshot(5);
    model.update({ layer: "out", filter_indices: null });
    kernel.frame(5, 1);
    nextFrame();
    const label = () => view.part("picture").getAttribute("aria-label");
    expect(label()).toBe("Layer conv2, filters 3, 7, iteration 6");
    kernel.run = 2;
    kernel.snapshot(0);
    nextFrame();
    expect(label()).toBe("Layer out, all filters, iteration 0");
  });

  it("is still labelled so after a reload, as the frame says whose it is", () => {
    // The target was changed and not started: the traits are ahead of the picture.
    const { kernel, render } = open({ layer: "out", filter_indices: null });
    const view = render();
    kernel.snapshot(5, { layer: "conv2", filter_indices: [3] });
    nextFrame();
    expect(view.part("picture").getAttribute("aria-label")).toBe(
      "Layer conv2, filter 3, iteration 5",
    );
  });

  it("has the resolution of the frame, and is shown in its proportions", () => {
    const { kernel, render } = open();
    const canvas = render().part("picture") as HTMLCanvasElement;
    kernel.snapshot(1, { shape: [20, 40, 3] });
    nextFrame();
    expect([canvas.width, canvas.height]).toEqual([40, 20]);
    const proportions = ["--actmax-aspect", "--actmax-share"];
    expect(proportions.map((name) => canvas.style.getPropertyValue(name))).toEqual(["2", "1"]);
    expect(canvas.classList.contains("actmax-enlarged")).toBe(true);
  });

  it("is painted once, however often tiles come beside it", () => {
    const { kernel, render } = open();
    const view = render();
    kernel.snapshot(5);
    nextFrame();
    expect(painted).toHaveLength(1);
    kernel.tiles(0, 0);
    nextFrame();
    expect(painted).toHaveLength(1);
    kernel.frame(5, 1);
    nextFrame();
    expect(painted).toHaveLength(2);
    expect(view.root.dataset.iteration).toBe("6");
  });

  it("stays away while the kernel has none", () => {
    const { kernel, render } = open();
    const view = render();
    kernel.snapshot(0, { shape: [0, 0, 1] });
    nextFrame();
    expect(view.root.dataset.iteration).toBe("");
  });
});

describe("a network of 1,000 layers", () => {
  it("has all of them in its list, and the last one can be chosen", () => {
    const layers = Array.from({ length: 1000 }, (_, i) => ({
      ...{ name: `block${i}/conv`, type: "Conv2D", shape: [7, 7, 64], filters: 64, parameters: 80 },
    }));
    const { model, render } = open({ layers, layer: "block500/conv" });
    const view = render();
    const select = view.part("layer") as HTMLSelectElement;
    expect([select.options.length, select.value]).toEqual([1000, "block500/conv"]);
    view.type("layer", "block999/conv");
    expect(model.get("layer")).toBe("block999/conv");
  });
});

describe("without a kernel", () => {
  const note = "Not connected to a kernel. Run the cell again.";

  it("a send that fails switches the controls off and keeps what is shown", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(7);
    nextFrame();
    expect(view.part("not-connected").hidden).toBe(true);
    model.dead = true;
    view.part("run").click();
    expect(view.part("not-connected").textContent).toBe(note);
    expect(offered(view)).toEqual([]);
    expect([disabled(view, "tv-weight-value"), disabled(view, "layer")]).toEqual([true, true]);
    expect(disabled(view, "save")).toBe(false);
    expect([view.root.dataset.iteration, view.part("table").dataset.rows]).toEqual(["7", "7"]);
  });

  it("a rejected send counts as a failed one", async () => {
    const { model, render } = open();
    const view = render();
    model.rejecting = true;
    view.part("run").click();
    await vi.advanceTimersByTimeAsync(0);
    expect(view.part("not-connected").hidden).toBe(false);
  });

  it("comm_live_update is followed by a hello, which finds out, and the answer brings all back", () => {
    const { model, kernel, render } = open();
    const view = render();
    kernel.snapshot(3);
    model.dead = true;
    model.trigger("comm_live_update");
    expect(view.part("not-connected").hidden).toBe(false);
    model.dead = false;
    model.sent.length = 0;
    model.trigger("comm_live_update");
    expect(model.sentTypes()).toEqual(["hello"]);
    kernel.snapshot(4);
    expect(view.part("not-connected").hidden).toBe(true);
    expect(offered(view)).toEqual(["run", "step", "reset"]);
  });

  it("a view that opens disconnected says so at once and stops asking", () => {
    const { model, render } = open();
    const el = document.createElement("div");
    el.classList.add("jupyter-widgets-disconnected");
    expect(render(el).part("not-connected").hidden).toBe(false);
    model.sent.length = 0;
    vi.advanceTimersByTime(60_000);
    expect(model.sent).toEqual([]);
  });
});

describe("several views", () => {
  it("share the rows, and each draws for itself", () => {
    const { kernel, render } = open();
    const views = [render(), render()];
    kernel.snapshot(4);
    nextFrame();
    for (const view of views) {
      expect(view.part("table").dataset.rows).toBe("4");
      expect(view.root.dataset.iteration).toBe("4");
    }
    const late = render();
    nextFrame();
    expect(late.root.dataset.iteration).toBe("4");
  });
});

describe("keys", () => {
  const ctrl = { ctrlKey: true };
  const shift = { ctrlKey: true, shiftKey: true };

  it.each([
    ["filters", "d", {}, true],
    ["tv-weight-value", "ArrowUp", {}, true],
    ["run", "d", {}, true],
    ["run", "Enter", { shiftKey: true }, true],
    ["tv-weight-slider", "ArrowRight", {}, true],
    ["layer", "a", {}, true],
    ["table", "PageDown", {}, true],
    ["filters", "a", ctrl, true],
    ["filters", "c", ctrl, true],
    ["filters", "z", { metaKey: true }, true],
    ["filters", "Z", shift, true],
    ["filters", "ArrowLeft", shift, true],
    ["filters", "Escape", {}, true],
    ["filters", "s", ctrl, false],
    ["filters", "s", { metaKey: true }, false],
    ["filters", "C", shift, false],
    ["filters", "c", shift, false],
    ["filters", "b", ctrl, false],
    ["run", "s", ctrl, false],
    ["run", "c", ctrl, false],
    ["run", "Escape", {}, false],
    ["run", "Enter", ctrl, false],
    ["filters", "F11", {}, false],
  ])("in %s: %s %j is ours: %s", (testId, key, modifiers, ours) => {
    const view = open().render();
    // Lumino's place, and that of other hosts.
    const suppressed = vi.fn(() => view.root.dataset.lmSuppressShortcuts === "true");
    const heard = vi.fn();
    document.addEventListener("keydown", suppressed, true);
    document.body.addEventListener("keydown", heard);
    const options = { key, bubbles: true, composed: true, ...modifiers };
    view.part(testId).dispatchEvent(new KeyboardEvent("keydown", options));
    expect(suppressed).toHaveReturnedWith(ours);
    expect(heard).toHaveBeenCalledTimes(ours ? 0 : 1);
    document.removeEventListener("keydown", suppressed, true);
    document.body.removeEventListener("keydown", heard);
  });
});

describe("cleanup", () => {
  /** Counts what is added and not removed, here and there. */
  function countListeners(target: EventTarget) {
    const held = new Set<unknown>();
    const add = target.addEventListener.bind(target);
    const remove = target.removeEventListener.bind(target);
    vi.spyOn(target, "addEventListener").mockImplementation((type, listener, options) => {
      held.add(listener);
      add(type, listener, options);
    });
    vi.spyOn(target, "removeEventListener").mockImplementation((type, listener, options) => {
      held.delete(listener);
      remove(type, listener, options);
    });
    return held;
  }

  it("of a view leaves nothing of it behind, and the model goes on", () => {
    const { model, kernel, render } = open();
    const before = model.listeners;
    const held = [countListeners(window), countListeners(document)];
    const watched = vi.spyOn(ResizeObserver.prototype, "observe");
    const released = vi.spyOn(ResizeObserver.prototype, "unobserve");
    const view = render();
    expect(watched).toHaveBeenCalled();
    expect(model.listeners).toBeGreaterThan(before);
    view.slide("tv-weight-slider", 300);
    kernel.snapshot(3);
    view.cleanup();
    expect(model.listeners).toBe(before);
    expect(held.map((listeners) => listeners.size)).toEqual([0, 0]);
    expect(view.el.childElementCount).toBe(0);
    expect(released).toHaveBeenCalledTimes(watched.mock.calls.length);
    model.sent.length = 0;
    kernel.frame(3, 1);
    vi.advanceTimersByTime(5000);
    expect(model.receipts()).toEqual([]);
  });

  it("of the model leaves no listener and no timer", () => {
    const held = [countListeners(window), countListeners(document)];
    const { model, kernel, render, cleanup } = open();
    const view = render();
    expect(held[1]?.size).toBeGreaterThan(0);
    kernel.snapshot(3);
    nextFrame();
    kernel.frame(3, 1);
    nextFrame();
    view.part("reset").click();
    view.cleanup();
    cleanup();
    expect(model.listeners).toBe(0);
    expect(held.map((listeners) => listeners.size)).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
