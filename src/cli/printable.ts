// Makes text that others chose (file names, metadata, a server's words) safe to show: a terminal must not obey
// it, and nobody should read something other than what is there. Used by everything that prints.

import { invisibleCharacters } from "../base/file-name.ts";
import { compactJson, escapedUnits } from "../base/json-text.ts";
import { escapedByte } from "../base/loose-utf8.ts";

// C0, DEL and C1 steer terminals; the bidirectional marks and isolates reorder what is read ("exe.txt" that is
// "txt.exe"); U+2028 and U+2029 break lines; some are not seen at all.
const unprintable = new RegExp(
  `[\\p{Cc}\\p{Cs}\\u2028\\u2029]|[\\u{10fe80}-\\u{10feff}]|${invisibleCharacters.source}`,
  "gu",
);

/** `text` on one line, with every character that is not to be shown written as an escape such as `\u{1b}`, or `\xff` for a byte. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    const byte = escapedByte(character);
    if (byte !== null) return `\\x${byte.toString(16)}`;
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

// Stands for a JSON text until its line is whole. Of this process alone and never shown: nobody's text can hold it.
const mark = crypto.randomUUID();
const marks = new RegExp(`"${mark}(\\d+)"`, "g");
/** The texts of the line that is being written: `JSON.stringify` asks for them one by one. */
let texts: string[] = [];
// As nearly all lines are.
const isPlain = /^[\x20-\x7e]*$/;

/** JSON text within a value that `jsonLine` writes: it comes out as it is written, every number and name. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): string {
    return `${mark}${texts.push(compactJson(this.text)) - 1}`;
  }
}

/** One line of JSON, without a line end. Parses to the same value, and holds nothing that steers a terminal. */
export function jsonLine(value: unknown): string {
  texts = [];
  let line = JSON.stringify(value);
  if (texts.length > 0) line = line.replace(marks, (_, index) => texts[Number(index)]!);
  return isPlain.test(line) ? line : line.replace(unprintable, escapedUnits);
}
