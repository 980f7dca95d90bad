// Tars that nobody should unpack, each with where it is refused and what is said of it. A server is given the same ones.

import {
  base256,
  block,
  end,
  extended,
  file,
  folder,
  padded,
  pax,
  record,
  removal,
  tar,
  withChecksum,
} from "./tar-blocks.ts";

/**
 * Who refuses it: the `reader` (no tar, or one that could be read in two ways), the judge of a member's `path`, whoever takes
 * files and folders only (`type`), or whoever knows what is there already (`tree`).
 */
export type RefusedBy = "reader" | "path" | "type" | "tree";

export interface HostileTar {
  readonly what: string;
  readonly by: RefusedBy;
  /** In what is said of it. */
  readonly says: RegExp;
  readonly bytes: Uint8Array;
}

/** A tar that has one member with this path, in the name field or, where it has no room there, as a pax record. */
function named(path: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(path);
  return bytes.length <= 100
    ? tar(block({ name: bytes }), end)
    : tar(pax(["path", bytes]), block({ name: "short" }), end);
}

function path(what: string, name: string | Uint8Array, says: RegExp): HostileTar {
  return { what, by: "path", says, bytes: named(name) };
}

const paths: readonly HostileTar[] = [
  path("a climbing path", "../a", /leads out of its folder/),
  path("a path that climbs from within", "a/../../b", /leads out of its folder/),
  path("a path that climbs and comes back", "a/../b", /leads out of its folder/),
  path("a path that climbs at its end", "a/..", /leads out of its folder/),
  path("..", "..", /leads out of its folder/),
  path("a climbing path behind what changes nothing", ".//./../a", /leads out of its folder/),
  path("an absolute path", "/etc/passwd", /is absolute/),
  path("the root", "/", /is absolute/),
  path("an absolute path with two slashes", "//server/share", /is absolute/),
  path("an absolute path as a pax record", `/${"a/".repeat(60)}b`, /is absolute/),
  path("a drive", "C:/Windows/a", /contains ":"/),
  path("a path on a drive", "C:a", /contains ":"/),
  path("a second stream of a file", "a.txt:b", /contains ":"/),
  path("backslashes", "a\\b", /contains "\\"/),
  path("backslashes that climb", "..\\..\\a", /contains "\\"/),
  path("a share", "\\\\server\\share\\a", /contains "\\"/),
  path("a name of Windows", "run/aux.txt", /reserved by Windows/),
  path("a dot at the end", "run/a.", /ends with a dot/),
  path("a blank at the end", "run/a ", /ends with a space/),
  path("a line break in a name", "run/a\nb", /control character U\+000A/),
  path("an escape sequence in a name", "run/\u001b[2J", /control character U\+001B/),
  path("a bell in a name", "run/\u0007", /control character U\+0007/),
  path("a C1 control in a name", "run/\u009b2J", /control character U\+009B/),
  path("a name that turns the direction of writing", "run/\u202etxt.exe", /control character U\+202E/),
  path("a name that is not seen", "run/\u200b", /invisible character U\+200B/),
  path("a name that is an option", "run/-rf", /starts with "-"/),
  path("a NUL in a pax path", Buffer.from(`${"a".repeat(100)}\0b`), /control character U\+0000/),
  path("a path of 1,100 bytes", "run/".repeat(275), /1100 bytes|1099 bytes/),
  path("a path of 65 levels", `${"d/".repeat(64)}a`, /65 levels deep/),
  path("an empty name", "", /is empty/),
  {
    what: "an empty pax path",
    by: "reader",
    says: /"path" is empty/,
    bytes: tar(pax(["path", ""]), block(), end),
  },
  {
    what: "a path of 10,000 bytes in parts",
    by: "reader",
    says: /10000 bytes long, expected at most 4096/,
    bytes: named("abcd/".repeat(2000)),
  },
  {
    what: "a name of 10,000 bytes",
    by: "reader",
    says: /10000 bytes long, expected at most 4096/,
    bytes: named("n".repeat(10_000)),
  },
  {
    what: "a GNU name of 10,000 bytes",
    by: "reader",
    says: /10000 bytes long, expected at most 4096/,
    bytes: tar(extended("L", `${"n".repeat(10_000)}\0`), block(), end),
  },
  {
    what: "a part of 256 bytes",
    by: "reader",
    says: /part of 256 bytes, expected at most 255/,
    bytes: named(`a/${"n".repeat(256)}`),
  },
  {
    what: "a name that is not UTF-8",
    by: "reader",
    says: /not valid UTF-8/,
    bytes: named(Uint8Array.of(0x61, 0xff)),
  },
  {
    what: "an overlong way to write a slash",
    by: "reader",
    says: /not valid UTF-8/,
    bytes: named(Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x61)),
  },
  {
    what: "half of a surrogate pair",
    by: "reader",
    says: /not valid UTF-8/,
    bytes: named(Uint8Array.of(0x61, 0xed, 0xa0, 0x80)),
  },
  {
    what: "a prefix that climbs",
    by: "path",
    says: /leads out of its folder/,
    bytes: tar(block({ prefix: "../..", name: "a" }), end),
  },
  {
    what: "an absolute prefix",
    by: "path",
    says: /is absolute/,
    bytes: tar(block({ prefix: "/etc", name: "passwd" }), end),
  },
];

function type(what: string, flag: string, link = "", name = "a"): HostileTar {
  return { what, by: "type", says: new RegExp(what), bytes: tar(block({ flag, link, name }), end) };
}

const types: readonly HostileTar[] = [
  type("symbolic link", "2", "b"),
  { ...type("symbolic link", "2", "/etc/passwd"), what: "symbolic link out of the tree" },
  { ...type("symbolic link", "2", "../../a"), what: "symbolic link that climbs" },
  {
    what: "a symbolic link and a file behind it",
    by: "type",
    says: /symbolic link/,
    bytes: tar(block({ flag: "2", link: "/etc", name: "a" }), file("a/passwd"), end),
  },
  type("hard link", "1", "b"),
  { ...type("hard link", "1", "/etc/passwd"), what: "hard link out of the tree" },
  {
    what: "a symbolic link with a long target",
    by: "type",
    says: /symbolic link/,
    bytes: tar(pax(["linkpath", "b/".repeat(300)]), block({ flag: "2" }), end),
  },
  {
    what: "a symbolic link with a target of 5,000 bytes",
    by: "reader",
    says: /link is 5000 bytes long/,
    bytes: tar(extended("K", `${"b/".repeat(2500)}\0`), block({ flag: "2" }), end),
  },
  {
    what: "a hard link with content",
    by: "reader",
    says: /hard link "a" has a content of 7 bytes/,
    bytes: tar(block({ flag: "1", link: "b", size: 7 }), padded("content"), end),
  },
  type("character device", "3"),
  type("block device", "4"),
  type("fifo", "6"),
  ...["A", "D", "M", "N", "V", "X", "Z", "8", "\u0001", "\u00ff"].map(
    (flag): HostileTar => ({
      what: `the unknown type flag ${JSON.stringify(flag)}`,
      by: "reader",
      says: /unknown type/,
      bytes: tar(withChecksum(block({ flag: "0" }).with(156, flag.charCodeAt(0))), end),
    }),
  ),
  {
    what: "a sparse file of GNU's",
    by: "reader",
    says: /sparse/,
    bytes: tar(block({ flag: "S", magic: "ustar  \0" }), end),
  },
  {
    what: "a sparse file of pax 1.0",
    by: "reader",
    says: /sparse/,
    bytes: tar(pax(["GNU.sparse.major", "1"], ["GNU.sparse.realsize", "9"]), block(), end),
  },
  {
    what: "a sparse file of star's",
    by: "reader",
    says: /sparse/,
    bytes: tar(pax(["SCHILY.realsize", "9"]), block(), end),
  },
  {
    what: "a file that goes on in another tar",
    by: "reader",
    says: /several tars/,
    bytes: tar(pax(["GNU.volume.offset", "9"]), block(), end),
  },
  {
    what: "a folder with content",
    by: "reader",
    says: /folder "a\/" has a content of 7 bytes/,
    bytes: tar(block({ name: "a/", flag: "5", size: 7 }), padded("content"), end),
  },
  {
    what: "a file with a slash at its end and content",
    by: "reader",
    says: /folder "a\/" has a content of 7 bytes/,
    bytes: tar(block({ name: "a/", size: 7 }), padded("content"), end),
  },
];

function tree(what: string, says: RegExp, ...members: readonly Uint8Array[]): HostileTar {
  return { what, by: "tree", says, bytes: tar(...members, end) };
}

const trees: readonly HostileTar[] = [
  tree("names that differ in case", /same name/, file("run/A.raw"), file("run/a.raw")),
  tree("names that differ in how an accent is composed", /same name/, file("\u00e4"), file("a\u0308")),
  tree("names that differ in what is not seen", /same name/, file("ab"), file("a\u200db")),
  tree("names that differ as sharp s does", /same name/, file("straße"), file("STRASSE")),
  tree("folders that differ in case", /same name/, file("Run/a"), file("run/b")),
  tree("a folder and a file that differ in case", /same name/, folder("A"), file("a")),
  tree("a file where a folder was", /folder/, folder("a"), file("a")),
  tree("a file where a folder with files was", /folder/, file("a/b"), file("a")),
  tree("a folder where a file was", /file/, file("a"), folder("a")),
  tree("a file below a file", /file/, file("a"), file("a/b")),
  tree("a file far below a file", /file/, file("a"), file("a/b/c/d")),
  tree("a removal of what never came", /not there/, file("a"), removal("b")),
  tree("a removal before its file", /not there/, removal("a"), file("a")),
  tree("a removal twice", /not there/, file("a"), removal("a"), removal("a")),
  tree("a removal in another case", /not there/, file("a"), removal("A")),
  tree("a removal of what went with its folder", /not there/, file("a/b"), removal("a"), removal("a/b")),
  tree("a removal of what begins like something", /not there/, file("ab/c"), removal("a")),
  tree(
    "a removal, and a name that its folder's differs from",
    /same/,
    file("A/b"),
    removal("A/b"),
    file("a"),
  ),
];

function number(what: string, says: RegExp, fields: Parameters<typeof block>[0]): HostileTar {
  return { what, by: "reader", says, bytes: tar(block(fields), padded("content"), end) };
}

const numbers: readonly HostileTar[] = [
  number("a size with letters", /size "0000000000z" is no number/, { size: "0000000000z" }),
  number("a size with a digit that is not octal", /is no number/, { size: "00000000008" }),
  number("a size in hexadecimal", /is no number/, { size: "0x10" }),
  number("a size with a sign", /is no number/, { size: "-1" }),
  number("a size with a plus sign", /is no number/, { size: "+7" }),
  number("a size of blanks", /is no number/, { size: " ".repeat(11) }),
  number("a size with more behind it", /is no number/, { size: "7 7" }),
  number("a size behind a NUL", /is no number/, { size: "\u00007" }),
  number("a size with a fraction", /is no number/, { size: "7.5" }),
  number("a negative size in base 256", /size -1 is negative/, { size: base256(-1n) }),
  number("the most negative size", /is negative/, { size: base256(-(2n ** 87n)) }),
  number("a size that no number holds", /more than any file has/, { size: base256(2n ** 53n) }),
  number("the largest size in base 256", /more than any file has/, { size: base256(2n ** 87n - 1n) }),
  number("a base-256 mark that none has", /is no number/, { size: Uint8Array.of(0x81, 0, 0, 0, 0, 0, 0, 7) }),
  number("a time with letters", /time .* is no number/, { mtime: "yesterday" }),
  number("a mode with letters", /mode .* is no number/, { mode: "rwxr-x" }),
  {
    what: "a size of 8 EiB as a pax record",
    by: "reader",
    says: /more than any file has/,
    bytes: tar(pax(["size", "9223372036854775807"]), block(), end),
  },
  {
    what: "a negative size as a pax record",
    by: "reader",
    says: /size -1 is negative/,
    bytes: tar(pax(["size", "-1"]), block(), end),
  },
  {
    what: "a pax size that is none",
    by: "reader",
    says: /size "1e3" is no number/,
    bytes: tar(pax(["size", "1e3"]), block(), end),
  },
  {
    what: "a pax size of thousands of digits",
    by: "reader",
    says: /is no number/,
    bytes: tar(pax(["size", "9".repeat(5000)]), block(), end),
  },
  {
    what: "a pax time that is none",
    by: "reader",
    says: /time "NaN" is no number/,
    bytes: tar(pax(["mtime", "NaN"]), block(), end),
  },
];

function headers(what: string, says: RegExp, ...parts: readonly Uint8Array[]): HostileTar {
  return { what, by: "reader", says, bytes: tar(...parts, end) };
}

const extensions: readonly HostileTar[] = [
  headers("a pax record without end", /record is broken/, extended("x", "30 path=a"), block()),
  headers("a pax record without a line end", /record is broken/, extended("x", "9 path=ab"), block()),
  headers("a pax record that is too short", /record is broken/, extended("x", "8 path=ab\n"), block()),
  headers("a pax record that is too long", /record is broken/, extended("x", "12 path=ab\n"), block()),
  headers("a pax record of length 0", /record is broken/, extended("x", "0 path=ab\n"), block()),
  headers("a pax record of negative length", /record is broken/, extended("x", "-10 path=ab\n"), block()),
  headers("a pax record without a length", /record is broken/, extended("x", "path=ab\n"), block()),
  headers("a pax record with a huge length", /record is broken/, extended("x", "99999999999 a=b\n"), block()),
  headers("a pax record without a key", /record is broken/, extended("x", "5 =a\n"), block()),
  headers("a pax record without a value's sign", /record is broken/, extended("x", "8 path\n\n"), block()),
  headers("a tab behind a length", /record is broken/, extended("x", "10\tpath=b\n"), block()),
  headers(
    "a record without a value's sign before one",
    /broken/,
    extended("x", "8 path\n\n9 path=b\n"),
    block(),
  ),
  headers(
    "zeros where a pax record should be",
    /record is broken/,
    extended("x", new Uint8Array(20)),
    block(),
  ),
  headers(
    "zeros behind a pax record",
    /record is broken/,
    extended("x", Buffer.concat([record("path", "b"), new Uint8Array(3)])),
    block(),
  ),
  headers("a pax path twice", /"path" twice/, pax(["path", "b"], ["path", "c"]), block()),
  headers("a pax size twice", /"size" twice/, pax(["size", "0"], ["size", "7"]), block()),
  headers("two pax headers for a member", /two pax headers/, pax(["path", "b"]), pax(["path", "c"]), block()),
  headers(
    "two GNU names for a member",
    /two GNU long names/,
    extended("L", "b\0"),
    extended("L", "c\0"),
    block(),
  ),
  headers("a pax path and a GNU name", /two paths/, pax(["path", "b"]), extended("L", "c\0"), block()),
  headers(
    "a global pax size",
    /global pax header says "size"/,
    extended("g", record("size", "7")),
    file("a"),
  ),
  headers(
    "a global pax path",
    /global pax header says "path"/,
    extended("g", record("path", "b")),
    file("a"),
  ),
  headers(
    "a removal that says more",
    /says "DYNC.removed", expected that in a global one, and alone/,
    file("a"),
    removal("a", ["comment", "x"]),
  ),
  headers(
    "a removal behind something else",
    /says "DYNC.removed", expected that in a global one, and alone/,
    file("a"),
    extended("g", Buffer.concat([record("mtime", "1"), record("DYNC.removed", "a")])),
  ),
  headers(
    "two removals in one header",
    /says "DYNC.removed", expected that in a global one, and alone/,
    tar(file("a"), file("b")),
    removal("a", ["DYNC.removed", "b"]),
  ),
  headers(
    "a removal in the header of a member",
    /says "DYNC.removed", expected that in a global one, and alone/,
    tar(file("a"), pax(["DYNC.removed", "a"])),
    file("b"),
  ),
  headers(
    "a removal that is no UTF-8",
    /removal.*is not valid UTF-8/,
    file("a"),
    extended("g", record("DYNC.removed", Uint8Array.of(0xff))),
  ),
  headers("an empty pax header", /pax header is empty/, extended("x", ""), block()),
  headers("an empty GNU name", /GNU long name is empty/, extended("L", ""), block()),
  headers(
    "a pax header of 64 KiB and a byte",
    /65537 bytes long, expected at most 65536/,
    extended("x", new Uint8Array(65_537)),
    block(),
  ),
  headers("a pax header of 8 GiB", /8589934591 bytes long/, block({ flag: "x", size: 8 * 1024 ** 3 - 1 })),
  headers("a GNU name of 1 EiB", /expected at most 65536/, block({ flag: "L", size: base256(2n ** 50n) })),
  headers("a pax header and no member", /ends where a member was announced/, file("a"), pax(["path", "b"])),
  headers("a GNU name and no member", /ends where a member was announced/, file("a"), extended("L", "b\0")),
];

function cut(what: string, says: RegExp, bytes: Uint8Array): HostileTar {
  return { what, by: "reader", says, bytes };
}

const whole = tar(folder("run"), file("run/a", "x".repeat(1000)), pax(["path", "run/b"]), file("b"), end);

const streams: readonly HostileTar[] = [
  cut("nothing", /is empty/, new Uint8Array(0)),
  cut("a text", /no tar header/, Buffer.from("This is no tar.\n")),
  cut("a longer text", /no tar header/, Buffer.from("This is no tar.\n".repeat(100))),
  cut("a zip", /no tar header/, padded("PK\u0003\u0004")),
  cut("something packed with gzip", /packed.*gzip -dc/, padded(Uint8Array.of(0x1f, 0x8b, 8))),
  cut("something packed with bzip2", /packed.*bzip2 -dc/, padded("BZh9")),
  cut("something packed with xz", /packed.*xz -dc/, padded(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58))),
  cut("something packed with zstd", /packed.*zstd -dc/, padded(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd))),
  cut("a wrong checksum", /checksum is wrong/, tar(block({ checksum: "0000001\0" }), end)),
  cut("no checksum", /checksum is wrong/, tar(block({ checksum: "" }), end)),
  cut("a checksum of letters", /checksum is wrong/, tar(block({ checksum: "checksum" }), end)),
  cut("a wrong checksum later on", /checksum is wrong/, tar(file("a"), block({ checksum: "0\0" }), end)),
  cut("a bit that was turned round", /checksum is wrong/, withFlippedBit(tar(file("a"), end))),
  cut(
    "a header that promises more than comes",
    /middle of a member/,
    tar(block({ size: 5000 }), padded("x")),
  ),
  cut("a header that promises 8 GiB", /middle of a member/, tar(block({ size: 8 * 1024 ** 3 - 1 }), end)),
  cut(
    "a header that promises less than comes",
    /checksum is wrong/,
    tar(block({ size: 1 }), padded("x".repeat(600)), end),
  ),
  cut("content after the end", /more after the end/, tar(file("a"), end, file("b"), end)),
  cut("a byte after the end", /more after the end/, tar(file("a"), end, Uint8Array.of(1))),
  cut(
    "something after half of the end's mark",
    /more after the end/,
    tar(file("a"), new Uint8Array(512), file("b"), end),
  ),
  cut("a cut in the end's mark", /middle of a member/, tar(file("a"), new Uint8Array(100))),
  cut("a global header and nothing else", /is empty/, extended("g", record("comment", "x"))),
  // Folder, header and two blocks of a file, pax header and its record, header and content.
  ...[2, 3, 5, 6, 7].map((blocks) =>
    cut(`a cut after ${blocks} blocks`, /middle of a member/, whole.subarray(0, 512 * blocks)),
  ),
  ...[100, 700, 1100, 2100, 2600, 3100, 3700].map((bytes) =>
    cut(`a cut after ${bytes} bytes`, /middle of a member|no tar header/, whole.subarray(0, bytes)),
  ),
];

function withFlippedBit(bytes: Uint8Array): Uint8Array {
  return bytes.with(0, bytes[0]! ^ 1);
}

/** Tars that have to be refused. */
export const hostileTars: readonly HostileTar[] = [
  ...paths,
  ...types,
  ...trees,
  ...numbers,
  ...extensions,
  ...streams,
];

/** A tar of `count` empty files, in pieces of a thousand. */
export function* tarOfMany(count: number): Generator<Uint8Array> {
  for (let made = 0; made < count; ) {
    const names = Array.from({ length: Math.min(1000, count - made) }, (_, index) => String(made + index));
    yield tar(...names.map((name) => block({ name })));
    made += names.length;
  }
  yield end;
}
