// The receipts that a client keeps, `DYNC_HOME/receipts/YYYY-MM/TIME-ID.jws`, one file each, durable; and beside them which keys servers
// sign with, `receipts/servers/`: the one that came first over a connection that a server's CURVE key protects, and those that it signed
// over. Nothing that was confirmed waits for any of it, and nothing of it can undo a confirmation.

import { closeSync, fsync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import * as v from "valibot";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { jsonValue } from "../base/json-text.ts";
import { sha256Hex } from "../base/sha256-hex.ts";
import { syncFolder, writeWhole } from "../base/write-whole.ts";
import { jwsCharsMax } from "../receipts/compact-jws.ts";
import { type PublicJwk, publicJwkSchema } from "../receipts/signing-key.ts";
import type { Statement } from "../receipts/statement.ts";
import type { Verified } from "../receipts/verify.ts";

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

// Written side by side, which is what makes many of them cheap.
const atOnceMax = 32;
// So many wait; who confirms more in the meantime waits as well.
const waitingMax = 512;
const fileForm = /^\d{8}T\d{6}Z-([0-9a-f]{32}|x[0-9a-f]{32})\.jws$/;
const synced = promisify(fsync);
const monthForm = /^\d{4}-\d\d$/;

export class ReceiptStore {
  readonly #folder: string;
  readonly #now: () => Date;
  readonly #known = new Map<string, Promise<KnownServer | null>>();
  /** Folders that were made, or were there. */
  readonly #made = new Set<string>();
  #waiting: { readonly receipt: NewReceipt; readonly tell: (fault: string | null) => void }[] = [];
  #keeping: Promise<void> | null = null;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string, now: () => Date) {
    this.#folder = join(home, "receipts");
    this.#now = now;
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
    if (this.#waiting.length > waitingMax) await this.#keeping;
  }

  /** Resolves when all of them are kept. */
  async settle(): Promise<void> {
    await this.#keeping;
  }

  async #keepAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, atOnceMax);
      const folders = new Set<string>();
      const faults = await Promise.all(some.map(({ receipt }) => this.#keepOne(receipt, folders)));
      const synced = await this.#syncAll(folders);
      for (const [index, { tell }] of some.entries()) tell(faults[index] ?? synced);
    }
  }

  async #keepOne(receipt: NewReceipt, folders: Set<string>): Promise<string | null> {
    try {
      const { verifyReceipt } = await import("../receipts/verify.ts");
      const known = await this.known(receipt.server);
      const verified = await verifyReceipt(receipt.jws, async () => jwksOf(known));
      const fault = difference(verified.statement, receipt);
      if (fault !== null) return `The receipt of the server is not kept: ${fault}`;
      const folder = join(this.#folder, verified.statement.received.slice(0, 7));
      if (await this.#writeNew(folder, fileNameOf(verified.statement), `${receipt.jws}\n`))
        folders.add(folder);
      return await this.#noteKey(receipt, verified);
    } catch (error) {
      return `The receipt of the server could not be kept: ${messageOf(error)}`;
    }
  }

  /**
   * Writes a file that is durable with its folder; returns whether it was not there before. What the system answers from memory is asked in
   * place: for each of thousands that costs less than the way to the pool and back.
   */
  async #writeNew(folder: string, name: string, text: string): Promise<boolean> {
    if (!this.#made.has(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#made.add(folder);
    const file = join(folder, name);
    let opened: number;
    try {
      opened = openSync(file, "wx", 0o600);
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
      // The same comes again with what was there already; by another key it takes the place of the one before.
      if (readFileSync(file, "utf8") === text) return false;
      await writeWhole(file, text, { isDurable: true });
      return true;
    }
    try {
      writeFileSync(opened, text);
      await synced(opened);
      return true;
    } catch (error) {
      rmSync(file, { force: true });
      throw error;
    } finally {
      closeSync(opened);
    }
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
    const added = { jwk: key, since: this.#now().toISOString(), signedBy };
    const now: KnownServer = { ...rest, keys: [...keys, added] };
    this.#known.set(server, Promise.resolve(now));
    const file = this.knownFile(server);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeWhole(file, `${JSON.stringify({ schema: 1, ...now }, null, 2)}\n`, { isDurable: true });
    await syncFolder(dirname(file));
    return null;
  }

  async #syncAll(folders: ReadonlySet<string>): Promise<string | null> {
    try {
      for (const folder of folders) await syncFolder(folder);
      return null;
    } catch (error) {
      return `Whether the receipt of the server outlives a power cut is not known: ${messageOf(error)}`;
    }
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

  /** All that are kept, the oldest first, a month's names at a time. Throws what the system says. */
  async *all(): AsyncGenerator<KeptReceipt> {
    for (const month of await namesIn(this.#folder, monthForm)) {
      const folder = join(this.#folder, month);
      for (const name of await namesIn(folder, fileForm)) yield { file: join(folder, name), id: idIn(name) };
    }
  }

  /** Those of uploads whose id begins with `prefix`. Throws what the system says. */
  async withId(prefix: string): Promise<readonly KeptReceipt[]> {
    const found: KeptReceipt[] = [];
    for await (const kept of this.all()) if (kept.id.startsWith(prefix)) found.push(kept);
    return found;
  }

  /** The JWS that was kept, without the line's end. Rejects with `DyncError` ("source"). */
  async read({ file }: Pick<KeptReceipt, "file">): Promise<string> {
    return await readReceiptFile(file);
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

// By when it was received, then by its upload: other servers' ids may be anything.
function fileNameOf({ received, upload }: Statement): string {
  const at = received.replace(/[-:]|\.\d+/g, "");
  const id = /^[0-9a-f]{32}$/.test(upload) ? upload : `x${sha256Hex(upload).slice(0, 32)}`;
  return `${at}-${id}.jws`;
}

function idIn(name: string): string {
  return fileForm.exec(name)?.[1] ?? "";
}

async function namesIn(folder: string, form: RegExp): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => form.test(name)).sort();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
