// A name that would do, for names that would not.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { fileNameFault, foldName, suggestedFileName } from "../../src/base/file-name.ts";

test.each([
  ["12:00.raw", "12_00.raw"],
  ["-rf.raw", "rf.raw"],
  [".hidden", "hidden"],
  ["run .raw. ", "run .raw"],
  ["CON.txt", "_CON.txt"],
  ["a\u200bb\u0007c.raw", "abc.raw"],
  ["...", "data"],
  [`${"ä".repeat(130)}.mzML`, `${"ä".repeat(117)}.mzML`],
  ["good name.raw", "good name.raw"],
])("for %p it is %p", (name, suggested) => expect(suggestedFileName(name)).toBe(suggested));

test("nothing is wrong with it, whatever the name", () => {
  const odd = fc.string({
    unit: fc.constantFrom(..."ab.-: \u00a0\u200b\u2800\ud800\u0000/ä🧬\ufffd"),
    maxLength: 300,
  });
  fc.assert(
    fc.property(fc.oneof(odd, fc.string({ unit: "binary", maxLength: 300 })), (name) => {
      expect(fileNameFault(suggestedFileName(name))).toBeNull();
    }),
    { numRuns: 2000 },
  );
});

test("a name of ASCII alone is folded as it is among other characters", () => {
  const all = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join("");
  expect(foldName(`${all}\u00e9`)).toBe(`${foldName(all)}\u00e9`);
  expect(foldName("Run-K.RAW")).toBe("run-k.raw");
});

test("names that look the same are the same", () => {
  expect(foldName("a\u200d.raw")).toBe(foldName("A\ufe0f.raw"));
});
