// Text within XML 1.0, of which files of launchd and of the task scheduler are made. Pure.

import { strayByte } from "../base/loose-utf8.ts";
import { Unwritable } from "./unwritable.ts";

// What no XML can hold, escaped or not.
const notInXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Throws `DyncError` ("configuration") where a word of a command line has what no XML for `system` can hold. */
export function expectXmlText(system: string, word: string): void {
  if (notInXml.test(word) || strayByte(word) !== null)
    throw new Unwritable(system, word, "it has a control character, or is no Unicode");
}

/** `text` as the content of an element. */
export function xmlText(text: string): string {
  // Readers make a line feed of a carriage return that is not escaped, and some drop blank ends.
  return text
    .replace(/[&<>"]/g, (it) => entities[it]!)
    .replace(/[\t\n\r]/g, (it) => `&#${it.charCodeAt(0)};`);
}
