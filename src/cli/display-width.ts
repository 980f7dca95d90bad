// How many columns a terminal gives to a text: names in Chinese, Japanese or Korean and emoji take two per
// character, combining marks none. For the progress line, which must never wrap.

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// Blocks whose characters are wide or full-width in Unicode's EastAsianWidth.txt; the few narrow ones among them
// only make a line one column shorter.
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18df2}\u{1aff0}-\u{1b2fb}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u;
const emoji = /^\p{Emoji_Presentation}|\ufe0f/u;

/** Columns that `text` takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += clusterWidth(segment);
  return width;
}

/** `text` as it is when it fits, or else its beginning and end around "…", in at most `columns` columns. */
export function shorten(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const clusters = Array.from(segmenter.segment(text), (it) => it.segment);
  // The end of a name, with its number and ending, tells runs apart; it gets the larger half.
  const tail = takeColumns(clusters.toReversed(), Math.ceil((columns - 1) / 2)).toReversed();
  const rest = columns - 1 - displayWidth(tail.join(""));
  const head = takeColumns(clusters.slice(0, clusters.length - tail.length), rest);
  return `${head.join("")}…${tail.join("")}`;
}

/** `text` cut off behind `columns` columns. */
export function cutOff(text: string, columns: number): string {
  return takeColumns(
    Array.from(segmenter.segment(text), (it) => it.segment),
    columns,
  ).join("");
}

function takeColumns(clusters: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let left = columns;
  for (const cluster of clusters) {
    left -= clusterWidth(cluster);
    if (left < 0) break;
    taken.push(cluster);
  }
  return taken;
}

/** Columns of one grapheme cluster: those of its first visible character. */
function clusterWidth(cluster: string): number {
  if (emoji.test(cluster)) return 2;
  const first = [...cluster].find((character) => !invisible.test(character));
  if (first === undefined) return 0;
  return wide.test(first) ? 2 : 1;
}
