// Folders that are sent as datasets: what arrives, what a second time costs, and what becomes of one in which something changes
// while it is sent. With the compiled programs; what else a server makes of tars is in datasets.test.ts.

import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expectNothingLeft } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { type FaultyProxy, startFaultyProxy } from "../support/faulty-proxy.ts";
import { because } from "../support/foreign-systems.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";
import { tarProgramsMissing, treeIn } from "../support/tar-programs.ts";
import { plant, type Tree } from "../support/trees.ts";

const missing = executablesMissing ?? tarProgramsMissing;
const setprivMissing =
  process.getuid?.() !== 0 || Bun.which("setpriv") === null ? "needs root and setpriv" : null;
const chunk = 64 * 1024;
const stallAfter = 500_000;
const lastBytes = 12_000_000;
const server = ["--chunk", String(chunk), "--window", "8"];

const run: Tree = {
  "run.xml": "<run/>",
  images: {
    ...Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`${at} ü.tif`, noise(at * 1000)])),
    none: {},
  },
  "last.raw": noise(1_500_000),
};

function noise(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(Math.min(length, 65_536))).slice(0, length);
}

/** A lab, a folder to send, and a line that stands still after half a megabyte. */
async function openStage() {
  const lab = await openLab({ server });
  const folder = lab.folder.file("files", "run42");
  plant(folder, run);
  // Large enough that its end is not read yet when the line stands still.
  writeFileSync(join(folder, "last.raw"), new Uint8Array(lastBytes).fill(7));
  utimesSync(join(folder, "last.raw"), 1_700_000_000, 1_700_000_000);
  utimesSync(folder, 1_700_000_000, 1_700_000_000);
  const proxy = await startFaultyProxy({ targetPort: lab.port, faults: { up: { stallAfter } } });
  return {
    lab,
    folder,
    proxy,
    start: () => lab.startDync(["-k", "sample:S-17", "--dataset", `127.0.0.1:${proxy.port}`, folder]),
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
    },
  };
}

async function stalled(proxy: FaultyProxy): Promise<void> {
  // The piece that is too much waits as a whole, and what is behind it.
  while (proxy.counters.arrived.up <= stallAfter) await Bun.sleep(5);
}

async function expectSame(lab: Lab, folder: string, name = "run42"): Promise<void> {
  expect(await treeIn(lab.stored(name))).toEqual(await treeIn(folder));
  await expectNothingLeft(lab);
}

describe.skipIf(missing !== null)(`folders${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  test("arrives whole under its own name, also from within, and under another", async () => {
    await using lab = await openLab({ server });
    const folder = lab.folder.file("files", "run42");
    plant(folder, run);
    chmodSync(join(folder, "run.xml"), 0o755);
    for (const [args, cwd, name] of [
      [["--dataset", "."], folder, "run42"],
      [["--dataset", "-n", "other", `${folder}/`], "/", "other"],
      [["--dataset", "-n", "third.tar", folder], "/", "third"],
    ] as const) {
      const end = await lab.send(["-q", ...args], { cwd });
      expect({ ...end, cpuSeconds: 0 }).toMatchObject({ code: 0, stderr: "" });
      await expectSame(lab, folder, name);
      expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
    }
  });

  test("sent again is compared and not sent, also when a file was touched; what differs is said", async () => {
    await using lab = await openLab({ server });
    const folder = lab.folder.file("files", "run42");
    plant(folder, run);
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    const send = (...args: readonly string[]) =>
      lab.dync(["-k", "sample:S-17", ...args, "--dataset", `127.0.0.1:${proxy.port}`, folder]);
    expect(await send()).toMatchObject({ code: 0 });
    const sent = proxy.counters.arrived.up;
    utimesSync(join(folder, "last.raw"), 1, 1);
    const again = await send();
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("Stored already: ") });
    expect(proxy.counters.arrived.up - sent).toBeLessThan(20_000);
    expect(await send("-k", "operator:Meyer")).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("with the same content and other metadata"),
    });
    writeFileSync(join(folder, "run.xml"), "<RUN/>");
    expect(await send()).toMatchObject({ code: 7, stderr: expect.stringContaining("with other files") });
    await expectNothingLeft(lab);
  });

  describe("in which something changes while it is sent", () => {
    const last = (folder: string): string => join(folder, "last.raw");
    test.each<[string, (folder: string) => void, string]>([
      [
        "a file that grows",
        (folder) => writeFileSync(last(folder), "x", { flag: "a" }),
        `it had ${lastBytes} bytes and has ${lastBytes + 1} now`,
      ],
      [
        "a file that was sent",
        (folder) => writeFileSync(join(folder, "images", "3 ü.tif"), noise(3000)),
        "it was written to",
      ],
      ["a file that vanishes", (folder) => rmSync(last(folder)), "it is not there any more"],
      [
        "a file that is moved",
        (folder) => renameSync(last(folder), join(folder, "first.raw")),
        "it is not there any more",
      ],
      [
        "a folder that vanishes",
        (folder) => rmSync(join(folder, "images"), { recursive: true }),
        "it is not there any more",
      ],
    ])(
      "ends with status 4 and its path, nothing is published and nothing kept: %s",
      async (_, change, what) => {
        await using stage = await openStage();
        await using client = stage.start();
        await stalled(stage.proxy);
        change(stage.folder);
        stage.proxy.faults = {};
        const { code, stderr } = await client.ended(60_000);
        expect({ code, stderr }).toEqual({
          code: 4,
          stderr: expect.stringMatching(
            new RegExp(`error: ".*run42/.*" changed while it was sent: ${what}\n`),
          ),
        });
        expect(existsSync(stage.lab.stored("run42"))).toBe(false);
        await expectNothingLeft(stage.lab);
      },
    );

    test("but for files that come: it is published as it was listed, with a warning", async () => {
      await using stage = await openStage();
      await using client = stage.start();
      await stalled(stage.proxy);
      const before = await treeIn(stage.folder);
      writeFileSync(join(stage.folder, "new.raw"), "late");
      stage.proxy.faults = {};
      const { code, stderr } = await client.ended(60_000);
      expect({ code, stderr }).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("warning: 1 file that came into"),
      });
      expect(await treeIn(stage.lab.stored("run42"))).toEqual(before);
      await expectNothingLeft(stage.lab);
    });
  });

  test("that was interrupted is listed, and resumes where it stopped though junk came into it", async () => {
    await using stage = await openStage();
    const { lab, folder, proxy } = stage;
    await using client = stage.start();
    await stalled(proxy);
    client.child.kill("SIGINT");
    expect(await client.ended(30_000)).toMatchObject({ signal: "SIGINT" });
    const tree = await treeIn(folder);
    writeFileSync(join(folder, "images", ".DS_Store"), "junk");
    expect(await lab.dync(["uploads"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`  .* of 12 MiB  "${folder}" to 127`)),
    });
    proxy.faults = {};
    const sent = proxy.counters.arrived.up;
    expect(await lab.dync(["resume"])).toMatchObject({ code: 0 });
    expect(proxy.counters.arrived.up - sent).toBeLessThan(lastBytes + 1_000_000 - stallAfter / 2);
    rmSync(join(folder, "images", ".DS_Store"));
    expect(
      (await treeIn(lab.stored("run42"))).map(({ modified, ...it }) =>
        it.path === "images" ? it : { ...it, modified },
      ),
    ).toEqual(tree.map(({ modified, ...it }) => (it.path === "images" ? it : { ...it, modified })));
    const times = (all: typeof tree) => all.find(({ path }) => path === "images")?.modified;
    expect(times(await treeIn(lab.stored("run42")))).toBe(times(tree)!);
    await expectNothingLeft(lab);
  });

  test("that was killed, and in which a file changed since, is sent anew, which is said", async () => {
    await using stage = await openStage();
    const { lab, folder, proxy } = stage;
    {
      await using client = stage.start();
      await stalled(proxy);
      await client.kill();
    }
    await appendFile(join(folder, "images", "5 ü.tif"), "more");
    utimesSync(join(folder, "images", "5 ü.tif"), 1_700_000_000, 1_700_000_000);
    utimesSync(join(folder, "images"), 1_700_000_000, 1_700_000_000);
    proxy.faults = {};
    await using second = stage.start();
    expect(await second.ended(60_000)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /The folder is not the same as when its upload was begun at .*: starting anew\n/,
      ),
    });
    await expectSame(lab, folder);
  });

  test("with names that no bag carries is refused before its first byte, where bags are made", async () => {
    await using lab = await openLab({ server: [...server, "--datasets", "bagit"] });
    const folder = lab.folder.file("files", "run42");
    const names = ["50 %.raw", "line%0Aend", "line%0Dend", "100%", "%25", "a%20b", "deep %"];
    plant(folder, { ...run, ...Object.fromEntries(names.map((name) => [name, "x"])) });
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    const end = await lab.dync(["-k", "sample:S-17", "--dataset", `127.0.0.1:${proxy.port}`, folder]);
    expect(end).toMatchObject({ code: 2, stdout: "" });
    for (const name of names)
      expect(end.stderr).toContain(
        `"${join(folder, name)}" cannot be in a bag, which the server makes: it contains "%"`,
      );
    expect(end.stderr).toContain(`error: ${names.length} names in "${folder}" cannot be sent\n`);
    expect(proxy.counters.arrived.up).toBeLessThan(20_000);
    expect(existsSync(lab.stored("run42"))).toBe(false);
    await expectNothingLeft(lab);
    const { code } = await lab.send(["-q", "--dataset", "--exclude", "*%*", folder]);
    expect(code).toBe(0);
    expect(await readFile(join(lab.stored("run42"), "data", "run.xml"), "utf8")).toBe("<run/>");
  });

  test("with names that neither a bag nor any other dataset carries is refused before it asks the server", async () => {
    await using lab = await openLab({ server: [...server, "--datasets", "bagit"] });
    const folder = lab.folder.file("files", "run42");
    const names = [
      "line\nend",
      "line\rend",
      "blank ",
      "no-break blank\u00a0",
      "\u2028separated",
      "\tindented",
    ];
    plant(folder, { ...run, ...Object.fromEntries(names.map((name) => [name, "x"])) });
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    const end = await lab.dync(["-k", "sample:S-17", "--dataset", `127.0.0.1:${proxy.port}`, folder]);
    expect(end).toMatchObject({ code: 2, stdout: "" });
    expect(end.stderr).toContain(`error: ${names.length} names in "${folder}" cannot be sent\n`);
    expect(proxy.counters.arrived.up).toBe(0);
    await expectNothingLeft(lab);
  });

  test("several, of which one was sent in part and one not at all when all was killed: resume sends the rest", async () => {
    await using stage = await openStage();
    const { lab, folder, proxy } = stage;
    const other = lab.folder.file("files", "other");
    plant(other, { "a.raw": "a", "left-out.log": "log", deep: { "b.raw": "b" } });
    {
      const to = ["--jobs", "1", "--dataset", "--exclude", "*.log", `127.0.0.1:${proxy.port}`];
      await using client = lab.startDync(["-k", "sample:S-17", ...to, folder, other]);
      await stalled(proxy);
      await client.kill();
    }
    proxy.faults = {};
    const sent = proxy.counters.arrived.up;
    expect(await lab.dync(["-q", "resume"])).toMatchObject({ code: 0, stderr: "" });
    expect(proxy.counters.arrived.up - sent).toBeLessThan(lastBytes + 1_000_000 - stallAfter / 2);
    rmSync(join(other, "left-out.log"));
    expect(await treeIn(lab.stored("run42"))).toEqual(await treeIn(folder));
    expect(await treeIn(lab.stored("other"))).toEqual(await treeIn(other));
    await expectNothingLeft(lab);
  });

  test.skipIf(setprivMissing !== null)(
    `with what may not be read is an error before its first byte, and one of a file each with -r${because(setprivMissing)}`,
    async () => {
      await using lab = await openLab({ server });
      const folder = lab.folder.file("files", "run42");
      plant(folder, { "a.raw": "a", closed: { "b.raw": "b" }, open: { "c.raw": "c" } });
      for (const name of ["a.raw", "closed"]) chmodSync(join(folder, name), 0);
      // Root without the right to read all.
      const limited = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", lab.programs.dync];
      const send = (...args: readonly string[]) =>
        runProgram([...limited, "-q", "-k", "sample:S-17", ...args, `127.0.0.1:${lab.port}`, folder], {
          env: { DYNC_HOME: lab.homes.client },
        });
      const lines = ["a.raw", "closed"].map((name) => {
        return `dync: error: Cannot read "${join(folder, name)}": permission denied\n`;
      });
      const whole = await send("--dataset");
      expect(whole.code).toBe(4);
      expect(whole.stderr).toStartWith(
        `${lines.join("")}dync: error: 2 paths in "${folder}" cannot be read\n`,
      );
      expect(existsSync(lab.stored(""))).toBe(false);
      const each = await send("-r");
      expect(each.code).toBe(3);
      for (const line of lines) expect(each.stderr).toContain(line);
      await lab.expectStored(join(folder, "open", "c.raw"));
    },
  );

  test("several at once, one of which cannot be sent: the others are", async () => {
    await using lab = await openLab({ server });
    const folders = ["one", "two", "three"].map((name) => lab.folder.file("files", name));
    for (const [at, folder] of folders.entries()) plant(folder, { [at === 1 ? "a:b" : "a.raw"]: "a" });
    const end = await lab.send(["-q", "--dataset", ...folders]);
    expect(end.code).toBe(3);
    expect(end.stderr).toContain(`"${join(folders[1]!, "a:b")}" cannot be sent: its path contains ":"`);
    await expectTrees(lab, ["one", "three"]);
    renameSync(join(folders[1]!, "a:b"), join(folders[1]!, "a.raw"));
    expect(await lab.send(["-q", "--dataset", ...folders])).toMatchObject({ code: 0, stderr: "" });
    await expectTrees(lab, ["one", "two", "three"]);
  });
});

async function expectTrees(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of names)
    expect(await treeIn(lab.stored(name))).toEqual(await treeIn(lab.folder.file("files", name)));
  expect(
    readdirSync(lab.stored(""))
      .filter((name) => !name.includes("."))
      .sort(),
  ).toEqual([...names].sort());
}
