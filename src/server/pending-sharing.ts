// Keys that were refused are the same list on all servers that share a catalogue, and stay there. What is new is gathered and written some
// times a second at most, however many strangers come; what the others wrote is looked up when they say so, and now and then.

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { ToldTrouble } from "../base/told-trouble.ts";
import { within } from "../base/within.ts";
import type { PendingState, Servers, SharedPendingKeys } from "../catalogue/servers.ts";
import type { PublicKey } from "../keys/key.ts";
import { PendingChanges } from "./pending-changes.ts";
import { PendingKeys } from "./pending-keys.ts";

export interface PendingSharingParts {
  /** What is shown: all that is shared, as it was seen last, with what is new here. */
  readonly known: PendingKeys;
  readonly shared: SharedPendingKeys;
  readonly servers: Pick<Servers, "tell">;
  readonly clock: Clock;
  readonly logger: Logger;
}

// Two of them are still less than the second after which all are to know.
const everyMs = 250;
// What is told may be lost.
const lookEveryMs = 30_000;
// So long a server that stops waits for a database.
const endMs = 5_000;
// To servers of the version before, of a flood.
const tellingsPerSecond = 10;

export class PendingSharing {
  readonly #parts: PendingSharingParts;
  readonly #trouble: ToldTrouble;
  readonly #tellings = new TokenBucket(tellingsPerSecond, 5 * tellingsPerSecond);
  #changes = new PendingChanges();
  #working: Promise<void> | null = null;
  /** When it was done last, and when it will be: monotonic ms. */
  #lastAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer = () => {};
  /** Whether somebody asked for it since it began. */
  #isAsked = false;
  #isOver = false;

  constructor(parts: PendingSharingParts) {
    this.#parts = parts;
    this.#trouble = new ToldTrouble(parts.logger, {
      begins: "Keys that ask to be let in are not brought together with those of other servers",
      ends: "Keys that ask to be let in are the same on all servers again",
    });
  }

  /** Knows what is shared when it resolves, and goes on looking. Never rejects. */
  async begin(): Promise<void> {
    await this.#work();
  }

  /** This key was refused here. */
  note(key: PublicKey, address: string): void {
    const { known, servers, clock } = this.#parts;
    if (known.isDismissed(key)) return;
    this.noteElsewhere(key, address);
    if (this.#tellings.tryTake(1, clock.now()))
      servers.tell({ kind: "key-refused", key: key.text, address, isKept: true });
  }

  /** The same at a server of the version before, which tells all others and writes nothing down: each of them counts it. */
  noteElsewhere(key: PublicKey, address: string): void {
    const { known, clock } = this.#parts;
    if (known.isDismissed(key)) return;
    const now = clock.date();
    known.note(key, address, now);
    this.#changes.note(key, address, now);
    this.changed();
  }

  /** Keeps a key out of the list from now on. Returns whether it was there. */
  dismiss(fingerprint: string): boolean {
    const { known, servers } = this.#parts;
    if (!known.dismiss(fingerprint)) return false;
    servers.tell({ kind: "key-dismissed", fingerprint, isKept: true });
    this.dismissElsewhere(fingerprint);
    return true;
  }

  /** As `noteElsewhere`. */
  dismissElsewhere(fingerprint: string): void {
    const dismissed = { keys: [], dismissed: [fingerprint] };
    this.#parts.known.add(dismissed);
    this.#changes.add(dismissed);
    this.changed();
  }

  /** These keys (their texts) were let in, and are not in the list any more. */
  letIn(keys: readonly string[]): void {
    for (const key of keys) this.#changes.forget(key);
    if (keys.length > 0) this.changed();
  }

  /** Something changed, here or there. */
  changed(): void {
    this.#isAsked = true;
    if (this.#working === null) this.#planAt(Math.max(this.#parts.clock.now(), this.#lastAt + everyMs));
  }

  /** Writes what is still to be written, as far as that goes at once. Never rejects. */
  async flush(): Promise<void> {
    const { clock } = this.#parts;
    const written = (async () => {
      await this.#working;
      if (!this.#changes.isEmpty) await this.#work();
    })();
    await within(clock, endMs, written, () => {});
  }

  /** Writes it, and does nothing more. Never rejects. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    await this.flush();
  }

  #planAt(at: number): void {
    if (this.#isOver || at >= this.#dueAt) return;
    this.#cancel();
    this.#dueAt = at;
    this.#cancel = this.#parts.clock.after(at - this.#parts.clock.now(), () => void this.#work());
  }

  #work(): Promise<void> {
    this.#cancel();
    this.#isAsked = false;
    this.#working = this.#bringTogether().then(() => {
      this.#working = null;
      this.#lastAt = this.#parts.clock.now();
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#planAt(this.#lastAt + (this.#isAsked ? everyMs : lookEveryMs));
    });
    return this.#working;
  }

  async #bringTogether(): Promise<void> {
    const { known, shared, servers } = this.#parts;
    const changes = this.#changes;
    this.#changes = new PendingChanges();
    try {
      const state = changes.isEmpty ? await shared.read() : await this.#write(changes);
      known.replace(state);
      this.#changes.applyTo(known);
      if (!changes.isEmpty) servers.tell({ kind: "pending-keys" });
      this.#trouble.over();
    } catch (error) {
      this.#changes.applyTo(changes);
      this.#changes = changes;
      this.#trouble.met(error);
    }
  }

  #write(changes: PendingChanges): Promise<PendingState> {
    return this.#parts.shared.change((state) => {
      const all = new PendingKeys();
      all.replace(state);
      changes.applyTo(all);
      return all.state;
    });
  }
}
