// `bun run test`: types, lint and the tests of one suite, then one plain line with the totals. Suites:
// `normal` (default) everything under ten minutes; `faults` the long attacks on the real executables.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dir, "..");
const { values, positionals } = parseArgs({
  options: { suite: { type: "string", default: "normal" } },
  allowPositionals: true,
});

// Tests of whole programs: as much work as all others, and more waiting.
const programs = "./test/e2e/";

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
await check("types", ["tsc", "--noEmit"]);
await check("lint and format", ["biome", "check", "--diagnostic-level=warn", "--error-on-warnings"]);
// What the tests start is built once, before them.
await check("build", ["bun", "build/build.ts"]);
await runTests(values.suite, positionals);
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

async function check(name: string, command: string[]): Promise<void> {
  const status = await run(command);
  if (status === 0) totals.passed++;
  else totals.failed++;
  process.stdout.write(`(${status === 0 ? "pass" : "fail"}) ${name}\n`);
}

/** Tests of the programs wait most of the time, for pauses and for each other: all others run beside them. */
async function runTests(suite: string, filters: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dync-test-report-"));
  const runs =
    filters.length > 0
      ? [filters]
      : suite === "faults"
        ? [["./test/faults/"]]
        : [[programs], without([programs, "./test/faults/"])];
  try {
    await Promise.all(runs.map((files, index) => runFiles(files, join(folder, `${index}.xml`), index > 0)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All of test/ but these folders. */
function without(folders: readonly string[]): readonly string[] {
  return folders.map((folder) => `--path-ignore-patterns=${folder.replace("./", "")}**`);
}

/** Runs test files and adds what the report says; `isLater`: what they print comes when they are over, in one piece. */
async function runFiles(files: readonly string[], report: string, isLater: boolean): Promise<void> {
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const status = await run(["bun", "test", "--timeout=120000", ...reporter, ...files], isLater);
  try {
    const before = totals.failed;
    addReport(readFileSync(report, "utf8"));
    if (status !== 0 && totals.failed === before) totals.failed++;
  } catch (error) {
    process.stderr.write(
      `The tests left no report: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    totals.failed++;
  }
}

function addReport(xml: string): void {
  const suites = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const count = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suites)?.[1] ?? 0);
  const [tests, failed, skipped] = [count("tests"), count("failures") + count("errors"), count("skipped")];
  totals.passed += tests - failed - skipped;
  totals.failed += failed;
  totals.skipped += skipped;
  for (const [, name] of xml.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped/g)) {
    process.stdout.write(`(skip) ${name}\n`);
  }
}

async function run(command: string[], isLater = false): Promise<number> {
  const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH}`;
  const output = isLater ? "pipe" : "inherit";
  const child = Bun.spawn(command, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", output, output],
  });
  if (!isLater) return await child.exited;
  const printed = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  for (const text of await printed) process.stdout.write(text);
  return await child.exited;
}
