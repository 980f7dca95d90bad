// The storage on a real disk: the contract with and without hard links, what lies in the folder afterwards, who
// may read it, and what happens when the disk is full or the folder is no good.

import { describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { DyncError } from "../../src/base/error.ts";
import type { LogFields } from "../../src/base/log.ts";
import { parseTimestamp } from "../../src/base/timestamp.ts";
import { FilesystemStorage, type FilesystemStorageOptions } from "../../src/storage/filesystem.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { parseSidecar } from "../../src/upload/sidecar.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import {
  bytesOf,
  codeOf,
  datasetKind,
  descriptionOf,
  idOf,
  partialContract,
  publishOne,
  type StorageUnderTest,
  sinkOptions,
  storageContract,
} from "./contract.ts";
import { openStorage } from "./open-storage.ts";

const isRoot = process.getuid?.() === 0;
const smallDisk = ["-t", "tmpfs", "-o", "size=4m,mode=700", "dync-test"];
const canMount = isRoot && process.platform === "linux" && mountWorks();
const isWindows = process.platform === "win32";

for (const hasLinks of [true, false]) {
  for (const contract of [partialContract, storageContract])
    contract(`local disk ${hasLinks ? "with" : "without"} hard links`, () => make({ hasLinks }));
}

for (const contract of [partialContract, storageContract])
  contract("local disk with workers", () => make({ workers: { threads: 2, smallBytes: 0 } }));

for (const [layout, hasFileSystemSync] of [
  ["plain", true],
  ["bagit", false],
] as const) {
  const workers = { threads: 2, smallBytes: 0 };
  for (const contract of [partialContract, storageContract])
    contract(
      `datasets, ${layout}, with workers, ${hasFileSystemSync ? "one sync for all" : "one for each file"}`,
      () => make({ workers, hasFileSystemSync }),
      datasetKind(layout),
    );
}

for (const [layout, hasLinks, hasFileSystemSync] of [
  ["plain", true, true],
  ["bagit", true, true],
  ["plain", false, true],
  ["bagit", true, false],
] as const) {
  const how = `${hasLinks ? "with" : "without"} hard links, ${hasFileSystemSync ? "one sync for all" : "one for each file"}`;
  const kind = datasetKind(layout);
  for (const contract of [partialContract, storageContract])
    contract(`datasets, ${layout}, ${how}`, () => make({ hasLinks, hasFileSystemSync }), kind);
}

interface OnDisk extends StorageUnderTest<FilesystemStorage> {
  readonly folder: string;
}

async function make(options: Partial<FilesystemStorageOptions> = {}): Promise<OnDisk> {
  const folder = await tempFolder();
  const all = { folder: folder.path, clock: systemClock, log: silentLogger, ...sinkOptions, ...options };
  let storage = await FilesystemStorage.open(all);
  return {
    folder: folder.path,
    storage,
    reopen: async () => {
      await storage.close();
      storage = await FilesystemStorage.open(all);
      return storage;
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("what lies in the data folder", () => {
  test("beside each file its SHA-256, which sha256sum accepts, and its metadata", async () => {
    await using under = await make();
    await publishOne(under.storage, 1, "anna", "r\u00fcn 1 $(x) 'y'.raw", "content");
    const folder = join(under.folder, "anna");
    const name = "r\u00fcn 1 $(x) 'y'.raw";
    expect(readdirSync(folder).sort()).toEqual([name, `${name}.meta.json`, `${name}.sha256`]);
    expect(readFileSync(join(folder, name), "utf8")).toBe("content");
    const sidecar = parseSidecar(readFileSync(join(folder, `${name}.meta.json`), "utf8"));
    expect(sidecar?.metadataText).toBe('{"sample":"A1"}');
    expect(sidecar).toMatchObject({ id: idOf(1), user: "anna", name, size: 7 });
    const check = spawnSync("sha256sum", ["--strict", "-c", `${name}.sha256`], {
      cwd: folder,
      encoding: "utf8",
    });
    if (check.error === undefined) expect(check.stdout).toEndWith(": OK\n");
  });

  test("nothing is left among the partials after publishing, discarding or a refusal", async () => {
    await using under = await make();
    await publishOne(under.storage, 1, "anna", "a");
    expect(await codeOf(publishOne(under.storage, 2, "anna", "A"))).toBe("name-taken");
    await under.storage.discard(idOf(2));
    expect(readdirSync(join(stateFolder(under.folder), "partial"))).toEqual([]);
    expect(readdirSync(join(under.folder, "anna")).sort()).toEqual(["a", "a.meta.json", "a.sha256"]);
  });

  test("a file that another program put there is not replaced, and nothing of ours stays beside it", async () => {
    await using under = await make();
    await publishOne(under.storage, 1, "anna", "a");
    // After the listing was made: this one is met by name only.
    writeFileSync(join(under.folder, "anna", "b"), "theirs");
    expect(await codeOf(publishOne(under.storage, 2, "anna", "b"))).toBe("name-taken");
    expect(readFileSync(join(under.folder, "anna", "b"), "utf8")).toBe("theirs");
    expect(readdirSync(join(under.folder, "anna")).sort()).toEqual(["a", "a.meta.json", "a.sha256", "b"]);
  });

  test("changes that other programs make to a user's folder are seen", async () => {
    await using under = await make();
    await publishOne(under.storage, 1, "anna", "a");
    await rm(join(under.folder, "anna"), { recursive: true });
    expect(await under.storage.obstacle({ folder: "anna", name: "a" })).toBeNull();
    mkdirSync(join(under.folder, "anna"));
    writeFileSync(join(under.folder, "anna", "New.RAW"), "");
    expect(await under.storage.obstacle({ folder: "anna", name: "new.raw" })).not.toBeNull();
  });

  test.skipIf(isWindows)(
    "partials are for the server alone; who may read published files is the umask's",
    async () => {
      const umask = process.umask(0o027);
      try {
        await using under = await make();
        const partial = await under.storage.create(idOf(1), "file");
        const modeOf = (...path: string[]) =>
          (statSync(join(under.folder, ...path)).mode & 0o777).toString(8);
        expect(modeOf(".dync")).toBe("700");
        expect(modeOf(".dync", "partial")).toBe("700");
        expect(modeOf(".dync", "partial", idOf(1))).toBe("600");
        await partial.publish(
          { folder: "anna", name: "a" },
          descriptionOf(idOf(1), "anna", "a", bytesOf("")),
        );
        for (const name of ["a", "a.sha256", "a.meta.json"]) expect(modeOf("anna", name)).toBe("640");
        expect(modeOf("anna")).toBe("750");
      } finally {
        process.umask(umask);
      }
    },
  );

  const times = ["2020-01-02T03:04:05.678901234Z", "1969-12-31T23:59:58.5Z", "2100-01-01T00:00:00Z"];
  test.each(times)("a published file has the time that its description says: %s", async (modified) => {
    await using under = await make();
    const partial = await under.storage.create(idOf(1), "file");
    await partial.append(bytesOf("a"));
    const description = descriptionOf(idOf(1), "anna", "a", bytesOf("a"));
    await partial.publish({ folder: "anna", name: "a" }, { ...description, modified });
    const { mtimeNs } = statSync(join(under.folder, "anna", "a"), { bigint: true });
    // The runtimes take seconds as floating point numbers.
    const differenceNs = Math.abs(Number(mtimeNs - (parseTimestamp(modified) ?? 0n)));
    expect(differenceNs).toBeLessThan(300);
  });

  test("a partial with its client's time is not older than what was done to it", async () => {
    await using under = await make();
    const before = Date.now();
    await (await under.storage.create(idOf(1), "file")).close();
    utimesSync(join(under.folder, ".dync", "partial", idOf(1)), 1, 1);
    const found = await under.storage.lookAt(idOf(1));
    expect(found?.writtenAt.getTime()).toBeGreaterThan(before - 1000);
  });

  test("10,000 files in a folder do not slow each admission down", async () => {
    await using under = await make();
    mkdirSync(join(under.folder, "anna"));
    for (let index = 0; index < 10_000; index++)
      writeFileSync(join(under.folder, "anna", `file-${index}`), "");
    expect(await under.storage.obstacle({ folder: "anna", name: "FILE-77" })).not.toBeNull();
    for (let index = 0; index < 10; index++) await publishOne(under.storage, index, "anna", `new-${index}`);
    // Listing the folder every time takes more than 10 ms each, at best.
    let bestMs = Number.POSITIVE_INFINITY;
    for (let index = 0; index < 200; index++) {
      const started = performance.now();
      expect(await under.storage.obstacle({ folder: "anna", name: `other-${index}` })).toBeNull();
      bestMs = Math.min(bestMs, performance.now() - started);
    }
    expect(bestMs).toBeLessThan(5);
  });
});

describe("a data folder that is no good is refused with what to do", () => {
  const open = (folder: string) => openStorage(folder);
  const failure = async (folder: string): Promise<DyncError> => {
    const error = await open(folder).then(
      (storage) => storage.close().then(() => null),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof DyncError)) throw new Error(`expected a DyncError, got ${error}`);
    return error;
  };

  test("one that does not exist", async () => {
    await using folder = await tempFolder();
    const error = await failure(folder.file("data"));
    expect(error).toMatchObject({ code: "configuration", hint: `mkdir -p '${folder.file("data")}'` });
    expect(error.message).toBe(`The data folder ${folder.file("data")} does not exist`);
  });

  test("a file", async () => {
    await using folder = await tempFolder();
    writeFileSync(folder.file("data"), "");
    expect((await failure(folder.file("data"))).message).toEndWith("is not a folder");
  });

  test.skipIf(isWindows)("a state folder that others can read, or that is a link", async () => {
    await using folder = await tempFolder();
    mkdirSync(folder.file(".dync"));
    chmodSync(folder.file(".dync"), 0o755);
    expect(await failure(folder.path)).toMatchObject({ hint: `chmod 700 '${folder.file(".dync")}'` });
    await rm(folder.file(".dync"), { recursive: true });
    symlinkSync("/", folder.file(".dync"));
    expect((await failure(folder.path)).message).toEndWith("is not a folder");
  });

  test.skipIf(isWindows || isRoot)("one that cannot be written to (skipped for root, who can)", async () => {
    await using folder = await tempFolder();
    chmodSync(folder.path, 0o500);
    expect((await failure(folder.path)).message).toContain("is not writable");
    chmodSync(folder.path, 0o700);
  });

  test("one that another server uses", async () => {
    await using folder = await tempFolder();
    const first = await open(folder.path);
    const error = await failure(folder.path);
    expect(error.message).toBe(`Another dync-server uses the data folder ${folder.path}`);
    await first.close();
    await (await open(folder.path)).close();
  });

  test.skipIf(isWindows)("one that everybody can write to is used, with a warning", async () => {
    await using folder = await tempFolder();
    chmodSync(folder.path, 0o777);
    const logged: [string, LogFields | undefined][] = [];
    const log = {
      log: (_level: string, message: string, fields?: LogFields) => void logged.push([message, fields]),
    };
    await (await openStorage(folder.path, { log })).close();
    expect(logged).toEqual([
      ["Everybody on this machine can write to the data folder", { folder: folder.path }],
    ]);
  });
});

test("a data folder that is away did not lose its files: later is better than never", async () => {
  await using folder = await tempFolder();
  const storage = await openStorage(folder.path);
  await (await storage.create(idOf(1), "file")).close();
  await rename(folder.file(".dync"), folder.file("away"));
  for (const attempt of [() => storage.open(idOf(1)), () => storage.create(idOf(2), "file")]) {
    expect(await attempt().then(String, (error: DyncError) => error.code)).toBe("not-ready");
  }
  await rename(folder.file("away"), folder.file(".dync"));
  expect(await storage.open(idOf(2))).toBeNull();
  await (await storage.open(idOf(1)))?.close();
  await storage.close();
});

test("another folder in the place of the data folder gets the same answer at each call, and nothing is lost", async () => {
  await using folder = await tempFolder();
  const options = { folder: folder.path, clock: systemClock, log: silentLogger, ...sinkOptions };
  const storage = await FilesystemStorage.open(options);
  const content = bytesOf("content");
  const partial = await storage.create(idOf(1), "file");
  await partial.append(content);
  await rename(folder.file(".dync"), folder.file("away"));
  await mkdir(folder.file(".dync", "partial"), { recursive: true });
  const destination = { folder: "anna", name: "a.raw" };
  const description = descriptionOf(idOf(1), "anna", "a.raw", content);
  for (const attempt of [
    () => storage.open(idOf(1)),
    () => storage.tryDestination(destination),
    () => partial.publish(destination, description),
  ]) {
    expect(await attempt().then(String, (error: DyncError) => error.code)).toBe("not-ready");
  }
  await rm(folder.file(".dync"), { recursive: true });
  await rename(folder.file("away"), folder.file(".dync"));
  await (await storage.open(idOf(1)))?.publish(destination, description);
  expect(await storage.isPublished(idOf(1), destination, description.sha256)).toBe(true);
  await storage.close();
});

test.skipIf(!canMount)(
  "a full disk refuses the upload, which goes on after room was made (skipped where nothing can be mounted)",
  async () => {
    await using folder = await tempFolder();
    execFileSync("mount", [...smallDisk, folder.path]);
    using _mounted = { [Symbol.dispose]: () => execFileSync("umount", [folder.path]) };
    const storage = await openStorage(folder.path);
    const free = (await storage.freeBytes()) as number;
    expect(free).toBeGreaterThan(3_500_000);
    expect(free).toBeLessThanOrEqual(4 * 1024 * 1024);
    const block = new Uint8Array(1_000_000).fill(7);
    const [first, second] = [await storage.create(idOf(1), "file"), await storage.create(idOf(2), "file")];
    for (let index = 0; index < 3; index++) await first.append(block);
    await second.append(block.subarray(0, 300_000));
    await second.sync();
    expect(await codeOf(second.append(block))).toBe("no-space");
    // What fitted of the failed block is in the file, and is not counted.
    await second.truncate(300_000);
    await first.discard();
    await second.append(block);
    expect(second.length).toBe(1_300_000);
    const into = new Uint8Array(1_300_000);
    expect(await second.read(0, into)).toBe(1_300_000);
    expect(into.every((byte) => byte === 7)).toBe(true);
    await second.publish({ folder: "anna", name: "a" }, descriptionOf(idOf(2), "anna", "a", into));
    await storage.close();
  },
);

function mountWorks(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "dync-test-"));
  const works = spawnSync("mount", [...smallDisk, folder]).status === 0;
  if (works) execFileSync("umount", [folder]);
  rmdirSync(folder);
  return works;
}
