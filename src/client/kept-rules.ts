// The copies of servers' rules that a client keeps, `DYNC_HOME/rules/HOST_PORT.json`: what a server said last of what concerns the
// user of this key, and when that was. A copy is replaced as a whole.

import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import { jsonValue } from "../base/json-text.ts";
import { sha256Hex } from "../base/sha256-hex.ts";
import { writeWhole } from "../base/write-whole.ts";
import { fingerprintOf, PublicKey } from "../keys/key.ts";
import { hostInFileName, type ServerChoice } from "../keys/known-servers.ts";
import { limits } from "../protocol/limits.ts";
import type { FetchedRules } from "./fetch-rules.ts";

const keptSchema = v.object({
  schema: v.literal(1),
  /** Text of the public key of the client that asked. */
  key: v.string(),
  user: v.string(),
  digest: v.string(),
  /** When the server said last that these are its rules: ISO 8601, UTC. */
  at: v.string(),
  text: v.string(),
});

/** Rules, and when they were known to be the server's: ISO 8601, UTC. */
export type KeptRules = FetchedRules & { readonly at: string };

type Place = Pick<ServerChoice, "host" | "port">;

// The text as JSON: each of its characters may take six.
const fileBytesMax = 6 * limits.rulesBytesMax + 4096;

export class RulesShelf {
  readonly #folder: string;
  readonly #clock: Clock;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string, clock: Clock) {
    this.#folder = join(home, "rules");
    this.#clock = clock;
  }

  /** The copy of what concerns `key` there; `null`: there is none, or none that can be used. Rejects with `DyncError` when it cannot be read. */
  async find(server: Place, key: PublicKey): Promise<KeptRules | null> {
    const kept = await this.#read(server);
    return kept?.key === key.text ? kept : null;
  }

  /**
   * As `find`, to be judged by. Rejects with `DyncError`: "cannot-know" where there is none, with how to get one.
   */
  async expect(server: Place, key: PublicKey): Promise<KeptRules> {
    const kept = await this.#read(server);
    const address = formatServerAddress(server);
    const hint = `"dync check" keeps one as soon as that server answers it: ask about any file, without --offline`;
    if (kept === null)
      throw new DyncError("cannot-know", `There is no copy of the rules of ${address} here`, { hint });
    if (kept.key === key.text) return kept;
    const text = `The copy of the rules of ${address} here is for another key, ${fingerprintOf(kept.key)}`;
    throw new DyncError("cannot-know", text, { hint });
  }

  /** Writes down that these are the rules of `server` now. Rejects with `DyncError`. */
  async keep(server: Place, key: PublicKey, rules: FetchedRules): Promise<void> {
    const at = this.#clock.date().toISOString();
    const { user, digest, text } = rules;
    const content = JSON.stringify({ schema: 1, key: key.text, user, digest, at, text });
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeWhole(this.#fileOf(server), `${content}\n`, { isDurable: false });
    } catch (cause) {
      throw new DyncError("failed", `Cannot write to ${this.#folder}: ${messageOf(cause)}`, { cause });
    }
  }

  async #read(server: Place): Promise<v.InferOutput<typeof keptSchema> | null> {
    const file = this.#fileOf(server);
    try {
      const { size } = await stat(file);
      const reading =
        size > fileBytesMax ? null : v.safeParse(keptSchema, jsonValue(await readFile(file, "utf8")));
      // Of an earlier or later version, or damaged: the next answer of the server replaces it.
      return reading?.success === true && isWhole(reading.output) ? reading.output : null;
    } catch (cause) {
      if (systemCode(cause) === "ENOENT" || systemCode(cause) === "ENOTDIR") return null;
      throw new DyncError("configuration", `Cannot read ${file}: ${messageOf(cause)}`, { cause });
    }
  }

  #fileOf({ host, port }: Place): string {
    return join(this.#folder, `${hostInFileName(host) ?? encodeURIComponent(host)}_${port}.json`);
  }
}

function isWhole({ key, at, text, digest }: v.InferOutput<typeof keptSchema>): boolean {
  if (PublicKey.parse(key) === null || Number.isNaN(Date.parse(at))) return false;
  return sha256Hex(text) === digest;
}
