// The lock between processes: what two of them see, and what a killed one leaves.

import { expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FileLock } from "../../src/base/file-lock.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Another process that tries to take the lock, and whether it got it. */
async function holder(file: string): Promise<{ child: ChildProcess; says: string }> {
  const program = join(import.meta.dir, "lock-holder.ts");
  const child = spawn(process.execPath, [program, file], { stdio: ["pipe", "pipe", "inherit"] });
  const [first] = await once(child.stdout, "data");
  return { child, says: String(first).trim() };
}

async function end(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  const exit = once(child, "exit");
  if (signal === undefined) child.stdin?.end();
  else child.kill(signal);
  await exit;
}

test("one holds it, others in the same process do not, until it is released", async () => {
  await using folder = await tempFolder();
  const file = folder.file("lock");
  const first = FileLock.tryAcquire(file);
  expect(first).not.toBeNull();
  expect(FileLock.tryAcquire(file)).toBeNull();
  first?.release();
  first?.release();
  using second = FileLock.tryAcquire(file);
  expect(second).not.toBeNull();
});

test("a lock ends with its scope, and leaves one file behind", async () => {
  await using folder = await tempFolder();
  {
    using lock = FileLock.tryAcquire(folder.file("lock"));
    expect(lock).not.toBeNull();
    expect(await readdir(folder.path)).toEqual(["lock"]);
  }
  using again = FileLock.tryAcquire(folder.file("lock"));
  expect(again).not.toBeNull();
});

test("another process is kept out while it is held, and the other way round", async () => {
  await using folder = await tempFolder();
  const file = folder.file("lock");
  const mine = FileLock.tryAcquire(file);
  const first = await holder(file);
  expect(first.says).toBe("busy");
  await end(first.child);
  mine?.release();
  const second = await holder(file);
  expect(second.says).toBe("held");
  expect(FileLock.tryAcquire(file)).toBeNull();
  await end(second.child);
  using mineAgain = FileLock.tryAcquire(file);
  expect(mineAgain).not.toBeNull();
});

test("a process that was killed does not hold it any more", async () => {
  await using folder = await tempFolder();
  const file = folder.file("lock");
  const { child, says } = await holder(file);
  expect(says).toBe("held");
  await end(child, "SIGKILL");
  using lock = FileLock.tryAcquire(file);
  expect(lock).not.toBeNull();
});

test("where no file can be, the attempt throws instead of saying that somebody has it", async () => {
  await using folder = await tempFolder();
  expect(() => FileLock.tryAcquire(folder.file("missing", "lock"))).toThrow();
  expect(() => FileLock.tryAcquire(folder.path)).toThrow();
});
