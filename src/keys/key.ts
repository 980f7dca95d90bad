// CURVE keys as values. A secret key is taken out only on purpose: printing it in any way shows "[secret]".

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { assert } from "../base/assert.ts";
import { decodeZ85, encodeZ85 } from "./z85.ts";

const keyBytes = 32;
const inspect = Symbol.for("nodejs.util.inspect.custom");

/** A Curve25519 public key. */
export class PublicKey {
  readonly bytes: Uint8Array;
  /** 40 characters of Z85: how ZeroMQ and its users write it. */
  readonly text: string;

  constructor(bytes: Uint8Array) {
    assert(bytes.length === keyBytes, "a public key has 32 bytes");
    this.bytes = Uint8Array.from(bytes);
    this.text = encodeZ85(this.bytes);
  }

  /** The key behind 40 characters of Z85, or `null` when they are none. */
  static parse(text: string): PublicKey | null {
    const bytes = decodeZ85(text);
    return bytes?.length === keyBytes ? new PublicKey(bytes) : null;
  }

  /** The name by which people compare keys, as `ssh-keygen -l` shows it: `SHA256:` and 43 characters of base64. */
  get fingerprint(): string {
    return `SHA256:${createHash("sha256").update(this.bytes).digest("base64").replace(/=+$/, "")}`;
  }

  toString(): string {
    return this.text;
  }
}

/** The fingerprint of a public key that is known to be one, given as 40 characters of Z85. */
export function fingerprintOf(text: string): string {
  const key = PublicKey.parse(text);
  assert(key !== null, "the text of a public key is 40 characters of Z85");
  return key.fingerprint;
}

/** A Curve25519 secret key. */
export class SecretKey {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    assert(bytes.length === keyBytes, "a secret key has 32 bytes");
    this.#bytes = Uint8Array.from(bytes);
  }

  static parse(text: string): SecretKey | null {
    const bytes = decodeZ85(text);
    return bytes?.length === keyBytes ? new SecretKey(bytes) : null;
  }

  /** The secret itself. Only for the socket option and the key file. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  /** The secret as 40 characters of Z85. Only for the key file. */
  revealText(): string {
    return encodeZ85(this.#bytes);
  }

  /** The public key that belongs to it. */
  publicKey(): PublicKey {
    // RFC 8410: the fixed PKCS #8 header of an X25519 private key, then the key.
    const header = Buffer.from("302e020100300506032b656e04220420", "hex");
    const key = createPrivateKey({ key: Buffer.concat([header, this.#bytes]), format: "der", type: "pkcs8" });
    const der = createPublicKey(key).export({ format: "der", type: "spki" });
    return new PublicKey(der.subarray(der.length - keyBytes));
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect](): string {
    return "[secret]";
  }
}

export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly secretKey: SecretKey;
}

/** A new random key pair, as `zmq_curve_keypair` makes them. */
export function generateKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync("x25519");
  const der = privateKey.export({ format: "der", type: "pkcs8" });
  const secretKey = new SecretKey(der.subarray(der.length - keyBytes));
  return { publicKey: secretKey.publicKey(), secretKey };
}
