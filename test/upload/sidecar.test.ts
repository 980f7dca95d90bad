// The texts beside each file: what is written can be read again, and is what other programs expect.

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { sentMetadata } from "../../src/upload/added.ts";
import { checksumText, parseSidecar, sidecarText } from "../../src/upload/sidecar.ts";
import type { CompleteUpload } from "../../src/upload/upload.ts";
import { tempFolder } from "../support/temp-folder.ts";

const upload: CompleteUpload = {
  id: "0".repeat(32),
  identity: "ab",
  user: "anna",
  name: "a.raw",
  place: null,
  metadataText: '{"a":1}',
  size: 3,
  sha256: "f".repeat(64),
  contents: null,
  modified: "2020-01-02T03:04:05.678901234Z",
  receivedAt: "2026-01-01T00:00:00.000Z",
  client: "dync 1",
};
/** Our member of the text. */
const provenance = {
  upload: upload.id,
  identity: "ab",
  user: "anna",
  name: "a.raw",
  size: 3,
  sha256: upload.sha256,
  modified: upload.modified,
  received: upload.receivedAt,
  client: "dync 1",
};

test("the metadata is the client's, with one member of ours, in the layout that people read", () => {
  const metadataText = '{"10":1.0,"sample":"A1","2":{"list":[12345678901234567890,null]}}';
  const text = sidecarText({ ...upload, metadataText });
  expect(text).toStartWith(
    '{\n  "10": 1.0,\n  "sample": "A1",\n  "2": {\n    "list": [\n      12345678901234567890,\n      null\n    ]\n  },\n  "_dync": {',
  );
  expect(JSON.parse(text)._dync).toEqual({ schema: 1, ...provenance });
  expect(parseSidecar(text)).toEqual({ ...upload, metadataText });
});

test("a client cannot forge where its file came from", () => {
  for (const name of ["_dync", "\\u005fdync"]) {
    const metadataText = `{"${name}":${JSON.stringify({ ...provenance, user: "bert" })},"a":1}`;
    expect(parseSidecar(sidecarText({ ...upload, metadataText }))).toEqual(upload);
  }
});

test("what hooks added is named, and what was sent can be told from it", () => {
  const metadataText = '{"sample":"A1","n":1.0,"project":"P1","10":2}';
  const whole = { ...upload, metadataText, added: '["project","10"]' };
  const text = sidecarText(whole);
  expect(JSON.parse(text)._dync).toEqual({ schema: 1, ...provenance, added: ["project", "10"] });
  expect(parseSidecar(text)).toEqual(whole);
  expect(sentMetadata(whole)).toBe('{"sample":"A1","n":1.0}');
  expect(sentMetadata({ metadataText })).toBe(metadataText);
  expect(parseSidecar(text.replace('"project",', "3,"))).toBeNull();
});

test("what the first versions of the program wrote has no time of modification", () => {
  const { modified: _, ...old } = { schema: 1, ...provenance };
  const text = JSON.stringify({ a: 1, _dync: old });
  expect(parseSidecar(text)).toEqual({ ...upload, modified: null });
  expect(parseSidecar(JSON.stringify({ a: 1, _dync: { ...old, modified: 1 } }))).toBeNull();
});

test("any metadata comes back as it was", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (metadata) => {
      const { _dync, ...rest } = metadata;
      const sent = JSON.stringify(rest);
      expect(parseSidecar(sidecarText({ ...upload, metadataText: sent }))?.metadataText).toBe(sent);
    }),
  );
});

test("what would be many times as long with its lines indented is not", () => {
  const deep = `{"a":${"[".repeat(60)}${"1,".repeat(50_000)}1${"]".repeat(60)}}`;
  const text = sidecarText({ ...upload, metadataText: deep });
  expect(text.length).toBeLessThan(deep.length + 1000);
  expect(parseSidecar(text)?.metadataText).toBe(deep);
});

test.each([
  "",
  "null",
  "[]",
  "{}",
  '{"_dync": 1}',
  '{"_dync": {"schema": 1}}',
  JSON.stringify({ _dync: { schema: 2, ...provenance } }),
  JSON.stringify({ _dync: { schema: 1, ...provenance, size: -1 } }),
  JSON.stringify({ _dync: { schema: 1, ...provenance, user: 7 } }),
])("what is not one of ours gives null: %s", (text) => {
  expect(parseSidecar(text)).toBeNull();
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
