// The keys that a server signs receipts with, one after the other: each signs the one that comes after it, so that who knows any of
// them can follow to those that came later. Receipts carry the newest of these links, and need nothing else to be checked.

import * as v from "valibot";
import { jsonValue } from "../base/json-text.ts";
import { jwsCharsMax, readCompact } from "./compact-jws.ts";
import { type PublicJwk, publicJwkSchema, type SigningKey, thumbprintOf } from "./signing-key.ts";
import { type StoredFacts, statementText } from "./statement.ts";

export const receiptType = "dync-receipt";
export const successionType = "dync-key";

/** So many changes of the key are told in each receipt; who missed more needs the server's list of keys. */
export const linksMax = 3;

/** A key that was used before, and what it signed last: the key after it. */
export interface EarlierKey {
  readonly jwk: PublicJwk;
  readonly link: string;
}

/** What a server signs with. */
export interface SigningKeys {
  readonly current: SigningKey;
  /** The oldest first. */
  readonly earlier: readonly EarlierKey[];
}

/** `keys` with a new one, which the one before signed. `at`: ISO 8601, UTC. */
export function succeeded({ current, earlier }: SigningKeys, next: SigningKey, at: string): SigningKeys {
  const payload = JSON.stringify({ schema: 1, successor: next.publicJwk, at });
  const link = current.sign({ typ: successionType }, payload);
  return { current: next, earlier: [...earlier, { jwk: current.publicJwk, link }] };
}

/** The receipt of the server with this fingerprint for `facts`, or `null` where they are longer than any that are true. */
export function signReceipt(
  { current, earlier }: SigningKeys,
  server: string,
  facts: StoredFacts,
): string | null {
  const chain = earlier.slice(-linksMax).map(({ link }) => link);
  const header = { typ: receiptType, jwk: current.publicJwk };
  const whole = chain.length === 0 ? header : { ...header, chain };
  const receipt = current.sign(whole, statementText(server, facts));
  return receipt.length <= jwsCharsMax ? receipt : null;
}

/** The public keys as others get them: a JWK Set (RFC 7517), the newest key first, with what connects them. */
export function publicKeySet({ current, earlier }: SigningKeys): string {
  const all = [current.publicJwk, ...earlier.map(({ jwk }) => jwk).toReversed()];
  const keys = all.map((jwk) => ({ ...jwk, kid: thumbprintOf(jwk), alg: "EdDSA", use: "sig" }));
  return `${JSON.stringify({ keys, successions: earlier.map(({ link }) => link) }, null, 2)}\n`;
}

const keySetSchema = v.object({ keys: v.pipe(v.array(publicJwkSchema), v.minLength(1)) });

/** The keys in a text that is such a set, or one public key as a JWK; `null` where it is neither. */
export function readPublicKeys(text: string): readonly PublicJwk[] | null {
  const value = jsonValue(text);
  const set = v.safeParse(keySetSchema, value);
  if (set.success) return set.output.keys;
  const one = v.safeParse(publicJwkSchema, value);
  return one.success ? [one.output] : null;
}

const linkHeader = v.object({ typ: v.literal(successionType), alg: v.literal("EdDSA"), kid: v.string() });
const linkPayload = v.object({ schema: v.literal(1), successor: publicJwkSchema, at: v.string() });

/** What a link says, of which nobody has checked the signature; `null`: it is none. */
export function readLink(text: string): { readonly kid: string; readonly successor: PublicJwk } | null {
  const jws = readCompact(text);
  const header = v.safeParse(linkHeader, jws?.header);
  const payload = v.safeParse(linkPayload, jws?.payload);
  return header.success && payload.success
    ? { kid: header.output.kid, successor: payload.output.successor }
    : null;
}
