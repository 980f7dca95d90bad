// The checksums that an instrument itself wrote down.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { knownProfile } from "../../src/watch/profiles.ts";
import { memoryView, type Tree } from "../support/instrument/memory-view.ts";

const sum = (text: string): string => createHash("sha256").update(text).digest("hex");
const head = "runid,protocol_group_id,flow_cell_id,sample_id,file_hash,file_path";
const row = (path: string, hash: string): string => `e4994c62,Group,FXX12345,Sample,${hash},${path}`;
const table = "output_hash_FXX12345_20250603_1201_e05460c6.csv";

async function checksums(files: Tree, profile = "nanopore"): Promise<Record<string, string>> {
  const view = memoryView({ name: "20250603_1201_3E_FXX12345_e05460c6", kind: "folder", files });
  return Object.fromEntries(await knownProfile(profile)!.makerChecksums(view));
}

test("MinKNOW's are found by path; what has none is left out", async () => {
  const rows = [head, row("bam_pass/a.bam", sum("a")), row("pod5/a.pod5", ""), row("./report.md", sum("b"))];
  expect(await checksums({ [table]: `${rows.join("\n")}\n` })).toEqual({
    "bam_pass/a.bam": sum("a"),
    "report.md": sum("b"),
  });
});

test("Windows writes its own slashes, line ends and marks", async () => {
  const rows = [head, row("bam_pass\\a.bam", sum("a").toUpperCase()), row('"b, c.txt"', sum("b"))];
  expect(await checksums({ [table]: `\ufeff${rows.join("\r\n")}` })).toEqual({
    "bam_pass/a.bam": sum("a"),
    "b, c.txt": sum("b"),
  });
});

test("columns are found by their names, not their places", async () => {
  expect(await checksums({ [table]: `file_path,x,file_hash\na.bam,1,${sum("a")}` })).toEqual({
    "a.bam": sum("a"),
  });
});

test("paths that lead out of the run are left out", async () => {
  const paths = ["../a", "/a", "a/../../b", "C:\\a", "", "a//b"];
  expect(await checksums({ [table]: [head, ...paths.map((it) => row(it, sum("a")))].join("\n") })).toEqual(
    {},
  );
});

test.each([
  ["nothing", ""],
  ["no such columns", `a,b\n1,${sum("a")}`],
  ["half a row", `${head}\ne4994c62,Group`],
  ["a hash that is cut off", `${head}\n${row("a.bam", sum("a").slice(1))}`],
  ["a quote that nothing closes", `${head}\n"${row("a.bam", sum("a"))}`],
  ["bytes that are no text", new Uint8Array([0xff, 0, 0xfe, 0x80])],
])("of %s nothing is known", async (_, content) => {
  expect(await checksums({ [table]: content })).toEqual({});
});

test("profiles that know of none have none", async () => {
  expect(await checksums({ [table]: [head, row("a.bam", sum("a"))].join("\n") }, "illumina")).toEqual({});
});
