import { expect, test } from "bun:test";
import fc from "fast-check";
import { objectText } from "../../src/base/json-text.ts";
import type { SeenFile } from "../../src/watch/completion.ts";
import { FingerprintSum, numberOf, numberOfFingerprint } from "../../src/watch/fingerprint.ts";
import { pauseAfter } from "../../src/watch/pace.ts";
import { readPathForm } from "../../src/watch/path-metadata.ts";

function textOf(files: readonly SeenFile[]): string {
  const sum = new FingerprintSum();
  for (const file of files) sum.add(file);
  return sum.result.text;
}

const files = fc.uniqueArray(
  fc.record({ path: fc.string(), size: fc.nat(), mtimeMs: fc.nat(), id: fc.string() }),
  { selector: ({ path }) => path, minLength: 1, maxLength: 20 },
);

test("a fingerprint is the same in any order, and another one when anything is another", () => {
  fc.assert(
    fc.property(files, fc.nat(), (all, which) => {
      const text = textOf(all);
      expect(textOf(all.toReversed())).toBe(text);
      const at = which % all.length;
      const file = all[at] as SeenFile;
      for (const change of [
        { size: file.size + 1 },
        { mtimeMs: file.mtimeMs + 0.25 },
        { id: `${file.id}1` },
        { path: `${file.path}1` },
      ])
        expect(textOf(all.with(at, { ...file, ...change }))).not.toBe(text);
      expect(textOf(all.toSpliced(at, 1))).not.toBe(text);
    }),
  );
});

test("two files that swap names are another state", () => {
  const file = (path: string, id: string): SeenFile => ({ path, size: 1, mtimeMs: 1, id });
  expect(textOf([file("a", "1"), file("b", "2")])).not.toBe(textOf([file("a", "2"), file("b", "1")]));
});

test("looks cost less than 1 % of a core where nothing happens, and come soon where little is to be looked at", () => {
  expect(pauseAfter({ wallMs: 5, cpuMs: 5 }, 60_000, false)).toBe(10_000);
  const cpuMs = 2000;
  expect(cpuMs / pauseAfter({ wallMs: 2000, cpuMs }, 60_000, false)).toBeLessThan(0.01);
  expect(pauseAfter({ wallMs: 60_000, cpuMs: 100 }, 60_000, true)).toBe(120_000);
});

test("a path says metadata where it has the form, and nothing else", () => {
  const read = readPathForm("{project}/{sample}_*/*.raw");
  expect(objectText(read("P1/S1_x/run.1.raw") ?? [])).toBe('{"project":"P1","sample":"S1"}');
  for (const path of ["P1/S1/run.raw", "P1/S1_x/run-raw", "a/P1/S1_x/run.raw", "P1/S1_x/y/z.raw"])
    expect(read(path)).toBeNull();
  expect(objectText(readPathForm("{a}")('"') ?? [])).toBe('{"a":"\\""}');
});

test.each([
  ["runs/*", "names no field: write one as {sample}"],
  ["{a}/{a}", "has {a} twice"],
  ["{a", 'has a "{" without its other half'],
  ["{}", "has a {} without a name"],
])("a form of paths that is none says why: %s", (text, why) => {
  expect(() => readPathForm(text)).toThrow(why);
});

test("the number of a fingerprint is that of its text, which need not be made for it", () => {
  const file = fc.record({
    path: fc.string({ unit: "binary" }),
    size: fc.maxSafeNat(),
    mtimeMs: fc.double({ noNaN: true }),
    id: fc.maxSafeNat().map(String),
  });
  fc.assert(
    fc.property(fc.array(file, { maxLength: 3 }), (files) => {
      const sum = new FingerprintSum();
      for (const one of files) sum.add(one);
      const { result } = sum;
      const kept = { files: result.files, bytes: result.bytes, text: result.text };
      expect(result.text).toMatch(/^\d+-\d+(e\+\d+)?-[0-9a-f]{16}$/);
      expect(numberOfFingerprint(result)).toBe(numberOf(kept.text));
      expect(numberOfFingerprint(kept)).toBe(numberOf(kept.text));
    }),
  );
});

test("a fingerprint that an earlier version kept is that of the same file", () => {
  const sum = new FingerprintSum();
  sum.add({ path: "images/1.tif", size: 123456789, mtimeMs: 1785000000000.125, id: "1234567" });
  expect(sum.result.text).toBe("1-123456789-2823c11698cde5ed");
});
