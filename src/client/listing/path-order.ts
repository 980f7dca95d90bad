// Two orders of paths. Pure.

const slash = 0x2f;

/** Negative, 0 or positive as the UTF-8 of `a` is before, equal to or behind that of `b`: as `LC_ALL=C sort` has it. */
export function compareBytes(a: string, b: string): number {
  const at = differenceAt(a, b);
  return at === null ? a.length - b.length : rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
}

/** The same with all that is in a folder directly behind it, as listings and tars have it. */
export function compareInDepth(a: string, b: string): number {
  const at = differenceAt(a, b);
  if (at === null) return a.length - b.length;
  const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
  return (left === slash ? -1 : rank(left)) - (right === slash ? -1 : rank(right));
}

/** Where the first unit of UTF-16 is that differs, `null` where one text is the beginning of the other. */
function differenceAt(a: string, b: string): number | null {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a.charCodeAt(at) !== b.charCodeAt(at)) return at;
  return null;
}

/** Of two different units of UTF-16: those of surrogate pairs stand for characters behind all others. */
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
