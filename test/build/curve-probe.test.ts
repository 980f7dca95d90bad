// The foreign libraries that go into the executables really work there: a compiled program loads each by its path
// and sends a message through CURVE. Windows runs under wine, Linux arm64 under qemu.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stageLibrary } from "../../build/stage.ts";
import { qemuCommand, qemuIsMissing } from "../support/qemu.ts";
import { windowsLibraryMissing, windowsLibraryPath } from "../support/windows-library.ts";
import { Wine, wineIsMissing } from "../support/wine.ts";

const folder = mkdtempSync(join(tmpdir(), "dync-curve-probe-"));
const reasonWindows = wineIsMissing ?? windowsLibraryMissing;
let wine: Wine | null = null;

beforeAll(async () => {
  if (reasonWindows === null) wine = await Wine.start();
});

afterAll(async () => {
  await wine?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(reasonWindows !== null)(
  `a Windows executable loads libzmq.dll and talks CURVE${because(reasonWindows)}`,
  async () => {
    const executable = compileProbe("bun-windows-x64-baseline", "probe.exe");
    const library = join(folder, "libzmq.dll");
    copyFileSync(windowsLibraryPath ?? "", library);
    wine?.prepare(folder);
    const run = await wine?.run(executable, [wine.path(library)]);
    expect(JSON.parse(run?.stdout ?? "")).toEqual({
      platform: "win32-x64",
      version: "4.3.4",
      curve: true,
      enforcesDomain: true,
      message: "through the tunnel",
    });
    expect(run?.exitCode).toBe(0);
  },
);

test.skipIf(qemuIsMissing !== null)(
  `a Linux arm64 executable loads the library that goes into it and talks CURVE${because(qemuIsMissing)}`,
  async () => {
    const executable = compileProbe("bun-linux-arm64", "probe-arm64");
    const staged = stageLibrary("linux-arm64");
    const library = join(folder, "libzmq-arm64.so");
    copyFileSync(staged.path, library);
    const child = Bun.spawn(qemuCommand(executable, [library]), { stdout: "pipe", stderr: "inherit" });
    expect(JSON.parse(await new Response(child.stdout).text())).toEqual({
      platform: "linux-arm64",
      version: staged.version.replace(/,.*/, ""),
      curve: true,
      enforcesDomain: true,
      message: "through the tunnel",
    });
    expect(await child.exited).toBe(0);
  },
);

function compileProbe(target: string, name: string): string {
  const outfile = join(folder, name);
  const entry = join(import.meta.dir, "curve-probe.ts");
  const build = spawnSync(
    process.execPath,
    ["build", "--compile", `--target=${target}`, entry, "--outfile", outfile],
    { encoding: "utf8" },
  );
  if (build.status !== 0) throw new Error(build.stderr);
  return outfile;
}

function because(reason: string | null): string {
  return reason === null ? "" : ` (skipped: ${reason})`;
}
