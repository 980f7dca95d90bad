// Numbers of bytes as people read them.

/** Letters of 1024, 1024² and so on; the first stands for bytes. */
export const sizeUnits = ["", "K", "M", "G", "T", "P"] as const;

/** Short text of a number of bytes in 1024s: `0 B`, `999 B`, `1.5 KiB`, `112 MiB`. At most 8 columns. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 and more would be printed with four digits.
  while (value >= 999.5 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  // Three digits in sight, but never "10.0".
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${sizeUnits[unit]}iB`;
}

/** The same with the number itself, where that is another one: `999 bytes`, `1.5 KiB (1536 bytes)`. */
export function formatSizeExactly(bytes: number): string {
  return bytes < 1000 ? `${bytes} bytes` : `${formatSize(bytes)} (${bytes} bytes)`;
}

/** Texts of numbers of bytes that are compared: in bytes where two that differ would look alike. */
export function formatSizes<const Sizes extends readonly number[]>(
  ...sizes: Sizes
): { readonly [Index in keyof Sizes]: string } {
  const texts = sizes.map(formatSize);
  const looksAlike = sizes.some((size, index) =>
    sizes.some((it, at) => it !== size && texts[at] === texts[index]),
  );
  return (looksAlike ? sizes.map((it) => `${it} bytes`) : texts) as {
    readonly [Index in keyof Sizes]: string;
  };
}
