// Facts as receipts have them, and a server's keys to sign them.

import { type SigningKeys, signReceipt, succeeded } from "../../src/receipts/key-chain.ts";
import { SigningKey } from "../../src/receipts/signing-key.ts";
import type { StoredFacts } from "../../src/receipts/statement.ts";

export const server = `SHA256:${"A".repeat(42)}s`;

export const facts: StoredFacts = {
  upload: "0af1".repeat(8),
  user: "anna",
  name: "Lauf 42 – ä.raw",
  size: 4_212_345_678,
  sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  metadata: "80a00f0b51c6d51dc228b0b2b1f4fb3a510da55c0aaef2a956d7c488180d68f9",
  received: "2026-07-30T12:05:07.123Z",
};

/** Keys that were changed so often. */
export function keysAfter(changes: number): SigningKeys {
  let keys: SigningKeys = { current: SigningKey.generate(), earlier: [] };
  for (let at = 0; at < changes; at++) keys = succeeded(keys, SigningKey.generate(), facts.received);
  return keys;
}

export function receiptBy(keys: SigningKeys, about: StoredFacts = facts): string {
  const receipt = signReceipt(keys, server, about);
  if (receipt === null) throw new Error("these facts fit a receipt");
  return receipt;
}
