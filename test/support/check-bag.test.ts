// The checker of bags is judged itself: by the Library of Congress's conformance suite, which knows nothing of us. What is valid
// there has to be valid for it, and what is not is so for the reason that the bag was made for.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./programs.ts";
import { runTar, tarProgramsMissing } from "./tar-programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

const checker = join(import.meta.dir, "check_bag.py");
const suite = join(import.meta.dir, "bags", "conformance-suite.tar.gz");
let folder: TempFolder;

const valid = [
  ...["0.93", "0.94", "0.95", "0.96", "0.97"].flatMap((version) => [
    `v${version}/valid/basic-bag`,
    `v${version}/valid/duplicate-metadata-entries`,
  ]),
  ...["0.96", "0.97"].flatMap((version) =>
    ["in-a-bag", "with-encoded-names", "with-escapable-characters", "with-space"]
      .concat("with-leading-dot-slash-in-manifest")
      .map((what) => `v${version}/valid/bag-${what}`)
      .concat(`v${version}/valid/holey-bag`),
  ),
  "v0.97/valid/ISO-8859-1-encoded-tag-files",
  "v0.97/valid/UTF-16-encoded-tag-files",
  "v0.97/valid/minimal-bag",
  "v0.97/valid/uncommon-metadata-separators",
  "v0.97/warning/made-with-md5sum-tools",
  "v0.97/warning/relative-path",
  "v0.97/warning/same-filename-listed-twice-with-different-normalization",
  "v0.97/warning/same-filename-listed-twice-with-the-same-hash",
  "v0.97/warning/special-system-files",
  "v1.0/valid/basicBag",
];
const out = "which leads out of the bag";
const scope = "out-of-scope-file-paths-using";
const invalid: readonly (readonly [bag: string, fault: string])[] = [
  ["v0.97/invalid/baginfo-missing-encoding", "bagit.txt has 1 lines"],
  ["v0.97/invalid/bom-in-bagit.txt", "bagit.txt begins with a byte order mark"],
  ["v0.97/invalid/corrupt-data-file", "'data/bare-filename' is not what manifest-md5.txt says"],
  ["v0.97/invalid/corrupt-tag-file", "'bag-info.txt' is not what tagmanifest-md5.txt says"],
  ["v0.97/invalid/extra-file-in-bag", "manifest-md5.txt does not name 'data/bar'"],
  ["v0.97/invalid/invalid-version-number", "bagit.txt begins with 'BagIt-Version: .97"],
  ["v0.97/invalid/missing-baginfo", "tagmanifest-md5.txt names 'bag-info.txt', which is not there"],
  ["v0.97/invalid/missing-bagit.txt", "there is no bagit.txt"],
  [`v0.97/invalid/${scope}-dot-notation-for-fetch`, `fetch.txt names '../../../README.md', ${out}`],
  [`v0.97/invalid/${scope}-dot-notation`, `manifest-md5.txt names '../../../README.md', ${out}`],
  ["v0.97/invalid/same-filename-listed-twice-with-different-hashes", "names 'data/README' twice"],
  [`v0.97/linux-only/${scope}-absolute-path-for-fetch`, `fetch.txt names '/tmp/test.txt', ${out}`],
  [`v0.97/linux-only/${scope}-absolute-path`, `manifest-md5.txt names '/tmp/foo', ${out}`],
  [`v0.97/linux-only/${scope}-shortcut-for-fetch`, `fetch.txt names '~/test.txt', ${out}`],
  [`v0.97/linux-only/${scope}-shortcut`, `manifest-md5.txt names '~/foo', ${out}`],
  [`v0.97/linux-only/${scope}-shortcut-username-for-fetch`, `fetch.txt names '~root/foo', ${out}`],
  [`v0.97/linux-only/${scope}-shortcut-username`, `manifest-md5.txt names '~root/foo', ${out}`],
  ...["absolute-path", "shortcut", "unc"].flatMap(
    (what) =>
      [
        [`v0.97/windows-only/${scope}-${what}-for-fetch`, `setx.exe', ${out}`],
        [`v0.97/windows-only/${scope}-${what}`, `setx.exe', ${out}`],
      ] as const,
  ),
  // Made where both names are one file, which the suite has lost besides.
  ["v0.97/warning/duplicate-file-with-different-case", "names 'data/HELLO.txt', which is not there"],
  ["v1.0/invalid/bagit-with-invalid-whitespace", "bagit.txt begins with 'BagIt-Version : 1.0"],
  ["v1.0/invalid/notAllManifestsListAllFiles", "does not name 'data/missingFromManifest.txt'"],
  ["v1.0/invalid/same-filename-listed-twice-with-different-hashes", "names 'data/README' twice"],
  ["v1.0/invalid/same-filename-listed-twice-with-the-same-hash", "names 'data/README' twice"],
];

/** What the checker says of a bag, and its exit status. */
async function judged(bag: string, ...options: readonly string[]) {
  return await runProgram(["python3", checker, ...options, folder.file(bag)]);
}

describe.skipIf(tarProgramsMissing !== null)("the checker of bags, by the conformance suite", () => {
  beforeAll(async () => {
    folder = await tempFolder();
    await runTar(["tar", "-xzf", suite, "-C", folder.path]);
    // Two bags whose repository has lost an empty file of theirs.
    const warnings = folder.file("v0.97", "warning");
    await writeFile(join(warnings, "special-system-files", "data", ".DS_Store"), "");
    const names = join(warnings, "same-filename-listed-twice-with-different-normalization", "data");
    for (const form of ["NFC", "NFD"]) await writeFile(join(names, "N\u00fa\u00f1ez".normalize(form)), "");
  });
  afterAll(async () => await folder?.[Symbol.asyncDispose]());

  test("has a row for each of its 60 bags", async () => {
    const bags = new Bun.Glob("v*/*/*/").scan({ cwd: folder.path, onlyFiles: false });
    const rows = [...valid, ...invalid.map(([bag]) => bag)];
    expect(
      (await Array.fromAsync(bags)).map((it) => it.replaceAll("\\", "/").replace(/\/$/, "")).sort(),
    ).toEqual(rows.sort());
    expect(rows).toHaveLength(60);
  });

  test.each(valid)("calls valid: %s", async (bag) => {
    expect(await judged(bag, "--any")).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  test.each(invalid)("calls invalid: %s", async (bag, fault) => {
    const said = await judged(bag, "--any");
    expect(said).toMatchObject({ code: 1, stdout: expect.stringContaining(fault), stderr: "" });
  });

  test("of our bags it wants the version of the RFC, and UTF-8", async () => {
    const [basic, latin] = ["v0.97/valid/basic-bag", "v0.97/valid/ISO-8859-1-encoded-tag-files"];
    expect(await judged("v1.0/valid/basicBag")).toMatchObject({ code: 0, stdout: "" });
    expect(await judged(basic)).toMatchObject({ code: 1, stdout: expect.stringContaining("the version") });
    // The suite has no bag of the RFC's version in another encoding.
    await writeFile(
      folder.file(latin, "bagit.txt"),
      "BagIt-Version: 1.0\nTag-File-Character-Encoding: ISO-8859-1\n",
    );
    expect(await judged(latin)).toMatchObject({ code: 1, stdout: expect.stringContaining("ISO-8859-1") });
  });
});
