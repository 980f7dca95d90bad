// The truth table of exit statuses, with the compiled programs: 0 if and only if the server confirmed, a status of its
// own for each kind of failure with one line that says what is wrong, and nothing published in any failing case.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, cp, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { listening } from "../support/ports.ts";
import { type ProgramEnd, runProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const isRoot = process.getuid?.() === 0;
// The user who may read nothing of ours.
const nobody = 65534;

describe.skipIf(executablesMissing !== null)(`exit status (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("0: the server confirmed", async () => {
    const path = await lab.file("confirmed.raw", 1000);
    expect((await lab.send([path])).code).toBe(0);
    await lab.expectStored(path);
  });

  const present = import.meta.path;
  const usage: [string, readonly string[], RegExp][] = [
    ["no server", ["-k", "a:b"], /SERVER is missing/],
    ["an option that is not there", ["--frobnicate", "host", "file"], /Unknown option "--frobnicate"/],
    ["metadata without a colon", ["-k", "sample", "host", present], /needs KEY:VALUE/],
    ["a port that is none", ["-k", "a:b", "-p", "70000", "host", present], /port/i],
    ["standard input without a name", ["-k", "a:b", "host", "-"], /has no name/],
    [
      "a metadata file that is not there",
      ["-m", "/nowhere/meta.json", "host", present],
      /there is no such file/,
    ],
    ["a pause that is no duration", ["-k", "a:b", "--retry-for", "soon", "host", present], /--retry-for/],
  ];
  for (const [text, args, message] of usage) {
    test(`2: ${text}`, async () => {
      expectFailure(await lab.dync(args), 2, message);
    });
  }

  test("2: no keys yet, and which command makes them", async () => {
    const path = await lab.file("no-keys.raw", 10);
    await using home = await tempFolder();
    const end = await lab.send([path], { env: { DYNC_HOME: home.path } });
    expectFailure(end, 2, /There is no secret key .*client\.key_secret/);
    expect(end.stderr).toContain("dync keygen");
    lab.expectNothingStored("no-keys");
  });

  test("2: a secret key that others can read, and the command that mends it", async () => {
    const path = await lab.file("loose-key.raw", 10);
    await using home = await otherHome(lab);
    await chmod(home.file("client.key_secret"), 0o644);
    const end = await lab.send([path], { env: { DYNC_HOME: home.path } });
    expectFailure(end, 2, /client\.key_secret/);
    const command = /hint: (chmod 600 '.*client\.key_secret')/.exec(end.stderr)?.[1];
    expect(command).toBeDefined();
    await runProgram(["sh", "-c", command as string]);
    expect((await lab.send([path], { env: { DYNC_HOME: home.path } })).code).toBe(0);
  });

  test("2: no key of the server", async () => {
    const path = await lab.file("no-server-key.raw", 10);
    await using home = await otherHome(lab);
    await rm(home.file("server.key"));
    const end = await lab.send([path], { env: { DYNC_HOME: home.path } });
    expectFailure(end, 2, /key/);
    expect(end.stderr).toContain("127.0.0.1");
    lab.expectNothingStored("no-server-key");
  });

  test("4: a file that is not there", async () => {
    expectFailure(await lab.send(["/nowhere/missing.raw"]), 4, /there is no such file/);
  });

  test("3: of several files one is not there", async () => {
    const path = await lab.file("one-of-two.raw", 10);
    const end = await lab.send(["/nowhere/missing.raw", path]);
    expect({ code: end.code, stderr: end.stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining("there is no such file"),
    });
    await lab.expectStored(path);
  });

  test("4: a folder", async () => {
    const end = await lab.send([lab.folder.file("files")]);
    expectFailure(end, 4, /it is a folder/);
    expect(end.stderr).toContain("--dataset");
    lab.expectNothingStored("files");
  });

  test("4: a file that may not be read", async () => {
    const path = await lab.file("unreadable.raw", 10);
    await using home = await otherHome(lab);
    const options = { env: { DYNC_HOME: home.path, TMPDIR: home.path } };
    const command = [lab.programs.dync, "-k", "a:b", `127.0.0.1:${lab.port}`, path];
    await chmod(path, 0);
    if (isRoot) await runProgram(["chown", "-R", `${nobody}:${nobody}`, home.path]);
    if (isRoot) await chmod(lab.folder.path, 0o755);
    const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
    const end = await runProgram(isRoot ? [...asNobody, ...command] : command, options);
    expectFailure(end, 4, /permission denied/);
    lab.expectNothingStored("unreadable");
  });

  for (const [text, change] of [
    ["grows", (path: string) => writeFile(path, "more", { flag: "a" })],
    ["is written to in place", (path: string) => writeFile(path, "MORE", { flag: "r+" })],
    ["is cut", (path: string) => runProgram(["truncate", "-s", "10000000", path])],
    ["gets another time", (path: string) => utimes(path, 1, 1)],
  ] as const) {
    test(`4: a file that ${text} while it is sent`, async () => {
      const name = `changes-${text.replaceAll(" ", "-")}.raw`;
      const path = await lab.file(name, 40_000_000);
      // A stopped server holds the upload in the middle, for as long as the change takes.
      await using slow = await openLab({ inMemory: true, server: ["--window", "1", "--chunk", "64KiB"] });
      const program = slow.startSend(["--json", path]);
      await slow.server.line(/"Upload started"/);
      slow.server.signal("SIGSTOP");
      await change(path);
      slow.server.signal("SIGCONT");
      expectFailure(await program.ended(), 4, /changed while it was sent|The file ended/);
      slow.expectNothingStored(name);
      await slow.expectAlive();
    });
  }

  test("6: metadata without members, which the client itself refuses", async () => {
    const path = await lab.file("undescribed.raw", 10);
    const end = await lab.dync([`127.0.0.1:${lab.port}`, path]);
    expectFailure(end, 6, /metadata/i);
    expect(end.stderr).toContain("-k KEY:VALUE");
    lab.expectNothingStored("undescribed");
  });

  test("7: a key that the server does not know, within two seconds", async () => {
    const path = await lab.file("stranger.raw", 10);
    await using home = await otherHome(lab);
    const keys = await lab.dync(["keygen", "--force"], { env: { DYNC_HOME: home.path } });
    const fingerprint = /^Fingerprint: +(SHA256:.{43})$/m.exec(keys.stdout)?.[1] ?? "none";
    // The best of some times: on a crowded machine the processor is waited for as well.
    let [end, bestMs] = [keys, Number.POSITIVE_INFINITY];
    for (let round = 0; round < 10 && bestMs > 2000; round++) {
      const startedAt = performance.now();
      end = await lab.send([path], { env: { DYNC_HOME: home.path } });
      bestMs = Math.min(bestMs, performance.now() - startedAt);
      expectFailure(end, 7, /does not accept the key/);
    }
    expect(bestMs).toBeLessThan(2000);
    expect(end.stderr).toMatch(/hint: .*USER@HOST\.key.*administrator/);
    lab.expectNothingStored("stranger");
    // User and administrator see the same.
    expect(end.stderr).toContain(fingerprint);
    const [line] = await lab.server.line(/.*"Key refused".*/);
    expect(line).toContain(`"key":"${fingerprint}"`);
  });

  test("7: a server with another key than the expected one, within a few seconds", async () => {
    const path = await lab.file("wrong-server.raw", 10);
    await using home = await otherHome(lab);
    await cp(home.file("client.key"), home.file("server.key"));
    const startedAt = performance.now();
    const end = await lab.send([path], { env: { DYNC_HOME: home.path } });
    // It takes a second; on a crowded machine one handshake may run into its limit of ten.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expectFailure(end, 7, /does not hold the key that is expected/);
    lab.expectNothingStored("wrong-server");
  });

  test("7: a name that is taken", async () => {
    const path = await lab.file("taken.raw", 10);
    await lab.send([path]);
    const other = await lab.file("other.raw", 10);
    expectFailure(await lab.send([other, "-n", "taken.raw"]), 7, /on the server already/);
  });

  test("7: a name that is not allowed", async () => {
    const path = await lab.file("plain.raw", 10);
    expectFailure(await lab.send([path, "-n", "aux.txt"]), 7, /reserved by Windows/);
    lab.expectNothingStored("aux");
  });

  test("7: something at that port that is no dync server", async () => {
    const path = await lab.file("to-http.raw", 10);
    const http = createServer((_, response) => response.end("hello"));
    try {
      const port = await listening(http);
      expectFailure(await lab.dync(["-k", "a:b", `127.0.0.1:${port}`, path]), 7, /is no dync server/);
    } finally {
      http.close();
    }
  });
});

/** Ended with `code`, one line of error and perhaps one hint, and nothing on standard output. */
function expectFailure(end: ProgramEnd, code: number, message: RegExp): void {
  expect({ code: end.code, stderr: end.stderr }).toEqual({ code, stderr: expect.stringMatching(message) });
  if (end.stderr.startsWith("{")) return;
  expect(end.stdout).toBe("");
  expect(end.stderr).toMatch(/^dync: error: .+\n(dync: hint: .+\n)?$/);
}

/** A copy of the client's folder, for a test to spoil. */
async function otherHome(lab: Lab) {
  const home = await tempFolder();
  await mkdir(home.path, { recursive: true });
  for (const name of ["client.key", "client.key_secret", "server.key"])
    await cp(`${lab.homes.client}/${name}`, home.file(name));
  return home;
}
