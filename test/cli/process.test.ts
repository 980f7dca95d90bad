import { describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const program = join(import.meta.dir, "../support/sample-program.ts");
const hasSignals = process.platform !== "win32";

function start(command: string, environment: Record<string, string> = {}): ChildProcess {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [program, command], { env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Resolves when `child` has said `text` on stderr. */
async function heard(child: ChildProcess, text: string): Promise<void> {
  let said = "";
  for await (const chunk of child.stderr!.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (said.includes(text)) return;
  }
  throw new Error(`never said "${text}", but "${said}"`);
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream!) text += chunk;
  return text;
}

/** Exit status, or the signal that ended it. */
async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode ?? child.signalCode;
}

describe("run()", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test.skipIf(!hasSignals)(`${signal} ends what waits, and is named (POSIX signals)`, async () => {
      const child = start("wait");
      await heard(child, "Waiting");
      child.kill(signal);
      const [exit, text] = await Promise.all([exitOf(child), textOf(child.stderr)]);
      expect(text).toBe(`dync: error: Interrupted by ${signal}\n`);
      // Not by a status: a shell's loop would go on.
      expect(exit).toBe(signal);
    });
  }

  test.skipIf(!hasSignals)(
    "a second signal does not wait for a command that does (POSIX signals)",
    async () => {
      const child = start("stubborn");
      await heard(child, "Waiting");
      child.kill("SIGINT");
      await heard(child, "Still waiting");
      child.kill("SIGINT");
      expect(await exitOf(child)).toBe("SIGINT");
    },
  );

  test("an error that nobody caught ends the program, without a stack", async () => {
    const child = start("stray");
    const [exit, text] = await Promise.all([exitOf(child), textOf(child.stderr)]);
    expect(text).toBe(
      "dync: error: nobody catches this; this is a bug in dync\n" +
        "dync: hint: please report it, with what DYNC_DEBUG=1 adds to this message\n",
    );
    expect(exit).toBe(1);
  });

  test("DYNC_DEBUG=1 adds the stack", async () => {
    const child = start("stray", { DYNC_DEBUG: "1" });
    const [exit, text] = await Promise.all([exitOf(child), textOf(child.stderr)]);
    expect(text).toContain("sample-program.ts:");
    expect(exit).toBe(1);
  });

  test("a reader that is slower than the program gets everything", async () => {
    const child = start("talk");
    // The pipe is full long before anybody reads from it.
    const text = await textOf(child.stdout);
    expect(text.split("\n")).toHaveLength(20_001);
    expect(await exitOf(child)).toBe(0);
  });

  test("a reader that goes away is no error", async () => {
    const child = start("talk");
    child.stdout!.once("data", () => child.stdout!.destroy());
    const [exit, text] = await Promise.all([exitOf(child), textOf(child.stderr)]);
    expect(text).toBe("");
    expect(exit).toBe(0);
  });
});
