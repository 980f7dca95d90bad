// Barcodes of samples in names, as the original finds them.

import { expect, test } from "bun:test";
import { barcodeIn, barcodeLikeIn } from "../../src/rules/barcode.ts";
import { nameParts } from "../../src/upload/openbis.ts";

for (const [name, valid, like] of [
  ["QJFDC010EU_run.raw", "QJFDC010EU", "QJFDC010EU"],
  ["run_QJFDC010EU.raw", "QJFDC010EU", "QJFDC010EU"],
  ["QJFDC010EU_QJFDC010EU.raw", "QJFDC010EU", "QJFDC010EU"],
  ["QJFDC010EV.raw", null, "QJFDC010EV"],
  ["QJFDC010EU_QJFDC010EV.raw", null, null],
  ["qjfdc010eu.raw", null, null],
  ["run.QJFDC010EU", null, null],
  [".QJFDC010EU", "QJFDC010EU", "QJFDC010EU"],
  ["QJFDC10EU.raw", null, null],
  ["", null, null],
] as const) {
  test(`${JSON.stringify(name)} has ${valid}, or what looks like ${like}`, () => {
    expect([barcodeIn(name), barcodeLikeIn(name)]).toEqual([valid, like]);
  });
}

test("a name ends as os.path.splitext has it", () => {
  const parts = ["a.tar.gz", ".a", "..a", ".a.b", "a.", "a", "...", "x.y z"].map((it) =>
    Object.values(nameParts(it)),
  );
  expect(parts).toEqual([
    ["a.tar", ".gz"],
    [".a", ""],
    ["..a", ""],
    [".a", ".b"],
    ["a", "."],
    ["a", ""],
    ["...", ""],
    ["x", ".y z"],
  ]);
});
