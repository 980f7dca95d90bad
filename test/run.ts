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

async function runTests(suite: string, filters: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dync-test-report-"));
  const report = join(folder, "junit.xml");
  const files = filters.length > 0 ? filters : suite === "faults" ? ["./test/faults/"] : [];
  const ignore = suite === "faults" || filters.length > 0 ? [] : ["--path-ignore-patterns=test/faults/**"];
  try {
    const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
    const status = await run(["bun", "test", "--timeout=120000", ...reporter, ...ignore, ...files]);
    addReport(readFileSync(report, "utf8"));
    if (status !== 0 && totals.failed === 0) totals.failed++;
  } catch (error) {
    process.stderr.write(
      `The tests left no report: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    totals.failed++;
  } finally {
    rmSync(folder, { recursive: true });
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

async function run(command: string[]): Promise<number> {
  const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH}`;
  const child = Bun.spawn(command, {
    cwd: root,
    env: { ...process.env, PATH: path },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return await child.exited;
}
