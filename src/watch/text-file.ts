// Small files of text that instruments write, in the encodings that these have.

/** What is read of a file in which a profile looks for text. The largest, a run's status, has some kilobytes. */
export const textBytesMax = 1024 * 1024;

/** The text in `bytes`: UTF-16 where a mark at the beginning says so, or else UTF-8. What is neither has no text that is looked for. */
export function textIn(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder("utf-8").decode(bytes);
}
