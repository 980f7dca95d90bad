// The names in a user's folder are listed when others changed it, not for every file that we publish there.

import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { NameIndex } from "../../src/storage/name-index.ts";
import { tempFolder } from "../support/temp-folder.ts";

const at = (name: string) => ({ folder: "anna", name });

async function indexedFolder() {
  const folder = await tempFolder();
  mkdirSync(folder.file("anna"));
  let listings = 0;
  const index = new NameIndex(folder.path, systemClock, async (path) => {
    listings++;
    return readdirSync(path);
  });
  const put = (name: string) => writeFileSync(folder.file("anna", name), "");
  return {
    index,
    put,
    publish: (name: string) => index.publishing(at(name), async () => put(name)),
    listings: () => listings,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test("a hundred files that we publish one after the other cost one listing", async () => {
  await using folder = await indexedFolder();
  for (let count = 0; count < 100; count++) {
    expect(await folder.index.isTaken(at(`File-${count}`))).toBe(false);
    await folder.publish(`File-${count}`);
    expect(await folder.index.isTaken(at(`file-${count}`))).toBe(true);
  }
  expect(folder.listings()).toBe(1);
});

test("a hundred files that we publish at once cost one listing", async () => {
  await using folder = await indexedFolder();
  await folder.index.isTaken(at("first"));
  const publishing = Array.from({ length: 100 }, async (_, count) => {
    expect(await folder.index.isTaken(at(`File-${count}`))).toBe(false);
    await folder.publish(`File-${count}`);
  });
  await Promise.all(publishing);
  expect(await folder.index.isTaken(at("file-99"))).toBe(true);
  expect(await folder.index.isTaken(at("file-100"))).toBe(false);
  expect(folder.listings()).toBe(1);
});

test("while we publish, who publishes is told what we put there without a look at the folder; else as everybody", async () => {
  await using folder = await indexedFolder();
  await folder.index.isTaken(at("first"));
  await folder.index.publishing(at("Ours"), async () => {
    folder.put("Theirs");
    // Its name is nobody's else by itself: publishing replaces nothing.
    expect(await folder.index.isTakenAsKnown(at("Theirs"))).toBe(false);
    await folder.publish("Beside");
    expect(await folder.index.isTakenAsKnown(at("beside"))).toBe(true);
    folder.put("Ours");
  });
  expect(await folder.index.isTakenAsKnown(at("ours"))).toBe(true);
  folder.put("Later");
  expect(await folder.index.isTakenAsKnown(at("LATER"))).toBe(await folder.index.isTaken(at("LATER")));
});

test("a file of another program's is seen without regard to case, while we publish by its exact name", async () => {
  await using folder = await indexedFolder();
  await folder.index.isTaken(at("first"));
  await folder.index.publishing(at("Ours"), async () => {
    folder.put("Theirs");
    expect(await folder.index.isTaken(at("Theirs"))).toBe(true);
    folder.put("Ours");
  });
  folder.put("Later");
  expect(await folder.index.isTaken(at("Later"))).toBe(true);
});

test("a publication that failed leaves no name taken", async () => {
  await using folder = await indexedFolder();
  const failing = folder.index.publishing(at("Never"), () => Promise.reject(new Error("The disk is full")));
  await expect(failing).rejects.toThrow("The disk is full");
  expect(await folder.index.isTaken(at("never"))).toBe(false);
});
