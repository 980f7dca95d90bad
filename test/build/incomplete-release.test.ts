// A release on a machine that cannot build libzmq for Windows: that target says why it is left out, everything else is
// there. From a copy of the sources, so that nobody's dist/ changes.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findReleaseTarget, releaseName } from "../../build/targets.ts";
import { hostTarget } from "../../src/transport/zmq/target.ts";

const project = join(import.meta.dir, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "dync-incomplete-"));
const inputs = ["src", "build", "package.json", "bun.lock", "tsconfig.json", "bunfig.toml"];
const companions = ["THIRD-PARTY-NOTICES.md", "install.sh", "install.ps1", "README.md"];
// What the script needs to find out that it has no compiler.
const tools = ["sh", "dirname", "sha256sum", "cut", "id"];
const host = findReleaseTarget(hostTarget());
const reason =
  host === undefined || host === "windows-x64"
    ? "not released for this system"
    : (tools.find((tool) => Bun.which(tool) === null) ?? null);

beforeAll(() => {
  for (const input of [...inputs, ...companions]) {
    const isWanted = (path: string): boolean => !/\/build\/(cache|stage)(\/|$)/.test(path);
    cpSync(join(project, input), join(folder, input), { recursive: true, filter: isWanted });
  }
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "tools"));
  for (const tool of tools) {
    const path = Bun.which(tool);
    if (path !== null) symlinkSync(path, join(folder, "tools", tool));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(reason !== null)(
  `a target that cannot be built here is named, and the others are built${reason === null ? "" : ` (skipped: ${reason})`}`,
  () => {
    if (host === undefined) return;
    const run = spawnSync(process.execPath, ["build/release.ts", "windows-x64", host], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PATH: join(folder, "tools"), DYNC_INSTALL_PACKAGES: "no" },
    });
    // On a fresh machine Bun says how it fetches the runtime.
    const said = run.stderr
      .split(/[\r\n]+/)
      .filter((line) => !/^(Downloading|Decompressing|Extracting|$)/.test(line.trim()));
    expect({ status: run.status, said }).toEqual({ status: 0, said: [] });
    expect(run.stdout).toMatch(
      /^Not built: dync-windows-x64\.exe, dync-server-windows-x64\.exe: libzmq for windows-x64: cannot be built here: missing /m,
    );
    expect(run.stdout).toContain("2 of 4 executables in dist/");
    if (host === "linux-x64")
      expect(run.stdout).toMatch(
        /^Not built: dync_\S+_amd64\.deb, dync-server_\S+_amd64\.deb: dpkg-deb is missing/m,
      );
    const built = [releaseName("dync", host), releaseName("dync-server", host)];
    const files = readdirSync(join(folder, "dist"));
    expect(files).toEqual(expect.arrayContaining(built));
    expect(files.filter((file) => file.includes("windows") || file.startsWith("."))).toEqual([]);
    const sums = readFileSync(join(folder, "dist", "SHA256SUMS"), "utf8");
    for (const name of built) expect(sums).toContain(`  ${name}\n`);
    expect(sums).not.toContain("windows");
  },
);

test.skipIf(reason !== null)(
  "a target that does not exist is a mistake, with the list of those that do",
  () => {
    const run = spawnSync(process.execPath, ["build/release.ts", "amiga"], { cwd: folder, encoding: "utf8" });
    expect(run.status).toBe(2);
    expect(run.stdout).toContain("Unknown target amiga, want linux-x64, ");
  },
);
