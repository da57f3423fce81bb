/** Positions of a slider; on a growing scale one arrow key changes the value by 2 to 3 per cent. */
export const POSITIONS = 400;

/**
 * A growing scale starts at zero and then grows as a logarithmic one does:
 * value = top * (GROWTH^t - 1) / (GROWTH - 1) for t from 0 to 1. Half way is a hundredth of the top,
 * so that 0, 0.1, 10 and 1000 can all be reached with one thumb.
 */
const GROWTH = 1e4;

export interface Scale {
  /** The least value; a growing scale starts at zero all the same, and stays at it. */
  bottom?: number | undefined;
  top: number;
  scale?: "growing" | "linear" | undefined;
}

export function toPosition(value: number, { bottom = 0, top, scale }: Scale): number {
  const t =
    scale === "linear"
      ? (value - bottom) / (top - bottom)
      : Math.log1p((Math.max(0, value) / top) * (GROWTH - 1)) / Math.log(GROWTH);
  return Math.round(Math.max(0, Math.min(1, t)) * POSITIONS);
}

/** Rounded: nobody aims at 10.2329. Three digits still tell neighbouring positions apart. */
export function toValue(position: number, { bottom = 0, top, scale }: Scale): number {
  const t = position / POSITIONS;
  const value =
    scale === "linear" ? bottom + t * (top - bottom) : (top * (GROWTH ** t - 1)) / (GROWTH - 1);
  return Math.max(bottom, Number(value.toPrecision(3)));
}
