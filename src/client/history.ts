// What was confirmed to this user, in `DYNC_HOME/history.jsonl`: a line of JSON for each upload, which is only ever put behind the
// others, by one call, so that several processes can write at once. When the file is large it becomes `history-old.jsonl`, in the
// place of an older one. It is for people who ask what became of a file, and says what the file was then: nothing is deleted here that it does not
// know, and that is all that depends on it.

import { createReadStream } from "node:fs";
import { appendFile, mkdir, open, rename, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import * as v from "valibot";
import { messageOf, systemCode } from "../base/error.ts";
import { FileLock } from "../base/file-lock.ts";
import { jsonValue } from "../base/json-text.ts";
import { datasetName } from "../protocol/wire/stored-name.ts";
import type { Job } from "./job.ts";
import { pathOf, type SourceMark } from "./origin.ts";
import type { Receipt } from "./upload.ts";
import { selectionSchema, versionSchema } from "./upload-store.ts";

const entrySchema = v.object({
  schema: v.literal(1),
  /** When it was confirmed: ISO 8601, UTC. */
  at: v.string(),
  host: v.string(),
  port: v.number(),
  /** Name on the server. */
  name: v.string(),
  /** Absolute; `null`: the standard input. */
  path: v.nullable(v.string()),
  kind: v.string(),
  bytes: v.number(),
  /** Lower-case hex. */
  sha256: v.string(),
  /** The server's id of the upload. */
  id: v.string(),
  /** It was there before: nothing was sent. */
  already: v.boolean(),
  /** By what it is known to be here what it was then; absent where nothing can tell, or it is stored as something else. */
  mark: v.optional(
    v.variant("kind", [
      v.object({ kind: v.literal("file"), version: versionSchema }),
      v.object({ kind: v.literal("dataset"), digest: v.string(), selection: selectionSchema }),
    ]),
  ),
});

export type HistoryEntry = v.InferOutput<typeof entrySchema>;

// Some eighty thousand uploads in each of the two files.
const fileBytesMax = 32 * 1024 * 1024;
// No entry is longer, with the longest paths that systems have; what is longer is none.
const lineCharsMax = 64 * 1024;

/** What the history tells of a job that was confirmed; `mark` is what was found of its source when it was opened. */
export function historyEntry(
  job: Job,
  receipt: Receipt,
  at: Date,
  mark: SourceMark | undefined = undefined,
): HistoryEntry {
  const { host, port, origin } = job;
  const { bytes, sha256, uploadId: id, already, unpacked = true, storedAs } = receipt;
  const own = job.unpack !== undefined && unpacked ? datasetName(job.name) : job.name;
  const path = pathOf(origin);
  return {
    schema: 1,
    at: at.toISOString(),
    host,
    port,
    name: storedAs ?? own,
    path: path === null ? null : resolve(path),
    kind: origin.kind,
    bytes,
    sha256,
    id,
    already,
    ...markOf(job, unpacked, mark),
  };
}

/** Of what is stored as it lies here: a file as a file, a folder as a folder. */
function markOf(
  { origin, unpack }: Job,
  unpacked: boolean,
  mark: SourceMark | undefined,
): Pick<HistoryEntry, "mark"> {
  if (mark?.kind === "file" && unpack === undefined) return { mark };
  if (!unpacked || (origin.kind !== "dataset" && origin.kind !== "live")) return {};
  const digest = mark?.kind === "dataset" ? mark.listing.digest : mark?.kind === "live" && mark.digest;
  return digest ? { mark: { kind: "dataset", digest, selection: origin.selection } } : {};
}

export class History {
  readonly #folder: string;
  readonly #fileBytesMax: number;
  #lines: string[] = [];
  #writing: Promise<void> | null = null;
  #fault: string | null = null;
  /** Whether the last line may have no end: of an earlier process, or of one that could not be written. */
  #isTorn = true;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string, bytesMax = fileBytesMax) {
    this.#folder = home;
    this.#fileBytesMax = bytesMax;
  }

  /** Why something could not be written, or `null`. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Writes it down, without making anybody wait: what comes while the disk is busy goes out together. */
  note(entry: HistoryEntry): void {
    this.#lines.push(`${JSON.stringify(entry)}\n`);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** Resolves when all that was noted is written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#lines.length > 0) {
      const text = this.#lines.splice(0).join("");
      try {
        await this.#makeRoom();
        await appendFile(this.#file, `${this.#isTorn ? await this.#missingEnd() : ""}${text}`, {
          mode: 0o600,
        });
        this.#isTorn = false;
      } catch (error) {
        this.#isTorn = true;
        this.#fault = messageOf(error);
      }
    }
  }

  /** What ends the last line: the next one would be lost with it. */
  async #missingEnd(): Promise<string> {
    const size = (await this.#size()) ?? 0;
    if (size === 0) return "";
    const handle = await open(this.#file, "r");
    try {
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
      return buffer[0] === 0x0a ? "" : "\n";
    } finally {
      await handle.close();
    }
  }

  async #makeRoom(): Promise<void> {
    const size = await this.#size();
    if (size === null) await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    if (size === null || size < this.#fileBytesMax) return;
    // Of two processes that find it full the second would put the new file in the place of the old one.
    const lock = FileLock.tryAcquire(join(this.#folder, "history.lock"));
    if (lock === null) return;
    try {
      if (((await this.#size()) ?? 0) >= this.#fileBytesMax) await rename(this.#file, this.#oldFile);
    } finally {
      lock.release();
    }
  }

  async #size(): Promise<number | null> {
    try {
      return (await stat(this.#file)).size;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return null;
      throw error;
    }
  }

  /** All entries, oldest first. What is no entry, such as a line that a power cut tore, is passed over. Throws what the system says. */
  async *entries(): AsyncGenerator<HistoryEntry> {
    for (const file of [this.#oldFile, this.#file]) yield* entriesIn(file);
  }

  get #file(): string {
    return join(this.#folder, "history.jsonl");
  }

  get #oldFile(): string {
    return join(this.#folder, "history-old.jsonl");
  }
}

async function* entriesIn(file: string): AsyncGenerator<HistoryEntry> {
  const stream = createReadStream(file, "utf8");
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      const entry = line.length > lineCharsMax ? null : entryOf(line);
      if (entry !== null) yield entry;
    }
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  } finally {
    stream.destroy();
  }
}

function entryOf(line: string): HistoryEntry | null {
  const parsed = v.safeParse(entrySchema, jsonValue(line));
  return parsed.success ? parsed.output : null;
}
