// `bun run test`: types, lint and the tests of one suite, then one plain line with the totals. Suites:
// `normal` (default) everything under ten minutes; `faults` the long attacks on the real executables.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dir, "..");
const { values, positionals } = parseArgs({
  options: {
    suite: { type: "string", default: "normal" },
    "update-timings": { type: "boolean", default: false },
  },
  allowPositionals: true,
});

// Tests of programs wait, for pauses and for each other: on two cores, so many files at once leave none idle, and more of them make each
// wait for the others.
const atOnce = 4;
// What each file took, in ms: the longest begin first. `--update-timings` writes it anew.
const timings = "test/timings.json";

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
await check("types", ["tsc", "--noEmit"]);
await check("types of the status page", ["tsc", "--noEmit", "-p", "src/web/page"]);
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

/** Runs a suite or what was asked for, and adds what the report says. */
async function runTests(suite: string, filters: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dync-test-report-"));
  const report = join(folder, "report.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  try {
    const status = await run(["bun", "test", "--timeout=240000", ...reporter, ...filesOf(suite, filters)]);
    const before = totals.failed;
    addReport(readFileSync(report, "utf8"));
    if (status !== 0 && totals.failed === before) totals.failed++;
  } catch (error) {
    process.stderr.write(
      `The tests left no report: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    totals.failed++;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Which files, and how many at once: attacks have the machine for themselves. */
function filesOf(suite: string, filters: readonly string[]): readonly string[] {
  if (filters.length > 0) return filters;
  if (suite === "faults") return ["./test/faults/"];
  const update = values["update-timings"] ? ["--update-timings"] : [];
  return [
    "--path-ignore-patterns=test/faults/**",
    `--parallel=${atOnce}`,
    "--no-isolate",
    `--timings=${timings}`,
    ...update,
  ];
}

function addReport(xml: string): void {
  const suites = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const count = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suites)?.[1] ?? 0);
  const [tests, failed, skipped] = [count("tests"), count("failures") + count("errors"), count("skipped")];
  totals.passed += tests - failed - skipped;
  totals.failed += failed;
  totals.skipped += skipped;
  for (const [how, mark] of [
    ["skip", "skipped"],
    ["fail", "(?:failure|error)"],
  ] as const) {
    for (const [, name, file] of xml.matchAll(testCases(mark)))
      process.stdout.write(`(${how}) ${file}: ${name}\n`);
  }
}

/** The cases of a report that hold such an element: name and file. */
function testCases(element: string): RegExp {
  return new RegExp(`<testcase name="([^"]*)"[^>]*?file="([^"]*)"[^>]*>\\s*<${element}\\b`, "g");
}

async function run(command: string[]): Promise<number> {
  const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH}`;
  const env = { ...process.env, PATH: path };
  return await Bun.spawn(command, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] }).exited;
}
