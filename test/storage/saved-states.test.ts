// States of checksums that a dataset keeps: a later process reads what came behind the last one, and nothing else; what is
// wrong with one is never believed.

import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { FilesystemStorage, FilesystemStorageOptions } from "../../src/storage/filesystem.ts";
import { openSha256 } from "../../src/storage/sha256/open-sha256.ts";
import { plainSha256, stateBytes } from "../../src/storage/sha256/sha256.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import type { Sink, SinkEvents, StoredNote } from "../../src/storage/storage.ts";
import { listLine } from "../../src/tar/file-list.ts";
import { TarReader } from "../../src/tar/reader.ts";
import { judgeTar } from "../support/tar-judge.ts";
import { sha256 } from "../support/tar-programs.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { idOf } from "./contract.ts";
import { everything, tarBytes } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const MiB = 1024 * 1024;
const id = idOf(1);
const maker = await openSha256();
const reason = maker === plainSha256 ? "no libcrypto.so.3" : "libcrypto.so.3";

/** An upload that is on its way, with what is told of it. */
class Upload implements SinkEvents {
  sink!: Sink;
  note: StoredNote;
  #told = Promise.withResolvers<void>();

  private constructor(note: StoredNote) {
    this.note = note;
  }

  static async begin(storage: FilesystemStorage): Promise<Upload> {
    const upload = new Upload(storage.emptyNote);
    upload.sink = await storage.begin(id, "plain", upload);
    return upload;
  }

  static async resume(storage: FilesystemStorage, note: StoredNote): Promise<Upload> {
    const upload = new Upload(note);
    const sink = await storage.resume(id, "plain", note, upload);
    if (sink === null) throw new Error("what is durable is there");
    upload.sink = sink;
    if (!sink.isReady) await sink.prepare();
    return upload;
  }

  onStored(): void {
    this.#told.resolve();
    this.#told = Promise.withResolvers();
  }

  onNote(note: StoredNote): void {
    this.note = note;
  }

  onFailed(error: unknown): void {
    this.#told.reject(error);
  }

  onRefused(error: unknown): void {
    this.#told.reject(error);
  }

  /** Takes what comes next in `stream`, up to `end`, in chunks; resolves when all of it is stored. */
  async write(stream: Uint8Array, end: number, chunkBytes: number): Promise<void> {
    for (let at = this.sink.length; at < end; at += chunkBytes) {
      const data = stream.slice(at, Math.min(end, at + chunkBytes));
      this.sink.write({ offset: at, data, release: () => {} });
    }
    while (this.sink.length < end) await this.#told.promise;
  }
}

/** Bytes that this process has asked the system for until now. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

function listOf(stream: Uint8Array): string {
  const judged = judgeTar([stream]);
  if (!("tree" in judged)) throw new Error(judged.says);
  const files = [...judged.tree].filter((it): it is [string, Uint8Array] => it[1] !== null);
  files.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const lines = files.map(([path, content]) => listLine(Buffer.from(sha256(content), "hex"), path));
  return sha256(Buffer.from(lines.join("")));
}

/** All of it came, and its checksums are right. */
async function expectWhole({ sink }: Upload, stream: Uint8Array): Promise<void> {
  expect(await sink.digest()).toBe(sha256(stream));
  expect(await sink.contents()).toMatchObject({ list: listOf(stream) });
}

const many = Uint8Array.from({ length: 12 * MiB }, (_, index) => (index * 7919) >> 5);
/** With one file that is nearly all of it. */
const large = tarBytes([
  ["first", "x".repeat(MiB)],
  ["large", Buffer.from(many.map((byte) => byte & 0x7f)).toString("latin1")],
  ["last", "y"],
]);
const largeOptions = { saveEveryBytes: MiB, syncEveryBytes: 4 * MiB };
const chunkBytes = 256 * 1024;

describe.skipIf(maker === plainSha256 || !existsSync("/proc/self/io"))(`a dataset (${reason})`, () => {
  /**
   * What a process left of the first `length` bytes of `large` that ended without a word, or `isClosed`; and what was told of it.
   */
  async function left(temp: string, length: number, isClosed: boolean): Promise<StoredNote> {
    mkdirSync(temp);
    const storage = await openStorage(temp, largeOptions);
    const upload = await Upload.begin(storage);
    await upload.write(large, length, chunkBytes);
    const note = isClosed ? await upload.sink.close() : upload.note;
    cpSync(temp, `${temp}-later`, { recursive: true });
    if (!isClosed) await upload.sink.close();
    await storage.close();
    return note;
  }

  test.each([
    ["in the midst of a file, ended at once", 10 * MiB + 77_777, false, "boot", 1.5 * MiB],
    ["at the very end, ended at once", large.length, false, "boot", 1.5 * MiB],
    ["in the midst of a file, put away", 10 * MiB + 77_777, true, "boot", 0.2 * MiB],
    ["in the midst of a file, and the system as well", 11 * MiB, false, "other", 1.5 * MiB],
  ])(
    "is gone on with by reading what came behind the last state: %s",
    async (_what, length, isClosed, bootId, most) => {
      await using temp = await tempFolder(memory);
      const note = await left(temp.file("data"), length, isClosed);
      const storage = await openStorage(temp.file("data-later"), { ...largeOptions, bootId });
      const before = bytesRead();
      const upload = await Upload.resume(storage, note);
      expect(upload.sink.length).toBe(bootId === "boot" ? length : note.durable);
      await upload.write(large, large.length, chunkBytes);
      // Of the stream, and once more of the file under way.
      const read = bytesRead() - before;
      expect([read, read < 2 * most]).toEqual([read, true]);
      await expectWhole(upload, large);
      await upload.sink.close();
      await storage.close();
    },
  );

  test("that was being published when its process ended is not read from its beginning", async () => {
    await using temp = await tempFolder(memory);
    const note = await left(temp.file("data"), large.length, false);
    for (const [bootId, most] of [
      ["boot", 1.5 * MiB],
      // What was not synced has to be read: it may be anything.
      ["other", large.length - note.durable + 1.5 * MiB],
    ] as const) {
      const storage = await openStorage(temp.file("data-later"), { ...largeOptions, bootId });
      const before = bytesRead();
      const remainder = await storage.recover(id, note, { folder: "anna", name: "run" }, sha256(large));
      const read = bytesRead() - before;
      expect(remainder.type).toBe("complete");
      expect([read, read < most]).toEqual([read, true]);
      if (remainder.type === "complete") await remainder.sink.close();
      await storage.close();
    }
  });

  test("whose states are damaged is read from its beginning, and never given another checksum", async () => {
    await using temp = await tempFolder(memory);
    const note = await left(temp.file("data"), 10 * MiB + 77_777, true);
    const journal = join(stateFolder(temp.file("data-later")), "partial", id, "journal");
    const good = readFileSync(journal);
    for (const place of [0, 15, 16, 50, 119, 151, 223]) {
      writeFileSync(
        journal,
        withStates(good, (states) => states.with(place, states[place]! ^ 4)),
      );
      const storage = await openStorage(temp.file("data-later"), largeOptions);
      const before = bytesRead();
      const upload = await Upload.resume(storage, note);
      expect(bytesRead() - before).toBeGreaterThan(10 * MiB);
      if (place === 16 || place === 151) {
        await upload.write(large, large.length, chunkBytes);
        await expectWhole(upload, large);
      }
      await upload.sink.discard();
      await storage.close();
      cpSync(temp.file("data"), temp.file("data-later"), { recursive: true });
    }
  });

  test("whose state is that of other bytes, made to be believed, has another checksum than its client says", async () => {
    await using temp = await tempFolder(memory);
    const note = await left(temp.file("data"), 10 * MiB, true);
    const journal = join(stateFolder(temp.file("data-later")), "partial", id, "journal");
    const good = readFileSync(journal);
    const planted = withStates(good, (states) => {
      const made = states.slice();
      made[16] = made[16]! ^ 1;
      made.set(Buffer.from(sha256(made.subarray(16)), "hex").subarray(0, 16));
      return made;
    });
    writeFileSync(journal, planted);
    const storage = await openStorage(temp.file("data-later"), largeOptions);
    const upload = await Upload.resume(storage, note);
    await upload.write(large, large.length, chunkBytes);
    expect(await upload.sink.digest()).not.toBe(sha256(large));
    await upload.sink.discard();
    await storage.close();
  });
});

/** The journal with all its states changed, in records that are right. */
function withStates(journal: Buffer, change: (states: Uint8Array) => Uint8Array): Buffer {
  const changed = Buffer.from(journal);
  let count = 0;
  for (let at = journal.indexOf(0x0a) + 1; at < changed.length; ) {
    const end = at + 16 + changed.readUInt32LE(at + 8);
    for (let entry = at + 16; entry < end; ) {
      const [kind, length] = [changed[entry]!, changed.readUInt32LE(entry + 1)];
      const hasBytes = kind === 0 || kind === 3 || kind === 4;
      if (kind === 4) {
        expect([16 + stateBytes, 16 + 2 * stateBytes]).toContain(length);
        // The places that are changed are those of two states.
        const states = changed.subarray(entry + 5, entry + 5 + length);
        if (length > 16 + stateBytes) states.set(change(states));
        else states.set(change(Buffer.concat([states, Buffer.alloc(stateBytes)])).subarray(0, length));
        count++;
      }
      entry += 5 + (hasBytes ? length : 0);
    }
    const record = changed.subarray(at, end);
    record.writeUInt32LE(crc32(record.subarray(16), crc32(record.subarray(0, 12))), 12);
    at = end;
  }
  expect(count).toBeGreaterThan(8);
  return changed;
}

describe("whatever becomes of its processes", () => {
  const whole = tarBytes(everything);
  const isContent = new Uint8Array(whole.length);
  let at = 0;
  new TarReader().push(whole, {
    member: () => {},
    end: () => {},
    raw: ({ length }) => {
      at += length;
    },
    content: ({ length }) => {
      isContent.fill(1, at, at + length);
      at += length;
    },
  });

  /** The same up to `from`, and with other contents behind it. */
  const otherBehind = (stream: Uint8Array, from: number): Uint8Array =>
    stream.map((byte, index) =>
      index >= from && isContent[index] === 1 ? (byte === 0x41 ? 0x42 : 0x41) : byte,
    );

  const step = fc.record({
    what: fc.constantFrom("killed", "stopped", "power cut", "rewound"),
    bytes: fc.integer({ min: 1, max: 7000 }),
    chunkBytes: fc.integer({ min: 50, max: 3000 }),
    isOther: fc.boolean(),
  });

  test.each([
    ["with states", maker],
    ["without any", plainSha256],
  ])("the checksums are those of what counts in the end, %s", async (_what, sha256Maker) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 7 }), fc.boolean(), async (steps, hasFileSystemSync) => {
        await using temp = await tempFolder(memory);
        let boots = 0;
        let folder = temp.file("data-0");
        mkdirSync(folder);
        const open = (more: Partial<FilesystemStorageOptions> = {}) =>
          openStorage(folder, {
            saveEveryBytes: 900,
            syncEveryBytes: 2500,
            bootId: `boot ${boots}`,
            sha256: sha256Maker,
            hasFileSystemSync,
            ...more,
          });
        let storage = await open();
        let upload = await Upload.begin(storage);
        let stream = whole;
        for (const [index, { what, bytes, chunkBytes, isOther }] of steps.entries()) {
          await upload.write(stream, Math.min(stream.length, upload.sink.length + bytes), chunkBytes);
          let { note } = upload;
          if (what === "rewound") note = await upload.sink.rewind();
          else {
            if (what === "stopped") note = await upload.sink.close();
            const next = temp.file(`data-${index + 1}`);
            cpSync(folder, next, { recursive: true });
            if (what !== "stopped") await upload.sink.close();
            await storage.close();
            folder = next;
            if (what === "power cut") boots++;
            storage = await open();
            upload = await Upload.resume(storage, note);
          }
          if (isOther) stream = otherBehind(stream, upload.sink.length);
        }
        await upload.write(stream, stream.length, 1000);
        await expectWhole(upload, stream);
        await upload.sink.close();
        await storage.close();
      }),
      { numRuns: 40 },
    );
  });
});
