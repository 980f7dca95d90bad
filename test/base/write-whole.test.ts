// Files that are whole or not there: what takes the place of what, and what a failure leaves.

import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { syncFolder, writeWhole } from "../../src/base/write-whole.ts";
import { tempFolder } from "../support/temp-folder.ts";

for (const isDurable of [true, false]) {
  test(`a file takes the place of the one before, for its owner alone (durable: ${isDurable})`, async () => {
    await using folder = await tempFolder();
    const file = folder.file("it.json");
    await writeFile(file, "before", { mode: 0o644 });
    await writeWhole(file, "now", { isDurable });
    await syncFolder(folder.path);
    expect(await readFile(file, "utf8")).toBe("now");
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder.path)).toEqual(["it.json"]);
  });
}

test("where it cannot take its place nothing of it is left, and the reason is the system's", async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("taken", "inside"), { recursive: true });
  await expect(writeWhole(folder.file("taken"), "text", { isDurable: true })).rejects.toHaveProperty("code");
  expect(await readdir(folder.path)).toEqual(["taken"]);
});

test("in a folder that is not there it fails with the system's reason", async () => {
  await using folder = await tempFolder();
  const writing = writeWhole(folder.file("none", "it.json"), "text", { isDurable: false });
  await expect(writing).rejects.toHaveProperty("code", "ENOENT");
});
