// Going on or beginning anew, and what is kept after a failure: the decisions alone.

import { describe, expect, test } from "bun:test";
import { DyncError, type ErrorCode } from "../../src/base/error.ts";
import { beginningOf, isFinal, isOfUseAfter, UploadKept } from "../../src/client/resumption.ts";
import { limits } from "../../src/protocol/limits.ts";

const version = { size: 5, modified: "1", changed: "1", fileId: "1:2" };
const wanted = {
  schema: 3,
  identity: "b".repeat(32),
  host: "lab",
  port: 8889,
  serverKeyFile: null,
  origin: { kind: "file", path: "/data/run.raw", version },
  name: "run.raw",
  metadataText: '{"sample":1}',
  startedAt: "2026-01-02T03:04:05Z",
} as const;
const known = { ...wanted, identity: "a".repeat(32), startedAt: "2026-01-01T03:04:05Z" };

describe("a command", () => {
  test("begins what nobody began", () => {
    expect(beginningOf(wanted, null)).toEqual({ state: wanted, resume: false });
  });

  test("goes on with the same file and the same metadata, however they are written", () => {
    const { state, resume, outdated, note } = beginningOf(
      { ...wanted, metadataText: '{ "sample": 1 }' },
      known,
    );
    expect({ state, resume, outdated }).toEqual({ state: known, resume: true, outdated: undefined });
    expect(note).toStartWith('Going on with the upload of "run.raw" that was begun at 20');
  });

  test("goes on by the addresses that are said now", () => {
    const alsoAt = [{ host: "b.example", port: 9000 }];
    expect(beginningOf({ ...wanted, alsoAt }, known).state).toEqual({ ...known, alsoAt });
    expect(beginningOf(wanted, { ...known, alsoAt }).state).toEqual(known);
  });

  test.each([
    ["The file is", { origin: { ...wanted.origin, version: { ...version, size: 6 } } }],
    ["The metadata is", { metadataText: '{"sample":2}' }],
    ["What is wanted of the server is", { unpack: "tar" as const }],
  ])("begins anew in place of an upload of which it says: %s not the same", (what, change) => {
    const now = { ...wanted, ...change };
    const { note, ...rest } = beginningOf(now, known);
    expect(rest).toEqual({ state: { ...now, replaces: [known.identity] }, resume: false, outdated: known });
    expect(note).toStartWith(`${what} not the same as when its upload was begun at 20`);
    expect(note).toEndWith(": starting anew");
  });

  test("goes on with a folder of which the listing is the same, and with no other", () => {
    const selection = { include: [], exclude: [], links: "skip", all: false } as const;
    const listing = { digest: "0", folderTimes: "", size: 5 };
    const origin = { kind: "dataset", path: "/data/run", selection, listing } as const;
    const [now, then] = [
      { ...wanted, origin },
      { ...known, origin },
    ];
    expect(beginningOf(now, then)).toMatchObject({ state: then, resume: true });
    const changed = { ...now, origin: { ...origin, listing: { ...listing, digest: "1" } } };
    expect(beginningOf(changed, then)).toMatchObject({
      resume: false,
      outdated: then,
      note: expect.stringContaining("The folder is not the same as when its upload was begun"),
    });
  });

  test("names the newest uploads that it takes the place of, as many as the protocol allows", () => {
    const earlier = Array.from({ length: limits.replacesMax }, (_, at) => at.toString(16).padStart(32, "0"));
    const { state } = beginningOf({ ...wanted, metadataText: "{}" }, { ...known, replaces: earlier });
    expect(state.replaces).toEqual([known.identity, ...earlier.slice(0, -1)]);
  });
});

test.each<[ErrorCode, boolean]>([
  ["cancelled", true],
  ["unreachable", true],
  ["no-space", true],
  ["source", true],
  ["internal", true],
  ["key-refused", true],
  ["forbidden", true],
  ["wrong-server", true],
  ["source-changed", false],
  ["metadata-rejected", false],
  ["name-taken", false],
  ["checksum-mismatch", false],
  ["malformed", false],
])("what was sent before %p is of use: %p", (code, isOfUse) => {
  expect(isOfUseAfter(new DyncError(code, "No"))).toBe(isOfUse);
});

test("a bug is no reason to throw away what was sent", () => {
  expect(isOfUseAfter(new TypeError("a bug"))).toBe(true);
});

test("what is kept fails as its cause does", () => {
  const cause = new DyncError("unreachable", "It was lost", { hint: "try again" });
  const kept = new UploadKept(cause, "a".repeat(32));
  expect(kept).toMatchObject({ code: "unreachable", message: "It was lost", hint: "try again", cause });
});

describe("of a batch", () => {
  const place = { batch: "c".repeat(32), number: 0, identity: known.identity, replaces: [] };
  const job = { ...wanted, place };

  test.each([
    ["that a server refused is tried again, since somebody may mend that there", "name-taken", false],
    ["whose metadata the server refused as well: its rules may change", "metadata-rejected", false],
    ["that could not be read is tried again", "source", false],
    ["that nobody can send under this name is over", "usage", true],
  ] as const)("one %s", (_, code, final) => {
    expect(isFinal(job, new DyncError(code, "it failed"))).toBe(final);
  });

  test("what was wrong with it before it was sent is over, but for what could not be read", () => {
    const faults = (["metadata-rejected", "source"] as const).map((code) => new DyncError(code, "it fails"));
    expect(faults.map((fault) => isFinal({ ...job, fault }, fault))).toEqual([true, false]);
  });

  test("one that is no part of it is over where nothing is kept of it", () => {
    const codes = ["name-taken", "no-space", "forbidden"] as const;
    const errors = codes.map((code) => new DyncError(code, "it failed"));
    expect(errors.map((error) => isFinal(wanted, error))).toEqual([true, false, false]);
  });
});
