// What says "on" or "off" in a text.

import { type Parsed, right, wrong } from "./parsed.ts";

const on = ["true", "yes", "on", "1"];
const off = ["false", "no", "off", "0"];

/** Reads `true`, `yes`, `on` or `1`, and what is the contrary of each, in whichever case. */
export function parseSwitch(text: string): Parsed<boolean> {
  const word = text.toLowerCase();
  if (on.includes(word)) return right(true);
  return off.includes(word) ? right(false) : wrong("true or false", JSON.stringify(text));
}
