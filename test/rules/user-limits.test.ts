// What a user was granted: which entry counts for which matter, and what is said of more.

import { expect, test } from "bun:test";
import { defaultUserRules, rulesFor } from "../../src/config/server-settings.ts";
import { judge, type Post } from "../../src/rules/judge.ts";
import { namePattern } from "../../src/rules/linear-pattern.ts";
import { growthFault, type LimitEntry, limitsOf } from "../../src/rules/user-limits.ts";

const GiB = 1024 ** 3;
const isFor = (...names: readonly string[]) => names.map((name) => namePattern(name, false));
const shown = (...texts: readonly string[]) =>
  texts.map((text) => ({ text, matches: namePattern(text, true) }));

test("of each matter the first entry counts that fits the user and speaks of it", () => {
  const entries: readonly LimitEntry[] = [
    { name: "one", users: isFor("anna"), uploads: 2 },
    { name: "lab", users: isFor("a*", "b*"), uploads: 5, uploadBytes: 7, contact: "lab" },
    { name: "all", uploads: 9, uploadBytes: 1, unfinished: 3, contact: "all" },
  ];
  expect(limitsOf(entries, "anna")).toEqual({ uploads: 2, uploadBytes: 7, unfinished: 3, contact: "lab" });
  expect(limitsOf(entries, "bert")).toEqual({ uploads: 5, uploadBytes: 7, unfinished: 3, contact: "lab" });
  expect(limitsOf(entries, "carl")).toEqual({ uploads: 9, uploadBytes: 1, unfinished: 3, contact: "all" });
  expect(limitsOf(entries.slice(0, 2), "carl")).toEqual({});
  // 0 is something that is said.
  expect(limitsOf([{ name: "none", uploadBytes: 0 }, ...entries], "anna").uploadBytes).toBe(0);
});

test("they go over what every user has, and say nothing of the rest", () => {
  const rules = rulesFor(defaultUserRules, [{ name: "a", unfinished: 4 }], "anna");
  expect(rules).toEqual({ ...defaultUserRules, unfinishedPerUser: 4, limits: { unfinished: 4 } });
});

function judged(entry: Omit<LimitEntry, "name">, change: Partial<Post>): unknown {
  const post = { name: "a.raw", metadataText: '{"sample":"A1"}', info: {}, ...change };
  const rules = rulesFor(defaultUserRules, [{ name: "x", ...entry }], "anna");
  const judgement = judge("anna", post, rules, { upload: "0", at: new Date(0) });
  return judgement.type === "accepted" ? "accepted" : judgement.refusal;
}

const end = "; ask the administrator of the server if you need more";

test("a size that is announced is judged before the first byte, and said so that two never look alike", () => {
  const uploadBytes = 2 * GiB;
  expect(judged({ uploadBytes }, { info: { size: uploadBytes } })).toBe("accepted");
  expect(judged({ uploadBytes }, {})).toBe("accepted");
  expect(judged({ uploadBytes }, { info: { size: 3 * GiB } })).toEqual({
    code: 413,
    text: `This upload has 3.0 GiB, and one of yours may have 2.0 GiB at most${end}`,
  });
  expect(judged({ uploadBytes, contact: "data@example.org" }, { info: { size: uploadBytes + 1 } })).toEqual({
    code: 413,
    text:
      "This upload has 2147483649 bytes, and one of yours may have 2147483648 bytes at most; " +
      "ask data@example.org if you need more",
  });
});

test("one without a size is judged as it grows", () => {
  expect(growthFault({ uploadBytes: 5 }, 5)).toBe(null);
  expect(growthFault({}, 5)).toBe(null);
  expect(growthFault({ uploadBytes: 5 }, 6)).toBe(
    `This upload has more than the 5 B that one of yours may have${end}`,
  );
});

test("names are judged as they are stored, whatever their case", () => {
  const files = shown("*.raw", "/^run[0-9]+$/");
  expect(judged({ files }, { name: "A.RAW" })).toBe("accepted");
  expect(judged({ files }, { name: "run7.tar", info: { unpack: "tar" } })).toBe("accepted");
  expect(judged({ files }, { name: "a.txt" })).toEqual({
    code: 403,
    text: `"a.txt" is no name that your uploads may have (*.raw, /^run[0-9]+$/); ask the administrator of the server if it has to be another`,
  });
  const many = shown(...Array.from({ length: 7 }, (_, at) => `*.${at}`));
  expect(judged({ files: many }, {})).toMatchObject({
    text: expect.stringContaining("(*.0, *.1, *.2, *.3, *.4 and 2 more patterns)"),
  });
});

test("a quota of a group is that of all for whom its entry is the first with one", () => {
  const entries: readonly LimitEntry[] = [
    { name: "one", users: isFor("ms-1"), groupQuotaBytes: 5 },
    { name: "ms", users: isFor("ms-*"), groupQuotaBytes: 50, quotaBytes: 20 },
    { name: "all", groupQuotaBytes: 500 },
  ];
  const shared = (user: string) => limitsOf(entries, user).shared;
  expect(["ms-1", "ms-2", "nmr"].map((user) => [shared(user)?.name, shared(user)?.bytes])).toEqual([
    ["one", 5],
    ["ms", 50],
    ["all", 500],
  ]);
  expect(["ms-1", "ms-2", "ms-3", "nmr"].map((user) => shared("ms-2")?.isOf(user))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(shared("ms-3")).toBe(shared("ms-2") as never);
  expect(limitsOf(entries, "ms-1").quotaBytes).toBe(20);
  expect(limitsOf(entries.slice(0, 2), "nmr")).toEqual({});
});
