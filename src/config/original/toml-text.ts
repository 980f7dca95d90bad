// Texts as a TOML file has them.

/** `text` as a TOML string: with as few backslashes as may be. */
export function tomlString(text: string): string {
  const whole = text.toWellFormed();
  if (whole.includes("\\") && /^[^'\p{Cc}]*$/u.test(whole)) return `'${whole}'`;
  return JSON.stringify(whole).replaceAll("\x7f", "\\u007f");
}

export function tomlList(texts: readonly string[]): string {
  return `[${texts.map(tomlString).join(", ")}]`;
}

/** `text` as lines of a comment, none longer than a terminal is wide where words allow that. */
export function commentLines(text: string): readonly string[] {
  const shown = text.replace(/\s+/gu, " ").replace(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
  return `${shown} `
    .replace(/(.{1,77}|\S+) /gu, "# $1\n")
    .trimEnd()
    .split("\n");
}
