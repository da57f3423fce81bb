import { decode } from "../kit/png";
import { TEXTS } from "../texts";
import type { SavedTiles } from "./contract";
import { Tiles } from "./tiles";

/** What a notebook holds that was saved when tiles were of filters alone. */
interface FilterTiles {
  filters?: number[];
}

/** The tiles of a saved notebook; `null` where their picture cannot be read. */
export async function readSavedTiles(
  { across, filters, ...saved }: SavedTiles & FilterTiles,
  picture: Uint8Array,
): Promise<Tiles | null> {
  const before = {
    varied: ["filter_indices"],
    titles: [TEXTS.savedTiles.filters],
    values: (filters ?? []).map((filter) => [[filter]]),
    activations: [],
    changed: [],
  };
  const message = { type: "tiles", seq: 0, ...before, ...saved } as const;
  if (saved.count === 0) return new Tiles(message, new Uint8Array());
  const bitmap = await decode(picture);
  if (!bitmap) return null;
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.drawImage(bitmap, 0, 0);
  const [height, width, channels] = saved.shape;
  const pixels = new Uint8Array(saved.count * height * width * channels);
  for (let i = 0; i < saved.count; i++) {
    const [left, top] = [(i % across) * width, Math.floor(i / across) * height];
    const rgba = context?.getImageData(left, top, width, height).data;
    if (rgba) fromRgba(rgba, channels, pixels.subarray(i * height * width * channels));
  }
  return new Tiles(message, pixels);
}

function fromRgba(rgba: Uint8ClampedArray, channels: number, pixels: Uint8Array): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += channels) {
    for (let channel = 0; channel < channels; channel++) {
      pixels[to + channel] = rgba[from + channel] ?? 0;
    }
  }
}
