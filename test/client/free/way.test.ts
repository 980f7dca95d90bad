// What a path leads to: nothing behind a link or on another volume is touched.

import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { baseOf, wayFault } from "../../../src/client/free/way.ts";
import { tempFolder } from "../../support/temp-folder.ts";

test("a path through folders of one volume is fine, also where the base is a link itself or nothing is there", async () => {
  await using folder = await tempFolder();
  mkdirSync(folder.file("day", "in"), { recursive: true });
  writeFileSync(folder.file("day", "in", "a.raw"), "a");
  symlinkSync(folder.file("day"), folder.file("link"));
  for (const name of ["day", "link"]) {
    const base = await baseOf(folder.file(name));
    for (const path of [["in", "a.raw"], ["in"], ["gone.raw"], ["gone", "a.raw"], []])
      expect(await wayFault(base, folder.file(name, ...path))).toBe(null);
  }
});

test("a link on the way, or at its end, is a fault, and so is another volume", async () => {
  await using folder = await tempFolder();
  mkdirSync(folder.file("day", "in"), { recursive: true });
  writeFileSync(folder.file("day", "in", "a.raw"), "a");
  symlinkSync(folder.file("day", "in"), folder.file("day", "link"));
  symlinkSync(folder.file("day", "in", "a.raw"), folder.file("day", "b.raw"));
  const base = await baseOf(folder.file("day"));
  for (const path of [["link", "a.raw"], ["link"], ["b.raw"]])
    expect(await wayFault(base, folder.file("day", ...path))).toMatchObject({ reason: "link" });
  const elsewhere = { ...base, device: base.device + 1n };
  for (const path of [["in", "a.raw"], ["in"]])
    expect(await wayFault(elsewhere, folder.file("day", ...path))).toMatchObject({ reason: "other-volume" });
});

test("what is no folder is no base", async () => {
  await using folder = await tempFolder();
  writeFileSync(folder.file("a.raw"), "a");
  await expect(baseOf(folder.file("a.raw"))).rejects.toMatchObject({ code: "source" });
  await expect(baseOf(folder.file("gone"))).rejects.toMatchObject({ code: "source" });
});
