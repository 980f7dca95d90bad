// Tars that become folders, all or nothing: with the compiled programs, judged by tar, sha256sum and a checker of bags.

import { describe, expect, test } from "bun:test";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectAftermath, expectNothingLeft } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { hostileTars, tarOfMany } from "../support/hostile-tars.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { oddTars } from "../support/odd-tars.ts";
import { runProgram } from "../support/programs.ts";
import { end as endBlocks, file, tar } from "../support/tar-blocks.ts";
import { sha256, tarProgramsMissing, treeIn, unpack } from "../support/tar-programs.ts";

const checkBag = join(import.meta.dir, "..", "support", "check_bag.py");
const missing = executablesMissing ?? tarProgramsMissing;

/** Makes a run as instruments write them, and returns its folder. */
async function makeRun(lab: Lab): Promise<string> {
  const run = lab.folder.file("files", "run42");
  await mkdir(join(run, "images", "empty"), { recursive: true });
  await mkdir(join(run, "Größe μ"), { recursive: true });
  await writeFile(join(run, "run.xml"), "<run/>\n");
  await writeFile(join(run, "nothing"), "");
  await writeFile(join(run, "convert.sh"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(run, "Größe μ", "日本.txt"), "text\n");
  await writeFile(join(run, "images", `${"long ".repeat(40)}name.tif`), "x".repeat(100_000));
  for (let index = 0; index < 50; index++)
    await writeFile(join(run, "images", `image ${index}.tif`), `${index}`.repeat(1000));
  await lab.file("run42/big.raw", 5_000_000);
  // Folders behind what is in them. The runtimes take times to a quarter of a microsecond.
  const paths = (await readdir(run, { recursive: true })).sort().reverse();
  for (const [index, path] of [...paths, "."].entries()) {
    const time = 1_600_000_000.25 + index;
    await utimes(join(run, path), time, time);
  }
  return run;
}

/** The run as one tar, made by GNU tar. */
async function tarOfRun(lab: Lab, ...options: readonly string[]): Promise<string> {
  const tar = lab.folder.file("files", "run42.tar");
  const made = await runProgram(["tar", ...options, "-cf", tar, "-C", await makeRun(lab), "."]);
  expect(made).toMatchObject({ code: 0, stderr: "" });
  return tar;
}

async function unpacked(lab: Lab, tar: string) {
  return await unpack("GNU tar", tar, lab.folder.file("unpacked"));
}

async function expectSums(lab: Lab, name: string): Promise<void> {
  const command = ["sha256sum", "--strict", "--quiet", "-c", `${name}.sha256`];
  expect(await runProgram(command, { cwd: lab.stored("") })).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "",
  });
}

function ownMember(lab: Lab, name: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(`${lab.stored(name)}.meta.json`, "utf8"))._dync;
}

/** What comes through a pipe; in a file names would be looked through before anything is sent. */
function piped(bytes: Uint8Array): ReadableStream {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

describe.skipIf(missing !== null)(`datasets${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  test.each([["ustar"], ["gnu"], ["pax"]])(
    "a tar becomes the folder that tar makes of it: %s",
    async (format) => {
      // The oldest form has no room for them.
      const excluded = format === "ustar" ? ["--exclude=*μ*", "--exclude=*name.tif"] : [];
      const options = [`--format=${format}`, ...excluded];
      await using lab = await openLab();
      const tar = await tarOfRun(lab, ...options);
      expect(await lab.send(["-q", "--unpack", tar])).toMatchObject({ code: 0, stderr: "" });
      const wanted = await unpacked(lab, tar);
      const stored = await treeIn(lab.stored("run42"));
      expect(stored).toEqual(wanted);
      await expectSums(lab, "run42");
      const files = wanted.filter(({ type }) => type === "file");
      const list = files.map(({ path, content }) => `${content}  ${path}\n`).join("");
      expect(ownMember(lab, "run42")).toMatchObject({
        name: "run42",
        unpack: "tar",
        layout: "plain",
        files: files.length,
        list: sha256(Buffer.from(list)),
        sha256: sha256(readFileSync(tar)),
      });
      expect(await lab.metadata("run42")).toEqual({ sample: "S-17" });
      await expectNothingLeft(lab);
    },
  );

  test("from a pipe, and once more: it is stored already, and nothing is sent", async () => {
    await using lab = await openLab();
    const tar = await tarOfRun(lab);
    for (const said of ["Stored", "Stored already:"]) {
      const stdin = Bun.file(tar);
      const end = await lab.send(["--unpack", "-n", "run42.tar", "-"], { stdin });
      expect(end).toMatchObject({ code: 0, stderr: expect.stringContaining(`${said} "run42"`) });
    }
    expect(await treeIn(lab.stored("run42"))).toEqual(await unpacked(lab, tar));
  });

  test("as a bag, which a checker written from the RFC finds valid", async () => {
    await using lab = await openLab({ server: ["--datasets", "bagit"] });
    const tar = await tarOfRun(lab);
    expect(await lab.send(["-q", "--unpack", tar])).toMatchObject({ code: 0, stderr: "" });
    expect(await treeIn(join(lab.stored("run42"), "data"))).toEqual(await unpacked(lab, tar));
    await expectSums(lab, "run42");
    const checked = await runProgram(["python3", checkBag, lab.stored("run42")]);
    expect(checked).toMatchObject({ code: 0, stdout: "" });
    expect(readFileSync(join(lab.stored("run42"), "bag-info.txt"), "utf8")).toContain("sample: S-17\n");
    for (const list of ["manifest-sha256.txt", "tagmanifest-sha256.txt"]) {
      const command = ["sha256sum", "--strict", "--quiet", "-c", list];
      expect(await runProgram(command, { cwd: lab.stored("run42") })).toMatchObject({ code: 0, stderr: "" });
    }
    expect(ownMember(lab, "run42")).toMatchObject({ layout: "bagit" });
  });

  test("a tar with a name that no bag carries is refused where it becomes one, and else it is not", async () => {
    const names = ["100%.raw", "line%0Aend", "line%0Dend", "%25", "deep %/a", "line\nend", "line\rend"];
    // Refused in every dataset, as the portable rules want it.
    const never = ["line\nend", "line\rend", "blank ", "no-break blank\u00a0"];
    for (const layout of ["bagit", "plain"]) {
      await using lab = await openLab({ server: ["--datasets", layout] });
      for (const name of new Set([...names, ...never])) {
        const stdin = piped(tar(file("run.xml", "<run/>"), file(name), endBlocks));
        const end = await lab.send(["-q", "--unpack", "-n", "run42.tar", "-"], { stdin });
        const isFit = layout === "plain" && !never.includes(name);
        expect({ layout, name, code: end.code }).toEqual({ layout, name, code: isFit ? 0 : 7 });
        expect(existsSync(lab.stored("run42"))).toBe(isFit);
        if (!isFit) expect(end.stderr).toMatch(/error: .*(run42|The path)/);
        for (const it of globSync("alice/run42*", { cwd: lab.data }))
          await rm(join(lab.data, it), { recursive: true });
      }
      await expectNothingLeft(lab);
    }
  });

  test("names in a tar that cannot be stored are all said before anything is sent", async () => {
    await using lab = await openLab({ server: ["--datasets", "bagit"] });
    const run = lab.folder.file("files", "bad");
    for (const name of ["a:b.raw", "aux.txt", "50%.raw", "25%.raw", "fine.raw"]) await lab.file(name, name);
    const pack = async (...names: readonly string[]): Promise<string> => {
      const made = await runProgram(["tar", "-cf", `${run}.tar`, "-C", lab.folder.file("files"), ...names]);
      expect(made).toMatchObject({ code: 0 });
      return `${run}.tar`;
    };
    const tar = await pack("a:b.raw", "fine.raw", "aux.txt");
    const refused = {
      code: 2,
      stderr: `dync: error: "a:b.raw" in "${tar}" cannot be sent: its path contains ":"
dync: error: "aux.txt" in "${tar}" cannot be sent: its path is reserved by Windows
dync: error: 2 members of "${tar}" cannot be sent
dync: hint: rename them and make the tar anew, or leave them out of it; nothing was sent
`,
    };
    expect(await lab.send(["-q", "--unpack", tar])).toMatchObject(refused);
    expect(await lab.send(["--unpack", "--dry-run", tar])).toMatchObject(refused);
    const command = ["sh", "-c", '"$0" "$@" < "$TAR"', lab.programs.dync, "-q", "-k", "a:b"];
    const env = { DYNC_HOME: lab.homes.client, TAR: tar };
    const to = ["--unpack", "-n", "bad.tar", `127.0.0.1:${lab.port}`];
    const redirected = await runProgram([...command, ...to], { env });
    expect(redirected).toMatchObject({
      code: 2,
      stderr: refused.stderr.replaceAll(`"${tar}"`, "the standard input"),
    });
    expect(lab.server.stderr).not.toContain("Upload started");
    const unfit = await lab.send(["-q", "--unpack", await pack("50%.raw", "25%.raw", "fine.raw")]);
    expect(unfit.code).toBe(2);
    expect(unfit.stderr).toContain(
      `"25%.raw" in "${tar}" cannot be in a bag, which the server makes: it contains "%"`,
    );
    expect(unfit.stderr).toContain(`2 members of "${tar}" cannot be sent`);
    expect(lab.published()).toEqual([]);
    expect(await lab.send(["-q", "--unpack", await pack("fine.raw")])).toMatchObject({ code: 0, stderr: "" });
  });

  test("a file and a dataset cannot have one name", async () => {
    await using lab = await openLab();
    const tar = await tarOfRun(lab);
    const file = await lab.file("run42.raw", "a file");
    expect(await lab.send(["-q", "-n", "run42", file])).toMatchObject({ code: 0 });
    expect(await lab.send(["-q", "--unpack", tar])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('There is a file "run42" on the server already'),
    });
    expect(await lab.send(["-q", "--unpack", "-n", "other.tar", tar])).toMatchObject({ code: 0 });
    expect(await lab.send(["-q", "-n", "other", file])).toMatchObject({ code: 7 });
    expect(existsSync(join(lab.stored("other"), "run.xml"))).toBe(true);
  });

  test("hostile tars are refused for good, leave nothing, and the server serves on", async () => {
    await using lab = await openLab();
    const refused = async ({ what, says, bytes }: (typeof hostileTars)[number]): Promise<void> => {
      const stdin = piped(bytes);
      const end = await lab.send(["-q", "--unpack", "-n", "hostile.tar", "-"], { stdin });
      expect({ what, ...end }).toMatchObject({ what, code: 7, stderr: expect.stringMatching(says) });
    };
    for (const hostile of hostileTars) await refused(hostile);
    expect(await lab.serverMemoryMax()).toBeLessThan(250_000_000);
    await expectAftermath(lab, new Map());
  }, 300_000);

  test("more members than are allowed are refused while they come, whatever is announced", async () => {
    await using lab = await openLab({ server: ["--max-files", "1000"] });
    for (const count of [1000, 1001, 50_000]) {
      const stdin = new Blob(Array.from(tarOfMany(count), (piece) => new Uint8Array(piece)));
      const end = await lab.send(["-q", "--unpack", "-n", `many-${count}.tar`, "-"], { stdin });
      const text = "dync: error: The dataset has more than 1000 files and folders, the most that are allowed";
      if (count === 1000) expect(end).toMatchObject({ code: 0, stderr: "" });
      else expect(end).toMatchObject({ code: 7, stderr: expect.stringContaining(text) });
    }
    expect(await lab.serverMemoryMax()).toBeLessThan(250_000_000);
    await expectAftermath(lab, new Map(), async () => {
      expect(readdirSync(lab.stored("")).sort()).toEqual(
        ["", ".meta.json", ".sha256"].map((suffix) => `many-1000${suffix}`),
      );
    });
  });

  test("odd tars that are right become what tar makes of them", async () => {
    await using lab = await openLab();
    for (const [index, { what, bytes, tree }] of oddTars.entries()) {
      const name = `odd-${index}`;
      const end = await lab.send(["-q", "--unpack", "-n", `${name}.tar`, "-"], { stdin: new Blob([bytes]) });
      expect({ what, ...end }).toMatchObject({ what, code: 0, stderr: "" });
      const found: Record<string, string | null> = {};
      for (const { path, type } of await treeIn(lab.stored(name)))
        found[path] = type === "folder" ? null : readFileSync(join(lab.stored(name), path), "utf8");
      expect({ what, tree: found }).toEqual({ what, tree: tree as Record<string, string | null> });
    }
  });
});
