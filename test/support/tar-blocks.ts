// Blocks of tars, right or wrong in every field: written here anew, so that what they test has no part in them.

const encoder = new TextEncoder();

/** A header's fields as they are written; what is not given is as GNU tar has it for an empty file. */
export interface BlockFields {
  readonly name?: string | Uint8Array;
  readonly mode?: string | Uint8Array;
  /** A number is written as octal digits. */
  readonly size?: number | string | Uint8Array;
  readonly mtime?: string | Uint8Array;
  readonly flag?: string;
  readonly link?: string | Uint8Array;
  readonly magic?: string;
  readonly prefix?: string | Uint8Array;
  /** Instead of the right one. */
  readonly checksum?: string;
}

/** One header. */
export function block(fields: BlockFields = {}): Uint8Array {
  const bytes = new Uint8Array(512);
  const put = (at: number, length: number, value: string | Uint8Array): void => {
    const field = typeof value === "string" ? encoder.encode(value) : value;
    if (field.length > length) throw new Error(`A field of ${length} bytes cannot hold ${field.length}`);
    bytes.set(field, at);
  };
  const { size = 0, flag = "0", magic = "ustar\u000000" } = fields;
  put(0, 100, fields.name ?? "a");
  put(100, 8, fields.mode ?? "0000644\0");
  put(108, 8, "0000000\0");
  put(116, 8, "0000000\0");
  put(124, 12, typeof size === "number" ? size.toString(8).padStart(11, "0") : size);
  put(136, 12, fields.mtime ?? "14000000000\0");
  put(156, 1, flag);
  put(157, 100, fields.link ?? "");
  put(257, 8, magic);
  put(345, 155, fields.prefix ?? "");
  put(148, 8, fields.checksum ?? checksum(bytes));
  return bytes;
}

/** `bytes` with the right checksum in the first block. */
export function withChecksum(bytes: Uint8Array): Uint8Array {
  const mended = bytes.slice();
  mended.set(encoder.encode(checksum(mended)), 148);
  return mended;
}

function checksum(header: Uint8Array): string {
  let sum = 8 * 0x20;
  for (let at = 0; at < 512; at++) if (at < 148 || at >= 156) sum += header[at]!;
  return `${sum.toString(8).padStart(6, "0")}\0 `;
}

/** A number as GNU tar writes those that octal digits cannot say, in `length` bytes. */
export function base256(value: bigint, length = 12): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = BigInt.asUintN(8 * length, value);
  for (let at = length - 1; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  if (value >= 0n) bytes[0] = 0x80;
  return bytes;
}

/** `content` filled up to the next border of a block. */
export function padded(content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  const filled = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
  filled.set(bytes);
  return filled;
}

/** A file with its content. */
export function file(name: string, content: string | Uint8Array = "content"): Uint8Array {
  return Buffer.concat([block({ name, size: Buffer.from(content).length }), padded(content)]);
}

export function folder(name: string): Uint8Array {
  return block({ name: `${name}/`, flag: "5", mode: "0000755\0" });
}

/** A pax record with its right length. */
export function record(key: string, value: string | Uint8Array): Uint8Array {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** An extended header with `body`: "x" or "g" (pax), "L" or "K" (GNU). */
export function extended(flag: string, body: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(body);
  return Buffer.concat([block({ name: "extended", flag, size: bytes.length }), padded(bytes)]);
}

/** A pax header with records. */
export function pax(...records: readonly (readonly [string, string | Uint8Array])[]): Uint8Array {
  return extended("x", Buffer.concat(records.map(([key, value]) => record(key, value))));
}

/** What takes out again what came at `path`. */
export function removal(path: string, ...more: readonly (readonly [string, string])[]): Uint8Array {
  return extended(
    "g",
    Buffer.concat([["DYNC.removed", path] as const, ...more].map(([key, value]) => record(key, value))),
  );
}

/** The mark of the end. */
export const end = new Uint8Array(1024);

export function tar(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
