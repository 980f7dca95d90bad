import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { basename } from "node:path";
import { heldIn, SharedPlaces } from "../../src/storage/partial-places.ts";
import { tempFolder } from "../support/temp-folder.ts";

const id = "0123456789abcdef0123456789abcdef";

test("folders of an upload are told by their fences, whatever else their names say", () => {
  const held = heldIn(["10-2", "9.free.ab12", "2", "11-1.free.cd34", "x", "3.trash", "0", "-1", "4-0"]);
  expect(held.map(({ name, fence, freedBy }) => [name, fence, freedBy])).toEqual([
    ["2", 2, null],
    ["9.free.ab12", 9, "ab12"],
    ["10-2", 10, null],
    ["11-1.free.cd34", 11, "cd34"],
  ]);
});

test("who loses a race for an upload takes it from the winner, under a name to which nothing was moved in vain", async () => {
  await using folder = await tempFolder();
  let hasLost = false;
  for (let times = 0; times < 50 && !hasLost; times++) {
    const upload = id.slice(0, -2) + String(times).padStart(2, "0");
    await mkdir(folder.file(upload, "1"), { recursive: true });
    const places = Array.from({ length: 8 }, () => new SharedPlaces(folder.path));
    const taken = await Promise.all(places.map((it, at) => it.take(upload, 2 + at).catch(() => null)));
    // The latest fence has it, whatever the others did meanwhile.
    const last = taken.at(-1)?.folder ?? "";
    expect(existsSync(last)).toBe(true);
    expect(await readdir(folder.file(upload))).toEqual([basename(last)]);
    expect(basename(last)).toMatch(/^9(?:-\d+)?$/);
    hasLost = taken.some((it) => it !== null && basename(it.folder).includes("-"));
  }
  expect(hasLost).toBe(true);
});
