/** Positions of a slider; on a growing scale one arrow key changes the value by 2 to 3 per cent. */
export const POSITIONS = 400;

/**
 * A growing scale starts at zero and then grows as a logarithmic one does:
 * value = top * (GROWTH^t - 1) / (GROWTH - 1) for t from 0 to 1. Half way is a hundredth of the top,
 * so that 0, 0.1, 10 and 1000 can all be reached with one thumb.
 */
const GROWTH = 1e4;

export interface Scale {
  /**
   * The least value; a growing scale starts at zero all the same, and stays at it. One that goes below zero grows to
   * either side of it, which stands in the middle.
   */
  bottom?: number | undefined;
  top: number;
  scale?: "growing" | "linear" | undefined;
}

export function toPosition(value: number, { bottom = 0, top, scale }: Scale): number {
  const t = scale === "linear" ? (value - bottom) / (top - bottom) : share(value, bottom, top);
  return Math.round(Math.max(0, Math.min(1, t)) * POSITIONS);
}

/** Rounded: nobody aims at 10.2329. Three digits still tell neighbouring positions apart. */
export function toValue(position: number, { bottom = 0, top, scale }: Scale): number {
  const t = position / POSITIONS;
  const value = scale === "linear" ? bottom + t * (top - bottom) : grown(t, bottom, top);
  return Math.max(bottom, Number(value.toPrecision(3)));
}

function share(value: number, bottom: number, top: number): number {
  if (bottom < 0) {
    const end = value < 0 ? -bottom : top;
    return (1 + Math.sign(value) * share(Math.abs(value), 0, end)) / 2;
  }
  return Math.log1p((Math.max(0, value) / top) * (GROWTH - 1)) / Math.log(GROWTH);
}

function grown(t: number, bottom: number, top: number): number {
  if (bottom < 0) {
    const side = 2 * t - 1;
    return side < 0 ? -grown(-side, 0, -bottom) : grown(side, 0, top);
  }
  return (top * (GROWTH ** t - 1)) / (GROWTH - 1);
}
