// What is thrown away is out of the way at once, and gone in the end, in this process or the next.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { Trash } from "../../src/storage/trash.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { idOf } from "./contract.ts";
import { openStorage } from "./open-storage.ts";

/** A folder of `files` files, some of them in folders within folders. */
function makeFolder(path: string, files: number): void {
  for (let index = 0; index < files; index++) {
    const folder = `${path}/${index % 10}/${index % 3}`;
    if (index < 30) mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${index}`, "x");
  }
}

describe("a folder that is thrown away", () => {
  test("is gone where it is small", async () => {
    await using folder = await tempFolder();
    const trash = new Trash(systemClock, silentLogger);
    makeFolder(folder.file("it"), 100);
    await trash.throwAway(folder.file("it"));
    expect(readdirSync(folder.path)).toEqual([]);
    await trash.close();
  });

  test("is out of the way at once where it is large, and nobody waits for longer than a second", async () => {
    await using folder = await tempFolder();
    const clock = new ManualClock();
    const trash = new Trash(clock, silentLogger);
    makeFolder(folder.file("it"), 3000);
    const thrown = trash.throwAway(folder.file("it"));
    while (existsSync(folder.file("it"))) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
    await thrown;
    expect(readdirSync(folder.path)).toEqual(["it.gone"]);
    // The same name may be thrown away again meanwhile.
    makeFolder(folder.file("it"), 10);
    await trash.throwAway(folder.file("it"));
    expect(existsSync(folder.file("it"))).toBe(false);
    await trash.close();
    // The rest stays until somebody comes for it.
    const next = new Trash(systemClock, silentLogger);
    await next.remove(folder.file("it.gone"));
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("is what a process that ends leaves to the next one", async () => {
    await using folder = await tempFolder();
    const open = () => openStorage(folder.path);
    const storage = await open();
    const partials = `${stateFolder(folder.path)}/partial`;
    makeFolder(`${partials}/${idOf(1)}.gone`, 40);
    await (await storage.create(idOf(2), "plain")).close();
    expect(await Array.fromAsync(storage.ids())).toEqual([idOf(2)]);
    await storage.close();
    const next = await open();
    while (existsSync(`${partials}/${idOf(1)}.gone`)) await new Promise((resolve) => setImmediate(resolve));
    expect(readdirSync(partials)).toEqual([idOf(2)]);
    await next.close();
  });
});
