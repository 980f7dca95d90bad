// The identities under which uploads are known to a server.

import { randomBytes } from "node:crypto";

/** A socket identity: 16 random bytes as hex. */
export function newIdentity(): string {
  return identityFrom(randomBytes(16));
}

/** The identity of the first 16 of `bytes`. ZeroMQ keeps those that start with a zero byte for itself. */
export function identityFrom(bytes: Uint8Array): string {
  const identity = Buffer.from(bytes.subarray(0, 16));
  identity[0] = (identity[0] as number) | 0x80;
  return identity.toString("hex");
}
