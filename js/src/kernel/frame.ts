import type { FrameMessage } from "./contract";

/** A picture and the rows that came with it, read from one message. */
export interface Frame extends FrameMessage {
  /** height × width × channels, row by row; `null` where the kernel has no picture yet. */
  pixels: Uint8Array | null;
  losses: Float32Array;
  columns: number;
}

type Binary = DataView | ArrayBuffer | Uint8Array;

/** The bytes themselves: a DataView may look at the middle of a larger message. */
export function bytesOf(buffer: Binary | null | undefined): Uint8Array {
  if (!buffer) return new Uint8Array();
  if (!ArrayBuffer.isView(buffer)) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Copied where a Float32Array could not start: it wants a multiple of four. */
export function floatsOf(buffer: Binary | null | undefined): Float32Array {
  const bytes = bytesOf(buffer);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / 4));
}

/** `whenEmpty` are the columns of a message without rows. */
export function readFrame(message: FrameMessage, buffers: Binary[], whenEmpty: number): Frame {
  const losses = floatsOf(buffers[1]);
  const columns = message.count > 0 ? losses.length / message.count : whenEmpty;
  const pixels = bytesOf(buffers[0]);
  return { ...message, pixels: isWhole(pixels, message.shape) ? pixels : null, losses, columns };
}

function isWhole(pixels: Uint8Array, [height, width, channels]: FrameMessage["shape"]): boolean {
  return pixels.length > 0 && pixels.length >= height * width * channels;
}

export function isFrameMessage(content: unknown): content is FrameMessage {
  const type = (content as { type?: unknown } | null)?.type;
  return type === "frame" || type === "snapshot";
}
