// Where a steward's rules have files go, on the compiled programs: what is there afterwards, and what is found again when the
// catalogue is lost.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

const rules = `
[[rules]]
name = "ms"
files = ["*.raw"]
path = "ms/{date:%Y}/{meta.project}/{stem}{ext}"
names = "posix"

[[rules]]
name = "notes"
files = ["*.txt"]
existing = "number"

[[rules]]
name = "openbis"
files = ["*.mzml"]
path = "dropbox/{name}"
mode = "0640"
sidecars = ["sha256", "meta.json", "marker"]

[[rules]]
name = "runs"
datasets = true
path = "runs/{meta.project}/{name}"
layout = "bagit"
`;

describe.skipIf(executablesMissing !== null)(`places (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  const year = String(new Date().getFullYear());
  const to = () => `127.0.0.1:${lab.port}`;
  const data = (...path: readonly string[]) => join(lab.data, ...path);
  const server = async (...args: readonly string[]) => await lab.dyncServer(args);

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    expect(await lab.configure(rules)).toMatchObject({
      code: 0,
      stdout: "rules: none -> ms, notes, openbis, runs\n",
    });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("a path is made of date and metadata, and no value leads out of it", async () => {
    const path = await lab.file("12:00 first.raw", 1000);
    expect(await lab.dync(["-q", "-k", "project:P1", to(), path])).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(data("ms", year, "P1")).sort()).toEqual(
      ["", ".meta.json", ".sha256"].map((it) => `12:00 first.raw${it}`).sort(),
    );
    const climbing = await lab.file("b.raw", 10);
    expect(await lab.dync(["-q", "-k", "project:../../../tmp", to(), climbing])).toMatchObject({ code: 0 });
    expect(readdirSync(data("ms", year)).sort()).toEqual(["P1", "_.._.._tmp"]);
    const homeless = await lab.dync(["-k", "sample:1", to(), climbing]);
    expect(homeless).toMatchObject({ code: 6 });
    expect(homeless.stderr).toContain('Where it goes depends on the metadata: "project" has to be there');
    // Names that Linux alone can store are what one rule says, not all.
    const note = await lab.file("12:00.txt", 10);
    expect((await lab.send([note])).stderr).toContain('contains ":"');
  });

  test("what is sent again is the same file where it lies, or gets a number where the rule says so", async () => {
    const path = join(lab.folder.file("files"), "12:00 first.raw");
    const again = await lab.dync(["-k", "project:P1", to(), path]);
    expect(again.code).toBe(0);
    expect(again.stderr + again.stdout).toContain("already");
    const note = await lab.file("note.txt", 10);
    for (let count = 0; count < 3; count++) expect((await lab.send(["-q", note])).code).toBe(0);
    const names = readdirSync(data("alice")).filter((it) => it.endsWith(".txt"));
    expect(names.sort()).toEqual(["note-2.txt", "note-3.txt", "note.txt"]);
    expect(readFileSync(data("alice", "note-2.txt.sha256"), "utf8")).toContain("  note-2.txt\n");
  });

  test("a dataset is what its rule says, and nothing is put into it", async () => {
    const run = lab.folder.file("files", "run42");
    mkdirSync(run);
    await lab.file("run42/fid", 10);
    expect(await lab.dync(["send", "-q", "--dataset", "-k", "project:P2", to(), run])).toMatchObject({
      code: 0,
    });
    expect(readdirSync(data("runs", "P2", "run42")).sort()).toContain("bagit.txt");
    const into = 'name = "into"\nfiles = ["*.into"]\npath = "runs/P2/run42/{name}"';
    expect(await lab.configure(`${rules}\n[[rules]]\n${into}\n`)).toMatchObject({ code: 0 });
    const { code, stderr } = await lab.send([await lab.file("a.into", 10)]);
    expect(code).toBe(7);
    expect(stderr).toContain(
      '"runs/P2/run42" on the server is a file or a dataset: nothing can be put into it',
    );
    expect(readdirSync(data("runs", "P2", "run42"))).not.toContain("a.into");
  });

  test("a lost catalogue is made anew with all of it", async () => {
    await lab.server.stop();
    const state = data(".dync");
    for (const name of readdirSync(state).filter((it) => it.startsWith("catalogue")))
      rmSync(join(state, name));
    await lab.start();
    expect(statSync(join(state, "catalogue.sqlite")).size).toBeGreaterThan(0);
    const path = join(lab.folder.file("files"), "12:00 first.raw");
    const again = await lab.dync(["-k", "project:P1", to(), path]);
    expect(again.code).toBe(0);
    const asked = await lab.dync(["check", "-k", "project:P1", to(), path]);
    expect(asked.code).toBe(0);
  });

  test("a dropbox gets its marker, and files the permissions that its rule wants", async () => {
    const path = await lab.file("a.mzml", 100);
    expect((await lab.send(["-q", path])).code).toBe(0);
    const names = [".MARKER_is_finished_a.mzml", "a.mzml", "a.mzml.meta.json", "a.mzml.sha256"];
    expect(readdirSync(data("dropbox")).sort()).toEqual(names);
    for (const name of names) expect(statSync(data("dropbox", name)).mode & 0o777).toBe(0o640);
    writeFileSync(join(lab.homes.server, "wrong.toml"), '[[rules]]\nname = "a"\ngroup = "no-such-group"\n');
    const wrong = await server("config", "check", "--config", join(lab.homes.server, "wrong.toml"));
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(
      'wrong.toml:3: rules[1].group: needs a group of this system, found "no-such-group"',
    );
  });

  test("rules test says where it would go", async () => {
    const ask = (...args: readonly string[]) => server("rules", "test", "--user", "alice", ...args);
    expect((await ask("--name", "x.raw", "-k", "project:P9")).stdout).toBe(
      `Taken by the rule "ms", stored as "ms/${year}/P9/x.raw" (refused where that is taken)\n`,
    );
    expect((await ask("--name", "x.txt", "-k", "a:b")).stdout).toBe(
      'Taken by the rule "notes", stored as "alice/x.txt" (with a number where that is taken)\n',
    );
  });
});
