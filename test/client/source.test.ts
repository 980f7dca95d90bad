// Files and streams as sources: what cannot be sent, and what a change while sending looks like.

import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  appendFile,
  chmod,
  link,
  mkdir,
  open,
  rename,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { DyncError } from "../../src/base/error.ts";
import { sha256Of } from "../../src/base/sha256-of.ts";
import { FileSource, openFileSource } from "../../src/client/file-source.ts";
import { isSameVersion } from "../../src/client/file-version.ts";
import type { OpenFile } from "../../src/client/open-file.ts";
import { StreamSource } from "../../src/client/source.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { patternOf, sha256, streamOf } from "./bytes-source.ts";

async function opened(path: string): Promise<FileSource> {
  const source = await openFileSource(path);
  if (source instanceof FileSource) return source;
  throw new Error("its size is not known");
}

/** SHA-256 of a text. */
function sumOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

const isWindows = process.platform === "win32";
const isRoot = process.getuid?.() === 0;

async function refusal(trying: Promise<unknown>): Promise<DyncError> {
  const error = await trying.then(
    () => new Error("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DyncError) return error;
  throw error;
}

describe("what cannot be sent says so before anything is sent", () => {
  test("a file that is not there", async () => {
    await using folder = await tempFolder();
    const path = folder.file("missing.raw");
    const error = await refusal(openFileSource(path));
    expect([error.code, error.message]).toEqual(["source", `Cannot read "${path}": there is no such file`]);
    expect((await refusal(openFileSource(`${path}/x`))).code).toBe("source");
  });

  test("a folder, with the way to send it all the same", async () => {
    await using folder = await tempFolder();
    await mkdir(folder.file("run"));
    const error = await refusal(openFileSource(folder.file("run")));
    expect(error.code).toBe("source");
    expect(error.message).toContain("is a folder");
    expect(error.hint).toContain("--dataset");
  });

  test.skipIf(isWindows)(
    "a named pipe, without waiting for somebody to write to it (not on Windows)",
    async () => {
      await using folder = await tempFolder();
      const path = folder.file("pipe");
      spawnSync("mkfifo", [path]);
      const error = await refusal(openFileSource(path));
      expect(error.code).toBe("source");
      expect(error.message).toContain("no regular file");
      expect(error.hint).toContain("pipe it in");
    },
  );

  test.skipIf(isWindows)("a device (not on Windows)", async () => {
    expect((await refusal(openFileSource("/dev/null"))).message).toContain("no regular file");
  });

  test.skipIf(isWindows || isRoot)(
    "a file without permission (not on Windows; root may read all)",
    async () => {
      await using folder = await tempFolder();
      await writeFile(folder.file("a"), "a");
      await chmod(folder.file("a"), 0);
      expect((await refusal(openFileSource(folder.file("a")))).message).toContain("permission denied");
    },
  );
});

describe("a file", () => {
  test("is read at any offset, up to its end", async () => {
    await using folder = await tempFolder();
    const bytes = patternOf(5000);
    await writeFile(folder.file("a"), bytes);
    const source = await opened(folder.file("a"));
    const into = new Uint8Array(1000);
    expect([source.size, source.canSeek]).toEqual([5000, true]);
    expect(await source.read(4500, into)).toBe(500);
    expect(Buffer.from(into.subarray(0, 500))).toEqual(Buffer.from(bytes.subarray(4500)));
    expect(await source.read(0, into)).toBe(1000);
    expect(Buffer.from(into)).toEqual(Buffer.from(bytes.subarray(0, 1000)));
    expect(await source.read(5000, into)).toBe(0);
    expect(Buffer.from(await sha256Of(source)).toString("hex")).toBe(sha256(bytes));
    await source.verifyUnchanged(createHash("sha256").update(bytes).digest());
    await source.close();
  });

  test("may be reached through a link", async () => {
    await using folder = await tempFolder();
    await writeFile(folder.file("a"), "hello");
    await symlink(folder.file("a"), folder.file("link"));
    const source = await openFileSource(folder.file("link"));
    expect(source.size).toBe(5);
    await source.close();
  });

  test("that is opened twice without a change is the same version, and another one after a change", async () => {
    await using folder = await tempFolder();
    const path = folder.file("a");
    await writeFile(path, "hello");
    const versions = [];
    for (let turn = 0; turn < 3; turn++) {
      const source = await opened(path);
      versions.push(source.version);
      await source.close();
      if (turn === 1) await utimes(path, 1, 1);
    }
    expect(versions[1]).toEqual(versions[0] as (typeof versions)[0]);
    expect(versions[2]).not.toEqual(versions[0] as (typeof versions)[0]);
  });

  const changes: readonly (readonly [string, (path: string) => Promise<void>, string])[] = [
    ["grew", (path) => appendFile(path, "!"), "it had 5 bytes and has 6 now"],
    ["shrank", (path) => truncate(path, 3), "it had 5 bytes and has 3 now"],
    ["was written anew in the same size", rewrite, "it was written to"],
  ];
  test.each(changes)("that %s while it was sent is found out", async (_what, change, text) => {
    await using folder = await tempFolder();
    const path = folder.file("a");
    await writeFile(path, "hello");
    // A time stamp of its own, so that the test does not depend on how fine the file system counts.
    await utimes(path, 1_000_000, 1_000_000);
    const source = await opened(path);
    await source.verifyUnchanged(sumOf("hello"));
    await change(path);
    const error = await refusal(source.verifyUnchanged(sumOf("hello")));
    expect(error.code).toBe("source-changed");
    expect(error.message).toBe(`"${path}" changed while it was sent: ${text}`);
    expect(error.hint).toBeString();
    await source.close();
  });

  test.skipIf(isWindows)(
    "that was moved away and replaced is found out, although it is still read (not on Windows)",
    async () => {
      await using folder = await tempFolder();
      const path = folder.file("a");
      await writeFile(path, "hello");
      await writeFile(folder.file("b"), "other");
      // As a program that saves anew and keeps the time: only the file behind the name tells. The time of change does
      // not, the rename moves it for both.
      for (const name of ["a", "b"]) await utimes(folder.file(name), 1_000_000, 1_000_000);
      const source = await opened(path);
      await rename(folder.file("b"), path);
      const into = new Uint8Array(5);
      await source.read(0, into);
      expect(Buffer.from(into).toString()).toBe("hello");
      const { message } = await refusal(source.verifyUnchanged(sumOf("hello")));
      expect(message).toBe(`"${path}" changed while it was sent: another file has its name now`);
      await source.close();
    },
  );

  test("that another one replaced in the same instant, of the same size and times, is told by its number", async () => {
    await using folder = await tempFolder();
    const path = folder.file("a");
    await writeFile(path, "hello");
    const real = await open(path);
    const { ino } = await real.stat({ bigint: true });
    const file: OpenFile = {
      fd: real.fd,
      read: (...where) => real.read(...where),
      stat: async (options) => Object.assign(await stat(path, options), { ino }),
      datasync: async () => {},
      close: () => real.close(),
    };
    await utimes(path, 1_000_000, 1_000_000);
    const source = await FileSource.over(file, { path });
    await writeFile(folder.file("b"), "other");
    await utimes(folder.file("b"), 1_000_000, 1_000_000);
    await rename(folder.file("b"), path);
    const { message } = await refusal(source.verifyUnchanged(sumOf("hello")));
    expect(message).toBe(`"${path}" changed while it was sent: another file has its name now`);
    await source.close();
  });

  test("that the system numbers differently each time it is asked is told by its size and times", async () => {
    await using folder = await tempFolder();
    const path = folder.file("a");
    await writeFile(path, "hello");
    const real = await open(path);
    let number = 0n;
    const file: OpenFile = {
      fd: real.fd,
      read: (...where) => real.read(...where),
      stat: async (options) => Object.assign(await real.stat(options), { ino: ++number }),
      datasync: async () => {},
      close: () => real.close(),
    };
    const source = await FileSource.over(file, { path });
    await source.verifyUnchanged(sumOf("hello"));
    await rename(path, `${path}-2`);
    await writeFile(path, "other");
    expect((await refusal(source.verifyUnchanged(sumOf("hello")))).message).toContain(
      "another file has its name",
    );
    await source.close();
  });

  const harmless: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ["got other permissions", (path) => chmod(path, 0o600)],
    ["got another name beside its own", (path) => link(path, `${path}-2`)],
    ["was moved away", (path) => rename(path, `${path}-2`)],
  ];
  test.skipIf(isWindows).each(harmless)(
    "that %s is read once more, and found to be the same (not on Windows)",
    async (_what, change) => {
      await using folder = await tempFolder();
      const path = folder.file("a");
      await writeFile(path, "hello");
      const source = await opened(path);
      await change(path);
      await source.verifyUnchanged(sumOf("hello"));
      await source.close();
    },
  );

  test("that is longer than the system tells is not sent in part", async () => {
    await using folder = await tempFolder();
    await writeFile(folder.file("a"), "hello");
    const real = await open(folder.file("a"));
    const stats = Object.assign(await real.stat({ bigint: true }), { size: 3n });
    const file: OpenFile = {
      fd: real.fd,
      read: (...where) => real.read(...where),
      stat: async () => stats,
      datasync: async () => {},
      close: () => real.close(),
    };
    const source = await FileSource.over(file, { path: null });
    expect(source.size).toBe(3);
    const { message } = await refusal(source.verifyUnchanged(sumOf("hel")));
    expect(message).toContain("has more than the 3 bytes that the system tells");
    await source.close();
  });

  describe("whose bytes are slow to get to disk", () => {
    /** A file with "hello world", whose times never move, as under a memory map, and the end of its way to disk. */
    async function slowFile(folder: TempFolder) {
      const path = folder.file("a");
      await writeFile(path, "hello world");
      const real = await open(path, "r+");
      const stats = await real.stat({ bigint: true });
      const written = Promise.withResolvers<void>();
      const file: OpenFile = {
        fd: real.fd,
        read: (...where) => real.read(...where),
        stat: async () => stats,
        datasync: () => written.promise,
        close: () => real.close(),
      };
      const source = await FileSource.over(file, { path: null });
      const write = async (text: string, at: number) => void (await real.write(text, at));
      const flushed = async (): Promise<void> => {
        written.resolve();
        await new Promise<void>((resolve) => setImmediate(resolve));
      };
      return { source, write, flushed };
    }

    test("is compared once more as far as it was read before", async () => {
      await using folder = await tempFolder();
      const { source, write, flushed } = await slowFile(folder);
      await source.read(0, new Uint8Array(5));
      await write("HELLO", 0);
      await flushed();
      await source.read(5, new Uint8Array(6));
      const { message } = await refusal(source.verifyUnchanged(sumOf("hello world")));
      expect(message).toBe("The standard input changed while it was sent: it was written to");
      await source.close();
    });

    test("is compared no further, and only once", async () => {
      await using folder = await tempFolder();
      const { source, write, flushed } = await slowFile(folder);
      await source.read(0, new Uint8Array(5));
      await flushed();
      await source.read(5, new Uint8Array(6));
      // Afterwards the system's times tell; here they cannot.
      await write("WORLD", 6);
      await source.verifyUnchanged(sumOf("hello world"));
      await write("HELLO", 0);
      await source.verifyUnchanged(sumOf("hello world"));
      await source.close();
    });

    test("is compared as a whole when it was not read in order", async () => {
      await using folder = await tempFolder();
      const { source, write, flushed } = await slowFile(folder);
      await source.read(6, new Uint8Array(5));
      await write("WORLD", 6);
      await flushed();
      expect((await refusal(source.verifyUnchanged(sumOf("hello world")))).code).toBe("source-changed");
      await source.close();
    });
  });
});

describe.skipIf(!existsSync("/proc/self/status"))(
  "a file whose size the system does not tell (/proc)",
  () => {
    test("is read to its end", async () => {
      const source = await openFileSource("/proc/self/status");
      expect([source.size, source.canSeek, source.modified]).toEqual([null, false, null]);
      const into = new Uint8Array(100_000);
      const count = await source.read(0, into);
      expect(Buffer.from(into.subarray(0, count)).toString()).toMatch(
        /^Name:[\s\S]*\nnonvoluntary_ctxt_switches/,
      );
      await source.verifyUnchanged(sumOf(""));
      await source.close();
    });
  },
);

test("a file that is empty is empty, and one that was written to afterwards is found out", async () => {
  await using folder = await tempFolder();
  const path = folder.file("a");
  await writeFile(path, "");
  const source = await opened(path);
  expect(source.size).toBe(0);
  await source.verifyUnchanged(sumOf(""));
  await appendFile(path, "x");
  expect((await refusal(source.verifyUnchanged(sumOf("")))).code).toBe("source-changed");
  await source.close();
});

test("a version that an older program wrote down is compared by what it knows", () => {
  const now = { size: 5, modified: "1", changed: "2", fileId: "8:9" };
  const { changed: _, ...old } = now;
  expect(isSameVersion(old, now)).toBe(true);
  expect(isSameVersion({ ...old, modified: "3" }, now)).toBe(false);
  expect(isSameVersion({ ...now, changed: "3" }, now)).toBe(false);
  expect(isSameVersion({ ...now, fileId: "8:7" }, now)).toBe(false);
  // A network drive that was away and came back is another device.
  expect(isSameVersion({ ...now, fileId: "7:9" }, now)).toBe(true);
});

describe("a stream", () => {
  test("is read in order, whatever its pieces are", async () => {
    const bytes = patternOf(1000);
    for (const pieces of [[1], [7, 300], [1000], [5000]]) {
      const source = streamOf(bytes, pieces);
      const read: number[] = [];
      const into = new Uint8Array(64);
      for (let count = -1; count !== 0; ) {
        count = await source.read(read.length, into);
        read.push(...into.subarray(0, count));
        if (count < into.length) expect(read.length).toBe(1000);
      }
      expect(Buffer.from(read)).toEqual(Buffer.from(bytes));
      expect([source.size, source.canSeek]).toEqual([null, false]);
      await source.verifyUnchanged();
    }
  });

  test("may have empty pieces, and its end can be asked for again", async () => {
    const source = new StreamSource(pieces(["", "a", "", "b", ""]));
    const into = new Uint8Array(10);
    expect(await source.read(0, into)).toBe(2);
    expect(await source.read(2, into)).toBe(0);
    expect(await source.read(2, into)).toBe(0);
  });

  test("that fails is a source that cannot be read", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("abc");
      throw new Error("The pipe is gone");
    }
    const source = new StreamSource(broken());
    const into = new Uint8Array(3);
    expect(await source.read(0, into)).toBe(3);
    const error = await source.read(3, into).catch((thrown: unknown) => thrown);
    expect((error as DyncError).code).toBe("source");
    expect((error as DyncError).message).toBe("Cannot read the standard input: The pipe is gone");
  });

  test("that says nothing is closed without waiting for it, and what it comes from is let go", async () => {
    let isClosed = false;
    async function* silent(): AsyncGenerator<Uint8Array> {
      await new Promise(() => {});
      yield new Uint8Array(1);
    }
    const close = async (): Promise<void> => {
      isClosed = true;
    };
    const source = new StreamSource(silent(), { close });
    void source.read(0, new Uint8Array(5));
    await source.close();
    expect(isClosed).toBe(true);
  });
});

async function rewrite(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.write("HELLO", 0);
  await file.close();
}

async function* pieces(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
