import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Receipts } from "../src/kernel/receipts";

let sent: number[];
let receipts: Receipts;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  receipts = new Receipts((seq) => sent.push(seq));
  receipts.drawn(1);
  sent.length = 0;
});
afterEach(() => {
  receipts.cleanup();
  vi.useRealTimers();
});

test("every second frame is acknowledged", () => {
  for (const seq of [2, 3, 4, 5]) receipts.drawn(seq);
  expect(sent).toEqual([3, 5]);
});

test("frames that were passed over count: a busy page that draws the newest of four acknowledges at once", () => {
  receipts.drawn(5);
  expect(sent).toEqual([5]);
});

test("the first frame of all is acknowledged at once", () => {
  const first: number[] = [];
  new Receipts((seq) => first.push(seq)).drawn(7);
  expect(first).toEqual([7]);
});

test("a frame drawn by two views counts once, and a single one is acknowledged after a while", () => {
  receipts.drawn(2);
  receipts.drawn(2);
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(sent).toEqual([2]);
});

test("a kernel that started afresh is answered at once", () => {
  for (const seq of [2, 3, 4]) receipts.drawn(seq);
  sent.length = 0;
  receipts.drawn(1);
  expect(sent).toEqual([1]);
});

test("nothing is sent after the clean-up", () => {
  receipts.drawn(2);
  receipts.cleanup();
  vi.advanceTimersByTime(1000);
  expect(sent).toEqual([]);
});
