// A new user, from nothing to the first file on the server: a release that was built for the address of a local HTTP
// server, the README's line in an empty home, the key approved by its fingerprint, one upload.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { findReleaseTarget } from "../../build/targets.ts";
import { hostTarget } from "../../src/transport/zmq/target.ts";
import { executables, executablesMissing, startServer } from "../support/executables.ts";
import { runProgram } from "../support/programs.ts";
import { project, ReleaseServer, User } from "./fixture.ts";

// A first release on a machine builds libzmq.
const deadlineMs = 290_000;

const target = findReleaseTarget(hostTarget());
const reason = executablesMissing ?? (target === undefined ? "install.sh is not for this system" : null);

test.skipIf(reason !== null)(
  `installed by the README's line from a release that was built for its address, a new user sends the first file${reason === null ? "" : ` (skipped: ${reason})`}`,
  async () => {
    if (target === undefined) return;
    using releases = new ReleaseServer();
    using user = new User();
    using administrator = new User();
    const programs = await executables();
    const built = administrator.path("release");
    const build = [
      process.execPath,
      "build/release.ts",
      "--no-packages",
      "--base-url",
      releases.url,
      "--to",
      built,
      target,
    ];
    await expectSuccess(build, {}, project);
    releases.files.clear();
    for (const name of readdirSync(built))
      releases.files.set(name, new Uint8Array(readFileSync(join(built, name))));
    const readme = readFileSync(join(built, "README.md"), "utf8");
    expect(readme).not.toContain("example.org/dync");
    const line = /^curl .*install\.sh \| sh$/m.exec(readme)?.[0] ?? "";
    expect(line).toBe(`curl -fsSL ${releases.url}/install.sh | sh`);

    const serverHome = administrator.path(".dync");
    await expectSuccess([programs.dyncServer, "keygen"], { DYNC_HOME: serverHome });
    const serverKey = administrator.path(".dync", "server.key");
    const key = /public-key = "(.{40})"/.exec(readFileSync(serverKey, "utf8"))?.[1] ?? "";

    const data = administrator.path("data");
    mkdirSync(data);
    await using server = await startServer(programs, serverHome, data);
    const address = `127.0.0.1:${server.port}`;
    const typed = `${line} -s -- --server ${address} --server-key '${key}'`;
    const environment = { HOME: user.home, DYNC_BASE_URL: "", DYNC_HOME: "" };
    const run = await runProgram(["sh", "-c", typed], { cwd: user.home, env: environment }, deadlineMs);
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: "" });
    expect(statSync(user.path(".dync")).mode & 0o777).toBe(0o700);
    expect(statSync(user.path(".dync/client.key_secret")).mode & 0o777).toBe(0o600);
    const fingerprint = /^Your fingerprint: {2}(SHA256:\S{43})$/m.exec(run.stdout)?.[1] ?? "none";
    const approve = ["clients", "approve", fingerprint, "--user", "meyer"];
    await expectSuccess([programs.dyncServer, ...approve], { DYNC_HOME: serverHome });

    const file = user.write("run.raw", "measured");
    const dync = user.path(".local/bin/dync");
    const args = ["-q", "-k", "sample:S-17", address, file];
    await expectSuccess([dync, ...args], { DYNC_HOME: "", HOME: user.home });
    expect(readFileSync(administrator.path("data/meyer/run.raw"), "utf8")).toBe("measured");

    const secret = readFileSync(user.path(".dync/client.key_secret"), "utf8");
    expect(await user.install(releases)).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(user.path(".dync/client.key_secret"), "utf8")).toBe(secret);
    expect(await user.install(releases, ["--uninstall"])).toMatchObject({ status: 0 });
    expect(existsSync(dync)).toBe(false);
  },
  300_000,
);

/** Runs `command` and returns what it printed on standard output. */
async function expectSuccess(command: string[], env: Record<string, string>, cwd?: string): Promise<string> {
  const end = await runProgram(command, { env, ...(cwd === undefined ? {} : { cwd }) }, deadlineMs);
  expect({ code: end.code, stderr: end.code === 0 ? "" : end.stderr }).toEqual({ code: 0, stderr: "" });
  return end.stdout;
}
