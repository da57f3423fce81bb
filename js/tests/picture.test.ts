import { describe, expect, it, vi } from "vitest";
import { formatPixel, locate } from "../src/parts/picture";
import { nextFrame, open, standInForBrowser, type View } from "./page";

standInForBrowser();

const key = (target: HTMLElement, name: string, more: KeyboardEventInit = {}) => {
  const event = new KeyboardEvent("keydown", {
    ...{ key: name, bubbles: true, cancelable: true, composed: true },
    ...more,
  });
  target.dispatchEvent(event);
  return event.defaultPrevented;
};

/** The picture is 2 × 2 pixels, shown at 200 × 200. */
function drawn(over: Parameters<typeof open>[0] = {}, frame: object = {}) {
  vi.spyOn(HTMLCanvasElement.prototype, "getBoundingClientRect").mockReturnValue({
    ...{ left: 10, top: 20, width: 200, height: 200 },
  } as DOMRect);
  const page = open(over);
  const view = page.render();
  page.kernel.snapshot(3, frame);
  nextFrame();
  return { ...page, view };
}

/** It is written in the next frame of the screen. */
function scaleOf(view: View): number {
  nextFrame();
  const { transform } = (view.el.querySelector(".actmax-zoomed") as HTMLElement).style;
  return Number(/scale\(([\d.]+)\)/.exec(transform)?.[1]);
}

const point = (view: View, clientX: number, clientY: number) => {
  const event = new Event("pointermove", { bubbles: true });
  view.part("picture-frame").dispatchEvent(Object.assign(event, { clientX, clientY }));
};

describe("zooming", () => {
  it("goes by + and - and back by 0 while the picture has the focus, and by its buttons", () => {
    const { view } = drawn();
    const frame = view.part("picture-frame");
    expect([scaleOf(view), frame.tabIndex]).toEqual([1, 0]);
    expect(key(frame, "+")).toBe(true);
    key(frame, "=");
    const twice = scaleOf(view);
    expect(twice).toBeGreaterThan(1.9);
    key(frame, "-");
    expect(scaleOf(view)).toBeLessThan(twice);
    expect(frame.hasAttribute("data-zoomed")).toBe(true);
    key(frame, "0");
    expect([scaleOf(view), frame.hasAttribute("data-zoomed")]).toEqual([1, false]);
    view.part("zoom-in").click();
    expect(scaleOf(view)).toBeGreaterThan(1);
    expect(view.part("zoom-fit").getAttribute("aria-disabled")).toBe("false");
    view.part("zoom-fit").click();
    view.part("zoom-out").click(); // no smaller than the frame
    expect([scaleOf(view), view.part("zoom-fit").getAttribute("aria-disabled")]).toEqual([
      1,
      "true",
    ]);
  });

  it("takes no key of its buttons, none with Ctrl, and arrows only where there is something to move", () => {
    const { view } = drawn();
    const frame = view.part("picture-frame");
    expect(key(view.part("zoom-in"), "+")).toBe(false);
    expect(key(frame, "+", { ctrlKey: true })).toBe(false);
    expect(key(frame, "ArrowLeft")).toBe(false);
    expect(scaleOf(view)).toBe(1);
    key(frame, "+");
    expect(key(frame, "ArrowLeft")).toBe(true);
  });

  it("leaves the wheel to the page, but for one with Ctrl", () => {
    const { view } = drawn();
    const frame = view.part("picture-frame");
    const wheel = (ctrlKey: boolean) => {
      const event = new WheelEvent("wheel", { deltaY: -100, bubbles: true, cancelable: true });
      Object.defineProperty(event, "ctrlKey", { value: ctrlKey });
      frame.dispatchEvent(event);
      return [event.defaultPrevented, scaleOf(view) > 1];
    };
    expect([wheel(false), wheel(true)]).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  it("stays from frame to frame, and ends where the picture becomes another", () => {
    const { kernel, view } = drawn();
    view.part("zoom-in").click();
    kernel.frame(3, 1);
    nextFrame();
    expect(scaleOf(view)).toBeGreaterThan(1);
    kernel.run += 1;
    kernel.snapshot(1, { shape: [3, 5, 3] });
    nextFrame();
    expect(scaleOf(view)).toBe(1);
  });
});

describe("the value under the pointer", () => {
  it("is that of the pixel, and goes with the pointer", () => {
    const { kernel, view } = drawn();
    const pixel = view.part("pixel");
    expect(pixel.hidden).toBe(true);
    point(view, 115, 25);
    expect([pixel.textContent, pixel.hidden]).toEqual(["x 1, y 0 · grey 3", false]);
    kernel.frame(3, 1); // the pointer rests, the picture does not
    nextFrame();
    expect(pixel.textContent).toBe("x 1, y 0 · grey 4");
    point(view, 5, 25);
    expect(pixel.hidden).toBe(true);
    point(view, 115, 25);
    view.part("picture-frame").dispatchEvent(new Event("pointerleave"));
    expect(pixel.hidden).toBe(true);
  });

  it.each([
    [[7], [0, 255], "x 3, y 7 · grey 7"],
    [[120, 88, 30], [0, 255], "x 3, y 7 · RGB 120 88 30"],
    [[120, 88, 30, 255], undefined, "x 3, y 7 · RGBA 120 88 30 255"],
    [[255, 0, 51], [-1, 1], "x 3, y 7 · RGB 255 0 51 = 1 -1 -0.6"],
  ] as const)(
    "is in the network's range, too, where that is another: %o in %o",
    (values, range, words) => {
      expect(formatPixel({ x: 3, y: 7 }, values, range as [number, number])).toBe(words);
    },
  );

  it("is nothing before there is a picture, of one pixel that pixel's, and of four channels all", () => {
    const view = open().render();
    nextFrame();
    point(view, 0, 0);
    expect(view.part("pixel").hidden).toBe(true);
    const one = drawn({}, { shape: [1, 1, 4] }).view;
    point(one, 209, 219);
    expect(one.part("pixel").textContent).toBe("x 0, y 0 · RGBA 3 3 3 3");
    const canvas = one.part("picture") as HTMLCanvasElement;
    expect(locate(canvas, { clientX: 211, clientY: 219 })).toBe(null);
  });
});

describe("on the picture", () => {
  it.each([
    [["activation"], "activation 3"],
    [["activation", "probability"], "p 3.25 · logit 3"],
    [["activation of A", "probability of A", "activation of B"], "p 3.25 · logit 3"],
    [[], ""],
  ])("stands what the network says to it: %o", (measures, words) => {
    // Row 2 holds 2, 2.25, …: after three losses and their total come the measures.
    const { view } = drawn({ measures });
    expect([view.part("measured").textContent, view.part("measured").hidden]).toEqual([
      words,
      !words,
    ]);
  });
});

describe("its look", () => {
  it("is of squares where it is small, until somebody wants it smooth, and then stays", () => {
    const { kernel, view } = drawn();
    const canvas = view.part("picture");
    const isSquare = () => canvas.classList.contains("actmax-enlarged");
    expect([isSquare(), view.part("smooth").getAttribute("aria-pressed")]).toEqual([true, "false"]);
    view.part("smooth").click();
    expect([isSquare(), view.part("smooth").getAttribute("aria-pressed")]).toEqual([false, "true"]);
    kernel.run += 1;
    kernel.snapshot(1, { shape: [3, 3, 3] });
    nextFrame();
    expect(isSquare()).toBe(false);
  });

  it("has no tool that does anything before there is a picture", () => {
    const view = open().render();
    nextFrame();
    const tools = ["save", "smooth", "best", "zoom-in", "zoom-out", "zoom-fit", "full-screen"];
    expect(tools.filter((testId) => !view.field(testId).disabled)).toEqual([]);
  });
});

describe("the best so far", () => {
  it("is asked for by a toggle, which shows what the kernel sends", () => {
    const { model, kernel, view } = drawn({ measures: ["activation"] });
    const best = view.part("best");
    best.click();
    expect(model.sent.at(-1)).toEqual({ type: "show_best", best: true });
    expect(best.getAttribute("aria-pressed")).toBe("false");
    kernel.frame(3, 1, { best: 2 });
    nextFrame();
    expect(best.getAttribute("aria-pressed")).toBe("true");
    expect(view.part("picture").getAttribute("aria-label")).toMatch(
      /iteration 2, the best so far$/,
    );
    expect(view.part("measured").textContent).toBe("best: iteration 2 · activation 2");
    best.click();
    expect(model.sent.at(-1)).toEqual({ type: "show_best", best: false });
  });
});

describe("full screen", () => {
  it("that is refused makes the picture as large as the widget, and back", async () => {
    const { view } = drawn();
    const frame = view.part("picture-frame");
    const picture = frame.parentElement as HTMLElement;
    const button = view.part("full-screen");
    const isWide = () => picture.classList.contains("actmax-wide");
    frame.requestFullscreen = () => Promise.reject(new TypeError("not granted"));
    button.click();
    await vi.advanceTimersByTimeAsync(0);
    expect([isWide(), button.getAttribute("aria-label")]).toEqual([true, "Leave full screen"]);
    button.click();
    expect([isWide(), button.getAttribute("aria-label")]).toEqual([false, "Full screen"]);
    Object.defineProperty(frame, "requestFullscreen", { value: undefined });
    button.click();
    expect(isWide()).toBe(true);
  });
});
