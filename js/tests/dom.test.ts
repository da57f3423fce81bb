import { describe, expect, it, vi } from "vitest";

describe("an id", () => {
  it("is no other widget's, each of which has a module of its own", async () => {
    const one = await import("../src/kit/dom");
    vi.resetModules();
    const other = await import("../src/kit/dom");
    expect(one.uniqueId).not.toBe(other.uniqueId);
    expect(one.uniqueId("tab")).not.toBe(other.uniqueId("tab"));
    expect(one.uniqueId("a b")).toMatch(/^actmax-a-b-\w+-2$/);
  });
});
