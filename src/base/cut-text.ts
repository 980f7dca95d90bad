// Cuts texts that others chose to what a line may take, counted as it is written: with escapes, in UTF-8.

import { escapedUnits } from "./json-text.ts";

// What printing escapes as "\u{202e}" or the like: controls, marks that steer the direction or are invisible, halves of
// surrogate pairs.
const escaped = /[\p{Cc}\p{Cs}\u061c\u2000-\u20ff\ufeff]/u;
const escapeBytes = 8;

/** `text` when it takes at most `bytesMax` bytes; else its beginning, and how many characters were cut off. */
export function cutText(text: string, bytesMax: number): string {
  // Nothing takes less than a byte, and most texts are short.
  if (text.length * escapeBytes <= bytesMax) return text;
  let bytes = 0;
  let length = 0;
  for (const character of text) {
    bytes += bytesOf(character);
    if (bytes > bytesMax) return `${text.slice(0, length)}… (${text.length - length} more characters)`;
    length += character.length;
  }
  return text;
}

/** The lines of `text` that say something, without what is blank at their ends. */
export function sayingLines(text: string): readonly string[] {
  return text
    .split(/[\r\n]+/)
    .map((it) => it.trim())
    .filter((it) => it !== "");
}

/** `text` in quotes, cut to about `bytesMax` bytes, with an escape for every character that is not seen or that steers what shows it. */
export function quotedText(text: string, bytesMax: number): string {
  return JSON.stringify(cutText(text, bytesMax)).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escapedUnits);
}

function bytesOf(character: string): number {
  if (escaped.test(character)) return escapeBytes;
  const codePoint = character.codePointAt(0) as number;
  if (codePoint < 0x80) return character === '"' || character === "\\" ? 2 : 1;
  return codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}
