// Finds numbers in JSON text that would not survive being read: JSON has no limit to digits, a double has about 16.
// A sample number that is stored with other last digits is worse than one that is refused.

/** Calls with the text of every number of the document; ES2025, not in TypeScript's library yet. */
type SourceReviver = (
  this: unknown,
  key: string,
  value: unknown,
  context: { readonly source?: string },
) => unknown;

/** The names of the members (or positions in lists) whose numbers a double cannot hold, with their text. */
export function inexactNumbers(text: string): readonly { readonly name: string; readonly source: string }[] {
  const found: { name: string; source: string }[] = [];
  const reviver: SourceReviver = (name, value, { source }) => {
    if (typeof value === "number" && source !== undefined && !isExact(value, source))
      found.push({ name, source });
    return value;
  };
  JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
  return found;
}

function isExact(value: number, source: string): boolean {
  return Number.isFinite(value) && decimalOf(String(value)) === decimalOf(source);
}

/** One form for all ways to write the same decimal number: its significant digits and the power of ten of the last. */
function decimalOf(text: string): string {
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) return text;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return "0";
  return `${text.startsWith("-") ? "-" : ""}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}
