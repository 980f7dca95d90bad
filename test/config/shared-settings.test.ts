// The file of settings that servers share: what may stand in it, how it is read beside a server's own, and whose counts.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readBothFiles, readSharedFile } from "../../src/config/server-file.ts";
import { mergeSettings, type SharedVersion, shareableSettings } from "../../src/config/shared-settings.ts";

const documents = join(import.meta.dir, "../../doc");
const own = (text: string) => ({ text, folder: "/etc/dync" });
const home = (text: string) => ({ text, folder: "/home" });

test("the documented one is right, and the documentation names all that may stand in one", () => {
  const text = readFileSync(join(documents, "several-servers/shared.toml"), "utf8");
  expect(readSharedFile(text, "/home")).toMatchObject({ ok: true });
  const operations = readFileSync(join(documents, "operations.md"), "utf8");
  const named = /\*\*What may stand there\*\*: (.*?)\. All else/s.exec(operations)?.[1] ?? "";
  const settings = [...named.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  expect(settings.toSorted()).toEqual(shareableSettings.toSorted());
});

test("what is a machine's own is a mistake in it, with its line", () => {
  const reading = readSharedFile('expire = "3d"\ndata = "/srv"\n[sign-in]\nnonsense = 1\n', "/home");
  if (reading.ok) throw new Error("It was taken");
  expect(reading.faults.slice(0, 2).map(({ line, member }) => [line, member])).toEqual([
    [2, "data"],
    [3, "sign-in"],
  ]);
});

test("paths begin at the folder of the file in which they stand, and lines are those of that file", () => {
  const rule = '[[rules]]\nname = "a"\nfiles = ["*"]\nschema = "a.json"\n';
  const { reading, shared, unknown } = readBothFiles(
    own('\n\nexpire = "1d"\ndownloads = "files"\n'),
    home(`expire = "3d"\nremember = "9d"\nmoons = 3\nport = 7\n${rule}`),
  );
  if (!reading.ok) throw new Error("It is wrong");
  const { settings, rules } = reading.value;
  expect(settings).toMatchObject({
    expire: 86_400_000,
    remember: 9 * 86_400_000,
    downloads: "/etc/dync/files",
  });
  expect(settings.port).toBeUndefined();
  expect(rules?.[0]?.schema).toBe("/home/a.json");
  expect([[...shared].toSorted(), unknown]).toEqual([["remember", "rules"], ["moons"]]);
  expect(["expire", "remember", "rules"].map((name) => reading.lineOf([name]))).toEqual([3, 2, 5]);
});

test("a file that is no TOML is wrong, whichever it is", () => {
  expect(readBothFiles(own("a ="), home("")).reading.ok).toBe(false);
  expect(readBothFiles(own(""), home("a =")).reading.ok).toBe(false);
});

describe("whose counts", () => {
  const version = (number: number, text: string): SharedVersion => ({ version: number, text });
  const cases: readonly [string, SharedVersion | null, string, SharedVersion | null, string][] = [
    ["the first one is shared", null, "a", null, "share"],
    ["an empty one takes what there is", null, " \n", version(3, "a"), "take"],
    ["who comes with another one hears of that", null, "b", version(3, "a"), "conflict"],
    ["the same is the same", version(1, "x"), "a", version(3, "a"), "same"],
    ["what was changed here alone is shared", version(3, "a"), "b", version(3, "a"), "share"],
    ["also when it is empty now", version(3, "a"), "", version(3, "a"), "share"],
    ["what was changed there alone is taken", version(3, "a"), "a", version(4, "b"), "take"],
    ["what was changed at both is a conflict", version(3, "a"), "c", version(4, "b"), "conflict"],
    ["a catalogue of before knows less", version(9, "a"), "a", version(4, "b"), "share"],
    ["and so does an empty one", version(9, "a"), "a", null, "share"],
  ];
  test.each(cases)("%s", (_, same, file, shared, type) => {
    expect(mergeSettings(same, file, shared)).toMatchObject({ type });
  });
});
