// Keys that are added and removed by commands count beside a server that runs.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

describe.skipIf(executablesMissing !== null)(`clients (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const clients = async (...args: readonly string[]) => await lab.dyncServer(["clients", ...args]);

  test("a key is handed over, added, used, and taken back in the middle of an upload", async () => {
    const home = lab.folder.file("new-home");
    const env = { DYNC_HOME: home };
    expect(await lab.dync(["keygen"], { env })).toMatchObject({ code: 0 });
    copyFileSync(join(lab.homes.client, "server.key"), join(home, "server.key"));
    const path = await lab.file("new.raw", 1000);
    const refused = await lab.send(["--retry-for", "0s", path], { env });
    expect(refused.code).toBe(7);
    const [fingerprint] = /SHA256:\S{43}/.exec(refused.stderr) ?? [];
    const added = await clients("add", join(home, "client.key"), "--user", "newcomer");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(added.stdout).toBe(`The key ${fingerprint} of newcomer is authorised (newcomer.key)\n`);
    expect(statSync(join(lab.homes.server, "clients", "newcomer.key")).mode & 0o777).toBe(0o644);
    // No wait between them: the server has read the key when the command ends.
    expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path, "new.raw", "newcomer");
    await using program = lab.startSend(["-q", "--retry-for", "1s", "-n", "cut.raw", "-"], {
      env,
      stdin: "pipe",
    });
    await lab.server.line(/"Upload started".*cut\.raw/);
    expect(await clients("remove", fingerprint ?? "")).toMatchObject({ code: 0, stderr: "" });
    // It may come back for a moment, and nobody is let in meanwhile.
    expect((await lab.send(["-q", "--retry-for", "0s", path], { env })).code).not.toBe(0);
    expect((await program.ended(60_000)).code).toBe(7);
    lab.expectNothingStored("cut.raw");
    expect(await clients("show", "newcomer")).toMatchObject({ code: 2 });
    await lab.expectAlive();
  });

  test("a key that was refused is approved by its fingerprint, without its file", async () => {
    const home = lab.folder.file("far-home");
    const env = { DYNC_HOME: home };
    expect(await lab.dync(["keygen"], { env })).toMatchObject({ code: 0 });
    copyFileSync(join(lab.homes.client, "server.key"), join(home, "server.key"));
    const path = await lab.file("far.raw", 1000);
    const [fingerprint = ""] =
      /SHA256:\S{43}/.exec((await lab.send(["--retry-for", "0s", path], { env })).stderr) ?? [];
    const pending = await clients("pending");
    expect(pending.stdout).toMatch(new RegExp(`^${RegExp.escape(fingerprint)}  20\\S+Z  127.0.0.1, `, "m"));
    const other = await clients("approve", `${fingerprint.slice(0, -1)}x`, "--user", "far");
    expect(other).toMatchObject({ code: 2, stdout: "" });
    expect((await clients("approve", fingerprint)).stderr).toContain("Option --user USER is missing");
    const approved = await clients("approve", fingerprint, "--user", "far");
    expect(approved.stdout).toBe(`The key ${fingerprint} of far is authorised (far.key)\n`);
    expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path, "far.raw", "far");
    // A date that is over keeps out, and one that is not lets in, for the very next connection.
    const again = ["-q", "-n", "again.raw", path];
    expect(await clients("expire", "far", "--at", "2020-01-31")).toMatchObject({ code: 0, stderr: "" });
    expect((await lab.send(again, { env })).code).toBe(7);
    expect(await clients("expire", "far", "--never")).toMatchObject({ code: 0, stderr: "" });
    expect(await lab.send(again, { env })).toMatchObject({ code: 0, stderr: "" });
    expect((await clients("pending")).stdout).not.toContain(fingerprint);
  });
});
