/**
 * A slider that starts at zero and then grows as a logarithmic one does:
 * value = top * (GROWTH^t - 1) / (GROWTH - 1) for t from 0 to 1. Half way is a hundredth of the top,
 * so that 0, 0.1, 10 and 1000 can all be reached with one thumb.
 */
const GROWTH = 1e4;

/** Positions of a slider; one arrow key changes the value by 2 to 3 per cent. */
export const POSITIONS = 400;

export function toPosition(value: number, top: number): number {
  const t = Math.log1p((Math.max(0, value) / top) * (GROWTH - 1)) / Math.log(GROWTH);
  return Math.round(Math.min(1, t) * POSITIONS);
}

/** Rounded: nobody aims at 10.2329. Three digits still tell neighbouring positions apart. */
export function toValue(position: number, top: number): number {
  const value = (top * (GROWTH ** (position / POSITIONS) - 1)) / (GROWTH - 1);
  return Number(value.toPrecision(3));
}
