// Checks receipts, with a library that knows nothing of us. Whoever imports this does so when there is a receipt to check.

import { compactVerify, importJWK } from "jose";
import * as v from "valibot";
import { DyncError } from "../base/error.ts";
import { readCompact } from "./compact-jws.ts";
import { linksMax, readLink, receiptType } from "./key-chain.ts";
import { type PublicJwk, publicJwkSchema, thumbprintOf } from "./signing-key.ts";
import { readStatement, type Statement } from "./statement.ts";

/** A receipt whose signature is right, by a key of which it says itself which it is. */
export interface Verified {
  readonly statement: Statement;
  readonly key: PublicJwk;
  /** Name of the key. */
  readonly kid: string;
  /**
   * Why the key is taken for the server's: it is one of those that are known, or one of these, of this name, signed it over; `null`:
   * nothing says that it is.
   */
  readonly by: { readonly type: "known" } | { readonly type: "succession"; readonly from: string } | null;
}

const headerSchema = v.object({
  alg: v.literal("EdDSA"),
  kid: v.string(),
  typ: v.literal(receiptType),
  jwk: publicJwkSchema,
  // What changes the meaning of a JWS has no place in one that anybody is to read.
  crit: v.exactOptional(v.never()),
  chain: v.optional(v.pipe(v.array(v.string()), v.maxLength(linksMax)), []),
});

/**
 * Checks the signature of `receipt`, a JWS without anything around it, and whether its key is one of those that `knownOf` gives for the
 * server with this fingerprint.
 *
 * @throws DyncError "checksum-mismatch": it is no receipt, or one that was changed.
 */
export async function verifyReceipt(
  receipt: string,
  knownOf: (server: string) => Promise<readonly PublicJwk[]>,
): Promise<Verified> {
  const jws = readCompact(receipt);
  const header = v.safeParse(headerSchema, jws?.header);
  const statement = readStatement(jws?.payload);
  if (!header.success || statement === null)
    throw new DyncError("checksum-mismatch", "This is no receipt of a dync server, or it was changed");
  const { jwk: key, kid, chain } = header.output;
  if (thumbprintOf(key) !== kid || !(await isSignedBy(receipt, key)))
    throw new DyncError(
      "checksum-mismatch",
      "The signature is not right: the receipt was changed, or made up",
    );
  const known = await knownOf(statement.server);
  const isKnown = known.some(({ x }) => x === key.x);
  return { statement, key, kid, by: isKnown ? { type: "known" } : await succession(kid, chain, known) };
}

/** The way from one of the keys that are known to the one of this name, which is none of them. */
async function succession(
  kid: string,
  chain: readonly string[],
  known: readonly PublicJwk[],
): Promise<Verified["by"]> {
  /** Keys by name, with the known one from which there is a way to them. */
  const reached = new Map(known.map((key) => [thumbprintOf(key), { key, from: "" }]));
  for (const link of chain) {
    const read = readLink(link);
    const signer = read === null ? undefined : reached.get(read.kid);
    const successor = read === null ? "" : thumbprintOf(read.successor);
    // From the nearest key that is known.
    if (read === null || signer === undefined || reached.has(successor)) continue;
    if (!(await isSignedBy(link, signer.key))) continue;
    const from = signer.from === "" ? read.kid : signer.from;
    reached.set(successor, { key: read.successor, from });
  }
  const found = reached.get(kid);
  return found === undefined ? null : { type: "succession", from: found.from };
}

// Receipts come by the thousand, signed by one key: reading it each time would cost 30 of some 250 µs.
let last: { readonly x: string; readonly key: ReturnType<typeof importJWK> } | null = null;

async function isSignedBy(jws: string, { kty, crv, x }: PublicJwk): Promise<boolean> {
  try {
    if (last?.x !== x) last = { x, key: importJWK({ kty, crv, x }, "EdDSA") };
    await compactVerify(jws, await last.key, { algorithms: ["EdDSA"] });
    return true;
  } catch {
    return false;
  }
}
