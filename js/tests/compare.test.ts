import { beforeEach, describe, expect, it, vi } from "vitest";
import type { PinInfo } from "../src/kernel/contract";
import { differing } from "../src/kernel/pins";
import { nextFrame, open, standInForBrowser, type View } from "./page";

standInForBrowser();

const made = (over: Record<string, unknown> = {}) => ({
  values: { layer: "conv2", filter_indices: [3], tv_weight: 10, seed: 1, ...over },
  titles: { layer: "Layer", filter_indices: "Filters", tv_weight: "Total variation", seed: "Seed" },
  layer: "conv2",
});

const pin = (number: number, over: Partial<PinInfo> = {}): PinInfo => ({
  ...{ number, name: `Pin ${number}`, iteration: 40, goes_on: 40 },
  ...{ activation: 1.5, probability: null, total: 2, made: made() },
  ...over,
});

/** Each file is its own picture: as wide as its first byte. */
const file = (width: number) => new DataView(Uint8Array.of(width).buffer);

beforeEach(() => {
  vi.stubGlobal("createImageBitmap", async (blob: Blob) => {
    const [width = 0] = new Uint8Array(await blob.arrayBuffer());
    return { width, height: width, close: () => {} };
  });
});

function shown(pins: PinInfo[], now = made()) {
  const page = open();
  const view = page.render();
  page.kernel.snapshot(40);
  nextFrame();
  const keep = (kept: PinInfo[]) =>
    page.model.update({
      pinned: kept,
      pin_pictures: kept.map(({ number }) => file(number)),
      present: now,
    });
  keep(pins);
  nextFrame();
  page.model.sent.length = 0;
  return { ...page, view, keep };
}

const pressed = (view: View) =>
  [...view.part("compared").children]
    .filter((chip) => chip.getAttribute("aria-pressed") === "true")
    .map(({ textContent }) => textContent);
const captions = (view: View) =>
  [...view.el.querySelectorAll(".actmax-pin")].map((one) => one.textContent);
const table = (view: View) =>
  [...view.part("differences").querySelectorAll("tr")].map((row) =>
    [...row.children].map(({ textContent }) => textContent),
  );

describe("the pin button", () => {
  it("asks the kernel for what is seen, the newest or the past", () => {
    const { model, kernel, view } = shown([]);
    view.part("pin").click();
    expect(model.sent.at(-1)).toEqual({ type: "pin", iteration: null });
    kernel.film([0, 20, 40], [0, 20, 40]);
    const key = new KeyboardEvent("keydown", { key: "Home", bubbles: true });
    view.part("film").dispatchEvent(key);
    view.part("pin").click();
    expect(model.sent.at(-1)).toEqual({ type: "pin", iteration: 0 });
  });

  it("is of no use without a picture or a kernel", () => {
    const { model, kernel, render } = open();
    const view = render();
    expect(view.field("pin").disabled).toBe(true);
    kernel.snapshot(3);
    expect(view.field("pin").disabled).toBe(false);
    model.dead = true;
    view.part("pin").click();
    expect(view.field("pin").disabled).toBe(true);
  });
});

describe("pins", () => {
  it("open a tab of their own beside the present picture, with what differs alone", () => {
    const { view } = shown([pin(7, { made: made({ tv_weight: 0 }) })]);
    expect(view.part("tab-compare").getAttribute("aria-selected")).toBe("true");
    expect(pressed(view)).toEqual(["Pin 7", "Now"]);
    expect(captions(view)[0]).toContain("iteration 40 · activation 1.5");
    expect(captions(view)[0]).toContain("Set otherwise since: Total variation");
    expect(table(view)).toEqual([
      ["Setting", "Pin 7", "Now"],
      ["Activation", "1.5", "–"],
      ["Total variation", "0", "10"],
    ]);
  });

  it("are not offered while there are none, and go with the last one", () => {
    const { keep, view } = shown([]);
    expect(view.part("tab-compare").hidden).toBe(true);
    keep([pin(1)]);
    expect(view.part("tab-compare").hidden).toBe(false);
    keep([]);
    expect(view.part("tab-compare").hidden).toBe(true);
  });

  it("draw their pictures, each read once", async () => {
    const read = vi.fn(async () => ({ width: 5, height: 5 }));
    vi.stubGlobal("createImageBitmap", read);
    const { keep, view } = shown([pin(5)]);
    const canvas = view.part("pin-5").querySelector("canvas");
    await vi.waitFor(() => expect(canvas?.width).toBe(5));
    keep([pin(5), pin(6)]);
    await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
    expect(canvas?.getAttribute("aria-label")).toBe("Pin 5, iteration 40");
  });

  it("are compared by four at the most; a new one takes the place of the first", () => {
    const { keep, view } = shown([pin(1)]);
    keep([pin(1), pin(2), pin(3)]);
    expect(pressed(view)).toEqual(["Pin 1", "Pin 2", "Pin 3", "Now"]);
    keep([1, 2, 3, 4].map((number) => pin(number)));
    expect(pressed(view)).toHaveLength(4);
    expect(pressed(view)).toContain("Pin 4");
    const left = view.part("compared").querySelector<HTMLElement>("[aria-pressed=false]");
    expect(left?.title).toBe("At most 4 are compared at once");
    left?.click();
    expect(pressed(view)).toHaveLength(4);
  });

  describe("are renamed", () => {
    const press = (element: HTMLElement, key: string) =>
      element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

    it("by a pencil, a double click or F2, and keep their place", () => {
      const { model, view, keep } = shown([pin(1), pin(2)]);
      const figure = view.part("pin-1");
      const editor = figure.querySelector<HTMLElement>(".actmax-new-name");
      const field = figure.querySelector("input") as HTMLInputElement;
      const begin = [
        () => figure.querySelector<HTMLElement>(".actmax-rename")?.click(),
        () => figure.querySelector("b")?.dispatchEvent(new MouseEvent("dblclick")),
        () => press(figure.querySelector(".actmax-pin-frame") as HTMLElement, "F2"),
      ];
      for (const start of begin) {
        start();
        expect(editor?.hidden).toBe(false);
        expect(field.value).toBe("Pin 1");
        expect(field.getAttribute("aria-label")).toBe("New name of Pin 1");
        field.value = "never";
        press(field, "Escape");
        expect(editor?.hidden).toBe(true);
      }
      begin[0]?.();
      press(field, "Enter"); // the same name
      expect(model.sent).toEqual([]);
      begin[0]?.();
      field.value = " smooth ";
      press(field, "Enter");
      expect(model.sent).toEqual([{ type: "rename_pin", name: "Pin 1", to: "smooth" }]);
      keep([pin(1, { name: "smooth" }), pin(2)]);
      expect(pressed(view)).toEqual(["smooth", "Pin 2", "Now"]);
      expect(table(view)[0]).toEqual(["Setting", "smooth", "Pin 2", "Now"]);
      const named = [...figure.querySelectorAll("[aria-label]")].map((one) =>
        one.getAttribute("aria-label"),
      );
      expect(named.join()).toContain("smooth");
      expect(view.part("pin-1")).toBe(figure);
      figure.querySelector<HTMLElement>("[data-testid=unpin]")?.click();
      expect(model.sent.at(-1)).toEqual({ type: "unpin", name: "smooth" });
    });

    it("to no name that is empty or another's: the field stays, with the reason", () => {
      const { model, view } = shown([pin(1), pin(2)]);
      const figure = view.part("pin-1");
      const field = figure.querySelector("input") as HTMLInputElement;
      const reason = figure.querySelector("[role=alert]") as HTMLElement;
      figure.querySelector<HTMLElement>(".actmax-rename")?.click();
      for (const [wanted, words] of [
        [" ", "A pin needs a name."],
        ["Pin 2", "There is a pin “Pin 2” already."],
      ] as const) {
        field.value = wanted;
        field.dispatchEvent(new Event("blur"));
        expect(reason.textContent).toBe(words);
        expect(field.getAttribute("aria-invalid")).toBe("true");
      }
      expect(model.sent).toEqual([]);
      field.value = "other";
      field.dispatchEvent(new Event("blur"));
      expect(model.sent).toEqual([{ type: "rename_pin", name: "Pin 1", to: "other" }]);
    });
  });

  it("are chosen, gone back to and removed", () => {
    const { model, view } = shown([pin(1), pin(2, { goes_on: 36 })]);
    view.part("compared-now").click();
    view.part("compared-1").click();
    expect(pressed(view)).toEqual(["Pin 2"]);
    view.part("compared-2").click(); // one stays
    expect(pressed(view)).toEqual(["Pin 2"]);
    expect(view.part("differences-words").textContent).toContain("Choose another one");
    expect(view.part("go-on").title).toContain("iteration 36");
    view.part("go-on").click();
    view.part("unpin").click();
    expect(model.sent).toEqual([
      { type: "restore_pin", name: "Pin 2" },
      { type: "unpin", name: "Pin 2" },
    ]);
  });

  it("are saved as a page", () => {
    const { model, view } = shown([pin(1), pin(2)]);
    const list = view.part("pins-as") as HTMLSelectElement;
    list.value = "html";
    list.dispatchEvent(new Event("change"));
    expect(model.sent.at(-1)).toEqual({ type: "take_away", kind: "html", of: "pins" });
  });

  it("say why the kernel refused, until there is another pin", () => {
    const { keep, model, view } = shown([pin(1)]);
    const refused = { type: "refused", name: "pin", sentence: "There are 12 pins.", error: "" };
    model.trigger("msg:custom", refused, []);
    expect(view.part("pin-problem").textContent).toBe("There are 12 pins.");
    keep([pin(1), pin(2)]);
    expect(view.part("pin-problem").hidden).toBe(true);
  });

  it("of a saved notebook are shown without a kernel, and nothing can be asked for", () => {
    const { model, render } = open({
      ...{ pinned: [pin(1), pin(2)], pin_pictures: [file(1), file(2)], present: made() },
    });
    model.dead = true;
    const view = render();
    vi.advanceTimersByTime(5000);
    expect(pressed(view)).toEqual(["Pin 1", "Pin 2", "Now"]);
    expect(view.field("go-on").disabled).toBe(true);
    expect(view.field("compared-1").disabled).toBe(false);
  });

  it("leave nothing behind", () => {
    const { model, view, cleanup } = shown([pin(1), pin(2)]);
    view.part("as-curtain").click();
    view.cleanup();
    cleanup();
    expect(model.listeners).toBe(0);
  });
});

describe("the curtain", () => {
  const slide = (view: View, key: string, shiftKey = false) =>
    view
      .part("divider")
      .dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
  const value = (view: View) => Number(view.part("divider").getAttribute("aria-valuenow"));

  it("lies between two, and another one takes the place of the first", () => {
    const { view } = shown([pin(1), pin(2)]);
    view.part("as-curtain").click();
    expect(pressed(view)).toEqual(["Pin 2", "Now"]);
    view.part("compared-1").click();
    expect(pressed(view)).toEqual(["Pin 1", "Now"]);
    view.part("compared-1").click(); // two stay
    expect(pressed(view)).toEqual(["Pin 1", "Now"]);
    expect(view.part("divider").getAttribute("role")).toBe("slider");
    view.part("side-by-side").click();
    expect(view.el.querySelector(".actmax-curtain")).toBeNull();
  });

  it("is moved by keys and by dragging, and says where it is", () => {
    const { view } = shown([pin(1)]);
    view.part("as-curtain").click();
    expect(value(view)).toBe(50);
    slide(view, "ArrowRight");
    expect(value(view)).toBe(52);
    slide(view, "ArrowLeft", true);
    expect(value(view)).toBe(32);
    slide(view, "Home");
    expect(value(view)).toBe(0);
    slide(view, "End");
    expect(view.part("divider").getAttribute("aria-valuetext")).toBe(
      "Pin 1 on the left 100 %, Now on the right",
    );
    const box = { left: 100, width: 200 } as DOMRect;
    vi.spyOn(view.part("curtain"), "getBoundingClientRect").mockReturnValue(box);
    const moved = new PointerEvent("pointermove", { buttons: 1, clientX: 150, bubbles: true });
    view.part("divider").dispatchEvent(moved);
    expect(value(view)).toBe(25);
    expect(view.part("curtain").style.getPropertyValue("--actmax-share-left")).toBe("25%");
  });
});

describe("what differs", () => {
  it("is told of those alone that are not the same, with a dash for what one lacks", () => {
    const [one, other] = [made(), made({ seed: 2 })].map((its, id) => ({
      ...{ id, name: "", iteration: 1, activation: null, probability: null, made: its },
    }));
    if (!one || !other) throw new Error();
    expect(differing([one, one])).toEqual([]);
    expect(differing([one, other]).map(({ title, values }) => [title, values])).toEqual([
      ["Seed", [1, 2]],
    ]);
    const { tv_weight: _, ...rest } = other.made.values;
    const lacking = { ...one, made: { ...one.made, values: { ...rest, seed: 1 } } };
    expect(differing([one, lacking]).map(({ values }) => values)).toEqual([[10, undefined]]);
  });
});
