// System calls that fail: after each, the upload is cut back to what is durable, goes on, and is published whole.
// A lock ends with the process that holds it, however that ends.

import { expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { tempFolder } from "../support/temp-folder.ts";
import { openStorage } from "./open-storage.ts";

const canTrace = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status === 0;

const faults = [
  ["pwrite64", "EIO", 1, ["internal"]],
  ["pwrite64", "ENOSPC", 2, ["no-space"]],
  ["fdatasync", "EIO", 1, ["internal"]],
  ["fdatasync", "EIO", 2, ["internal"]],
  ["fdatasync", "EDQUOT", 1, ["no-space"]],
  ["fsync", "EIO", 1, ["internal"]],
  ["fsync", "EIO", 2, ["internal"]],
  ["ftruncate", "EIO", 1, []],
  ["fchmod", "EIO", 1, ["internal"]],
  ["link", "ENOSPC", 2, ["no-space"]],
  ["unlink", "EIO", 3, ["internal"]],
] as const;

test.skipIf(!canTrace).each(faults)(
  "%s fails with %s, time %p of each thread (skipped without strace)",
  async (call, error, when, codes) => {
    await using folder = await tempFolder();
    const program = [process.execPath, join(import.meta.dir, "faulty-disk.ts"), folder.path];
    const inject = `inject=${call}:error=${error}:when=${when}`;
    const { stdout, stderr } = spawnSync(
      "strace",
      ["-f", "-qq", "-o", "/dev/null", "-e", inject, ...program],
      {
        encoding: "utf8",
      },
    );
    expect(stderr).toBe("");
    const { errors, partials, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ isWhole: true, published: 1 });
    // Which thread makes a call is chance: the unlink that fails may be the one after the look at what the disk can do.
    expect(call === "unlink" && errors.length === 0 ? codes : errors).toEqual(codes);
    expect(partials.filter((name: string) => !name.startsWith("probe"))).toEqual([]);
  },
);

test("the lock on a data folder goes with the process that held it, even when it is killed", async () => {
  await using folder = await tempFolder();
  const open = () => openStorage(folder.path);
  const child = spawn(process.execPath, [join(import.meta.dir, "lock-holder.ts"), folder.path]);
  await once(child.stdout, "data");
  await expect(open()).rejects.toThrow("Another dync-server uses the data folder");
  child.kill("SIGKILL");
  await once(child, "close");
  await (await open()).close();
});
