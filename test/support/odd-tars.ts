// Tars that are odd and right, each with what is in it.

import { block, end, extended, file, folder, padded, pax, record, removal, tar } from "./tar-blocks.ts";

/** A tar that is odd and right, with the files and folders (null) that it has. */
export interface OddTar {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly tree: Readonly<Record<string, string | null>>;
}

export const oddTars: readonly OddTar[] = [
  { what: "no end", bytes: file("a"), tree: { a: "content" } },
  { what: "half of the end's mark", bytes: tar(file("a"), new Uint8Array(512)), tree: { a: "content" } },
  { what: "a long end", bytes: tar(file("a"), new Uint8Array(50_000)), tree: { a: "content" } },
  { what: "an end that is no multiple", bytes: tar(file("a"), new Uint8Array(1025)), tree: { a: "content" } },
  { what: "the folder itself", bytes: tar(folder("."), file("./a"), end), tree: { a: "content" } },
  {
    what: "parts that change nothing",
    bytes: tar(file(".//b/././a"), end),
    tree: { b: null, "b/a": "content" },
  },
  { what: "a folder in the old way", bytes: tar(block({ name: "b/" }), end), tree: { b: null } },
  {
    what: "a folder twice",
    bytes: tar(folder("b"), file("b/a"), folder("b"), end),
    tree: { b: null, "b/a": "content" },
  },
  { what: "a file twice", bytes: tar(file("a", "first"), file("a", "second"), end), tree: { a: "second" } },
  {
    what: "a folder that comes last",
    bytes: tar(file("b/a"), folder("b"), end),
    tree: { b: null, "b/a": "content" },
  },
  {
    what: "a header of v7",
    bytes: tar(block({ flag: "\0", magic: "", size: 7 }), padded("content"), end),
    tree: { a: "content" },
  },
  {
    what: "a contiguous file",
    bytes: tar(block({ flag: "7", size: 7 }), padded("content"), end),
    tree: { a: "content" },
  },
  {
    what: "numbers with blanks around them",
    bytes: tar(block({ size: "         7 ", mode: "   644 " }), padded("content"), end),
    tree: { a: "content" },
  },
  {
    what: "a size that fills its field",
    bytes: tar(block({ size: "000000000007" }), padded("content"), end),
    tree: { a: "content" },
  },
  {
    what: "an empty size and an empty time",
    bytes: tar(block({ size: "", mtime: new Uint8Array(12) }), end),
    tree: { a: "" },
  },
  {
    what: "a pax size that goes over the header's",
    bytes: tar(pax(["size", "7"]), block({ size: 0 }), padded("content"), end),
    tree: { a: "content" },
  },
  {
    what: "a pax path with a line end's look",
    bytes: tar(pax(["comment", "x\n9 path=b"], ["path", "c"]), file("a"), end),
    tree: { c: "content" },
  },
  {
    what: "a global header between a pax header and its member",
    bytes: tar(pax(["path", "c"]), extended("g", record("comment", "x")), file("a"), end),
    tree: { c: "content" },
  },
  {
    what: "a file that is taken out and comes again",
    bytes: tar(file("a", "first"), removal("a"), file("a", "second"), end),
    tree: { a: "second" },
  },
  {
    what: "a folder that is taken out and comes again",
    bytes: tar(file("b/a", "first"), removal("b"), folder("b"), file("b/a", "second"), end),
    tree: { b: null, "b/a": "second" },
  },
  {
    what: "a checksum of signed bytes",
    bytes: tar(signedSum(block({ name: "\u00e4\u00f6" })), end),
    tree: { "\u00e4\u00f6": "" },
  },
  {
    what: "a GNU name without a NUL",
    bytes: tar(extended("L", "c"), file("a"), end),
    tree: { c: "content" },
  },
  {
    what: "a prefix that GNU's format has other things in",
    bytes: tar(
      block({ magic: "ustar  \0", prefix: "14000000000\u000014000000000\0", size: 7 }),
      padded("content"),
      end,
    ),
    tree: { a: "content" },
  },
  { what: "a hidden file", bytes: tar(file(".zattrs", "{}"), end), tree: { ".zattrs": "{}" } },
];

/** The header with the checksum of a program whose characters have a sign. */
function signedSum(header: Uint8Array): Uint8Array {
  const bytes = header.slice();
  bytes.fill(0x20, 148, 156);
  const sum = bytes.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
  bytes.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}
