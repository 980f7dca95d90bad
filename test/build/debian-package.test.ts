// The Debian packages: what is in them, that the same release has the same bytes, and that their
// scripts and pages have no faults. That they install, upgrade and go is tried in a Debian of their own: test/faults/debian.test.ts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildDebianPackage,
  type DebianRelease,
  debianName,
  debianToolMissing,
  packagedSettings,
  packagedUnit,
} from "../../build/debian-package.ts";
import { readServerFile } from "../../src/config/server-file.ts";
import { runProgram } from "../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "dync-test-deb-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const release: DebianRelease = {
  version: "1.2.3",
  commit: "0123456789",
  epoch: 1_790_000_000,
  maintainer: "Lab <lab@example.org>",
};
const missing = debianToolMissing();
const reason = missing ?? "dpkg-deb";

/** A package of a program that is a few bytes long. */
function build(program: "dync" | "dync-server", place: string, mode = 0o755): string {
  const parent = join(folder, place);
  mkdirSync(parent, { recursive: true });
  const executable = join(parent, "program");
  writeFileSync(executable, "#!/bin/sh\n");
  chmodSync(executable, mode);
  return join(parent, buildDebianPackage(program, "linux-x64", executable, parent, release));
}

async function output(...command: readonly string[]): Promise<string> {
  const end = await runProgram(command, {}, 120_000);
  expect(end).toMatchObject({ code: 0 });
  return end.stdout;
}

/** "MODE OWNER PATH" for each file and folder in it. */
async function contentOf(file: string): Promise<readonly string[]> {
  const lines = (await output("dpkg-deb", "-c", file)).trimEnd().split("\n");
  return lines.map((line) => {
    const [mode, owner, , date, , ...path] = line.split(/\s+/);
    expect(date).toBe("2026-09-21");
    return `${mode} ${owner} ${path.join(" ")}`;
  });
}

test("packages have names that Debian understands, and there is none for other systems", () => {
  expect(debianName("dync-server", "linux-x64", "0.1.0")).toBe("dync-server_0.1.0_amd64.deb");
  expect(debianName("dync", "linux-arm64", "0.1.0")).toBe("dync_0.1.0_arm64.deb");
  expect(debianName("dync", "linux-x64-musl", "0.1.0")).toBeNull();
  expect(debianName("dync", "macos-arm64", "0.1.0")).toBeNull();
});

test("the settings of the package say two things, and no mistake", () => {
  const reading = readServerFile(packagedSettings(), "/etc/dync-server");
  expect(reading.ok ? reading.value.settings : reading.faults).toEqual({
    data: "/srv/dync",
    "log-file": "/var/log/dync-server/log.json",
  });
});

test("its unit runs the program of the package, and lets it write where the settings say", () => {
  expect(packagedUnit()).toContain("\nExecStart=/usr/bin/dync-server\n");
  expect(packagedUnit()).not.toContain("/usr/local");
  expect(packagedUnit()).toContain("\nReadWritePaths=-/srv/dync\n");
  expect(packagedUnit()).toContain("\nLogsDirectory=dync-server\n");
});

test.skipIf(Bun.which("shellcheck") === null)(
  "shellcheck finds nothing in the scripts (shellcheck)",
  async () => {
    const scripts = ["postinst", "prerm", "postrm"].map((name) => `build/deb/dync-server.${name}`);
    expect(await output("shellcheck", "--shell=sh", ...scripts, "build/deb/dync-serverctl")).toBe("");
  },
);

describe.skipIf(missing !== null)(`a package (${reason})`, () => {
  let server = "";
  let client = "";
  beforeAll(() => {
    server = build("dync-server", "one");
    client = build("dync", "one");
  });

  test("of the server holds program, unit, settings, log rotation and documents, all of them root's", async () => {
    const content = await contentOf(server);
    expect(content.filter((line) => !line.includes(" root/root "))).toEqual([]);
    expect(content.filter((line) => !/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) /.test(line))).toEqual([]);
    expect(content.filter((line) => line.startsWith("-rwx")).map((line) => line.split(" ")[2])).toEqual([
      "./usr/bin/dync-server",
      "./usr/sbin/dync-serverctl",
    ]);
    const paths = content.map((line) => line.split(" ")[2]);
    for (const path of [
      "./etc/dync-server/server.toml",
      "./etc/logrotate.d/dync-server",
      "./usr/lib/systemd/system/dync-server.service",
      "./usr/share/doc/dync-server/copyright",
      "./usr/share/doc/dync-server/changelog.gz",
      "./usr/share/doc/dync-server/operations.md",
      "./usr/share/doc/dync-server/examples/server.toml",
      "./usr/share/man/man8/dync-server.8.gz",
      "./usr/share/man/man8/dync-serverctl.8.gz",
      "./usr/share/bash-completion/completions/dync-server",
      "./usr/share/zsh/vendor-completions/_dync-server",
      "./usr/share/fish/vendor_completions.d/dync-server.fish",
    ])
      expect(paths).toContain(path);
    // Data, keys and logs are the machine's, and no file of a package that goes with it.
    expect(paths.filter((path) => /^\.\/(srv|var|home)/.test(path ?? ""))).toEqual([]);
  });

  test("of the server says what it needs and which files are the administrator's", async () => {
    const control = await output("dpkg-deb", "-f", server);
    expect(control).toMatch(/^Package: dync-server\nVersion: 1\.2\.3\nArchitecture: amd64\n/);
    expect(control).toContain("\nMaintainer: Lab <lab@example.org>\n");
    expect(control).toMatch(/\nDepends: libc6 \(>= 2\.25\), adduser, init-system-helpers/);
    const conffiles = await output("dpkg-deb", "-I", server, "conffiles");
    expect(conffiles).toBe("/etc/dync-server/server.toml\n/etc/logrotate.d/dync-server\n");
  });

  test("of the client holds the program, its page of the manual and documents, and runs nothing", async () => {
    const content = await contentOf(client);
    const files = content.filter((line) => line.startsWith("-")).map((line) => line.split(" ")[2] ?? "");
    expect(files.filter((path) => !path.startsWith("./usr/share/"))).toEqual(["./usr/bin/dync"]);
    expect(files).toContain("./usr/share/man/man1/dync.1.gz");
    expect(files).toContain("./usr/share/bash-completion/completions/dync");
    expect(files).toContain("./usr/share/zsh/vendor-completions/_dync");
    expect(files).toContain("./usr/share/fish/vendor_completions.d/dync.fish");
    expect(await output("dpkg-deb", "-I", client)).not.toContain("postinst");
  });

  test("is the same, byte for byte, whenever, wherever and with whatever umask it is made", () => {
    const before = process.umask(0o077);
    try {
      expect(readFileSync(build("dync-server", "another/place", 0o700)).equals(readFileSync(server))).toBe(
        true,
      );
    } finally {
      process.umask(before);
    }
  });

  test.skipIf(Bun.which("man") === null)("has pages that man shows without a warning (man)", async () => {
    await output("dpkg-deb", "-x", server, join(folder, "tree"));
    await output("dpkg-deb", "-x", client, join(folder, "tree"));
    for (const page of ["man8/dync-server.8.gz", "man1/dync.1.gz"]) {
      const path = join(folder, "tree/usr/share/man", page);
      const end = await runProgram(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path]);
      expect(end).toMatchObject({ code: 0, stderr: "" });
    }
  });
});
