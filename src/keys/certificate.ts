// Key files: ZeroMQ's certificate format (ZPL, rfc.zeromq.org/spec/4), text to keys and back. Reads what pyzmq
// and czmq write, and they read what we write. No error here ever shows a line: it may hold a secret key.

import { assert } from "../base/assert.ts";
import { DyncError } from "../base/error.ts";
import { type KeyPair, PublicKey, SecretKey } from "./key.ts";

/** Largest certificate file. Real ones have some 400 bytes. */
export const certificateBytesMax = 16 * 1024;

/** Member of the metadata that says until when a key is good: see `parseDeadline`. */
export const expiryMember = "expires";

export interface Certificate {
  readonly publicKey: PublicKey;
  /** Only in `.key_secret` files. */
  readonly secretKey: SecretKey | null;
  /** Members of the section `metadata`, e.g. `user_id`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the text of a certificate. `file` is where it came from, for the error.
 *
 * @throws DyncError "configuration", with file and line.
 */
export function parseCertificate(text: string, file: string): Certificate {
  const entries = new Map<string, Entry>();
  const metadata = new Map<string, string>();
  let section = "";
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [index, line] of lines.entries()) {
    const content = line.trim();
    if (content === "" || content.startsWith("#")) continue;
    const lineNumber = index + 1;
    const [, name, value] = /^([A-Za-z0-9$@_.&+/-]+)\s*(?:=\s*(.*))?$/.exec(content) ?? [];
    const isNested = /^\s/.test(line);
    // pyzmq writes whatever metadata it is given, unquoted: only what we need has to be well-formed.
    if (name === undefined && (!isNested || section === "curve")) {
      throw fault(file, lineNumber, 'expected a section or "name = value"');
    }
    if (!isNested) section = value === undefined ? (name as string) : "";
    if (!isNested || name === undefined || value === undefined) continue;
    if (section === "metadata") metadata.set(name, unquote(value) ?? value);
    if (section !== "curve") continue;
    if (entries.has(name)) throw fault(file, lineNumber, `"${name}" is there twice`);
    entries.set(name, { value: unquote(value), lineNumber });
  }
  const publicEntry = entries.get("public-key");
  if (publicEntry === undefined)
    throw new DyncError("configuration", `${file} holds no public key`, { hint });
  const publicKey = PublicKey.parse(publicEntry.value ?? "");
  if (publicKey === null) throw fault(file, publicEntry.lineNumber, keyFault("public"));
  const secretEntry = entries.get("secret-key");
  if (secretEntry === undefined) return { publicKey, secretKey: null, metadata };
  const secretKey = SecretKey.parse(secretEntry.value ?? "");
  if (secretKey === null) throw fault(file, secretEntry.lineNumber, keyFault("secret"));
  return { publicKey, secretKey, metadata };
}

export interface CertificateOptions {
  /** When it was made: a comment at the top. */
  readonly date: Date;
  readonly metadata?: ReadonlyMap<string, string>;
  /** What its reader is told at the top, in place of what is to be done with one's own. */
  readonly note?: string;
}

/** Text of a `.key` file: the half that may be given away. */
export function publicCertificateText(publicKey: PublicKey, options: CertificateOptions): string {
  return [
    `#   ****  Generated on ${options.date.toISOString()} by dync  ****`,
    "#   ZeroMQ CURVE Public Certificate",
    `#   ${options.note ?? "This half may be given away: send it to the administrator of the server."}`,
    "",
    ...body(options),
    `    public-key = "${publicKey.text}"`,
    "",
  ].join("\n");
}

/** Text of a `.key_secret` file. The only text in which a secret key is ever written. */
export function secretCertificateText(keys: KeyPair, options: CertificateOptions): string {
  return [
    `#   ****  Generated on ${options.date.toISOString()} by dync  ****`,
    "#   ZeroMQ CURVE **Secret** Certificate",
    "#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.",
    "",
    ...body(options),
    `    public-key = "${keys.publicKey.text}"`,
    `    secret-key = "${keys.secretKey.revealText()}"`,
    "",
  ].join("\n");
}

/**
 * `text`, of a certificate, with `value` for the member `name` of its section `metadata`, or without that member (`null`). All
 * else stays as it is.
 */
export function withMetadata(text: string, name: string, value: string | null): string {
  assert(isMetadata(name, value ?? ""), "a member of a certificate's metadata can be written");
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  const kept: string[] = [];
  let section = "";
  let begin = -1;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, word] = /^\ufeff?([A-Za-z0-9$@_.&+/-]+)/.exec(line) ?? [];
    if (word !== undefined) section = word;
    const [, member] = /^\s+([A-Za-z0-9$@_.&+/-]+)\s*=/.exec(line) ?? [];
    if (section === "metadata" && member === name) continue;
    kept.push(line);
    if (word === "metadata" && begin < 0) begin = kept.length;
  }
  if (value === null) return kept.join(lineEnd);
  const line = `    ${name} = "${value}"`;
  if (begin >= 0) kept.splice(begin, 0, line);
  else kept.splice(kept.findLastIndex((it) => it.trim() !== "") + 1, 0, "metadata", line);
  return kept.join(lineEnd);
}

interface Entry {
  /** `null` when its quotes are wrong. */
  readonly value: string | null;
  readonly lineNumber: number;
}

const hint = 'make keys with "dync keygen", or ask the sender for the file again';

function keyFault(which: "public" | "secret"): string {
  return `"${which}-key" is not a key, expected 40 characters of Z85`;
}

function fault(file: string, lineNumber: number, text: string): DyncError {
  return new DyncError("configuration", `${file}, line ${lineNumber}: ${text}`, { hint });
}

function unquote(value: string): string | null {
  const quote = value[0];
  if (quote === '"' || quote === "'") {
    const end = value.indexOf(quote, 1);
    const rest = value.slice(end + 1).trim();
    return end < 0 || (rest !== "" && !rest.startsWith("#")) ? null : value.slice(1, end);
  }
  // Z85 has "#" in its alphabet, so that only one after a space starts a comment.
  return value.replace(/\s+#.*$/, "").trim();
}

function body(options: CertificateOptions): readonly string[] {
  const lines = ["metadata"];
  for (const [name, value] of options.metadata ?? []) {
    assert(isMetadata(name, value), "a member of a certificate's metadata can be written");
    lines.push(`    ${name} = "${value}"`);
  }
  return [...lines, "curve"];
}

/** Whether `name` is one of ZPL, and `value` can stand in quotes on its line. */
function isMetadata(name: string, value: string): boolean {
  return /^[A-Za-z0-9$@_.&+/-]+$/.test(name) && !/["\r\n]/.test(value);
}
