// `dync doctor` with the compiled programs: each thing that may be wrong between a folder and a server, one after the other.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { chmod, copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { until } from "../support/network-runs.ts";
import { jsonLines } from "../support/programs.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";

const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const clockMissing = existsSync(faketime) ? null : "libfaketime is not installed";
const MiB = 1024 * 1024;

describe.skipIf(executablesMissing !== null)(`dync doctor (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  /** Lines of the steps, as they begin, and what is to be done about the first fault. */
  async function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { code, stdout, stderr } = await lab.dync(["doctor", ...args], { env });
    expect(stderr).toBe("");
    const lines = stdout.trimEnd().split("\n");
    const steps = lines
      .filter((line) => /^(ok|FAULT|\?) /.test(line))
      .map((line) => line.slice(0, 18).trim());
    const fault = lines.find((line) => line.startsWith("FAULT"))?.slice(18) ?? "";
    const [, hint = ""] = /what to do: (.*)/.exec(stdout) ?? [];
    return { code, stdout, steps, last: steps.at(-1)?.replace(/ +/, " "), fault, hint };
  }

  const at = () => `127.0.0.1:${lab.port}`;

  /** A home of its own, with keys that the server does not know. */
  async function newHome(name: string): Promise<string> {
    const home = lab.folder.file(name);
    expect(await lab.dync(["keygen"], { env: { DYNC_HOME: home } })).toMatchObject({ code: 0 });
    await copyFile(join(lab.homes.client, "server.key"), join(home, "server.key"));
    return home;
  }

  /** What is left of uploads on the server. */
  const partials = () => readdirSync(join(lab.data, ".dync", "partial"));

  test("where all is well each step says so, and nothing is left", async () => {
    const { code, steps, stdout } = await doctor([at()]);
    expect(code).toBe(0);
    const names = [
      "home",
      "variables",
      "keys",
      "trust",
      "name",
      "port",
      "handshake",
      "access",
      "clock",
      "space",
      "upload",
    ];
    expect(steps).toEqual(names.map((name) => `ok     ${name}`));
    expect(stdout).toContain("accepts this key as alice\n");
    expect(stdout).toMatch(/^ok {5}upload {5}[\d.]+ KiB were taken within .*, and dropped again$/m);
    await until(() => partials().length === 0, lab.server);
    expect(lab.published()).toEqual([]);
    expect((await lab.dync(["uploads"])).stderr).toBe("Nothing is unfinished\n");
  });

  test("an alias is a server, and without one only this computer is looked at", async () => {
    await writeFile(
      join(lab.homes.client, "client.toml"),
      `[servers.lab]\nhost = "127.0.0.1"\nport = ${lab.port}\n`,
    );
    expect((await doctor(["lab"])).code).toBe(0);
    const here = await doctor([]);
    expect(here).toMatchObject({
      code: 0,
      steps: ["ok     home", "ok     variables", "ok     keys", "ok     space"],
    });
    expect(here.stdout).toContain("no server is named");
    await rm(join(lab.homes.client, "client.toml"));
  });

  test("no home, no keys, and a key file that others may read", async () => {
    const home = lab.folder.file("gone");
    const env = { DYNC_HOME: home };
    const none = await doctor([at()], env);
    expect(none).toMatchObject({ code: 2, last: "FAULT home" });
    expect(none.hint).toContain("dync keygen");
    await mkdir(home, { mode: 0o700 });
    const noKeys = await doctor([at()], env);
    expect(noKeys).toMatchObject({ code: 2, last: "FAULT keys" });
    expect(noKeys.hint).toBe('make one with "dync keygen"');
    expect(noKeys.stdout).toContain("not tried  trust, name, port, handshake, access, clock, space, upload:");
    await newHome("gone");
    await chmod(join(home, "client.key_secret"), 0o644);
    const loose = await doctor([at()], env);
    expect(loose).toMatchObject({
      code: 2,
      last: "FAULT keys",
      hint: `chmod 600 '${home}/client.key_secret'`,
    });
  });

  test("a home that others may write to is told, and the way goes on", async () => {
    const { client } = lab.homes;
    await chmod(client, 0o777);
    const { code, steps, hint } = await doctor([at()]);
    await chmod(client, 0o700);
    expect({ code, first: steps[0], last: steps.at(-1), hint }).toEqual({
      ...{ code: 2, first: "FAULT  home", last: "ok     upload" },
      hint: `chmod 700 '${client}'`,
    });
  });

  test("no key of the server, an unknown name, a port that nobody listens at, and one where something else does", async () => {
    const { client } = lab.homes;
    await rename(join(client, "server.key"), join(client, "away"));
    const noKey = await doctor([at()]);
    expect(noKey).toMatchObject({ code: 2, last: "FAULT trust" });
    expect(noKey.hint).toContain(`dync trust ${at()} server.key`);
    await rename(join(client, "away"), join(client, "server.key"));
    expect(await doctor(["nowhere.invalid"])).toMatchObject({ code: 5, last: "FAULT name" });
    expect(await doctor(["127.0.0.1:1"])).toMatchObject({
      ...{ code: 5, last: "FAULT port", fault: "Nothing listens at 127.0.0.1:1" },
      hint: "check the port (-p) and that dync-server runs there",
    });
    const other = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("SSH-2.0-OpenSSH_9.2\r\n");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { readonly port: number };
    const ssh = await doctor([`127.0.0.1:${port}`]);
    other.close();
    expect(ssh).toMatchObject({ code: 7, last: "FAULT handshake" });
    expect(ssh.fault).toBe(`What listens at 127.0.0.1:${port} is no dync server`);
    expect(ssh.stdout).toContain("takes connections, and is no dync server\n");
  });

  test("a server with another key, and one that does not know this one", async () => {
    const home = await newHome("stranger");
    const env = { DYNC_HOME: home };
    const refused = await doctor([at()], env);
    expect(refused).toMatchObject({ code: 7, last: "FAULT access" });
    const [, fingerprint = "none"] = /^ok +keys +(SHA256:\S+)$/m.exec(refused.stdout) ?? [];
    expect(refused.fault).toBe(`The server at ${at()} does not accept the key ${fingerprint}`);
    expect(refused.hint).toMatch(
      /^send .*stranger\/.*@.*\.key to the administrator of the server, with this fingerprint/,
    );
    await copyFile(join(home, "client.key"), join(home, "server.key"));
    const other = await doctor([at()], env);
    expect(other).toMatchObject({ code: 7, last: "FAULT handshake" });
  });

  test("rules that want something else of a trial are no fault, until the user says what it is like", async () => {
    expect(await lab.configure('[[rules]]\nname = "runs"\nmetadata = { "run" = ["7"] }\n')).toMatchObject({
      code: 0,
    });
    const { code, stdout } = await doctor([at()]);
    expect({
      code,
      asks: stdout.includes("?      upload     the server's rules do not take this trial"),
    }).toEqual({
      ...{ code: 0, asks: true },
    });
    expect(stdout).toContain("say how one of yours is called and described: -n NAME -k KEY:VALUE");
    expect((await doctor([at(), "-k", "run:8"])).steps.at(-1)).toBe("FAULT  upload");
    expect((await doctor([at(), "-k", "run:7", "-n", "run7.raw"])).steps.at(-1)).toBe("ok     upload");
    await until(() => partials().length === 0, lab.server);
    expect(await lab.configure("")).toMatchObject({ code: 0 });
  });

  test.skipIf(clockMissing !== null)(
    `a clock that is a year off (${clockMissing ?? "libfaketime"})`,
    async () => {
      const env = { LD_PRELOAD: faketime, FAKETIME: "-365d", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
      const { code, fault, hint, steps } = await doctor([at()], env);
      expect(code).toBe(1);
      expect(fault).toMatch(/^This computer's clock is 36[45] d .* behind the server's$/);
      expect(hint).toContain("set the clock that is wrong");
      // It is in the way of nothing.
      expect(steps.at(-1)).toBe("ok     upload");
    },
  );

  test("for programs it is a line of JSON for each step", async () => {
    const { code, stdout } = await lab.dync(["doctor", "--json", at()]);
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toMatchObject({ steps: { ok: 11, unknown: 0, fault: 0 }, notTried: [] });
    expect(lines[8]).toMatchObject({ step: "clock", clockAheadSeconds: 0 });
    expect(lines[7]).toMatchObject({ step: "access", user: "alice" });
  });
});

const diskReason = executablesMissing ?? smallDiskMissing;
describe.skipIf(diskReason !== null)(`dync doctor and a full disk (${diskReason ?? "tmpfs"})`, () => {
  test("a server without room is told of, with what is left", async () => {
    await using disk = mountSmallDisk(16 * MiB);
    await using lab = await openLab({ inMemory: true, data: disk.path });
    await disk.fill(16 * MiB);
    const { code, stdout } = await lab.dync(["doctor", `127.0.0.1:${lab.port}`]);
    expect(code).toBe(5);
    expect(stdout).toMatch(/^FAULT {2}space {6}On the server there are 0 B free for one more upload$/m);
    expect(stdout).toMatch(/^FAULT {2}upload {5}Not enough room on the server/m);
  });
});
