// Words as they are typed into a shell: for hints that are lines to type.

import { escapedByte } from "../base/loose-utf8.ts";
import { printable } from "./printable.ts";

const isWindows = process.platform === "win32";

/** `text` as one word of a command line, in quotes where it needs them. Safe to print. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (isWindows) return `"${printable(text)}"`;
  // What a terminal should not get, and bytes that are no text, in the form that bash and zsh read.
  if (printable(text) !== text) {
    const characters = [...text].map((it) => {
      const byte = escapedByte(it);
      if (byte !== null) return `\\x${byte.toString(16)}`;
      if (/[\\']/.test(it)) return `\\${it}`;
      return printable(it) === it ? it : `\\u${it.codePointAt(0)!.toString(16).padStart(4, "0")}`;
    });
    return `$'${characters.join("")}'`;
  }
  if (!/["$`\\!]/.test(text)) return `"${text}"`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A whole command line of these words. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
