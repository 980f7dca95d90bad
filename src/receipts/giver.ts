// Signs receipts for a server that runs, and notices when its key was changed beside it.

import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type SigningKeys, signReceipt } from "./key-chain.ts";
import { publishKeys, readSigningKeys, signatureOf, signingKeysIn } from "./key-file.ts";
import type { ReceiptGiver, StoredFacts } from "./statement.ts";

export interface GiverParts {
  /** The folder of the server's keys. */
  readonly home: string;
  /** Fingerprint of its CURVE key. */
  readonly server: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the names of both keys when another one signs from now on. */
  readonly onKey?: (change: { readonly key: string; readonly before: string }) => void;
}

/** Gives receipts for a server that runs. */
export interface RunningGiver extends ReceiptGiver {
  /** Name of the key that signs. */
  readonly kid: string;
  /** Looks at the key now; resolves when what lies there signs. Never rejects: what cannot be read is logged. */
  look(): Promise<void>;
}

// For so long a receipt may still be signed by the key before.
const lookEveryMs = 1000;

/**
 * Opens the keys of `home`, which are made where there are none. `null` where that cannot be: then no receipts are given, which is
 * logged.
 *
 * @throws DyncError "configuration": there are some that may not be used, as others can read them, or cannot.
 */
export async function openGiver(parts: GiverParts): Promise<RunningGiver | null> {
  const { home, logger } = parts;
  if ((await signatureOf(home).catch(() => null)) === null) {
    try {
      await signingKeysIn(home);
    } catch (error) {
      const hint = "it is made beside server.key_secret: make that folder writable, or put one there";
      logger.log("warn", "There is no key for receipts, and none are given", {
        reason: messageOf(error),
        hint: error instanceof DyncError ? (error.hint ?? hint) : hint,
      });
      return null;
    }
  }
  const signature = await signatureOf(home);
  const keys = await signingKeysIn(home);
  const giver = new Giver(keys, signature, parts);
  await giver.publish();
  return giver;
}

class Giver implements RunningGiver {
  readonly #parts: GiverParts;
  #keys: SigningKeys;
  #signature: string | null;
  #lookedAt: number;
  #looking: Promise<void> | null = null;

  constructor(keys: SigningKeys, signature: string | null, parts: GiverParts) {
    this.#parts = parts;
    this.#keys = keys;
    this.#signature = signature;
    this.#lookedAt = parts.clock.now();
  }

  get kid(): string {
    return this.#keys.current.kid;
  }

  receiptFor(facts: StoredFacts): string | null {
    this.#lookSometimes();
    return signReceipt(this.#keys, this.#parts.server, facts);
  }

  /** A public file that cannot be written keeps nobody from anything. */
  async publish(): Promise<void> {
    const { home, logger } = this.#parts;
    await publishKeys(home, this.#keys).catch((error) => {
      logger.log("warn", "The public keys for receipts are not up to date", { reason: messageOf(error) });
    });
  }

  #lookSometimes(): void {
    const now = this.#parts.clock.now();
    if (this.#looking !== null || now - this.#lookedAt < lookEveryMs) return;
    this.#lookedAt = now;
    void this.#lookOnce();
  }

  async look(): Promise<void> {
    // One that is under way may have begun before what is to be seen.
    while (this.#looking !== null) await this.#looking;
    await this.#lookOnce();
  }

  #lookOnce(): Promise<void> {
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { home, logger, onKey } = this.#parts;
    try {
      const signature = await signatureOf(home);
      if (signature === this.#signature) return;
      this.#signature = signature;
      const keys = signature === null ? null : await readSigningKeys(home);
      if (keys === null || keys.current.kid === this.#keys.current.kid) return;
      const before = this.kid;
      this.#keys = keys;
      onKey?.({ key: this.kid, before });
      logger.log("info", "Receipts are signed with another key from now on", { key: this.kid });
    } catch (error) {
      logger.log("warn", "The key for receipts cannot be read again: the one before stays", {
        reason: messageOf(error),
      });
    }
  }
}
