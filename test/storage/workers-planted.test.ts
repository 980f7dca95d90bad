// Bugs planted on purpose into what storage workers and the main thread say to each other, each a patch with a sentence that says what it breaks: the
// tests of the workers have to find every one of them.

import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const root = join(import.meta.dir, "..", "..");
const patches = join(import.meta.dir, "planted");
const deadlineMs = 100_000;

async function testsOf(folder: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const tests = join(folder, "test", "storage", "workers.test.ts");
  // The first failure ends it, with all that it has there.
  await using memory = await tempFolder(existsSync("/dev/shm") ? "/dev/shm" : undefined);
  const { code, stderr } = await runProgram(
    [process.execPath, "test", "--timeout=10000", "--bail", tests],
    { cwd: folder, env: { DYNC_POISON: "1", DYNC_TEST_FOLDER: memory.path } },
    deadlineMs,
  );
  return { code, output: stderr };
}

function copyTo(folder: string): void {
  for (const part of ["src", "test/support", "package.json", "tsconfig.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const file of ["workers.test.ts", "contract.ts", "open-storage.ts", "dataset-world.ts"])
    cpSync(join(root, "test/storage", file), join(folder, "test/storage", file));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}

describe("a planted bug of storage workers is found", () => {
  test(
    "and nothing is found where there is none",
    async () => {
      await using folder = await tempFolder();
      copyTo(folder.path);
      const { code, output } = await testsOf(folder.path);
      expect(code, output).toBe(0);
    },
    deadlineMs,
  );

  for (const file of readdirSync(patches)) {
    const [why] = readFileSync(join(patches, file), "utf8").split("\n");
    test(
      `${file.replace(/\.patch$/, "")}: ${why}`,
      async () => {
        await using folder = await tempFolder();
        copyTo(folder.path);
        const applied = Bun.spawnSync(["git", "apply", "-C1", join(patches, file)], {
          cwd: folder.path,
          stderr: "pipe",
        });
        expect(applied.exitCode, `${file} does not apply any more: ${applied.stderr.toString()}`).toBe(0);
        const { code, output } = await testsOf(folder.path);
        expect(code, output).not.toBe(0);
        expect(output).toContain("(fail)");
      },
      deadlineMs,
    );
  }
});
