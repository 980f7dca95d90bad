// Which names may become a file or a folder on any operating system, and which two names count as the same.
// Storage checks the names that clients send, keys check user ids (they become folders). Pure.

/** Longest name, in bytes of UTF-8: common file systems hold 255, and `.meta.json` is put behind it. */
export const fileNameBytesMax = 240;

/**
 * Why `name` cannot be a file or folder on every operating system, as the end of a sentence ("The file name …"),
 * or `null` when it can. Never contains the name itself, which may hold anything.
 */
export function fileNameFault(name: string): string | null {
  // Also hides files from programs that list a folder, and keeps our own `.dync` out of reach.
  if (name.startsWith(".")) return "starts with a dot";
  return partFault(name, fileNameBytesMax);
}

/**
 * The same for what Linux can store: any character but "/" and NUL. It does not start with a dot, for the same reasons.
 */
export function posixNameFault(name: string): string | null {
  if (name === "") return "is empty";
  if (name.startsWith(".")) return "starts with a dot";
  if (!name.isWellFormed()) return "is not valid Unicode";
  if (name.includes("/")) return 'contains "/"';
  if (name.includes("\0")) return "contains the control character U+0000";
  return lengthFault(name, fileNameBytesMax);
}

/**
 * The same for a name within a dataset, which may have `bytesMax` bytes of UTF-8. There it may start with a dot: instruments and
 * formats do that (Zarr's ".zattrs"), and what is a file's name in a dataset cannot be changed.
 */
export function partFault(name: string, bytesMax: number): string | null {
  if (name === "") return "is empty";
  // `tar *` in a pipeline would take it for an option, and `sha256sum -c` reads "-" as its standard input.
  if (name.startsWith("-")) return 'starts with "-"';
  if (/^\p{Zs}/u.test(name)) return "starts with a space";
  // Win32 strips them, so that two names would be one file.
  if (/\p{Zs}$/u.test(name)) return "ends with a space";
  if (name.endsWith(".")) return "ends with a dot";
  if (!name.isWellFormed()) return "is not valid Unicode";
  const forbidden = forbiddenCharacters.exec(name)?.[0] ?? invisibleCharacters.exec(name)?.[0];
  if (forbidden !== undefined) return `contains ${nameOfCharacter(forbidden)}`;
  if (isReservedByWindows(name)) return "is reserved by Windows";
  return lengthFault(name, bytesMax);
}

function lengthFault(name: string, bytesMax: number): string | null {
  const length = new TextEncoder().encode(name).length;
  return length > bytesMax ? `is ${length} bytes long, expected at most ${bytesMax}` : null;
}

/** `text` without what no name may have: those characters become "_", or go where nobody sees them. */
export function withoutForbidden(text: string): string {
  return text
    .toWellFormed()
    .replace(new RegExp(forbiddenCharacters, "gu"), (it) => (/[!-~]/.test(it) ? "_" : ""))
    .replace(new RegExp(invisibleCharacters, "gu"), "")
    .replaceAll("\ufffd", "_");
}

/** A name like `name` with which nothing is wrong. What is wrong with `name` is left out or becomes "_". */
export function suggestedFileName(name: string): string {
  const clean = withoutForbidden(name).replace(/^[.\p{Zs}-]+|[.\p{Zs}]+$/gu, "");
  const harmless = isReservedByWindows(clean) ? `_${clean}` : clean;
  return harmless === "" ? "data" : shortened(harmless);
}

/** The same ending where there is one, and as much of what is before as fits. */
function shortened(name: string): string {
  const length = (text: string): number => new TextEncoder().encode(text).length;
  if (length(name) <= fileNameBytesMax) return name;
  const ending = /\.[^.]{1,16}$/.exec(name)?.[0] ?? "";
  const characters = [...name.slice(0, name.length - ending.length)];
  while (length(characters.join("") + ending) > fileNameBytesMax) characters.pop();
  return characters.join("").replace(/[.\p{Zs}]+$/gu, "") + ending;
}

const ascii = /^[\0-\x7f]*$/;

/**
 * The form in which two names are equal when some file system, or a reader, takes them for the same: without case,
 * without what is not seen, and independent of how accents are composed. Coarser than every real one (so "ß" equals "ss"), on purpose.
 */
export function foldName(name: string): string {
  // As nearly all are. Both rounds leave of ASCII what lower-casing does.
  if (ascii.test(name)) return name.toLowerCase();
  // Upper-casing joins what lower-casing alone keeps apart (ß, ſ, final sigma). The second round is for the few
  // letters whose lower case has another upper case.
  const seen = name.replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  const once = seen.normalize("NFD").toUpperCase().toLowerCase();
  return once.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
}

// Separators and what Windows forbids; C0, DEL and C1 controls; line and paragraph separators; and the
// characters that turn the direction of writing, with which "exe.txt" can be made to look like "txt.exe".
const forbiddenCharacters =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[<>:"/\\|?*\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

/**
 * One character that nobody sees in a text, so that two of them look the same. Some of these belong to how a script is
 * written, and are none: the joiners (U+200C, U+200D) of Persian, of Indian scripts and of emoji, and what selects a
 * variant of the character before.
 */
export const invisibleCharacters =
  /(?!\u200c|\u200d|\p{Variation_Selector})[\p{Default_Ignorable_Code_Point}\u2800]/u;

function nameOfCharacter(character: string): string {
  if (/[!-~]/.test(character)) return character === '"' ? "a double quote" : `"${character}"`;
  const codePoint = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
  return `the ${forbiddenCharacters.test(character) ? "control" : "invisible"} character U+${codePoint}`;
}

function isReservedByWindows(name: string): boolean {
  // "CON", "con.txt" and "CON .txt" all open the console there.
  const stem = (name.split(".")[0] as string).trimEnd();
  return /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$/i.test(stem);
}
