import type { LayerInfo } from "../kernel/contract";
import { TEXTS } from "../texts";

/** Five significant digits, those of thousands in groups; six where that spares an exponent. */
export function formatLoss(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 999_999.5) return value.toExponential(4);
  return (size >= 99_999.5 ? SIX_DIGITS : FIVE_DIGITS).format(value);
}

const digits = (count: number) =>
  new Intl.NumberFormat("en", { minimumSignificantDigits: count, maximumSignificantDigits: count });
const FIVE_DIGITS = digits(5);
const SIX_DIGITS = digits(6);

/** Four significant digits, those of thousands in groups: of a curve one reads no more. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value) || value === 0) return formatLoss(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 999_950) return value.toExponential(3);
  return FOUR_DIGITS.format(value);
}

const FOUR_DIGITS = digits(4);

/** A number beside an axis, as short as can be: "1.5k". */
export const formatTick = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : TICK.format(value);

const TICK = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

/** An iteration: "12,345". */
export const formatCount = (count: number): string => count.toLocaleString("en");

/** A probability in percent, three significant digits; below a thousandth of a percent nobody needs any. */
export function formatProbability(value: number): string {
  const percent = value * 100;
  if (!Number.isFinite(percent)) return formatLoss(value);
  if (percent < 1e-3) return percent > 0 ? "<0.001%" : "0%";
  return `${Number(percent.toPrecision(3))}%`;
}

/** An activation: four significant digits; of thousands all, in groups, so that two of them are told apart. */
export function formatActivation(value: number): string {
  const size = Math.abs(value);
  return size >= 999.95 && size < 1e9 ? formatCount(Math.round(value)) : formatValue(value);
}

/** Three significant digits, for where there is little room. */
export const formatFigure = (value: number): string =>
  Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));

/** A parameter as one would type it: 0.1 and not 0.10000000149. */
export const formatParameter = (value: number): string => String(Number(value.toPrecision(6)));

export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return TEXTS.format.seconds(whole);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return TEXTS.format.minutes(minutes, whole % 60);
  return TEXTS.format.hours(Math.floor(minutes / 60), minutes % 60);
}

const formatRate = (rate: number): string =>
  TEXTS.format.rate(rate < 10 ? rate.toFixed(1) : Math.round(rate));

/** The line beneath the bar; speed and time left are of interest only while it runs. */
export function formatProgress(
  iteration: number,
  goal: number,
  rate: number | null,
  remaining: number | null,
): string {
  const parts = [
    goal >= iteration && goal > 0
      ? TEXTS.format.iterationOf(iteration, goal)
      : TEXTS.format.iteration(iteration),
  ];
  if (rate !== null) parts.push(formatRate(rate));
  if (remaining !== null) parts.push(TEXTS.format.left(formatSeconds(remaining)));
  return parts.join(" · ");
}

/** "conv2 · Conv2D · 26 × 26 × 16"; a side that varies is a question mark. */
export function formatLayer({ name, type, shape }: LayerInfo): string {
  return [name, type, formatSides(shape)].filter(Boolean).join(" · ");
}

export const formatSides = (shape: LayerInfo["shape"]): string =>
  shape.map((side) => side ?? "?").join(" × ");
