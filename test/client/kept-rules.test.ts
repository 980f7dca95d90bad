// The copies of rules that a client keeps: for one server and one key each, whole or not at all.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../src/base/sha256-hex.ts";
import { RulesShelf } from "../../src/client/kept-rules.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempFolder } from "../support/temp-folder.ts";

const { publicKey } = generateKeyPair();
const lab = { host: "lab.example.org", port: 8889 };
const rules = { user: "alice", text: '{"a":"ä"}', digest: sha256Hex('{"a":"ä"}') };
const opened = async () => {
  const folder = await tempFolder();
  const shelf = new RulesShelf(folder.path, new ManualClock());
  return { folder, shelf, file: join(folder.path, "rules", "lab.example.org_8889.json") };
};

test("what was kept is found, by its server and its key alone", async () => {
  const { folder, shelf, file } = await opened();
  await using _ = folder;
  expect(await shelf.find(lab, publicKey)).toBe(null);
  await shelf.keep(lab, publicKey, rules);
  expect(await shelf.find(lab, publicKey)).toMatchObject(rules);
  expect(await shelf.expect(lab, publicKey)).toMatchObject(rules);
  expect(await shelf.find({ ...lab, port: 1 }, publicKey)).toBe(null);
  expect(await shelf.find(lab, generateKeyPair().publicKey)).toBe(null);
  if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
  // Nothing else is left there.
  expect(readdirSync(join(folder.path, "rules"))).toEqual(["lab.example.org_8889.json"]);
});

test("the latest one counts, and addresses stay in the folder", async () => {
  const { folder, shelf } = await opened();
  await using _ = folder;
  for (const host of ["::1", "../../x", "a/b", ".."]) {
    await shelf.keep({ host, port: 1 }, publicKey, rules);
    await shelf.keep({ host, port: 1 }, publicKey, { ...rules, user: host });
    expect(await shelf.find({ host, port: 1 }, publicKey)).toMatchObject({ user: host });
  }
  expect(readdirSync(folder.path)).toEqual(["rules"]);
  expect(readdirSync(join(folder.path, "rules")).length).toBe(4);
});

test("none is said to be none, with how to get one", async () => {
  const { folder, shelf } = await opened();
  await using _ = folder;
  await expect(shelf.expect(lab, publicKey)).rejects.toMatchObject({
    code: "cannot-know",
    message: "There is no copy of the rules of lab.example.org:8889 here",
    hint: expect.stringContaining('"dync check" keeps one'),
  });
  await shelf.keep(lab, publicKey, rules);
  await expect(shelf.expect(lab, generateKeyPair().publicKey)).rejects.toMatchObject({
    code: "cannot-know",
    message: expect.stringContaining(`is for another key, ${publicKey.fingerprint}`),
  });
});

test("what is damaged is none, and is replaced", async () => {
  const { folder, shelf, file } = await opened();
  await using _ = folder;
  await shelf.keep(lab, publicKey, rules);
  const good = readFileSync(file, "utf8");
  const damaged = [
    "",
    "[]",
    good.slice(0, -10),
    good.replace("ä", "a"),
    good.replace('"schema":1', '"schema":2'),
  ];
  for (const text of [
    ...damaged,
    good.replace(/"at":"[^"]*"/, '"at":"soon"'),
    good.replace(/"key":"./, '"key":"'),
  ]) {
    expect(text).not.toBe(good);
    writeFileSync(file, text);
    expect(await shelf.find(lab, publicKey)).toBe(null);
  }
  truncateSync(file, 2 ** 32);
  expect(await shelf.find(lab, publicKey)).toBe(null);
  await shelf.keep(lab, publicKey, rules);
  expect(readFileSync(file, "utf8")).toBe(good);
});

test("a folder that cannot be written to is said", async () => {
  const { folder, shelf } = await opened();
  await using _ = folder;
  writeFileSync(join(folder.path, "rules"), "");
  await expect(shelf.keep(lab, publicKey, rules)).rejects.toThrow(
    `Cannot write to ${join(folder.path, "rules")}`,
  );
  expect(await shelf.find(lab, publicKey)).toBe(null);
});
