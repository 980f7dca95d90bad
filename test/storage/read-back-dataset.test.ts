// Files of a dataset are read again several at once where each is waited for: no more than that, what is wrong is told in their order, and
// nothing is read any more when one could not be.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type ReadableDataset, readBackDataset } from "../../src/storage/dataset/read-back-dataset.ts";
import { listLine } from "../../src/tar/file-list.ts";
import { idOf } from "./contract.ts";

const destination = { folder: "anna", name: "run" };
const sha256Of = (text: string): Buffer => createHash("sha256").update(text).digest();
const names = Array.from({ length: 30 }, (_, at) => `file-${String(at).padStart(2, "0")}`);

/** One in memory, whose files are read in whatever order `finish` is called. */
class Files implements ReadableDataset {
  readonly readsAtOnce = 5;
  readonly content = new Map(names.map((name) => [name, name]));
  /** Reads that wait, and the most that there were. */
  readonly waiting: { readonly path: string; readonly finish: (error?: Error) => void }[] = [];
  most = 0;
  aborted = 0;

  async list() {
    return this.#lines();
  }

  async *#lines() {
    for (const name of names) yield `${sha256Of(name).toString("hex")}  run/${name}`;
  }

  async linesOf() {
    return null;
  }

  async *paths() {
    for (const name of [...this.content.keys()].sort()) yield name;
  }

  async *names() {}

  async read(path: string, signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => {
      this.aborted++;
      reject(signal.reason);
    });
    const waits = { path, finish: (error?: Error) => (error === undefined ? resolve() : reject(error)) };
    this.waiting.push(waits);
    this.most = Math.max(this.most, this.waiting.length);
    try {
      await promise;
    } finally {
      this.waiting.splice(this.waiting.indexOf(waits), 1);
    }
    const text = this.content.get(path) as string;
    return { sha256: sha256Of(text), bytes: text.length };
  }
}

/** Begins to read it again; what is wrong with it is added to `flaws`. */
function begin(files: Files, flaws: string[]): Promise<void> {
  const digest = createHash("sha256");
  for (const name of names) digest.update(listLine(sha256Of(name), name));
  const content = digest.digest("hex");
  const stored = { id: idOf(1), form: "plain", sha256: "ab", content, size: 1, metadataText: null } as const;
  return readBackDataset(files, destination, stored, {
    flaw: async ({ kind, path, reason }) => void flaws.push(`${kind} ${path}: ${reason}`),
  });
}

/** Lets what can go on do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("a dataset whose files are read several at once", () => {
  test("is told of in their order, whichever is read first", async () => {
    const files = new Files();
    files.content.delete("file-03");
    files.content.set("file-02", "other");
    files.content.set("file-05x", "extra");
    files.content.set("file-06", "other");
    const flaws: string[] = [];
    const reading = begin(files, flaws);
    await settle();
    while (files.waiting.length > 0) {
      // The one that came last first.
      files.waiting.at(-1)?.finish();
      await settle();
    }
    await reading;
    expect(files.most).toBe(5);
    const other = "its content is another one";
    expect(flaws).toEqual([
      `damaged anna/run/file-02: ${other}`,
      "missing anna/run/file-03: it is not there",
      "extra anna/run/file-05x: it was not stored",
      `damaged anna/run/file-06: ${other}`,
    ]);
  });

  test("is given up as a whole where one of them cannot be read", async () => {
    const files = new Files();
    const reading = begin(files, []).catch((error: unknown) => String(error));
    await settle();
    files.waiting.find(({ path }) => path === "file-00")?.finish(new Error("The store does not answer"));
    expect(await reading).toContain("The store does not answer");
    expect(files.waiting).toEqual([]);
    expect(files.aborted).toBeGreaterThan(0);
  });
});
