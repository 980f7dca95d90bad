// What several servers may rely on that share a data folder: an upload is the last one's that took it, whatever the one before still does
// that was frozen, cut off, or thought to be dead.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FilesystemStorage } from "../../src/storage/filesystem.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import type { Sink, SinkEvents, StoredNote } from "../../src/storage/storage.ts";
import { codeOf, datasetKind, descriptionOf, fileKind, idOf, type Kind } from "./contract.ts";

/** A folder, and those who share it, each as on a machine of its own. */
export interface SharedFolder extends AsyncDisposable {
  /** As the first machine sees it. */
  readonly folder: string;
  open(machine: number): Promise<FilesystemStorage>;
}

const text = "0123456789".repeat(20_000);
const other = "x".repeat(200_000);
const destination = { folder: "anna", name: "run" };
export const silent: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

/** Resolves when `sink`, which was made with these events, has all of `bytes`. */
export class Filling {
  readonly #stored = Promise.withResolvers<void>();
  #wanted = 0;
  failed: unknown = null;
  readonly events: SinkEvents = {
    ...silent,
    onStored: (offset) => {
      if (offset >= this.#wanted) this.#stored.resolve();
    },
    onFailed: (error) => {
      this.failed = error;
      this.#stored.resolve();
    },
  };

  async fill(sink: Sink, bytes: Uint8Array): Promise<void> {
    this.#wanted = sink.length + bytes.length;
    sink.write({ offset: sink.length, data: bytes, release() {} });
    await this.#stored.promise;
  }
}

export function sharedContract(name: string, make: () => Promise<SharedFolder>): void {
  for (const [what, kind] of [
    ["file", fileKind],
    ["dataset", datasetKind("plain")],
  ] as const) {
    const { form } = kind;
    const whole = kind.whole(text);
    const half = whole.subarray(0, 100_000);

    /** The first half of an upload, durable, open at `storage`. */
    const begun = async (storage: FilesystemStorage) => {
      const filling = new Filling();
      const sink = await storage.begin(idOf(1), form, filling.events);
      await filling.fill(sink, half);
      return sink;
    };

    /** Takes it at `storage` with this fence, and sends the rest. */
    const finished = async (storage: FilesystemStorage, note: StoredNote, bytes = whole) => {
      const filling = new Filling();
      const sink = await storage.resume(idOf(1), form, note, filling.events);
      if (sink === null) throw new Error("It is there");
      expect(sink.length).toBe(note.durable);
      if (!sink.isReady) await sink.prepare();
      await filling.fill(sink, bytes.subarray(note.durable));
      return sink;
    };

    const publish = async (sink: Sink, content = whole) => {
      const contents = await sink.contents();
      const description = descriptionOf(idOf(1), "anna", "run", content, contents);
      expect(await sink.digest()).toBe(description.sha256);
      await sink.publish(destination, description);
      return description;
    };

    describe(`${name}: a ${what} among several servers`, () => {
      test("what was let go of goes on elsewhere, as it lies there", async () => {
        await using shared = await make();
        const [a, b] = [await shared.open(0), await shared.open(1)];
        const before = await begun(a);
        const inode = statSync(fileIn(shared.folder, kind)).ino;
        const note = await before.close();
        expect(note.durable).toBe(half.length);
        const sink = await finished(b, { ...note, fence: 2 });
        expect(statSync(fileIn(shared.folder, kind)).ino).toBe(inode);
        await publish(sink);
        await expectStored(shared.folder, kind);
      });

      test("who had it open and comes too late changes nothing of it, and does not publish it", async () => {
        await using shared = await make();
        const [a, b] = [await shared.open(0), await shared.open(1)];
        const filling = new Filling();
        const frozen = await a.begin(idOf(1), form, filling.events);
        await filling.fill(frozen, half);
        const sink = await finished(b, { durable: half.length, mark: null, fence: 2 });
        // It thaws: other bytes come behind what it had.
        const late = kind.whole(other);
        const more = new Filling();
        await Promise.race([more.fill(frozen, late.subarray(half.length)), Bun.sleep(0)]);
        await publish(sink);
        await frozen.close();
        await expectStored(shared.folder, kind);
      });

      if (form === "file")
        test("what somebody may have open is copied when it is needed, as far as it is durable", async () => {
          await using shared = await make();
          const [a, b] = [await shared.open(0), await shared.open(1)];
          const before = await begun(a);
          const inode = statSync(fileIn(shared.folder, kind)).ino;
          const note = { durable: 60_000, mark: null };
          const taken = await b.resume(idOf(1), form, { ...note, fence: 2 }, silent);
          expect([taken?.length, taken?.isReady]).toEqual([60_000, false]);
          await taken?.close();
          expect(statSync(fileIn(shared.folder, kind)).ino).toBe(inode);
          const shorter = whole.subarray(0, 80_000);
          const sink = await finished(b, { ...note, fence: 3 }, shorter);
          expect(statSync(fileIn(shared.folder, kind)).ino).not.toBe(inode);
          await publish(sink, shorter);
          await before.close();
          expect(readFileSync(join(shared.folder, "anna/run")).equals(shorter)).toBe(true);
        });

      if (form === "file")
        test("what is published is nobody's who had it open before", async () => {
          await using shared = await make();
          const [a, b] = [await shared.open(0), await shared.open(1)];
          const filling = new Filling();
          const frozen = await a.begin(idOf(1), form, filling.events);
          await filling.fill(frozen, whole);
          const description = descriptionOf(idOf(1), "anna", "run", whole);
          const note = { durable: 0, mark: null, fence: 2 };
          const left = await b.recover(idOf(1), note, destination, description.sha256);
          if (left.type !== "complete") throw new Error(`It is ${left.type}`);
          await left.sink.publish(destination, description);
          await filling.fill(frozen, Buffer.from("more"));
          await frozen.close();
          await expectStored(shared.folder, kind);
        });

      if (form === "file")
        test("what was hashed before another one had it does not count", async () => {
          await using shared = await make();
          const [a, b] = [await shared.open(0), await shared.open(1)];
          await (await begun(a)).close();
          // The other one goes on from less, with other bytes, up to the same length.
          const changed = Buffer.concat([half.subarray(0, 50_000), Buffer.from("y".repeat(50_000))]);
          const note = { durable: 50_000, mark: null };
          await (await finished(b, { ...note, fence: 2 }, changed)).close();
          const content = Buffer.concat([changed, whole.subarray(half.length)]);
          await publish(await finished(a, { durable: half.length, mark: null, fence: 3 }, content), content);
          expect(readFileSync(join(shared.folder, "anna/run")).equals(content)).toBe(true);
        });

      test("who is late with publishing is told so, whether it lies there or not", async () => {
        for (const isFirst of [true, false]) {
          await using shared = await make();
          const [a, b] = [await shared.open(0), await shared.open(1)];
          const filling = new Filling();
          const frozen = await a.begin(idOf(1), form, filling.events);
          await filling.fill(frozen, whole);
          const description = descriptionOf(idOf(1), "anna", "run", whole, await frozen.contents());
          const note = { durable: 0, mark: null, fence: 2 };
          const left = await b.recover(idOf(1), note, destination, description.sha256);
          if (left.type !== "complete") throw new Error(`It is ${left.type}`);
          const late = async () =>
            expect(await codeOf(frozen.publish(destination, description))).toBe("not-ready");
          if (isFirst) await late();
          await left.sink.contents();
          await left.sink.publish(destination, description);
          if (!isFirst) await late();
          await frozen.close();
          await expectStored(shared.folder, kind);
        }
      });

      test("what was published already is found so by who takes it", async () => {
        await using shared = await make();
        const [a, b] = [await shared.open(0), await shared.open(1)];
        const filling = new Filling();
        const sink = await a.begin(idOf(1), form, filling.events);
        await filling.fill(sink, whole);
        const { sha256 } = await publish(sink);
        const note = { durable: 0, mark: null, fence: 2 };
        expect(await b.recover(idOf(1), note, destination, sha256)).toEqual({ type: "published" });
        await expectStored(shared.folder, kind);
      });

      test("who was given it before does not take it back", async () => {
        await using shared = await make();
        const [a, b] = [await shared.open(0), await shared.open(1)];
        const note = await (await begun(a)).close();
        const sink = await b.resume(idOf(1), form, { ...note, fence: 3 }, silent);
        expect(await codeOf(a.resume(idOf(1), form, { ...note, fence: 2 }, silent))).toBe("not-ready");
        await sink?.close();
        expect(await codeOf(a.resume(idOf(1), form, { ...note, fence: 2 }, silent))).toBe("not-ready");
        // It gets it back with a later fence, and remembers nothing of what it hashed before.
        await publish(await finished(a, { ...note, fence: 4 }));
        await expectStored(shared.folder, kind);
      });

      test("of many that take it at once, the last one has it", async () => {
        await using shared = await make();
        const first = await shared.open(0);
        const note = await (await begun(first)).close();
        const all = await Promise.all([0, 1, 0, 1, 0, 1].map((machine) => shared.open(machine)));
        const taken = await Promise.all(
          all.map((it, at) => it.resume(idOf(1), form, { ...note, fence: 2 + at }, silent).catch(() => null)),
        );
        await Promise.all(taken.slice(0, -1).map((sink) => sink?.close()));
        const last = taken.at(-1);
        expect(last?.length).toBe(half.length);
        await last?.close();
        await publish(await finished(first, { ...note, fence: 9 }));
        await expectStored(shared.folder, kind);
      });

      test("what is given up is gone, whoever has it open", async () => {
        await using shared = await make();
        const [a, b] = [await shared.open(0), await shared.open(1)];
        const sink = await begun(a);
        expect((await b.lookAt(idOf(1)))?.bytes).toBeGreaterThan(0);
        expect(await Array.fromAsync(b.ids())).toEqual([idOf(1)]);
        await b.discard(idOf(1));
        await sink.close();
        expect(await Array.fromAsync(a.ids())).toEqual([]);
        expect(await a.lookAt(idOf(1))).toBeNull();
      });
    });
  }

  test(`${name}: a name is the first one's, whoever publishes it`, async () => {
    await using shared = await make();
    const storages = [await shared.open(0), await shared.open(1)];
    const results = await Promise.all(
      Array.from({ length: 6 }, async (_, at) => {
        const filling = new Filling();
        const storage = storages[at % 2] as FilesystemStorage;
        const sink = await storage.begin(idOf(at), "file", filling.events);
        await filling.fill(sink, Buffer.from(`content ${at}`));
        const description = descriptionOf(idOf(at), "anna", "run", Buffer.from(`content ${at}`));
        const code = await codeOf(sink.publish(destination, description)).catch(() => "published");
        await sink.discard();
        return code;
      }),
    );
    expect(results.filter((it) => it === "published")).toHaveLength(1);
    expect(results.filter((it) => it === "name-taken")).toHaveLength(5);
    const content = `content ${results.indexOf("published")}`;
    expect(readFileSync(join(shared.folder, "anna/run"), "utf8")).toBe(content);
    await expectNothingLeft(shared.folder);
  });

  test(`${name}: who wants it alone does not get it, nor do others where one has it alone`, async () => {
    await using shared = await make();
    const storage = await shared.open(0);
    const { openStorage } = await import("./open-storage.ts");
    expect(await codeOf(openStorage(shared.folder))).toBe("unavailable");
    await storage.close();
    const alone = await openStorage(shared.folder);
    expect(await codeOf(shared.open(1))).toBe("unavailable");
    await alone.close();
    await (await shared.open(1)).close();
  });
}

/** The data of the upload that is under way, whoever has it. */
function fileIn(folder: string, { form }: Kind): string {
  const place = join(stateFolder(folder), "partial", idOf(1));
  const [held = ""] = readdirSync(place);
  const path = join(place, held, idOf(1));
  return form === "file" ? path : join(path, "tree/run/text");
}

async function expectStored(folder: string, { form }: Kind): Promise<void> {
  const at = join(folder, "anna");
  expect(readdirSync(at).sort()).toEqual(["run", "run.meta.json", "run.sha256"]);
  const stored = readFileSync(join(at, form === "file" ? "run" : "run/run/text"), "utf8");
  expect(stored === text).toBe(true);
  await expectNothingLeft(folder);
}

// A folder that was thrown away goes in its own time.
async function expectNothingLeft(folder: string): Promise<void> {
  const partials = join(stateFolder(folder), "partial");
  const deadline = performance.now() + 100_000;
  while (performance.now() < deadline && readdirSync(partials).length > 0) await Bun.sleep(1);
  expect(existsSync(partials) ? readdirSync(partials) : null).toEqual([]);
}
