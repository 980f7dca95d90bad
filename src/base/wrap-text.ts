// Text in lines that fit a terminal. Pure.

const columnsMax = 80;

/**
 * The words of `text` in lines of at most 80 characters where they allow it: the first behind the spaces
 * `before`, the others behind the spaces `behind`.
 */
export function wrapText(text: string, before: string, behind: string): readonly string[] {
  const lines: string[] = [];
  let line = before;
  for (const word of text.split(" ")) {
    const isFirst = line.trim() === "";
    if (!isFirst && line.length + 1 + word.length > columnsMax) {
      lines.push(line);
      line = `${behind}${word}`;
    } else line += isFirst ? word : ` ${word}`;
  }
  return [...lines, line];
}
