// What one command knows of each of its servers: its key, whether it was reached, and why nothing can be sent to it. So a
// batch of thousands neither fails at a cut of a second, when the next job begins in it, nor waits thousands of times for
// a server that is gone. Used by `client.ts`.

import type { Clock } from "../base/clock.ts";
import { DyncError, type ErrorCode } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import type { Place } from "../base/server-place.ts";
import type { KeyPair, PublicKey } from "../keys/key.ts";
import { type ServerChoice, serverKeyOf } from "../keys/known-servers.ts";
import { ServerMemory } from "../keys/reached-servers.ts";
import { type ConnectionParty, strangerError } from "./failure.ts";
import type { Retry } from "./patience.ts";
import type { UploadProgress } from "./upload.ts";

/** What ends a job after all patience for one of these ends the next one as well. */
const serverCodes: readonly ErrorCode[] = [
  "configuration",
  "unreachable",
  "not-ready",
  "too-many-uploads",
  "key-refused",
  "wrong-server",
];

/** Whether the error says something of a server, or of how to get to it, and not of what was to be sent. */
export function isOfServer(error: unknown): error is DyncError {
  return error instanceof DyncError && serverCodes.includes(error.code);
}

/** Where its key is, and whose keys it is shown. */
export interface PartyParts {
  /** The folder of keys and state. */
  readonly home: string;
  readonly keys: KeyPair;
  readonly clock: Clock;
  /** Is told that somebody else is at one of its addresses; the hint says what to do about it. */
  readonly onWarning?: ((text: string, hint: string) => void) | undefined;
  /** Of whom that was said already, where several clients say it but once. */
  readonly strangers?: Set<string> | undefined;
}

export class Server {
  readonly #choice: ServerChoice;
  #key: Promise<PublicKey> | null = null;
  #memory: Promise<ServerMemory> | null = null;
  #wasReached = false;
  /** Addresses of it of which it was said that somebody else is there. */
  readonly #strangers = new Set<string>();
  /** Jobs that have a connection. */
  readonly #connected = new Set<object>();
  /** Why a job failed that was tried to its end, where any other would have failed as well. */
  #failure: DyncError | null = null;

  constructor(choice: ServerChoice) {
    this.#choice = choice;
  }

  /**
   * What it takes to talk to it, by the addresses of `choice`. Rejects as `serverKeyOf`.
   */
  async partyOf(
    choice: ServerChoice,
    { home, keys, clock, onWarning, strangers = this.#strangers }: PartyParts,
  ): Promise<ConnectionParty> {
    const { host, port, alsoAt } = choice;
    const serverKey = await this.keyFrom(home);
    const held = await this.memoryFrom(home);
    const memory = { last: held.last, note: (key: PublicKey) => held.note(key, clock.date()) };
    const party = { host, port, alsoAt, serverKey, keys, memory };
    const onStranger = (at: Place): void => {
      const where = `${formatServerAddress(choice)} ${formatServerAddress(at)}`;
      if (strangers.has(where)) return;
      strangers.add(where);
      const { message, hint = "" } = strangerError(party, at);
      onWarning?.(message, hint);
    };
    return { ...party, onStranger };
  }

  /** The key that it must have, looked up once in the folder `home`. Rejects as `serverKeyOf`. */
  keyFrom(home: string): Promise<PublicKey> {
    this.#key ??= serverKeyOf(home, this.#choice);
    return this.#key;
  }

  /** With which key it was reached last, as far as the folder `home` tells. */
  memoryFrom(home: string): Promise<ServerMemory> {
    this.#memory ??= ServerMemory.open(home, this.#choice);
    return this.#memory;
  }

  /**
   * Has one job sent, with the patience that is right for it: `retry`, and for a server that was reached before as much as
   * if this job had reached it. Where nothing can be sent to it any more, it rejects at once with the same error.
   */
  async try<T>(
    retry: Retry,
    onProgress: (progress: UploadProgress) => void,
    send: (retry: Retry, onProgress: (progress: UploadProgress) => void) => Promise<T>,
  ): Promise<T> {
    if (this.#failure !== null) throw this.#failure;
    const job = {};
    const watch = (progress: UploadProgress): void => {
      this.#note(job, progress.waiting !== "connection" && progress.waiting !== "pause");
      onProgress(progress);
    };
    try {
      return await send({ ...retry, retryFirst: retry.retryFirst || this.#wasReached }, watch);
    } catch (error) {
      this.#connected.delete(job);
      // While another job is connected it is this one's trouble.
      if (isOfServer(error) && this.#connected.size === 0) this.#failure = error;
      throw error;
    } finally {
      this.#connected.delete(job);
    }
  }

  #note(job: object, isConnected: boolean): void {
    if (!isConnected) return void this.#connected.delete(job);
    this.#connected.add(job);
    this.#wasReached = true;
    this.#failure = null;
  }
}

export class Servers {
  readonly #servers = new Map<string, Server>();

  of(choice: ServerChoice): Server {
    const { host, port, serverKeyFile } = choice;
    const which = JSON.stringify([host, port, serverKeyFile]);
    const known = this.#servers.get(which) ?? new Server(choice);
    this.#servers.set(which, known);
    return known;
  }
}
