// Dropboxes of openBIS on the compiled programs: what a client, a hook and a steward see of a file that lies in one, that a changed byte is
// found, and that all of it is found again when the catalogue is lost.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";

const missing = executablesMissing ?? (process.platform === "win32" ? "scripts of a shell" : null);

describe.skipIf(missing !== null)(`dropboxes of openBIS (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  const to = () => `127.0.0.1:${lab.port}`;
  const box = (...path: readonly string[]) => join(lab.data, "box", ...path);
  const server = async (...args: readonly string[]) => await lab.dyncServer(args);
  const metadata = ["-k", "sample:S1"];
  const name = "QJFDC010EU1.raw";
  let path: string;

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    const script = lab.folder.file("told");
    writeFileSync(script, '#!/bin/sh\ncat > "$0.json"\n');
    chmodSync(script, 0o755);
    const text = `log-level = "debug"

[[rules]]
name = "box"
path = "box/{name}"
names = "posix"
layout = "openbis"
datasets = false

[[hooks]]
name = "told"
event = "after"
rules = ["box"]
command = [${JSON.stringify(script)}]
`;
    expect(await lab.configure(text)).toMatchObject({ code: 0 });
    path = await lab.file("QJFDC010EU: 1.raw", "content");
    expect(await lab.dync(["-q", ...metadata, to(), path])).toMatchObject({ code: 0, stderr: "" });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("the folder has what its scripts look for, and they are told by the marker", () => {
    const beside = [`.MARKER_is_finished_${name}`, name, `${name}.meta.json`, `${name}.sha256`];
    expect(readdirSync(box()).sort()).toEqual(beside);
    const inside = [name, `${name}.origlabfilename`, `${name}.sha256sum`, "source_dropbox.txt"];
    expect(readdirSync(box(name)).sort()).toEqual(inside);
    expect(readFileSync(box(name, `${name}.origlabfilename`), "utf8")).toBe("QJFDC010EU: 1.raw");
    expect(readFileSync(box(name, "source_dropbox.txt"), "utf8")).toBe("alice");
  });

  test("a hook is told where the file is, and what lies beside the folder", async () => {
    await lab.server.line(/"Hook told","hook":"told"/);
    const { paths } = JSON.parse(readFileSync(lab.folder.file("told.json"), "utf8"));
    const beside = box(name);
    expect(paths).toEqual({
      data: box(name, name),
      checksum: `${beside}.sha256`,
      metadata: `${beside}.meta.json`,
    });
    for (const it of Object.values(paths)) expect(existsSync(it as string)).toBe(true);
  });

  test("the same again is stored already, and another of its name is refused", async () => {
    const again = await lab.dync([...metadata, to(), path]);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toContain("Stored already");
    const other = await lab.file("QJFDC010EU 1.raw", "other");
    expect(await lab.dync(["-q", ...metadata, to(), other])).toMatchObject({ code: 7 });
  });

  test("a tar whose metadata want it unpacked is a folder, of which a hook hears as of what the rule took", async () => {
    const folder = lab.folder.file("made");
    mkdirSync(join(folder, "run"), { recursive: true });
    writeFileSync(join(folder, "run", "a"), "a");
    const tar = lab.folder.file("files", "run.tar");
    expect(await runProgram(["tar", "-C", folder, "-cf", tar, "run"])).toMatchObject({ code: 0 });
    const sent = await lab.dync(["-q", "-k", "untar:True", to(), tar]);
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    await lab.server.line(/"Hook told","hook":"told","upload":"\w+","name":"run.tar"/);
    const { upload, paths } = JSON.parse(readFileSync(lab.folder.file("told.json"), "utf8"));
    expect(upload).toMatchObject({ name: "run.tar", form: "plain", files: 1 });
    expect(paths).toMatchObject({ data: box("run"), checksum: `${box("run")}.sha256` });
    expect(readdirSync(box("run"))).toEqual(["a"]);
    expect(existsSync(box(".MARKER_is_finished_run"))).toBe(false);
    // To its client it is the file that it sent.
    expect((await lab.dync(["-k", "untar:True", to(), tar])).stderr).toContain("Stored already");
    expect(await lab.dync(["check", "-k", "untar:True", to(), tar])).toMatchObject({ code: 0 });
  });

  test("it is found again when the catalogue is lost, and a byte that was changed is found", async () => {
    await lab.server.stop();
    for (const suffix of ["", "-wal", "-shm"])
      rmSync(join(lab.data, `.dync/catalogue.sqlite${suffix}`), { force: true });
    await lab.start();
    const listed = await server("uploads", "list", "--json");
    expect(listed.stdout).toContain(`"box/${name}"`);
    expect(await server("uploads", "verify", "--all")).toMatchObject({ code: 0 });
    expect((await lab.dync([...metadata, to(), path])).stderr).toContain("Stored already");
    writeFileSync(box(name, name), "cOntent");
    const damaged = await server("uploads", "verify", "--all");
    expect(damaged.code).toBe(8);
    expect(damaged.stdout + damaged.stderr).toContain(`box/${name}`);
  });
});
