// Texts as PostgreSQL can keep them: it takes any but those with a NUL, which SQLite keeps as well. Both ways, for all that goes there
// and comes back. What is less than another text stays so.

const mark = "\u0001";
const storedMark = `${mark}\u0002`;
const storedNul = mark + mark;

/** `text` without a NUL; half a pair of surrogates is the character for that, as it is wherever text becomes UTF-8. */
export function toStored(text: string): string {
  const wellFormed = text.toWellFormed();
  if (!wellFormed.includes("\0") && !wellFormed.includes(mark)) return wellFormed;
  return wellFormed.replaceAll(mark, storedMark).replaceAll("\0", storedNul);
}

/** What `toStored` was given. */
export function fromStored(stored: string): string {
  return stored.includes(mark) ? stored.replaceAll(storedNul, "\0").replaceAll(storedMark, mark) : stored;
}

/** A value of a statement, in which texts are as they are kept. */
export function storedValue(value: unknown): unknown {
  if (typeof value === "string") return toStored(value);
  return Array.isArray(value) ? value.map(storedValue) : value;
}
