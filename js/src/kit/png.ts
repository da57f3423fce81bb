/** `null` for bytes that are no picture: a damaged notebook must still open. */
export async function decode(file: Uint8Array): Promise<ImageBitmap | null> {
  try {
    // Copied, because a Blob takes no view of a buffer that might be shared.
    return await createImageBitmap(new Blob([file.slice()]));
  } catch {
    return null;
  }
}
