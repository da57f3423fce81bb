import { describe, expect, it } from "vitest";
import {
  formatLayer,
  formatLoss,
  formatProbability,
  formatProgress,
  formatSeconds,
} from "../src/kit/format";
import { toRgba } from "../src/kit/pixels";
import { POSITIONS, toPosition, toValue } from "../src/kit/scale";
import { formatFilters, neighbour, parseFilters } from "../src/parts/filters";
import { TEXTS } from "../src/texts";

describe("formatLoss", () => {
  it.each([
    [0, "0"],
    [-12.345678, "-12.346"],
    [1, "1.0000"],
    [-1234.5678, "-1,234.6"],
    [0.0012345678, "0.0012346"],
    [0.00012345678, "1.2346e-4"],
    [123456.7, "123,457"],
    [99_999.7, "99,999.7"],
    [999_999.9, "1.0000e+6"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-∞"],
  ])("%d is %s", (value, text) => {
    expect(formatLoss(value)).toBe(text);
  });
});

describe("formatProbability", () => {
  it.each([
    [0, "0%"],
    [1e-9, "<0.001%"],
    [0.00123456, "0.123%"],
    [0.0000213, "0.00213%"],
    [0.97349, "97.3%"],
    [0.5, "50%"],
    [1, "100%"],
    [Number.NaN, "NaN"],
  ])("%d is %s", (value, text) => {
    expect(formatProbability(value)).toBe(text);
  });
});

describe("formatProgress", () => {
  it.each([
    [0, 0, null, null, "iteration 0"],
    [501, 500, null, null, "iteration 501"],
    [3, 9, 0.5, 12.1, "iteration 3 / 9 · 0.5 steps/s · 13 s left"],
  ])("%j of %j", (iteration, goal, rate, remaining, text) => {
    expect(formatProgress(iteration, goal, rate, remaining)).toBe(text);
  });
});

describe("words", () => {
  it("for times", () => {
    expect([6, 80, 3700].map(formatSeconds)).toEqual(["6 s", "1 min 20 s", "1 h 1 min"]);
  });

  it("for layers, with whatever has no size", () => {
    const layer = { name: "a", type: "Conv2D", shape: [null, 7, 8], filters: 8, parameters: 80 };
    expect(formatLayer(layer)).toBe("a · Conv2D · ? × 7 × 8");
  });

  it("for one and for many", () => {
    expect([1, 100_000].map(TEXTS.table.rows)).toEqual(["1 row", "100,000 rows"]);
  });
});

describe("parseFilters", () => {
  it.each(["a", "1,,2", "1.5", "4-2", "10", "-11", "0-999999999", "1 2"])("explains %j", (text) => {
    expect(parseFilters(text, 10, "out")).toHaveProperty("problem");
  });

  it("keeps each index once, in the order written", () => {
    expect(parseFilters("7, 2-4,3 , -1", 10, "out")).toEqual({ indices: [7, 2, 3, 4, -1] });
  });

  it("reads back what formatFilters writes", () => {
    for (const indices of [null, [3], [3, 7], [0, 1, 2, 3, 4], [1, 2], [9, 4, 5, 6, -3, -2, -1]]) {
      expect(parseFilters(formatFilters(indices), 10, "out")).toEqual({ indices });
    }
    expect(formatFilters([0, 1, 2, 3, 4])).toBe("0-4");
  });
});

describe("neighbour", () => {
  it("goes on from the edge of what is chosen", () => {
    expect([neighbour([3, 5], 1, 10), neighbour([3, 5], -1, 10), neighbour(null, 1, 10)]).toEqual([
      6, 2, 0,
    ]);
    expect([neighbour(null, -1, 10), neighbour([-1], 1, 10)]).toEqual([9, 0]);
  });
});

describe("the slider's scale", () => {
  it("reaches from zero to the top and comes back to where it was", () => {
    const scale = { top: 1000 };
    expect([toValue(0, scale), toValue(POSITIONS, scale)]).toEqual([0, 1000]);
    for (let position = 0; position <= POSITIONS; position++) {
      expect(Math.abs(toPosition(toValue(position, scale), scale) - position)).toBe(0);
    }
    const values = Array.from({ length: POSITIONS + 1 }, (_, position) => toValue(position, scale));
    expect(new Set(values).size).toBe(POSITIONS + 1);
    expect(toPosition(1e9, scale)).toBe(POSITIONS);
    expect(toPosition(-5, scale)).toBe(0);
  });

  it("goes evenly where it is linear, from its near end", () => {
    const scale = { bottom: -1, top: 1, scale: "linear" } as const;
    expect([0, POSITIONS / 2, POSITIONS].map((at) => toValue(at, scale))).toEqual([-1, 0, 1]);
    for (let position = 0; position <= POSITIONS; position++) {
      expect(Math.abs(toPosition(toValue(position, scale), scale) - position)).toBe(0);
    }
    expect([toPosition(-9, scale), toPosition(9, scale)]).toEqual([0, POSITIONS]);
  });

  it("mirrors itself below zero, which stands in the middle", () => {
    const scale = { bottom: -1000, top: 1000 };
    const places = [0, POSITIONS / 4, POSITIONS / 2, (3 * POSITIONS) / 4, POSITIONS];
    expect(places.map((at) => toValue(at, scale))).toEqual([-1000, -9.9, 0, 9.9, 1000]);
    for (let position = 0; position <= POSITIONS; position++) {
      expect(toPosition(toValue(position, scale), scale)).toBe(position);
      expect(toValue(POSITIONS - position, scale)).toBeCloseTo(-toValue(position, scale));
    }
    expect([toPosition(-1e9, scale), toPosition(1e9, scale)]).toEqual([0, POSITIONS]);
    expect(toPosition(250, { bottom: -10, top: 1000 })).toBeGreaterThan(POSITIONS / 2);
  });

  it("never goes below its near end", () => {
    expect(toValue(0, { bottom: 0.001, top: 100 })).toBe(0.001);
  });
});

describe("toRgba", () => {
  it.each([
    [1, [7, 8], [7, 7, 7, 255, 8, 8, 8, 255]],
    [3, [1, 2, 3, 4, 5, 6], [1, 2, 3, 255, 4, 5, 6, 255]],
    [4, [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]],
  ])("of %i channels", (channels, pixels, expected) => {
    const rgba = new Uint8ClampedArray(expected.length);
    toRgba(Uint8Array.from(pixels), channels, rgba);
    expect([...rgba]).toEqual(expected);
  });
});
