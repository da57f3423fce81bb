import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FakeModel } from "./fake_model";
import { open, painted, standInForBrowser, type View } from "./page";

standInForBrowser();
beforeEach(() => {
  vi.stubGlobal("createImageBitmap", async () => ({ width: 28, height: 20 }));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const PNG = new DataView(Uint8Array.of(1, 2, 3).buffer);
/** Promises and the timers of a moment. */
const soon = () => vi.advanceTimersByTimeAsync(10);
const apples = (bytes: number[] = [7, 8, 9]) => new File([Uint8Array.from(bytes)], "apples.png");

/** A file that tells its size and is never read. */
function fileOf(size: number): File {
  const file = new File([], "huge.png");
  Object.defineProperty(file, "size", { value: size });
  return file;
}

function choose(view: View, file: File): void {
  const field = view.field("seed-file");
  Object.defineProperty(field, "files", { value: [file], configurable: true });
  field.dispatchEvent(new Event("change"));
}

/** What a browser tells of files dragged over an element; of other things `types` says so. */
function drag(view: View, type: string, files: File[], types = ["Files"]): Event {
  const dataTransfer = { files, types, dropEffect: "none" };
  const event = Object.assign(new Event(type, { bubbles: true, cancelable: true }), {
    dataTransfer,
    relatedTarget: null,
  });
  view.part("picture").dispatchEvent(event);
  return event;
}

const PYTHON = "seed_picture: expected a picture.";
const refusal = (sentence: string, name = "seed_picture") => ({
  ...{ type: "refused", name, sentence, error: PYTHON },
});
const uploads = (model: FakeModel) =>
  model.sent.filter(({ type }) => type === "seed_picture" || type === "clear_seed_picture");
const bytesSent = (model: FakeModel) => (model.buffers ?? []).map((b) => [...new Uint8Array(b)]);

describe("an upload", () => {
  it("sends the file as it was chosen, with its name", async () => {
    const { model, render } = open();
    const view = render();
    choose(view, apples());
    expect(view.part("seed-name").textContent).toBe("sending apples.png …");
    await soon();
    expect(uploads(model)).toEqual([{ type: "seed_picture", name: "apples.png" }]);
    expect(bytesSent(model)).toEqual([[7, 8, 9]]);
    expect(model.saved).toEqual([]);
  });

  it("forgets the file, so that it can be chosen again", () => {
    const view = open().render();
    const written = vi.spyOn(view.field("seed-file"), "value", "set");
    choose(view, apples());
    expect(written).toHaveBeenCalledWith("");
  });

  it("starts from a button that the keyboard reaches; the file field is hidden behind it", () => {
    const view = open().render();
    const opened = vi.spyOn(view.field("seed-file"), "click").mockImplementation(() => {});
    view.part("seed-upload").click();
    expect(opened).toHaveBeenCalledOnce();
    expect(view.field("seed-file").hidden).toBe(true);
    expect(view.field("seed-file").accept).toBe("image/*");
    expect(view.part("seed-upload").tagName).toBe("BUTTON");
  });

  it("of more than 10 MB is explained and not sent; the next one clears the sentence", async () => {
    const { model, render } = open();
    const view = render();
    choose(view, fileOf(10_000_001));
    await soon();
    const problem = view.part("seed-problem");
    expect(problem.textContent).toBe(
      "huge.png has 10.1 MB, and at most 10 MB can be sent. Choose a smaller picture.",
    );
    expect([problem.hidden, problem.getAttribute("role")]).toEqual([false, "alert"]);
    expect(view.part("seed-name").textContent).toBe("noise");
    expect(uploads(model)).toEqual([]);
    choose(view, fileOf(10_000_000));
    await soon();
    expect(problem.hidden).toBe(true);
    expect(uploads(model)).toHaveLength(1);
  });

  it("that cannot be read is explained", async () => {
    const { model, render } = open();
    const view = render();
    const folder = apples();
    vi.spyOn(folder, "arrayBuffer").mockRejectedValue(new Error("a folder"));
    choose(view, folder);
    await soon();
    expect(view.part("seed-problem").textContent).toBe(
      "apples.png could not be read. Choose a picture file.",
    );
    expect(uploads(model)).toEqual([]);
  });

  it("that is read slowly does not overtake the one chosen after it", async () => {
    const { model, render } = open();
    const view = render();
    const slow = apples();
    let finish: (bytes: ArrayBuffer) => void = () => {};
    vi.spyOn(slow, "arrayBuffer").mockReturnValue(
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    choose(view, slow);
    choose(view, new File([Uint8Array.of(5)], "pears.png"));
    await soon();
    finish(new ArrayBuffer(3));
    await soon();
    expect(uploads(model).map(({ name }) => name)).toEqual(["pears.png"]);
  });

  it("is believed for three seconds, should the kernel say nothing", async () => {
    const view = open({ seed_name: "pears.png" }).render();
    choose(view, apples());
    await soon();
    expect(view.part("seed-name").textContent).toBe("sending apples.png …");
    vi.advanceTimersByTime(3000);
    expect(view.part("seed-name").textContent).toBe("pears.png");
  });

  it("that the kernel refuses is explained beside the button, in the start that is still there", async () => {
    const { model, render } = open();
    const view = render();
    const problem = view.part("seed-problem");
    choose(view, apples());
    await soon();
    model.trigger("msg:custom", refusal("apples.png is not a picture."), []);
    model.update({ error: PYTHON });
    expect([problem.hidden, problem.textContent]).toEqual([false, "apples.png is not a picture."]);
    expect(view.part("error").hidden).toBe(true); // not said twice
    expect(view.part("seed-name").textContent).toBe("noise");
  });

  it("that is refused a second time is explained a second time", async () => {
    const { model, render } = open({ error: PYTHON });
    const view = render();
    choose(view, apples());
    await soon();
    expect(view.part("seed-problem").hidden).toBe(true);
    model.trigger("msg:custom", refusal("apples.png is empty."), []);
    expect(view.part("seed-problem").textContent).toBe("apples.png is empty.");
  });

  it("that is taken clears the sentence in every view", async () => {
    const { model, render } = open();
    const views = [render(), render()];
    model.trigger("msg:custom", refusal("apples.png is empty."), []);
    model.update({ error: PYTHON });
    expect(views.map((view) => view.part("seed-problem").hidden)).toEqual([false, false]);
    model.update({ error: "" });
    expect(views.map((view) => view.part("seed-problem").hidden)).toEqual([true, true]);
  });

  it("is not concerned by what else is refused or said", () => {
    const { model, render } = open();
    const view = render();
    const others = [refusal("Too high.", "tv_weight"), { type: "frames" }, "text", null, undefined];
    for (const content of others) model.trigger("msg:custom", content, []);
    expect(view.part("seed-problem").hidden).toBe(true);
  });
});

describe("the start", () => {
  it("follows the kernel: name, thumbnail and the way back to noise", async () => {
    const { model, render } = open();
    const view = render();
    const canvas = view.part("seed-picture") as HTMLCanvasElement;
    const clear = view.part("seed-clear") as HTMLButtonElement;
    expect(view.part("seed-name").textContent).toBe("noise");
    expect([canvas.hidden, clear.disabled]).toEqual([true, true]);
    model.update({ seed_name: "array 64 × 64 × 3", seed_picture: PNG });
    await soon();
    expect(view.part("seed-name").textContent).toBe("array 64 × 64 × 3");
    expect([canvas.hidden, canvas.width, canvas.height]).toEqual([false, 28, 20]);
    expect(canvas.getAttribute("aria-label")).toBe("Starting picture array 64 × 64 × 3");
    expect(painted).toHaveLength(1);
    expect(clear.disabled).toBe(false);
    model.update({ seed_name: "", seed_picture: new DataView(new ArrayBuffer(0)) });
    await soon();
    expect(view.part("seed-name").textContent).toBe("noise");
    expect([canvas.hidden, clear.disabled]).toEqual([true, true]);
  });

  it("shows in a view that opens later, and in one without a kernel", async () => {
    const { render } = open({ seed_name: "apples.png", seed_picture: PNG });
    const el = document.createElement("div");
    el.classList.add("jupyter-widgets-disconnected");
    const view = render(el);
    await soon();
    expect(view.part("seed-name").textContent).toBe("apples.png");
    expect(view.part("seed-picture").hidden).toBe(false);
    expect(view.part("seed-upload").closest(":disabled")).not.toBeNull();
  });

  it("drops the thumbnail that was cleared while it was being decoded", async () => {
    const { model, render } = open();
    const view = render();
    model.update({ seed_name: "apples.png", seed_picture: PNG });
    model.update({ seed_name: "", seed_picture: null });
    await soon();
    expect(view.part("seed-picture").hidden).toBe(true);
  });

  it("goes back to noise at a click, and hands the keyboard on", () => {
    const { model, render } = open({ seed_name: "apples.png", seed_picture: PNG });
    const view = render();
    view.part("seed-clear").focus();
    view.part("seed-clear").click();
    expect(uploads(model)).toEqual([{ type: "clear_seed_picture" }]);
    model.update({ seed_name: "", seed_picture: null });
    expect(document.activeElement).toBe(view.part("seed-upload"));
  });

  it("says what was done to the picture, and says it again on a saved page", () => {
    const seed_note = "Cropped from 640 × 64 to the middle 64 × 64.";
    const { model, render } = open({ seed_name: "wide.png", seed_note });
    const note = render().part("seed-note");
    expect([note.hidden, note.textContent]).toEqual([false, seed_note]);
    model.update({ seed_note: "" });
    expect(note.hidden).toBe(true);
  });

  it("lets the person choose what becomes of a picture of another shape", () => {
    const { model, render } = open({ seed_fit: "pad" });
    const select = render().part("seed-fit") as HTMLSelectElement;
    expect(select.selectedOptions[0]?.textContent).toBe("by padding");
    select.selectedIndex = 2;
    select.dispatchEvent(new Event("change"));
    expect(model.saved).toEqual([{ seed_fit: "stretch" }]);
    model.update({ seed_fit: "crop" });
    expect(select.selectedOptions[0]?.textContent).toBe("by cropping");
  });

  it("says when it waits for a fresh start, until there is one", () => {
    const { model, kernel, render } = open();
    const view = render();
    const note = view.part("seed-note");
    kernel.snapshot(0);
    model.update({ seed_name: "apples.png" });
    expect(note.hidden).toBe(true);
    kernel.frame(0, 5);
    model.update({ seed_name: "pears.png" });
    expect([note.hidden, note.textContent]).toEqual([
      false,
      "Takes effect at the next fresh start: Reset, then Run.",
    ]);
    kernel.frame(5, 1);
    expect(note.hidden).toBe(false);
    kernel.run = 2;
    kernel.snapshot(0);
    expect(note.hidden).toBe(true);
  });
});

describe("a drop onto the picture", () => {
  it("is an upload, and opens the part that names it", async () => {
    const { model, render } = open();
    const view = render();
    const over = drag(view, "dragover", []);
    expect(over.defaultPrevented).toBe(true);
    expect(over).toHaveProperty("dataTransfer.dropEffect", "copy");
    expect(view.el.querySelector(".actmax-drop")).not.toBeNull();
    expect(drag(view, "drop", [apples()]).defaultPrevented).toBe(true);
    await soon();
    expect(uploads(model)).toEqual([{ type: "seed_picture", name: "apples.png" }]);
    expect(bytesSent(model)).toEqual([[7, 8, 9]]);
    expect(view.el.querySelector(".actmax-drop")).toBeNull();
    expect(view.part("more").closest("[hidden]")).toBeNull();
    expect(view.part("tab-more").getAttribute("aria-selected")).toBe("true");
  });

  it("of a file too large is explained where it can be seen", async () => {
    const { model, render } = open();
    const view = render();
    const seen = vi.fn();
    view.part("seed-problem").scrollIntoView = seen;
    drag(view, "drop", [fileOf(3e7)]);
    await soon();
    expect(view.part("seed-problem").textContent).toContain("huge.png has 30.0 MB");
    expect(seen).toHaveBeenCalledOnce();
    expect(uploads(model)).toEqual([]);
  });

  it("of something else than a file is left to the page", () => {
    const view = open().render();
    expect(drag(view, "dragover", [], ["text/plain"]).defaultPrevented).toBe(false);
    expect(drag(view, "drop", [], ["text/plain"]).defaultPrevented).toBe(false);
    expect(view.el.querySelector(".actmax-drop")).toBeNull();
  });

  it("is no longer announced when the file is dragged away", () => {
    const view = open().render();
    drag(view, "dragenter", []);
    expect(view.el.querySelector(".actmax-drop")).not.toBeNull();
    drag(view, "dragleave", []);
    expect(view.el.querySelector(".actmax-drop")).toBeNull();
  });

  it("is refused without a kernel, and the browser does not open the file either", async () => {
    const { model, render } = open();
    const view = render();
    model.dead = true;
    view.part("run").click();
    model.dead = false;
    model.sent.length = 0;
    expect(drag(view, "dragover", [])).toHaveProperty("dataTransfer.dropEffect", "none");
    expect(drag(view, "drop", [apples()]).defaultPrevented).toBe(true);
    await soon();
    expect(uploads(model)).toEqual([]);
  });
});

describe("cleanup", () => {
  it("leaves no listener on the model, none on the picture, and no timer", async () => {
    const { model, kernel, render, cleanup } = open({ seed_name: "apples.png", seed_picture: PNG });
    const before = model.listeners;
    const view = render();
    kernel.snapshot(3);
    await soon();
    const [canvas, clear, file] = ["picture", "seed-clear", "seed-file"].map(view.part);
    choose(view, apples());
    view.cleanup();
    expect(model.listeners).toBe(before);
    const paintedBefore = painted.length;
    model.update({ seed_picture: new DataView(Uint8Array.of(4).buffer) });
    await soon();
    expect(painted).toHaveLength(paintedBefore);
    model.sent.length = 0;
    const over = new Event("drop", { bubbles: true, cancelable: true });
    Object.assign(over, { dataTransfer: { files: [apples()], types: ["Files"] } });
    canvas?.dispatchEvent(over);
    clear?.click();
    file?.dispatchEvent(new Event("change"));
    await soon();
    expect([over.defaultPrevented, uploads(model)]).toEqual([false, []]);
    cleanup();
    expect(vi.getTimerCount()).toBe(0);
  });
});
