import { describe, expect, it, vi } from "vitest";
import { open, standInForBrowser, type View } from "./page";

standInForBrowser();

const choose = (view: View, value: string) => {
  const list = view.part("save-as") as HTMLSelectElement;
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
};

function downloads() {
  const found: { name: string; blob: Blob }[] = [];
  let last: Blob;
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    last = blob as Blob;
    return "blob:x";
  });
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    found.push({ name: this.download, blob: last });
  });
  return found;
}

const file = (kind: string, text = "", sentence = "") =>
  [
    { type: "file", kind, of: "run", sentence },
    [new DataView(new TextEncoder().encode(text).buffer as ArrayBuffer)],
  ] as const;

describe("what is taken away", () => {
  it("is asked of the kernel, and saved under the name of the picture", async () => {
    const found = downloads();
    const { model, kernel, render } = open();
    const [view, other] = [render(), render()];
    kernel.snapshot(40);
    vi.advanceTimersByTime(40);
    choose(view, "csv");
    expect(model.sent.at(-1)).toEqual({ type: "take_away", kind: "csv", of: "run" });
    expect((view.part("save-as") as HTMLSelectElement).value).toBe("");
    expect(view.part("save-as").textContent).toContain("Making …");
    model.trigger("msg:custom", ...file("csv", "a,b"));
    expect(found.map(({ name }) => name)).toEqual(["digits-conv2-filter_3-iteration_40.csv"]);
    expect(await found[0]?.blob.text()).toBe("a,b");
    expect([view, other].map((one) => one.part("save-words").textContent)).toEqual(["", ""]);
    model.trigger("msg:custom", ...file("csv", "a,b"));
    expect(found).toHaveLength(1);
  });

  it("goes to the clipboard as code", async () => {
    const written: string[] = [];
    vi.stubGlobal("navigator", {
      clipboard: { writeText: async (text: string) => written.push(text) },
    });
    const { model, render } = open();
    const view = render();
    choose(view, "copy");
    expect(model.sent.at(-1)).toEqual({ type: "take_away", kind: "py", of: "run" });
    model.trigger("msg:custom", ...file("py", "result = am.visualize(model)"));
    await vi.waitFor(() => expect(view.part("save-as").textContent).toContain("Copied"));
    vi.advanceTimersByTime(3000);
    expect(view.part("save-as").textContent).not.toContain("Copied");
    expect(written).toEqual(["result = am.visualize(model)"]);
  });

  it("is told in a sentence where there is none, and where there is no clipboard", async () => {
    vi.stubGlobal("navigator", {});
    const { model, render } = open();
    const view = render();
    choose(view, "gif");
    model.trigger("msg:custom", ...file("gif", "", "It has no film."));
    expect(view.part("save-words").textContent).toBe("It has no film.");
    choose(view, "copy");
    model.trigger("msg:custom", ...file("py", "x"));
    await vi.waitFor(() => expect(view.part("save-words").textContent).toContain("clipboard"));
  });

  it("is not offered without a kernel", () => {
    const { model, render } = open();
    const view = render();
    model.dead = true;
    choose(view, "png");
    expect(view.field("save-as").disabled).toBe(true);
  });
});
