import type { AnyModel } from "@anywidget/types";
import { beforeEach, describe, expect, it, vi } from "vitest";
import createPanel from "../src/compare";
import type { CompareFacts, DifferenceMessage } from "../src/kernel/contract";
import { FakeModel } from "./fake_model";
import { nextFrame, painted, standInForBrowser } from "./page";

standInForBrowser();
beforeEach(() => {
  vi.stubGlobal("createImageBitmap", async () => ({ width: 7, height: 7 }));
});

const FACTS: CompareFacts = {
  ...{ status: "paused", message: "Both are paused.", error: "", iteration: 4, goal: 60 },
  ...{ names: ["rough", "smooth"], rms: 0.25, scale: 0.5, picture: null },
};

function open(over: Partial<CompareFacts> = {}) {
  const model = new FakeModel({ ...FACTS, ...over } as object);
  type Props = { model: AnyModel<CompareFacts>; el: HTMLElement };
  const panel = (createPanel as unknown as () => Record<string, (props: Props) => () => void>)();
  const el = document.createElement("div");
  document.body.append(el);
  const props = { model: model.proxy as unknown as AnyModel<CompareFacts>, el };
  const cleanups = [panel.initialize?.(props), panel.render?.(props)];
  nextFrame();
  const part = (id: string) =>
    el.querySelector<HTMLButtonElement>(`[data-testid="${id}"]`) as HTMLButtonElement;
  const difference = (fields: Partial<DifferenceMessage> = {}) => {
    const message = { type: "difference", seq: 1, iteration: 9, goal: 60, shape: [2, 2, 1] };
    const pixels = new DataView(Uint8Array.of(128, 255, 0, 128).buffer);
    model.trigger("msg:custom", { ...message, rms: 0.1, scale: 0.2, ...fields }, [pixels]);
    nextFrame();
  };
  const cleanup = () => {
    for (const one of cleanups.reverse()) one?.();
  };
  return { model, el, part, difference, cleanup };
}

describe("the panel of two in lock-step", () => {
  it("says hello, and what there is to say of both", () => {
    const { model, part } = open();
    expect(model.sent[0]).toMatchObject({ type: "hello" });
    expect(part("title").textContent).toBe("rough and smooth, in lock-step");
    expect(part("figures").textContent).toBe("iteration 4 / 60");
    expect(part("rms").textContent).toBe("25 % of the input range (root mean square)");
    expect(part("scale").textContent).toContain("white: rough is lighter by 50 % or more");
    expect(part("error").hidden).toBe(true);
  });

  it("draws each difference, tells its scale and acknowledges it", () => {
    const { model, part, difference } = open();
    painted.length = 0;
    difference();
    expect(painted.at(-1)?.[4]).toBe(255);
    expect(part("rms").textContent).toContain("10 %");
    expect(part("scale").textContent).toContain("20 %");
    expect(part("figures").textContent).toBe("iteration 9 / 60");
    expect(model.receipts()).toEqual([1]);
    nextFrame();
    expect(model.receipts()).toEqual([1]);
  });

  it("has the buttons of both, each where it does something", () => {
    const { model, part } = open();
    model.sent.length = 0;
    for (const name of ["run", "step", "reset"]) part(name).click();
    expect(part("pause").disabled).toBe(true);
    model.update({ status: "running" } as object);
    nextFrame();
    for (const name of ["run", "step", "pause"]) part(name).click();
    expect(model.sent).toEqual([
      { type: "start" },
      { type: "step", n: 1 },
      { type: "reset" },
      { type: "pause" },
    ]);
  });

  it("keeps the focus on the button that now works", () => {
    const { model, part } = open();
    part("run").focus();
    model.update({ status: "running" } as object);
    nextFrame();
    expect(document.activeElement).toBe(part("pause"));
  });

  it("says which one has failed", () => {
    const { part } = open({ status: "failed", error: "smooth stopped, so both are paused: NaN." });
    expect(part("error").textContent).toBe("smooth stopped, so both are paused: NaN.");
  });

  it("is switched off without a kernel, and shows the picture of a saved notebook", async () => {
    const picture = new DataView(Uint8Array.of(1).buffer);
    const { model, part } = open({ picture });
    const canvas = part("difference") as unknown as HTMLCanvasElement;
    await vi.waitFor(() => expect(canvas.width).toBe(7));
    model.dead = true;
    part("run").click();
    nextFrame();
    expect(part("run").matches(":disabled, fieldset[disabled] *")).toBe(true);
    expect(part("message").textContent).toContain("Not connected to a kernel");
  });

  it("leaves nothing behind", () => {
    const { model, el, cleanup } = open();
    cleanup();
    expect(model.listeners).toBe(0);
    expect(el.children).toHaveLength(0);
  });
});
