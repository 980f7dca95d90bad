// The Debian packages in a Debian of their own, where systemd is the first process: installed, set up, used from outside, reloaded,
// rotated, upgraded in the middle of an upload, removed, purged and installed again. What is stored, and the keys, stay what they are.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { FileSink } from "bun";
import { buildDebianPackage } from "../../build/debian-package.ts";
import { programs } from "../../build/targets.ts";
import { DebianTree, debianTreeMissing } from "../support/debian-tree.ts";
import { type Executables, executables, executablesMissing } from "../support/executables.ts";
import { type ProgramEnd, runProgram, startProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const missing = executablesMissing ?? debianTreeMissing;
const unit = "/usr/lib/systemd/system/dync-server.service";
const settings = "/etc/dync-server/server.toml";
const log = "/var/log/dync-server/log.json";

describe.skipIf(missing !== null)(`the Debian packages (${missing ?? "debootstrap"})`, () => {
  let folder: TempFolder;
  let tree: DebianTree;
  let tools: Executables;
  /** `DYNC_HOME` of a laboratory outside. */
  let home = "";

  beforeAll(async () => {
    folder = await tempFolder();
    tools = await executables();
    home = folder.file("home");
    tree = await DebianTree.boot();
    for (const version of ["1.0.0", "1.1.0"]) makePackages(version);
  }, 1_200_000);
  afterAll(async () => {
    await tree?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Puts the packages into the root folder of the tree. */
  function makePackages(version: string): void {
    const release = {
      version,
      commit: "0123456789",
      epoch: 1_790_000_000,
      maintainer: "Lab <lab@example.org>",
    };
    const paths = { dync: tools.dync, "dync-server": tools.dyncServer };
    for (const program of programs)
      buildDebianPackage(program, "linux-x64", paths[program], tree.file("root"), release);
  }

  const install = (version: string, ...names: readonly string[]): Promise<string> =>
    tree.output("dpkg", "-i", ...names.map((name) => `/root/${name}_${version}_amd64.deb`));
  const isActive = async (): Promise<string> =>
    (await tree.run(["systemctl", "is-active", "dync-server"])).stdout.trim();
  const mainPid = async (): Promise<string> =>
    (await tree.output("systemctl", "show", "--value", "-p", "MainPID", "dync-server")).trim();
  const dync = (...args: readonly string[]): readonly string[] => [...tree.network, tools.dync, ...args];
  const outside = (...args: readonly string[]): Promise<ProgramEnd> =>
    runProgram(dync(...args), { env: { DYNC_HOME: home } });

  async function send(name: string): Promise<void> {
    const path = folder.file(name);
    writeFileSync(path, randomBytes(100_000));
    const end = await outside("-q", "-k", "sample:S-17", "--retry-for", "30s", "127.0.0.1", path);
    expect(end).toMatchObject({ code: 0, stderr: "" });
    const stored = tree.file(`/srv/dync/meyer/${name}`);
    expect(readFileSync(stored).equals(readFileSync(path))).toBe(true);
  }

  /** SHA-256 of each file of the keys and of the data, as the tree sees them. */
  const kept = (): Promise<string> =>
    tree.output(
      "sh",
      "-c",
      "find /srv/dync/* /var/lib/dync/*.key* /var/lib/dync/clients -type f -exec sha256sum {} + | sort -k 2",
    );

  test("lintian finds nothing in them", async () => {
    const files = programs.map((name) => tree.file(`root/${name}_1.0.0_amd64.deb`));
    const command = ["lintian", "--allow-root", "--fail-on", "error,warning", ...files];
    expect(await runProgram(command, {}, 600_000)).toMatchObject({ code: 0, stdout: "" });
  }, 600_000);

  test("install, and the server runs as a user of its own with keys of its own", async () => {
    const told = await install("1.0.0", "dync", "dync-server");
    const fingerprint = /SHA256:\S{43}/.exec(told)?.[0] ?? "";
    expect(await isActive()).toBe("active");
    expect(await tree.output("systemctl", "is-enabled", "dync-server")).toBe("enabled\n");
    expect(await tree.output("stat", "-c", "%U", `/proc/${await mainPid()}`)).toBe("dync\n");
    expect(
      await tree.output(
        "stat",
        "-c",
        "%U:%G %a %n",
        "/var/lib/dync",
        "/srv/dync",
        "/var/lib/dync/server.key_secret",
        log,
      ),
    ).toBe(
      "dync:dync 700 /var/lib/dync\ndync:dync 2750 /srv/dync\n" +
        `dync:dync 600 /var/lib/dync/server.key_secret\ndync:dync 640 ${log}\n`,
    );
    expect(await tree.output("journalctl", "-u", "dync-server", "-o", "cat")).toContain(`key=${fingerprint}`);
    expect(await tree.output("dync-serverctl", "config", "check")).toBe(`${settings}: OK\n`);
    expect(await tree.output("man", "dync-serverctl")).toContain("dync-server clients");
  });

  test("have a unit in which systemd finds no fault, and which leaves little to attack", async () => {
    expect(await tree.run(["systemd-analyze", "verify", unit])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    const end = await tree.run([
      "systemd-analyze",
      "security",
      "--threshold=20",
      "--no-pager",
      "dync-server",
    ]);
    expect(end.stdout).toMatch(/Overall exposure level for dync-server\.service: [01]\.\d OK/);
    expect(end.code).toBe(0);
  });

  test("let a laboratory in when its key is approved, and what it sends is for the group to read", async () => {
    mkdirSync(join(home, "servers"), { recursive: true });
    copyFileSync(tree.file("/var/lib/dync/server.key"), join(home, "servers/127.0.0.1.key"));
    expect(await outside("keygen")).toMatchObject({ code: 0 });
    const path = folder.file("refused.raw");
    writeFileSync(path, "x");
    expect(await outside("-q", "-k", "sample:S-17", "127.0.0.1", path)).toMatchObject({ code: 7 });
    const pending = await tree.output("dync-serverctl", "clients", "pending");
    await tree.output(
      "dync-serverctl",
      "clients",
      "approve",
      /SHA256:\S{43}/.exec(pending)?.[0] ?? "",
      "--user",
      "meyer",
    );
    await send("first.raw");
    expect(await tree.output("stat", "-c", "%U:%G %a", "/srv/dync/meyer/first.raw")).toBe("dync:dync 640\n");
    expect(readFileSync(tree.file(log), "utf8")).toMatch(
      /"Upload finished".*"path":"\/srv\/dync\/meyer\/first\.raw"/,
    );
    const warnings = await tree.output("journalctl", "-u", "dync-server", "-p", "warning", "-o", "cat");
    expect(warnings).toMatch(/^warn {2}Key refused /m);
    expect(warnings).not.toContain("Upload finished");
  });

  test("take settings live, and say so where one is wrong", async () => {
    appendFileSync(tree.file(settings), "\nexpire = '3d'\nsped = 1\n");
    expect(await tree.run(["systemctl", "reload", "dync-server"])).not.toMatchObject({ code: 0 });
    const said = await tree.output("journalctl", "-u", "dync-server", "-o", "cat");
    expect(said).toContain(`dync-server: error: ${settings}:`);
    expect(await isActive()).toBe("active");
    writeFileSync(
      tree.file(settings),
      readFileSync(tree.file(settings), "utf8").replace("sped = 1\n", "# mine\n"),
    );
    await tree.output("systemctl", "reload", "dync-server");
    expect(await tree.output("journalctl", "-u", "dync-server", "-o", "cat")).toMatch(
      /Setting changed setting=expire from=7d to=3d/,
    );
  });

  test("are not started where something is wrong, and the administrator sees it at once", async () => {
    const text = readFileSync(tree.file(settings), "utf8");
    writeFileSync(tree.file(settings), text.replace('"/srv/dync"', '"/srv/nowhere"'));
    expect(await tree.run(["systemctl", "restart", "dync-server"])).not.toMatchObject({ code: 0 });
    const said = await tree.output("journalctl", "-u", "dync-server", "-o", "cat");
    expect(said).toContain("dync-server: error: The data folder /srv/nowhere does not exist");
    // Nothing that starting again would mend.
    expect(await isActive()).toBe("failed");
    writeFileSync(tree.file(settings), text);
    await tree.output("systemctl", "restart", "dync-server");
    // Told by now: the socket for commands is there as well.
    await tree.output("dync-serverctl", "reload");
  });

  test("run hooks within their walls", async () => {
    const text = readFileSync(tree.file(settings), "utf8");
    const hook = tree.file("/usr/local/bin/hook");
    const commands = "cat > /srv/dync/.told.json; touch /usr/local/bin/no || touch /srv/dync/.walled";
    writeFileSync(hook, `#!/bin/sh\n${commands}\n`);
    chmodSync(hook, 0o755);
    const table = '[[hooks]]\nname = "tell"\nevent = "after"\ncommand = ["/usr/local/bin/hook"]\n';
    writeFileSync(tree.file(settings), `${text}\n${table}`);
    await tree.output("systemctl", "reload", "dync-server");
    await send("hooked.raw");
    await tree.output("timeout", "60", "sh", "-c", "until [ -e /srv/dync/.walled ]; do :; done");
    expect(JSON.parse(readFileSync(tree.file("/srv/dync/.told.json"), "utf8"))).toMatchObject({
      paths: { data: "/srv/dync/meyer/hooked.raw" },
    });
    expect(existsSync(tree.file("/usr/local/bin/no"))).toBe(false);
    writeFileSync(tree.file(settings), text);
    await tree.output("systemctl", "reload", "dync-server");
  });

  test("give files to the group that a rule names, which the server's user is in", async () => {
    const text = readFileSync(tree.file(settings), "utf8");
    await tree.output("groupadd", "pipeline");
    await tree.output("usermod", "-aG", "pipeline", "dync");
    const rule = '[[rules]]\nname = "all"\nmode = "0640"\ngroup = "pipeline"\n';
    writeFileSync(tree.file(settings), `${text}\n${rule}`);
    await tree.output("systemctl", "restart", "dync-server");
    await send("shared.raw");
    const stored = await tree.output("stat", "-c", "%U:%G %a", "/srv/dync/meyer/shared.raw");
    expect(stored).toBe("dync:pipeline 640\n");
    writeFileSync(tree.file(settings), text);
    await tree.output("systemctl", "restart", "dync-server");
  });

  test("have their log rotated, and a line is in one of the two", async () => {
    await tree.output("logrotate", "-f", "/etc/logrotate.d/dync-server");
    await send("rotated.raw");
    expect(readFileSync(tree.file(`${log}.1`), "utf8")).toContain('"/srv/dync/meyer/first.raw"');
    expect(readFileSync(tree.file(log), "utf8")).toContain('"/srv/dync/meyer/rotated.raw"');
  });

  test("are upgraded in the middle of an upload, which goes on; keys, files and settings are the same", async () => {
    const before = await kept();
    await using program = startProgram(
      dync("-q", "-k", "sample:S-17", "-n", "upgraded.raw", "127.0.0.1", "-"),
      {
        env: { DYNC_HOME: home },
        stdin: "pipe",
      },
    );
    const input = program.child.stdin as FileSink;
    const part = randomBytes(5_000_000);
    input.write(part);
    await input.flush();
    await install("1.1.0", "dync", "dync-server");
    expect(await tree.output("dpkg-query", "-W", "dync-server")).toBe("dync-server\t1.1.0\n");
    expect(await isActive()).toBe("active");
    expect(await kept()).toBe(before);
    expect(readFileSync(tree.file(settings), "utf8")).toContain("# mine");
    input.write(part);
    await input.end();
    expect(await program.ended(120_000)).toMatchObject({ code: 0 });
    const stored = readFileSync(tree.file("/srv/dync/meyer/upgraded.raw"));
    expect(stored.equals(Buffer.concat([part, part]))).toBe(true);
  });

  test("stay off where the administrator has switched them off, also over an upgrade", async () => {
    await tree.output("systemctl", "disable", "--now", "dync-server");
    await install("1.1.0", "dync-server");
    expect((await tree.run(["systemctl", "is-enabled", "dync-server"])).stdout).toBe("disabled\n");
    await tree.output("systemctl", "enable", "--now", "dync-server");
    await send("enabled-again.raw");
  });

  test("go without data or keys, and come back to them", async () => {
    const before = await kept();
    await tree.output("apt-get", "remove", "-y", "dync-server");
    expect(await isActive()).toBe("inactive");
    expect(existsSync(tree.file("/usr/bin/dync-server"))).toBe(false);
    expect(existsSync(tree.file(settings))).toBe(true);
    expect(await kept()).toBe(before);
    const told = await tree.output("apt-get", "purge", "-y", "dync-server");
    expect(told).toContain("the keys in /var/lib/dync, the stored files");
    for (const gone of [settings, log, "/etc/logrotate.d/dync-server", "/var/cache/dync"])
      expect([gone, existsSync(tree.file(gone))]).toEqual([gone, false]);
    expect(await kept()).toBe(before);
    await install("1.1.0", "dync-server");
    expect(await kept()).toBe(before);
    // The same server for its clients: they need no other key.
    await send("back.raw");
    expect((await tree.output("systemctl", "list-units", "--failed", "--no-legend")).trim()).toBe("");
  });

  test("work with another data folder, as doc/operations.md has it", async () => {
    const manual = readFileSync(join(import.meta.dir, "../../doc/operations.md"), "utf8");
    const [, dropIn = "", commands = ""] =
      /```ini\n(\[Unit\]\n[\s\S]*?)```\n\n```sh\n([\s\S]*?)```/.exec(manual) ?? [];
    const edited = tree.file("/etc/systemd/system/dync-server.service.d");
    mkdirSync(edited, { recursive: true });
    writeFileSync(join(edited, "override.conf"), dropIn);
    await tree.output("systemctl", "daemon-reload");
    await tree.output("sh", "-ec", commands);
    const path = folder.file("elsewhere.raw");
    writeFileSync(path, "elsewhere");
    const end = await outside("-q", "-k", "sample:S-17", "--retry-for", "30s", "127.0.0.1", path);
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(statSync(tree.file("/data/dync/meyer/elsewhere.raw")).size).toBe(9);
  });
});
