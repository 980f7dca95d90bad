// A JWS in its compact form (RFC 7515): three parts in base64url with a point between. Read strictly: of one signature there is one
// text, so that no byte of a receipt can be changed and it be taken all the same. Whether the signature is right is not looked at here.

/** No receipt, and no part of one, is longer; it has to fit a frame of its own. */
export const jwsCharsMax = 4096;

/** The parts as what they hold. */
export interface CompactJws {
  readonly header: unknown;
  readonly payload: unknown;
}

const form = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;

export function encodeCompact(header: string, payload: string, sign: (input: Buffer) => Uint8Array): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${Buffer.from(sign(Buffer.from(input))).toString("base64url")}`;
}

/** What a text holds that is one, with JSON in its parts; else `null`. */
export function readCompact(text: string): CompactJws | null {
  if (text.length > jwsCharsMax) return null;
  const parts = form.exec(text)?.slice(1) ?? [];
  // Bits behind the last byte are looked at by no decoder.
  if (
    parts.length === 0 ||
    parts.some((part) => Buffer.from(part, "base64url").toString("base64url") !== part)
  )
    return null;
  const [header, payload] = parts.map(jsonIn);
  return header === undefined || payload === undefined ? null : { header, payload };
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function jsonIn(part: string): unknown {
  try {
    const bytes = Buffer.from(part, "base64url");
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
