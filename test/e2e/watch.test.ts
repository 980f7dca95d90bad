// A watched folder, on the compiled programs: what is complete is sent once, what is not waits and says why.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { appendFile, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, type Program, type ProgramEnd } from "../support/programs.ts";

let lab: Lab;
let folder: string;

/** A command on the watched folder. */
function line(...options: readonly string[]): readonly string[] {
  const settle = options.some((it) => it.startsWith("--settle")) ? [] : ["--settle", "1s"];
  return ["watch", ...settle, "-k", "sample:S-17", ...options, `127.0.0.1:${lab.port}`, folder];
}

async function once(...options: readonly string[]): Promise<ProgramEnd> {
  return await lab.dync(line("--once", ...options));
}

async function makeRun(name: string, files = 3): Promise<string> {
  const run = join(folder, name);
  await mkdir(join(run, "images"), { recursive: true });
  for (let at = 0; at < files; at++)
    await writeFile(join(run, "images", `${at}.tif`), `image ${at}`.repeat(1000));
  await writeFile(join(run, "run.xml"), "<run/>");
  return run;
}

/** The lines about an entry. */
function entryLines(
  end: Pick<ProgramEnd, "stdout">,
  path: string,
): readonly Readonly<Record<string, unknown>>[] {
  return jsonLines(end.stdout).filter((it) => it.type === "entry" && it.path === path);
}

/** Resolves when the watcher has said that it has sent the entry. */
async function sent(program: Program, path: string): Promise<void> {
  await program.line(new RegExp(`"path":"${path}".*"state":"sent"`), 60_000);
}

describe.skipIf(executablesMissing !== null)(`a watched folder (${executablesMissing ?? "compiled"})`, () => {
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", "watched");
    await mkdir(folder);
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  test("0: --once sends files and folders that are quiet, and nothing the second time", async () => {
    await writeFile(join(folder, "a.raw"), "a".repeat(10_000));
    await makeRun("run42");
    const end = await once();
    expect(end).toMatchObject({ code: 0 });
    expect(end.stderr).toMatch(/^Stored "a.raw": /m);
    expect(end.stderr).toMatch(/^Stored "run42": /m);
    await lab.expectStored(join(folder, "a.raw"));
    expect(await readFile(join(lab.stored("run42"), "images", "2.tif"), "utf8")).toStartWith("image 2");
    expect(await lab.metadata("run42")).toEqual({ sample: "S-17" });
    const again = await once("--json");
    expect(again).toMatchObject({ code: 0, stderr: "" });
    const [summary, another] = jsonLines(again.stdout);
    expect(another).toBeUndefined();
    expect(summary).toMatchObject({ entries: 2, waiting: 0, stored: 0, already: 0 });
  });

  test("the endless loop sends a file when it is quiet, and forgets nothing when it is killed", async () => {
    {
      await using watcher = lab.startDync(line("--json", "--unit", "file"));
      await makeRun("no-unit");
      await writeFile(join(folder, "a.raw"), "a");
      await sent(watcher, "a.raw");
      await writeFile(join(folder, "b.raw"), "b");
      await sent(watcher, "b.raw");
      watcher.signal("SIGKILL");
      await watcher.ended();
    }
    await writeFile(join(folder, "c.raw"), "c");
    await using watcher = lab.startDync(line("--json", "--unit", "file"));
    await sent(watcher, "c.raw");
    watcher.signal("SIGTERM");
    const end = await watcher.ended();
    const paths = jsonLines(end.stdout).filter(({ state }) => state === "sent");
    expect(paths.map(({ path, already }) => [path, already])).toEqual([["c.raw", false]]);
    for (const name of ["a.raw", "b.raw", "c.raw"]) await lab.expectStored(join(folder, name));
    expect(existsSync(lab.stored("no-unit"))).toBe(false);
  });

  test("what changes while it is looked at waits, and goes when it is quiet", async () => {
    const path = join(folder, "slow.raw");
    await writeFile(path, "begin ");
    await using watcher = lab.startDync(line("--json", "--settle=4s"));
    await watcher.line(/"path":"slow.raw".*"reason":"settling"/, 60_000);
    await appendFile(path, "more ");
    await watcher.line(/"path":"slow.raw".*"reason":"changing"/, 60_000);
    await appendFile(path, "end");
    await sent(watcher, "slow.raw");
    expect(await readFile(lab.stored("slow.raw"), "utf8")).toBe("begin more end");
  });

  test.skipIf(process.platform !== "linux")("what a program has open for writing waits", async () => {
    const path = join(folder, "open.raw");
    const handle = await open(path, "w");
    await handle.write("half");
    const end = await once("--json");
    expect(entryLines(end, "open.raw").at(-1)).toMatchObject({ reason: "open-for-writing" });
    lab.expectNothingStored("open.raw");
    await handle.write("whole");
    await handle.close();
    expect(await once()).toMatchObject({ code: 0 });
    await lab.expectStored(path);
  });

  test("metadata come from the file beside, from the path and from the options, in this order", async () => {
    await mkdir(join(folder, "P1", "S1"), { recursive: true });
    const [first, second] = ["one.raw", "two.raw"].map((name) => join(folder, "P1", "S1", name));
    await writeFile(first as string, "1");
    await writeFile(second as string, "2");
    await writeFile(`${second}.meta.json`, '{"sample": "own", "n": 1.50}');
    const form = ["--path-metadata", "{project}/{sample}/*", "--depth", "3", "--unit", "file"];
    expect(await once(...form)).toMatchObject({ code: 0 });
    expect(await lab.metadata("one.raw")).toEqual({ project: "P1", sample: "S1" });
    expect(await lab.metadata("two.raw")).toEqual({ project: "P1", sample: "own", n: 1.5 });
    expect(existsSync(lab.stored("two.raw.meta.json.meta.json"))).toBe(false);
  });

  test("what has no metadata waits for them, and is sent when they are there", async () => {
    const path = join(folder, "a.raw");
    await writeFile(path, "a");
    const bare = ["watch", "--settle", "1s", "--json", `127.0.0.1:${lab.port}`, folder];
    await using watcher = lab.startDync(bare);
    await watcher.line(/"path":"a.raw".*"reason":"metadata-missing"/, 60_000);
    await writeFile(`${path}.meta.json`, '{"sample": ');
    await watcher.line(/"path":"a.raw".*"reason":"metadata-faulty"/, 60_000);
    await writeFile(`${path}.meta.json`, '{"sample": "late"}');
    await sent(watcher, "a.raw");
    expect(await lab.metadata("a.raw")).toEqual({ sample: "late" });
  });

  test("3: what the server refuses is named, and asked for again when it is another", async () => {
    await lab.send(["-q", await lab.file("a.raw", "there already")]);
    const path = join(folder, "a.raw");
    await writeFile(path, "something else");
    const end = await once("--json");
    expect(end).toMatchObject({ code: 3 });
    expect(entryLines(end, "a.raw").at(-1)).toMatchObject({ state: "waiting", reason: "refused" });
    await rm(path);
    await writeFile(path, "there already");
    expect(await once("--json")).toMatchObject({ code: 0 });
  });

  test("a second watcher of a folder is told so, and --explain works beside the first", async () => {
    await writeFile(join(folder, "empty.raw"), "");
    await writeFile(join(folder, "sent.raw"), "sent");
    await using watcher = lab.startDync(line("--json"));
    await sent(watcher, "sent.raw");
    expect(await once()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`dync: error: Another dync watches "${folder}" already`),
    });
    const end = await lab.dync(line("--explain"));
    expect(end).toMatchObject({ code: 0, stdout: "empty.raw: empty: There is nothing in it\n" });
    expect(end.stderr).toContain("2 entries: 1 sent, 1 not");
  });

  test("a folder that goes away, and comes back empty and then whole, takes nothing along, and is named", async () => {
    await makeRun("run1");
    {
      await using watcher = lab.startDync(line());
      await watcher.line(/Stored "run1"/, 60_000);
      await rename(folder, `${folder}.away`);
      await watcher.line(
        /cannot be watched just now: .*nothing in it is taken for deleted or complete/,
        60_000,
      );
      await rename(`${folder}.away`, folder);
      await watcher.line(/" is there again/, 60_000);
    }
    await makeRun("run0");
    await using watcher = lab.startDync(line("--json"));
    await sent(watcher, "run0");
    await rename(folder, `${folder}.away`);
    await watcher.line(/"type":"watched".*"isThere":false/, 60_000);
    await mkdir(folder);
    await watcher.line(/"isThere":false.*(drive|empty)/, 60_000);
    await rm(folder, { recursive: true });
    await rename(`${folder}.away`, folder);
    await watcher.line(/"type":"watched".*"isThere":true/, 60_000);
    await makeRun("run2");
    await sent(watcher, "run2");
    watcher.signal("SIGTERM");
    const states = jsonLines((await watcher.ended()).stdout).filter(({ state }) => state === "sent");
    expect(states.map(({ path }) => path)).toEqual(["run0", "run2"]);
  });

  test("a run that grows after it was sent is said, and the server's rule decides", async () => {
    const run = await makeRun("run1");
    expect(await once()).toMatchObject({ code: 0 });
    await writeFile(join(run, "late.txt"), "late");
    const end = await once("--json");
    expect(end).toMatchObject({ code: 3 });
    const lines = entryLines(end, "run1");
    expect(lines[0]).toMatchObject({ reason: "settling", detail: "It was sent, and has changed since" });
    expect(lines.at(-1)).toMatchObject({ reason: "refused" });
    expect(existsSync(join(lab.stored("run1"), "late.txt"))).toBe(false);
    const said = await once();
    expect(said.stderr).toContain(
      '"run1" was sent, and has changed since: it is sent again when it is quiet\n',
    );
    expect(said.stderr).toMatch(/"run1" waits \(refused\): /);
  });

  test("5: a server that is away ends --once, and nothing is lost", async () => {
    await writeFile(join(folder, "a.raw"), "a");
    lab.server.signal("SIGTERM");
    await lab.server.ended();
    expect(await once("--retry-for", "1s")).toMatchObject({ code: 5 });
    const end = await lab.dync(line("--once"), { env: { DYNC_RETRY_FOR: "1s" } }, 60_000);
    expect(end).toMatchObject({ code: 5 });
    await lab.start();
    expect(await once()).toMatchObject({ code: 0 });
    await lab.expectStored(join(folder, "a.raw"));
  });
});
