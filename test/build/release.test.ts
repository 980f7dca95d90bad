// What lies beside the executables of a release, and what they say about themselves.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { billOfMaterials } from "../../build/bill-of-materials.ts";
import { notices, noticesPath } from "../../build/notices.ts";
import { buildExecutable } from "../../build/release.ts";
import { stageLibrary } from "../../build/stage.ts";
import { findReleaseTarget, programs, releaseName, releaseTargets } from "../../build/targets.ts";
import packageJson from "../../package.json" with { type: "json" };
import { hostTarget } from "../../src/transport/zmq/target.ts";
import { qemuCommand, qemuIsMissing } from "../support/qemu.ts";

const folder = mkdtempSync(join(tmpdir(), "dync-release-"));
const megabytesMax = 130;
const startMsMax = 100;
const host = findReleaseTarget(hostTarget());
const isForeign = host === undefined;

beforeAll(async () => {
  if (host === undefined) return;
  for (const program of programs) await buildExecutable(program, host, folder, "0123456789ab");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("names of files can be predicted", () => {
  const names = releaseTargets.flatMap((target) => programs.map((program) => releaseName(program, target)));
  expect(names).toEqual([
    "dync-linux-x64",
    "dync-server-linux-x64",
    "dync-linux-arm64",
    "dync-server-linux-arm64",
    "dync-linux-x64-musl",
    "dync-server-linux-x64-musl",
    "dync-macos-x64",
    "dync-server-macos-x64",
    "dync-macos-arm64",
    "dync-server-macos-arm64",
    "dync-windows-x64.exe",
    "dync-server-windows-x64.exe",
  ]);
});

for (const program of programs) {
  test.skipIf(isForeign)(`${program} --version says version, commit, target and libzmq`, () => {
    const run = Bun.spawnSync([executable(program), "--version"]);
    expect(run.stdout.toString()).toBe(
      `${program} ${packageJson.version} (0123456789ab, ${hostTarget()}, libzmq ${stageLibrary(hostTarget()).version})\n`,
    );
    expect(run.exitCode).toBe(0);
  });

  test.skipIf(isForeign)(
    `${program} is under ${megabytesMax} MB and starts with under ${startMsMax} ms of work`,
    () => {
      expect(statSync(executable(program)).size).toBeLessThan(megabytesMax * 1e6);
      // Processor time, of the best of several: other work on the machine must not count. That it waits for nothing
      // is seen by the clock, with room for that work.
      const starts = Array.from({ length: 10 }, () => {
        const begin = performance.now();
        const { resourceUsage } = Bun.spawnSync([executable(program), "--version"]);
        return { work: Number(resourceUsage.cpuTime.total) / 1000, all: performance.now() - begin };
      });
      expect(Math.min(...starts.map(({ work }) => work))).toBeLessThan(startMsMax);
      expect(Math.min(...starts.map(({ all }) => all))).toBeLessThan(startMsMax * 10);
    },
  );
}

test.skipIf(qemuIsMissing !== null)(
  `dync for Linux arm64 says its version${qemuIsMissing === null ? "" : ` (skipped: ${qemuIsMissing})`}`,
  async () => {
    const path = await buildExecutable("dync", "linux-arm64", folder, "0123456789ab");
    const run = Bun.spawnSync(qemuCommand(path, ["--version"]));
    expect(run.stdout.toString()).toContain(
      `(0123456789ab, linux-arm64, libzmq ${stageLibrary("linux-arm64").version})`,
    );
  },
);

test("THIRD-PARTY-NOTICES.md is what `bun build/notices.ts` writes", () => {
  expect(readFileSync(noticesPath, "utf8")).toBe(notices());
});

test("the notices name every dependency that goes into the executables", () => {
  for (const name of Object.keys(packageJson.dependencies)) expect(notices()).toContain(`\n## ${name} `);
});

test("the bill of materials is CycloneDX, complete and without a clock", () => {
  const release = { version: "1.2.3", commit: "abc", files: new Map([["dync-linux-x64", "0".repeat(64)]]) };
  const text = billOfMaterials(release);
  expect(billOfMaterials(release)).toBe(text);
  const document = JSON.parse(text) as {
    bomFormat: string;
    specVersion: string;
    metadata: { component: { version: string; components: unknown[] } };
    components: { name: string; "bom-ref": string; licenses: unknown[] }[];
    dependencies: { ref: string }[];
  };
  expect(document).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
  expect(document.metadata.component.components.length).toBe(1);
  const names = document.components.map((component) => component.name);
  for (const name of ["libzmq", "libsodium", "Bun", ...Object.keys(packageJson.dependencies)]) {
    expect(names).toContain(name);
  }
  const references = document.components.map((component) => component["bom-ref"]);
  expect(new Set(references).size).toBe(references.length);
});

function executable(program: "dync" | "dync-server"): string {
  return join(folder, host === undefined ? "" : releaseName(program, host));
}
