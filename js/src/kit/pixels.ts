/** Height, width and channels: 1 (grey), 3 (RGB) or 4 (RGBA). */
type Shape = readonly [number, number, number];

/** Shows `pixels` on a canvas that has just their resolution. */
export function putPixels(canvas: HTMLCanvasElement, shape: Shape, pixels: Uint8Array): void {
  const [height, width, channels] = shape;
  setResolution(canvas, width, height);
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  toRgba(pixels, channels, image.data);
  context.putImageData(image, 0, 0);
}

/** Only where it differs: setting a canvas's size clears it. Without pixels it holds no memory. */
export function setResolution(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Grey is repeated; whatever has no alpha is opaque. */
export function toRgba(pixels: Uint8Array, channels: number, rgba: Uint8ClampedArray): void {
  const [green, blue] = channels >= 3 ? [1, 2] : [0, 0];
  for (let from = 0, to = 0; to < rgba.length; from += channels, to += 4) {
    rgba[to] = pixels[from] ?? 0;
    rgba[to + 1] = pixels[from + green] ?? 0;
    rgba[to + 2] = pixels[from + blue] ?? 0;
    rgba[to + 3] = channels === 4 ? (pixels[from + 3] ?? 0) : 255;
  }
}
