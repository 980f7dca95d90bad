// Key pairs of the simulated server and its users: always the same, and made once.

import { createHash } from "node:crypto";
import { type KeyPair, SecretKey } from "../../src/keys/key.ts";
import { signReceipt } from "../../src/receipts/key-chain.ts";
import { SigningKey } from "../../src/receipts/signing-key.ts";
import type { ReceiptGiver } from "../../src/receipts/statement.ts";

export const usersMax = 6;

export const serverKeys = keyPair("server");
const users = Array.from({ length: usersMax }, (_, index) => keyPair(`user ${index}`));

export function keyOfUser(index: number): KeyPair {
  return users[index] as KeyPair;
}

/** Index of the user with this public key, or `null`. */
export function userOfKey(text: string): number | null {
  const index = users.findIndex(({ publicKey }) => publicKey.text === text);
  return index === -1 ? null : index;
}

/** Signs as the server does in all of its lives. */
export const receipts: ReceiptGiver = (() => {
  const keys = { current: SigningKey.generate(), earlier: [] };
  return { receiptFor: (facts) => signReceipt(keys, serverKeys.publicKey.fingerprint, facts) };
})();

function keyPair(name: string): KeyPair {
  const secretKey = new SecretKey(createHash("sha256").update(name).digest());
  return { publicKey: secretKey.publicKey(), secretKey };
}
