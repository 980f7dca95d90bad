// A dataset that is the one folder in a tar: what lies in it, what else a tar may not have, and that it goes on after a crash.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Destination } from "../../src/upload/destination.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf, descriptionOf, idOf } from "./contract.ts";
import { type Listed, tarBytes } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";

const place: Destination = { folder: "box", name: "run", manner: { untar: "run" } };
const inRoot: Listed = [
  ["run", null],
  ["run/a", "text"],
  ["run/deep/b", "x".repeat(3000)],
  ["run/a", "again"],
];
const outside: Listed = [
  ["a", "text"],
  ["deep/b", "x".repeat(3000)],
];

async function refusalOf(members: Listed, cut = 0): Promise<string> {
  await using temp = await tempFolder();
  const storage = await openStorage(temp.path);
  const partial = await storage.create(idOf(1), "plain", "run");
  const tar = tarBytes(members);
  const work = partial.append(tar.subarray(0, tar.length - cut)).then(() => partial.contents());
  const text = await work.then(
    () => "none",
    (error) => `${error.code}: ${error.message}`,
  );
  await partial.close();
  await storage.close();
  return text;
}

test("has what is in the folder, in every part of a stream that was cut off", async () => {
  const tar = tarBytes(inRoot);
  for (const cut of [0, 512, 1024, 1100, 2048, tar.length - 700, tar.length]) {
    await using temp = await tempFolder();
    const first = await openStorage(temp.path);
    const begun = await first.create(idOf(1), "plain", "run");
    await begun.append(tar.slice(0, cut));
    await begun.close();
    await first.close();
    const storage = await openStorage(temp.path);
    const partial = (await storage.open(idOf(1), "run")) ?? (await storage.create(idOf(1), "plain", "run"));
    await partial.append(tar.slice(partial.length));
    const contents = await partial.contents();
    expect(contents).toMatchObject({ layout: "plain", files: 2 });
    await partial.publish(place, descriptionOf(idOf(1), "anna", "run.tar", tar, contents, place));
    await partial.close();
    const folder = join(temp.path, "box", "run");
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(["a", "deep", "deep/b"]);
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("again");
    const sums = readFileSync(`${folder}.sha256`, "utf8").trimEnd().split("\n");
    expect(sums.map((line) => line.slice(66))).toEqual(["run/a", "run/deep/b"]);
    // What lies there is found by what it says of itself.
    const note = { durable: tar.length, mark: null };
    const { sha256 } = descriptionOf(idOf(1), "anna", "run.tar", tar, contents, place);
    expect(await storage.recover(idOf(1), note, place, sha256)).toEqual({ type: "published" });
    const there = (await storage.obstacle(place))?.published;
    expect(there).toMatchObject({ id: idOf(1), place });
    await storage.close();
  }
});

test("a folder that is empty is a dataset, and a tar that is empty is none", async () => {
  expect(await refusalOf([["run", null]])).toBe("none");
  expect(await refusalOf([])).toBe('content-rejected: The tar is empty, expected the folder "run" in it');
});

test.each([
  [outside, 'The tar has "a" in it, expected one folder with the name of the tar, "run"'],
  [
    [...inRoot, ["runs/a", "x"]],
    'The tar has "runs" in it, expected one folder with the name of the tar, "run"',
  ],
  [[["run", "x"]], 'The tar has the file "run" in it, expected a folder of this name'],
  [[["run/../b", "x"]], "leads out of its folder"],
] as const)("nothing else may be in it: %#", async (members, text) => {
  const refusal = await refusalOf(members as Listed);
  expect(refusal).toStartWith("content-rejected: ");
  expect(refusal).toContain(text);
});

test("a tar that is not whole is refused", async () => {
  await using temp = await tempFolder();
  const storage = await openStorage(temp.path);
  const partial = await storage.create(idOf(1), "plain", "run");
  await partial.append(tarBytes(inRoot).slice(0, 1100));
  expect(await codeOf(partial.contents() as Promise<unknown> as Promise<void>)).toBe("content-rejected");
  await partial.close();
  await storage.close();
});
