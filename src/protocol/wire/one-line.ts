// Texts that cross the wire end up in terminals and logs: they are one line and cannot steer a terminal.

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/** `text` with every run of control characters (line ends, escapes, direction marks) as one space. */
export function oneLine(text: string): string {
  return text.replace(controlCharacters, " ");
}
