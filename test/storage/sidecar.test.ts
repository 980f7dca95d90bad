// The texts beside each file: what is written can be read again, and is what other programs expect.

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import {
  checksumText,
  type Origin,
  parseChecksum,
  parseSidecar,
  sidecarText,
} from "../../src/storage/sidecar.ts";
import { tempFolder } from "../support/temp-folder.ts";

const origin: Origin = {
  upload: "0".repeat(32),
  identity: "ab",
  user: "anna",
  name: "a.raw",
  size: 3,
  sha256: "f".repeat(64),
  received: "2026-01-01T00:00:00.000Z",
  client: "dync 1",
};

test("the metadata is the client's, with one member of ours", () => {
  const text = sidecarText({ sample: "A1", nested: { list: [1, null] } }, origin);
  expect(JSON.parse(text)).toEqual({
    sample: "A1",
    nested: { list: [1, null] },
    _dync: { schema: 1, ...origin },
  });
  expect(parseSidecar(text)).toEqual({ origin, metadata: { sample: "A1", nested: { list: [1, null] } } });
});

test("a client cannot forge the origin", () => {
  const text = sidecarText({ _dync: { ...origin, user: "bert" }, a: 1 }, origin);
  expect(parseSidecar(text)).toEqual({ origin, metadata: { a: 1 } });
});

test("any metadata comes back as it was", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (metadata) => {
      const sent = JSON.parse(JSON.stringify(metadata)) as Record<string, unknown>;
      delete sent._dync;
      expect(JSON.stringify(parseSidecar(sidecarText(sent, origin))?.metadata)).toBe(JSON.stringify(sent));
    }),
  );
});

test.each([
  "",
  "null",
  "[]",
  "{}",
  '{"_dync": 1}',
  '{"_dync": {"schema": 1}}',
  JSON.stringify({ _dync: { schema: 2, ...origin } }),
  JSON.stringify({ _dync: { schema: 1, ...origin, size: -1 } }),
  JSON.stringify({ _dync: { schema: 1, ...origin, user: 7 } }),
])("what is not one of ours gives null: %s", (text) => {
  expect(parseSidecar(text)).toBeNull();
});

test("the checksum can be read again, whatever the name", () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(parseChecksum(checksumText(origin.sha256, name))).toBe(origin.sha256);
    }),
  );
  expect(parseChecksum("nonsense")).toBeNull();
});

const canCheck = spawnSync("sha256sum", ["--version"]).status === 0;
test.skipIf(!canCheck)("sha256sum accepts odd names, even those that are never stored", async () => {
  await using folder = await tempFolder();
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  for (const name of ["a b", "\\back\\slash", "line\nbreak", "carriage\rreturn", "\u00fc", "*star"]) {
    writeFileSync(folder.file(name), "");
    writeFileSync(folder.file("list.sha256"), checksumText(empty, name));
    const { status, stderr } = spawnSync("sha256sum", ["--strict", "-c", "list.sha256"], {
      cwd: folder.path,
    });
    expect([name, status, stderr.toString()]).toEqual([name, 0, ""]);
  }
});
