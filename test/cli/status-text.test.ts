// How the uploads of a user are, in lines for people.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { expiryText, statusLines } from "../../src/cli/dync/status-text.ts";
import type { UserStatus } from "../../src/client/user-status.ts";
import type { StatusRow } from "../../src/protocol/wire/status.ts";

const now = new Date("2026-11-27T18:00:00Z");
const nothing = { rows: [], more: false };
const empty: UserStatus = {
  ...{ user: "anna", time: null, account: {} },
  ...{ running: nothing, waiting: nothing, stored: nothing, refused: nothing },
};
const list = (...rows: readonly StatusRow[]) => ({ rows, more: false });

function linesOf(told: Partial<UserStatus> | DyncError, here = [0, 0]): readonly string[] {
  const server = { host: "lab.example", port: 8889, serverKeyFile: null, name: "lab", isDefault: true };
  const [uploadsHere = 0, batchesHere = 0] = here;
  const status = told instanceof DyncError ? told : { ...empty, ...told };
  return statusLines({ server, told: status, uploadsHere, batchesHere }, now);
}

test("a server that does not tell is one line, and what is unfinished here is said all the same", () => {
  expect(linesOf(new DyncError("unreachable", "Nobody is there"), [2, 1])).toEqual([
    "lab (the default), lab.example:8889: Nobody is there",
    '  Unfinished here: 2 uploads and 1 batch ("dync uploads", "dync resume")',
  ]);
});

test("what there may be stands first, in lines that fit", () => {
  const account = {
    ...{ stored: 12_345, storedBytes: 3 * 2 ** 40, day: 10_000, week: 10_000 },
    ...{ running: 1, runningMax: 250, unfinished: 3, unfinishedMax: 1000 },
    quotas: [
      { bytes: 2 ** 40, used: 2 ** 39, underWay: 2 ** 20 },
      { bytes: 2 ** 41, used: 2 ** 40, underWay: 0, group: "ms" },
    ],
    ...{
      expires: "2026-12-06T18:00:00Z",
      groups: ["mass-spectrometry", "everybody"],
      priority: "high" as const,
    },
  };
  const lines = linesOf({ account });
  expect(lines.slice(0, 5)).toEqual([
    "lab (the default), lab.example:8889, as anna",
    "  Stored:    12345 uploads, 3.0 TiB; 10000 or more in the last 24 hours, 10000",
    "             or more in 7 days",
    "  Quota:     512 GiB of 1.0 TiB used, 1.0 MiB of that by unfinished uploads",
    "  Quota:     1.0 TiB of 2.0 TiB used, of all of ms together",
  ]);
  expect(lines[6]).toMatch(/^ {2}Key: {7}good until 2026-12-0\d.*, 9 d 0 h from now$/);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(expiryText(account, now)).toContain("9 d 0 h from now");
  expect(expiryText({ expires: "2026-12-20T18:00:00Z" }, now)).toBeNull();
  expect(expiryText({}, now)).toBeNull();
});

test("a server that says nothing of it leaves nothing but its name", () => {
  expect(linesOf({ user: null })).toEqual(["lab (the default), lab.example:8889"]);
});

describe("lists", () => {
  test("what runs, with what it waits for and how many go before it", () => {
    const rows = [
      { name: "a.raw", size: 4096, bytes: 1024, rate: 1024, waits: "memory", ahead: 3, client: "dync 1" },
      { name: "b", dataset: true, bytes: 10 },
    ] as const;
    expect(linesOf({ running: { rows, more: true } }).slice(1)).toEqual([
      "  Running",
      "    1.0 KiB of 4.0 KiB  1.0 KiB/s  3 s left  a.raw",
      "      by dync 1; the server is short of memory, 3 uploads before it",
      "    10 B so far                              b/",
      "    … and more",
    ]);
  });

  test("what is not finished, with why", () => {
    const rows = [
      { name: "a.raw", size: 9, bytes: 3, state: "waiting" },
      { name: "b.raw", size: 9, bytes: 9, state: "held", reason: 'The metadata lack "sample"' },
      { name: "c.raw", size: 9, bytes: 9, state: "publishing" },
    ] as const;
    expect(linesOf({ waiting: list(...rows) }).slice(1)).toEqual([
      "  Not finished",
      "    ?  3 B of 9 B  not being sent   a.raw",
      "    ?  9 B of 9 B  held             b.raw",
      '      The metadata lack "sample"',
      "    ?  9 B of 9 B  being published  c.raw",
    ]);
  });

  test("names and reasons of others steer no terminal, and long reasons are broken", () => {
    const reason = `\u001b[2J${"why not ".repeat(20)}`;
    const lines = linesOf({ refused: list({ name: "a\u202e\u0007.raw", code: 403, reason, times: 3 }) });
    expect(lines[2]).toBe("    ?  403  a\\u{202e}\\u{7}.raw (3 times)");
    expect(lines[3]).toStartWith("      \\u{1b}[2Jwhy not");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines.join("")).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});
