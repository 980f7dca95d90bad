// What becomes of a watched entry after it was sent, on the compiled programs: it goes only when the server has it.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, type ProgramEnd } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

let lab: Lab;
let folder: string;

async function once(...options: readonly string[]): Promise<ProgramEnd> {
  const to = [`127.0.0.1:${lab.port}`, folder];
  return await lab.dync(["watch", "--once", "--settle", "1s", "-k", "sample:S-17", ...options, ...to]);
}

async function makeEntries(): Promise<void> {
  await writeFile(join(folder, "a.raw"), "content");
  await mkdir(join(folder, "run", "sub"), { recursive: true });
  await writeFile(join(folder, "run", "sub", "b.raw"), "bb");
}

/** Resolves when something in the folder is gone. */
async function fewerThan(path: string, count: number): Promise<void> {
  while ((await readdir(path)).length >= count) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** The last line about an entry. */
function lastOf(end: ProgramEnd, path: string): Readonly<Record<string, unknown>> | undefined {
  return jsonLines(end.stdout).findLast((it) => it.type === "entry" && it.path === path);
}

/** Resolves to `false` when so many entries were moved to `to`. */
async function movedAtLeast(to: string, count: number): Promise<false> {
  for (;;) {
    const there = await readdir(to).catch(() => []);
    if (there.length >= count) return false;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

describe.skipIf(executablesMissing !== null)(
  `after an entry was sent (${executablesMissing ?? "compiled"})`,
  () => {
    beforeEach(async () => {
      lab = await openLab({ inMemory: true });
      folder = lab.folder.file("files", "watched");
      await mkdir(folder);
      await makeEntries();
    });
    afterEach(async () => await lab[Symbol.asyncDispose]());

    test("it is deleted with --after delete when --keep-for has passed, and is on the server", async () => {
      expect(await once("--after", "delete", "--keep-for", "1h")).toMatchObject({ code: 0 });
      expect((await readdir(folder)).sort()).toEqual(["a.raw", "run"]);
      const end = await once("--after", "delete", "--keep-for", "0", "--json");
      expect(end.code).toBe(0);
      expect(jsonLines(end.stdout).filter(({ type }) => type === "entry")).toMatchObject([
        { path: "a.raw", kind: "file", state: "deleted", files: 1, bytes: 7 },
        { path: "run", kind: "folder", state: "deleted", files: 1, bytes: 2 },
      ]);
      expect(await readdir(folder)).toEqual([]);
      expect(await readFile(join(lab.stored("run"), "sub", "b.raw"), "utf8")).toBe("bb");
      expect(await once("--after", "delete", "--keep-for", "0")).toMatchObject({ code: 0 });
    });

    test("it stays when what the server has is damaged, and a line says so", async () => {
      await once();
      const stored = join(lab.stored("run"), "sub", "b.raw");
      await chmod(stored, 0o600);
      await writeFile(stored, "xx");
      const end = await once("--after", "delete", "--keep-for", "0");
      expect(end.code).toBe(0);
      expect(end.stderr).toContain('"run" stays here: The server does not prove it');
      expect(await readdir(folder)).toEqual(["run"]);
    });

    test("it is moved with --after move=DIR, with its path, also to another volume", async () => {
      await using archive = await tempFolder(tmpdir());
      const to = archive.file("runs");
      expect(await once("--after", `move=${to}`, "--keep-for", "0")).toMatchObject({ code: 0 });
      expect(await readdir(folder)).toEqual([]);
      expect((await readdir(to, { recursive: true })).sort()).toEqual([
        "a.raw",
        "run",
        "run/sub",
        "run/sub/b.raw",
      ]);
      expect(await readFile(join(to, "run", "sub", "b.raw"), "utf8")).toBe("bb");
      // Where the machine has such a one.
      if (existsSync("/dev/shm")) expect((await stat(folder)).dev).not.toBe((await stat(to)).dev);
    });

    test.each(["delete", "move"])(
      "with --after %s the file of its metadata goes along, if the server has what it says",
      async (how) => {
        const to = lab.folder.file("archive");
        await writeFile(join(folder, "a.raw.meta.json"), '{"sample": "own"}');
        await writeFile(join(folder, "run.meta.json"), '{"n": 1}');
        await writeFile(join(folder, "b.raw"), "b");
        await writeFile(join(folder, "b.raw.meta.json"), '{"n": 2}');
        expect(await once()).toMatchObject({ code: 0 });
        await writeFile(join(folder, "b.raw.meta.json"), '{"n": 3}');
        const end = await once("--after", how === "delete" ? how : `move=${to}`, "--keep-for", "0");
        expect(await readdir(folder)).toEqual(["b.raw.meta.json"]);
        expect(end.stderr).toContain(
          '"b.raw.meta.json" stays here: The server has other metadata than it says now',
        );
        if (how === "move")
          expect((await readdir(to)).sort()).toEqual([
            "a.raw",
            "a.raw.meta.json",
            "b.raw",
            "run",
            "run.meta.json",
          ]);
      },
    );

    test("killed in whatever moment, each file is here, there or on the server, and whole", async () => {
      const files = Array.from({ length: 100 }, (_, at) => `${at}.raw`);
      const to = lab.folder.file("archive");
      for (const path of files) {
        await writeFile(join(folder, path), `content of ${path}`);
        await writeFile(join(folder, "run", path), `member ${path}`);
      }
      expect(await once()).toMatchObject({ code: 0 });
      const all = [
        ...files.map((path) => [path, `content of ${path}`]),
        ...files.map((path) => [`run/${path}`, `member ${path}`]),
      ];
      for (let kills = 0, after = 3; ; kills++, after += 20) {
        const command = [
          "watch",
          "--once",
          "--json",
          "--settle",
          "1s",
          "-k",
          "sample:S-17",
          "--after",
          `move=${to}`,
        ];
        await using program = lab.startDync([...command, "--keep-for", "0", `127.0.0.1:${lab.port}`, folder]);
        const ended = program.ended(120_000);
        const isOver = await Promise.race([ended.then(() => true), movedAtLeast(to, after)]);
        if (!isOver) program.signal("SIGKILL");
        await ended;
        for (const [path = "", content] of all) {
          const places = [join(folder, path), join(to, path)].filter((it) => existsSync(it));
          expect(places.length).toBeGreaterThan(0);
          for (const place of places) expect(await readFile(place, "utf8")).toBe(content as string);
          expect(await readFile(lab.stored(path), "utf8")).toBe(content as string);
        }
        if (isOver) {
          expect(kills).toBeGreaterThan(1);
          break;
        }
      }
      // All went in the end, the run that was cut in two as well.
      expect(await readdir(folder)).toEqual([]);
      expect(await readdir(join(to, "run", "sub"))).toEqual(["b.raw"]);
    });

    test("what is left of a run after a crash is no new run, and goes when the server proves it once more", async () => {
      const run = join(folder, "run");
      for (let at = 0; at < 400; at++) await writeFile(join(run, `${at}.raw`), `member ${at}`);
      expect(await once()).toMatchObject({ code: 0 });
      const stored = (await readdir(lab.stored("run"))).length;
      // One command is cut, and then the other one.
      for (const command of ["watch", "free"]) {
        const here = (await readdir(run)).length;
        const words =
          command === "watch"
            ? [
                "watch",
                "--once",
                "--settle",
                "1s",
                "-k",
                "sample:S-17",
                "--after",
                "delete",
                "--keep-for",
                "0",
              ]
            : ["free", "--delete"];
        await using program = lab.startDync([...words, `127.0.0.1:${lab.port}`, folder]);
        await fewerThan(run, here);
        program.signal("SIGKILL");
        await program.ended();
        const left = (await readdir(run)).length;
        expect([left > 0, left < here]).toEqual([true, true]);
        const end = await once("--json");
        expect([end.code, lastOf(end, "run")]).toMatchObject([
          0,
          { state: "waiting", reason: "taken-in-part" },
        ]);
      }
      await writeFile(join(run, "late.raw"), "late");
      const end = await lab.dync(["free", "--delete", `127.0.0.1:${lab.port}`, folder]);
      expect(end.code).toBe(0);
      expect(await readdir(run)).toEqual(["late.raw"]);
      expect((await readdir(lab.stored("run"))).length).toBe(stored);
      // What came since is another run now.
      expect(lastOf(await once("--json"), "run")).toMatchObject({ reason: "refused" });
    });

    test("what is left is not taken where the server does not prove it any more", async () => {
      const run = join(folder, "run");
      for (let at = 0; at < 400; at++) await writeFile(join(run, `${at}.raw`), `member ${at}`);
      expect(await once()).toMatchObject({ code: 0 });
      await using program = lab.startDync(["free", "--delete", `127.0.0.1:${lab.port}`, folder]);
      await fewerThan(run, 401);
      program.signal("SIGKILL");
      await program.ended();
      const left = await readdir(run);
      const damaged = join(lab.stored("run"), "sub", "b.raw");
      await chmod(damaged, 0o600);
      await writeFile(damaged, "xx");
      await once("--after", "delete", "--keep-for", "0");
      expect(await readdir(run)).toEqual(left);
    });

    test("2: what is said wrong is named before anything is sent", async () => {
      expect((await once("--after", "burn")).stderr).toContain(
        'needs "keep", "move=DIR" or "delete", found "burn"',
      );
      expect((await once("--keep-for", "3d")).stderr).toContain("is given, and all is kept");
      expect((await once("--after", "delete", "--keep-for", "soon")).stderr).toContain("--keep-for");
      const inside = await once("--after", `move=${join(folder, "done")}`);
      expect(inside).toMatchObject({ code: 2 });
      expect(inside.stderr).toContain("is in the watched folder");
      expect(lab.published()).toEqual([]);
    });
  },
);
