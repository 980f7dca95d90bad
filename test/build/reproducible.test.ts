// The same inputs give the same bytes: a target is built twice, from copies of the sources in two folders, so that neither time nor place
// can hide in an executable. One target of each kind here, all of them by `bun run test:systems`.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProgramName, type ReleaseTarget, releaseName, releaseTargets } from "../../build/targets.ts";
import { windowsLibraryMissing } from "../support/windows-library.ts";

const project = join(import.meta.dir, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "dync-reproducible-"));
const places = [join(folder, "one"), join(folder, "another", "place")] as const;
const inputs = ["src", "build", "package.json", "bun.lock", "tsconfig.json", "bunfig.toml"];
const modules = realpathSync(join(project, "node_modules"));
// Large, and no part of an executable.
const tools = /node_modules\/(@biomejs|@deno|@typescript|bun|bun-types|deno|typescript)$/;
const commit = "0123456789ab";
const kinds: readonly ReleaseTarget[] = ["linux-x64", "macos-arm64", "windows-x64"];
const targets = process.env.DYNC_TEST_TARGETS === "all" ? releaseTargets : kinds;

beforeAll(() => {
  // Copied at once, so that both builds see the same sources even while somebody edits them.
  for (const place of places) {
    mkdirSync(place, { recursive: true });
    for (const input of inputs) cpSync(join(project, input), join(place, input), { recursive: true });
    // Copied as well: names of chunks come from where their modules are, and behind a link that is elsewhere.
    cpSync(modules, join(place, "node_modules"), { recursive: true, filter: (path) => !tools.test(path) });
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const target of targets) {
  const missing = target === "windows-x64" && windowsLibraryMissing !== null;
  const reason = missing ? ` (skipped: ${windowsLibraryMissing})` : "";
  const programs: readonly ProgramName[] = target === "linux-x64" ? ["dync", "dync-server"] : ["dync"];
  for (const program of programs) {
    test.skipIf(missing)(
      `${program} for ${target} is the same, byte for byte, from another folder${reason}`,
      () => {
        const [one, other] = places.map((place) => build(program, target, place)) as [Buffer, Buffer];
        expect(firstDifference(one, other)).toBeNull();
        expect(one.includes(commit)).toBe(true);
      },
    );
  }
}

/** Builds in `place`, and takes the executable away. */
function build(program: ProgramName, target: ReleaseTarget, place: string): Buffer {
  const source = `
    import { buildExecutable } from "./build/release.ts";
    await buildExecutable("${program}", ${JSON.stringify(target)}, ${JSON.stringify(place)}, "${commit}");`;
  const run = spawnSync(process.execPath, ["-e", source], { cwd: place, encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  const path = join(place, releaseName(program, target));
  const bytes = readFileSync(path);
  rmSync(path);
  return bytes;
}

/** Where two files first differ, with what is there, so that a failure names its cause. */
function firstDifference(one: Buffer, other: Buffer): string | null {
  if (one.equals(other)) return null;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const around = (bytes: Buffer) => bytes.subarray(Math.max(0, at - 60), at + 60).toString("latin1");
  return `${one.length} and ${other.length} bytes, first at ${at}: ${JSON.stringify([around(one), around(other)])}`;
}
