import type { FrameMessage, Outgoing } from "../kernel/contract";
import { nearest } from "../kernel/film";
import type { ActMaxModel, Traits } from "../kernel/model";
import { decode } from "../kit/png";
import type { RunData } from "./told";

type Handler = (content?: unknown, buffers?: DataView[]) => void;
type Shape = readonly [number, number, number];

/** The longer side of a picture of the strip. */
const SMALL = 56;

/**
 * The model of a saved run, for components that talk to a kernel: it answers what they ask from the page, and takes nothing.
 */
export class SavedRun {
  readonly #run: RunData;
  readonly #handlers = new Map<string, Set<Handler>>();
  #seq = 0;

  constructor(run: RunData) {
    this.#run = run;
  }

  get model(): ActMaxModel {
    const model = {
      get: (name: keyof Traits) => this.#run.facts[name],
      set: () => undefined,
      save_changes: () => undefined,
      on: (event: string, handler: Handler) => {
        this.#handlers.set(event, (this.#handlers.get(event) ?? new Set()).add(handler));
      },
      off: (event: string, handler: Handler) => this.#handlers.get(event)?.delete(handler),
      send: (message: Outgoing) => void this.#answer(message),
    };
    return model as unknown as ActMaxModel;
  }

  async #answer(message: Outgoing): Promise<void> {
    if (message.type === "hello") await this.#greet();
    else if (message.type === "ask_film") await this.#showStrip(message.count);
    else if (message.type === "ask_picture") await this.#showPicture(message.iteration);
  }

  async #greet(): Promise<void> {
    const { facts, iteration, shape, picture, rows } = this.#run;
    const pixels = await readPixels(picture, shape, shape);
    const bytes = fromBase64(rows);
    const columns = (facts.loss_names ?? []).length + 1 + (facts.measures ?? []).length;
    const message: FrameMessage = {
      ...{ type: "snapshot", seq: this.#seq++, run: 0, best: null, rate: null, remaining: null },
      ...{ layer: facts.layer ?? "", filter_indices: (facts.filter_indices as number[]) ?? null },
      ...{ iteration, goal: facts.goal ?? iteration, first: 0, shape: [...shape] as never },
      count: Math.floor(bytes.length / 4 / columns),
    };
    this.#tell(message, pixels, bytes);
  }

  async #showStrip(count: number): Promise<void> {
    const { film, shape } = this.#run;
    if (!film) return;
    const { kept, pictures } = film;
    const [height, width, channels] = film.shape;
    const share = Math.min(1, SMALL / Math.max(height, width));
    const small = [Math.ceil(height * share), Math.ceil(width * share), channels] as const;
    const last = kept.length - 1;
    const steps = Math.max(1, Math.min(count, kept.length) - 1);
    const sent = [
      ...new Set([...Array(steps + 1).keys()].map((k) => Math.round((k * last) / steps))),
    ];
    const found = await Promise.all(sent.map((at) => readPixels(pictures[at] ?? "", shape, small)));
    const size = small[0] * small[1] * small[2];
    const all = new Uint8Array(size * sent.length);
    for (const [place, pixels] of found.entries()) all.set(pixels, place * size);
    const iterations = sent.map((at) => kept[at]);
    this.#tell(
      { type: "film", seq: this.#seq++, run: 0, kept, sent: iterations, shape: small },
      all,
    );
  }

  async #showPicture(wanted: number): Promise<void> {
    const { film } = this.#run;
    const iteration = nearest(film?.kept ?? [], wanted);
    if (!film || iteration === null) return;
    const file = film.pictures[film.kept.indexOf(iteration)] ?? "";
    const pixels = await readPixels(file, film.shape, film.shape);
    const picture = { type: "picture", seq: this.#seq++, run: 0, iteration, shape: film.shape };
    this.#tell(picture, pixels);
  }

  #tell(message: object, ...buffers: Uint8Array[]): void {
    const views = buffers.map((one) => new DataView(one.buffer, one.byteOffset, one.byteLength));
    for (const handler of this.#handlers.get("msg:custom") ?? []) handler(message, views);
  }
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

/** The address of a picture that is held as base64. */
export const addressOf = (file: string): string =>
  `data:image/${file.startsWith("iVBOR") ? "png" : "webp"};base64,${file}`;

/** Row by row in the size that is asked for; black where it cannot be read. */
async function readPixels(file: string, [, , channels]: Shape, size: Shape): Promise<Uint8Array> {
  const [height, width] = size;
  const pixels = new Uint8Array(height * width * channels);
  const bitmap = await decode(fromBase64(file));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!bitmap || !context) return pixels;
  context.drawImage(bitmap, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += channels)
    for (let channel = 0; channel < channels; channel++)
      pixels[to + channel] = rgba[from + channel] ?? 0;
  return pixels;
}
