// The receipts that a client keeps, durable: `DYNC_HOME/receipts/YYYY-MM/TIME-ID.jws`, and those of many uploads together, in files for some
// of them (`receipt-packs.ts`), which costs each a part of a sync; and beside them which keys servers sign with, `receipts/servers/`: the one that came first over a connection that a server's CURVE key protects, and those that it signed
// over. Nothing that was confirmed waits for any of it, and nothing of it can undo a confirmation.

import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { jsonValue } from "../base/json-text.ts";
import { syncFolder, writeWhole } from "../base/write-whole.ts";
import { jwsCharsMax } from "../receipts/compact-jws.ts";
import { type PublicJwk, publicJwkSchema } from "../receipts/signing-key.ts";
import type { Statement } from "../receipts/statement.ts";
import type { Verified } from "../receipts/verify.ts";
import {
  idIn,
  makeFolder,
  type NamedReceipt,
  nameOf,
  namesIn,
  packMax,
  ReceiptPacks,
} from "./receipt-packs.ts";

/** A receipt that came, and what it has to be about. */
export interface NewReceipt {
  /** A JWS, as the server sent it. */
  readonly jws: string;
  /** Fingerprint of the CURVE key of the server that sent it. */
  readonly server: string;
  readonly host: string;
  readonly port: number;
  /** The facts that the client knows itself. */
  readonly expected: Pick<Statement, "upload"> & Partial<Pick<Statement, "size" | "sha256" | "metadata">>;
}

/** Where a receipt is kept. */
export interface KeptReceipt {
  readonly file: string;
  /** Where it stands in a file with several, from 1. */
  readonly line?: number;
  /** As it was read with that file. */
  readonly jws?: string;
  /** Id of its upload. */
  readonly id: string;
}

/** A key that a server signs with, and why it is taken for that. */
export interface KnownKey {
  readonly jwk: PublicJwk;
  /** When the first receipt came that it signed: ISO 8601, UTC. */
  readonly since: string;
  /** Name of the key that signed it over; `null`: it was the first. */
  readonly signedBy: string | null;
}

interface Judged {
  readonly receipt: NewReceipt;
  readonly verified: Verified;
}

/** What is known of the keys of a server. */
export interface KnownServer {
  /** Fingerprint of its CURVE key. */
  readonly server: string;
  /** Where it was when its first receipt came. */
  readonly host: string;
  readonly port: number;
  /** At least one, the oldest first. */
  readonly keys: readonly KnownKey[];
}

const knownSchema = v.object({
  schema: v.literal(1),
  server: v.string(),
  host: v.string(),
  port: v.number(),
  keys: v.pipe(
    v.array(v.object({ jwk: publicJwkSchema, since: v.string(), signedBy: v.nullable(v.string()) })),
    v.minLength(1),
  ),
});

// More wait for each other for so long: what comes meanwhile is written and synced together.
const lingerMs = 50;
// So many wait; who confirms more in the meantime waits as well.
const waitingMax = 512;
const fileForm = /^\d{8}T\d{6}Z-(?:[0-9a-f]{32}|x[0-9a-f]{32})\.jws$/;
const fileEnd = ".jws";
const monthForm = /^\d{4}-\d\d$/;

export class ReceiptStore {
  readonly #folder: string;
  readonly #clock: Pick<Clock, "date" | "after">;
  readonly #packs = new Map<string, ReceiptPacks>();
  readonly #known = new Map<string, Promise<KnownServer | null>>();
  /** Folders that were made, or were there. */
  readonly #made = new Set<string>();
  #waiting: { readonly receipt: NewReceipt; readonly tell: (fault: string | null) => void }[] = [];
  #keeping: Promise<void> | null = null;
  /** Ends the wait for more of them. */
  #hurry: () => void = () => {};
  #isHurried = false;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string, clock: Pick<Clock, "date" | "after">) {
    this.#folder = join(home, "receipts");
    this.#clock = clock;
  }

  /**
   * Keeps a receipt, behind those that came before it. `tell` is called when that was done, with what is wrong with it, or why it could not
   * be kept, as one sentence, else `null`. Resolves when there is room for the next one.
   */
  async keep(receipt: NewReceipt, tell: (fault: string | null) => void): Promise<void> {
    this.#waiting.push({ receipt, tell });
    this.#keeping ??= this.#keepAll().finally(() => {
      this.#keeping = null;
    });
    if (this.#waiting.length >= packMax) this.#hurry();
    if (this.#waiting.length > waitingMax) await this.#keeping;
  }

  /** Resolves when all of them are kept, which nothing is waited for any more. */
  async settle(): Promise<void> {
    this.#isHurried = true;
    this.#hurry();
    await this.#keeping;
    this.#isHurried = false;
  }

  /** Resolves when there are enough of them, or no more have come for a moment. */
  async #enough(): Promise<void> {
    if (this.#isHurried || this.#waiting.length >= packMax) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(lingerMs, resolve);
    this.#hurry = resolve;
    await promise;
    cancel();
  }

  async #keepAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#enough();
      const some = this.#waiting.splice(0, packMax);
      const judged = await Promise.all(some.map(({ receipt }) => this.#judge(receipt)));
      const good = judged.filter((it) => typeof it !== "string");
      const unwritten = await this.#writeAll(
        good.map(({ verified, receipt }) => ({ verified, jws: receipt.jws })),
      );
      for (const [index, one] of judged.entries()) {
        const tell = some[index]!.tell;
        if (typeof one === "string") tell(one);
        else tell(unwritten.get(one.receipt.jws) ?? (await this.#noteKeyOf(one)));
      }
    }
  }

  /** A receipt that may be kept, or what is wrong with it. */
  async #judge(receipt: NewReceipt): Promise<Judged | string> {
    try {
      const { verifyReceipt } = await import("../receipts/verify.ts");
      const known = await this.known(receipt.server);
      const verified = await verifyReceipt(receipt.jws, async () => jwksOf(known));
      const fault = difference(verified.statement, receipt);
      return fault === null ? { receipt, verified } : `The receipt of the server is not kept: ${fault}`;
    } catch (error) {
      return notKept(error);
    }
  }

  async #noteKeyOf({ receipt, verified }: Judged): Promise<string | null> {
    try {
      return await this.#noteKey(receipt, verified);
    } catch (error) {
      return notKept(error);
    }
  }

  /** Makes those durable that are not there yet; returns what is wrong with some, by their texts. */
  async #writeAll(
    receipts: readonly { readonly verified: Verified; readonly jws: string }[],
  ): Promise<ReadonlyMap<string, string>> {
    const faults = new Map<string, string>();
    const months = Map.groupBy(receipts, ({ verified }) => verified.statement.received.slice(0, 7));
    for (const [month, some] of months) {
      const named = some.map(({ verified, jws }) => ({ name: nameOf(verified.statement), jws }));
      try {
        await this.#writeMonth(join(this.#folder, month), named);
      } catch (error) {
        for (const { jws } of named) faults.set(jws, notKept(error));
      }
    }
    return faults;
  }

  async #writeMonth(folder: string, receipts: readonly NamedReceipt[]): Promise<void> {
    if (!this.#made.has(folder)) await makeFolder(folder);
    this.#made.add(folder);
    const packs = this.#packsOf(folder);
    const fresh = new Map<string, string>();
    for (const { name, jws } of receipts) {
      const file = join(folder, name + fileEnd);
      const isAlone = existsSync(file);
      const there = isAlone
        ? readFileSync(file, "latin1").trimEnd()
        : (fresh.get(name) ?? (await packs.find(name)));
      // The same comes again with what was there already; by another key it takes the place of the one before.
      if (there === jws) continue;
      if (there === null) fresh.set(name, jws);
      else await writeAlone(file, jws);
    }
    const [first] = fresh;
    if (first === undefined) return;
    if (fresh.size === 1) await writeAlone(join(folder, first[0] + fileEnd), first[1]);
    else await packs.write([...fresh].map(([name, jws]) => ({ name, jws })));
  }

  #packsOf(folder: string): ReceiptPacks {
    const packs = this.#packs.get(folder) ?? new ReceiptPacks(folder);
    this.#packs.set(folder, packs);
    return packs;
  }

  /** Writes down a key that is new and may be trusted; returns what is wrong with it otherwise. */
  async #noteKey(receipt: NewReceipt, { key, by }: Verified): Promise<string | null> {
    // Others of the same moment may have noted it.
    const known = await this.known(receipt.server);
    if (known?.keys.some(({ jwk }) => jwk.x === key.x)) return null;
    if (known !== null && by?.type !== "succession") {
      const since = known.keys[0]?.since.slice(0, 10);
      return `The server signs receipts with a key that is not the one it had since ${since}, nor signed over by it: ask its administrator about that; the receipt is kept`;
    }
    const { server, host, port } = receipt;
    const { keys, ...rest } = known ?? { server, host, port, keys: [] };
    const signedBy = by?.type === "succession" ? by.from : null;
    const added = { jwk: key, since: this.#clock.date().toISOString(), signedBy };
    const now: KnownServer = { ...rest, keys: [...keys, added] };
    this.#known.set(server, Promise.resolve(now));
    const file = this.knownFile(server);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeWhole(file, `${JSON.stringify({ schema: 1, ...now }, null, 2)}\n`, { isDurable: true });
    await syncFolder(dirname(file));
    return null;
  }

  /** The keys of the server with this fingerprint, `null` where none came. Rejects with `DyncError` where they cannot be read. */
  known(server: string): Promise<KnownServer | null> {
    const known = this.#known.get(server) ?? this.#readKnown(server);
    this.#known.set(server, known);
    return known;
  }

  async #readKnown(server: string): Promise<KnownServer | null> {
    const file = this.knownFile(server);
    try {
      const parsed = v.safeParse(knownSchema, jsonValue(await readFile(file, "utf8")));
      if (!parsed.success || parsed.output.server !== server)
        throw new DyncError("configuration", `${file} is damaged: it does not hold the keys of a server`, {
          hint: "move it away; the key of the next receipt from that server is then taken for its own",
        });
      const { schema: _, ...known } = parsed.output;
      return known;
    } catch (cause) {
      if (systemCode(cause) === "ENOENT") return null;
      if (cause instanceof DyncError) throw cause;
      throw new DyncError("configuration", `Cannot read ${file}: ${messageOf(cause)}`, { cause });
    }
  }

  /** Where the keys of the server with this fingerprint are written down. */
  knownFile(server: string): string {
    // A fingerprint has characters that no file name may have.
    const name = Buffer.from(server.replace(/^SHA256:/, ""), "base64").toString("hex");
    return join(this.#folder, "servers", `${name}.json`);
  }

  /**
   * All that are kept, each once, about the oldest first: those of one file come together. A month's names are in memory. What is in a
   * file with several and is no receipt has no id. Throws what the system says.
   */
  async *all(): AsyncGenerator<KeptReceipt> {
    for (const month of await namesIn(this.#folder, monthForm)) {
      const folder = join(this.#folder, month);
      const alone = (await namesIn(folder, fileForm)).map((it) => it.slice(0, -fileEnd.length));
      const told = new Set(alone);
      let next = 0;
      const aloneBefore = function* (time: string | null): Generator<KeptReceipt> {
        for (; next < alone.length && (time === null || alone[next]! < time); next++) {
          const name = alone[next]!;
          yield { file: join(folder, name + fileEnd), id: idIn(name) };
        }
      };
      for await (const { from, file, receipts } of new ReceiptPacks(folder).all()) {
        yield* aloneBefore(from);
        for (const [at, { name, jws }] of receipts.entries()) {
          if (told.has(name)) continue;
          if (name !== "") told.add(name);
          yield { file, line: at + 1, jws, id: idIn(name) };
        }
      }
      yield* aloneBefore(null);
    }
  }

  /** Those of uploads whose id begins with `prefix`. Throws what the system says. */
  async withId(prefix: string): Promise<readonly KeptReceipt[]> {
    const found: KeptReceipt[] = [];
    for await (const kept of this.all()) if (kept.id.startsWith(prefix)) found.push(kept);
    return found;
  }

  /** The JWS that was kept, without the line's end. Rejects with `DyncError` ("source"). */
  async read({ file, jws }: Pick<KeptReceipt, "file" | "jws">): Promise<string> {
    return jws ?? (await readReceiptFile(file));
  }
}

/** The keys that are known of a server. */
export function jwksOf(known: KnownServer | null): readonly PublicJwk[] {
  return known?.keys.map(({ jwk }) => jwk) ?? [];
}

/** The JWS in a file, which holds nothing else but one line's end. Rejects with `DyncError` ("source"). */
export async function readReceiptFile(file: string): Promise<string> {
  try {
    await using handle = await open(file, "r");
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(jwsCharsMax + 3), 0, jwsCharsMax + 3, 0);
    return buffer.toString("latin1", 0, bytesRead).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new DyncError("source", `Cannot read the receipt ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** In what a receipt is not about what its client sent, as the rest of a sentence, else `null`. */
function difference(statement: Statement, { server, expected }: NewReceipt): string | null {
  const wanted = { ...expected, server };
  for (const [name, value] of Object.entries(wanted)) {
    const said = statement[name as keyof Statement];
    if (said !== value)
      return `its "${name}" is ${JSON.stringify(said ?? null)}, and not ${JSON.stringify(value)}`;
  }
  return null;
}

function notKept(error: unknown): string {
  return `The receipt of the server could not be kept: ${messageOf(error)}`;
}

/** Writes a file with one receipt, over what is there, and makes it durable. Throws what the system says. */
async function writeAlone(file: string, jws: string): Promise<void> {
  await writeWhole(file, `${jws}\n`, { isDurable: true });
  await syncFolder(dirname(file));
}
