// With which key each server was reached last, `DYNC_HOME/servers/HOST_PORT.reached`. Nobody is let in or kept out by that: it is for
// saying that a key has changed. With CURVE a server never shows its key; all that a client sees of another one is that the
// handshake fails, which tells nothing unless it is known that it worked before.

import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { fingerprintOf, PublicKey } from "./key.ts";
import { hostInFileName } from "./known-servers.ts";

/** How the names of such files end. */
export const reachedEnding = ".reached";

/** A server's key, and when it was proved last that the server holds it. */
export interface Reached {
  readonly publicKey: PublicKey;
  readonly fingerprint: string;
  /** ISO 8601, UTC; exact to the day. */
  readonly at: string;
}

const fileSchema = v.object({
  schema: v.literal(1),
  host: v.string(),
  port: v.number(),
  /** Text of the public key. */
  key: v.pipe(
    v.string(),
    v.check((text) => PublicKey.parse(text) !== null),
  ),
  at: v.pipe(
    v.string(),
    v.check((text) => !Number.isNaN(Date.parse(text))),
  ),
});

interface Place {
  readonly host: string;
  readonly port: number;
}

/** What is known of that server; `null`: it was not reached yet, or nobody could write that down. */
export async function lastReached(home: string, place: Place): Promise<Reached | null> {
  const found = await readReached(fileOf(home, place));
  return found?.reached ?? null;
}

/** What such a file says, and of which server; `null` where it cannot be read. */
export async function readReached(
  file: string,
): Promise<{ readonly place: Place; readonly reached: Reached } | null> {
  try {
    const { key, at, host, port } = v.parse(fileSchema, JSON.parse(await readFile(file, "utf8")));
    const publicKey = PublicKey.parse(key) as PublicKey;
    return { place: { host, port }, reached: { publicKey, fingerprint: fingerprintOf(key), at } };
  } catch {
    // Missing, of another version, or damaged: the next time that it is reached replaces it.
    return null;
  }
}

/** What one client knows of one server's key from earlier connections. */
export class ServerMemory {
  readonly last: Reached | null;
  readonly #home: string;
  readonly #place: Place;
  #isNoted = false;

  private constructor(home: string, place: Place, last: Reached | null) {
    this.#home = home;
    this.#place = place;
    this.last = last;
  }

  static async open(home: string, { host, port }: Place): Promise<ServerMemory> {
    return new ServerMemory(home, { host, port }, await lastReached(home, { host, port }));
  }

  /** The server proved now that it holds `publicKey`. Written down once a day: nobody has to hear when that fails. */
  note(publicKey: PublicKey, now: Date): void {
    if (this.#isNoted) return;
    this.#isNoted = true;
    const at = now.toISOString();
    const isKnown = this.last?.publicKey.text === publicKey.text && dayOf(this.last.at) === dayOf(at);
    if (!isKnown) write(this.#home, { schema: 1, ...this.#place, key: publicKey.text, at });
  }
}

function dayOf(at: string): string {
  return at.slice(0, 10);
}

// In place: some bytes, once a day, and the process may end right behind it.
function write(home: string, content: v.InferInput<typeof fileSchema>): void {
  const temporary = join(home, "servers", `.${randomBytes(8).toString("hex")}.tmp`);
  try {
    mkdirSync(join(home, "servers"), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, `${JSON.stringify(content)}\n`, { flag: "wx", mode: 0o600 });
    renameSync(temporary, fileOf(home, content));
  } catch {
    removeQuietly(temporary);
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // In a folder that cannot be written it was not made either.
  }
}

function fileOf(home: string, { host, port }: Place): string {
  return join(home, "servers", `${hostInFileName(host) ?? encodeURIComponent(host)}_${port}${reachedEnding}`);
}
