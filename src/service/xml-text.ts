// Text within XML 1.0, of which files of launchd and of the task scheduler are made. Pure.

/** What no XML can hold, escaped or not. */
export const notInXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** `text` as the content of an element. */
export function xmlText(text: string): string {
  // Readers make a line feed of a carriage return that is not escaped, and some drop blank ends.
  return text
    .replace(/[&<>"]/g, (it) => entities[it]!)
    .replace(/[\t\n\r]/g, (it) => `&#${it.charCodeAt(0)};`);
}
