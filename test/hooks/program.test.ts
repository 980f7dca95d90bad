// Programs as hooks: what becomes of one that does not do as it should.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { type ProgramCall, runProgram } from "../../src/hooks/run/program.ts";
import { tempFolder } from "../support/temp-folder.ts";

const isWindows = process.platform === "win32";
const folder = await tempFolder();
afterAll(async () => await folder[Symbol.asyncDispose]());

let scripts = 0;
/** A file that begins with these lines, as a program. */
function script(lines: readonly string[], first = "#!/bin/sh", mode = 0o755): string {
  const path = folder.file(`script-${++scripts}`);
  writeFileSync(path, `${first}\n${lines.join("\n")}\n`);
  chmodSync(path, mode);
  return path;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether there is such a process, or with a negative number such a group. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function run(path: string, change: Partial<ProgramCall> = {}) {
  const { failure } = await runProgram({
    command: [path],
    environment: { PATH: "/usr/bin:/bin" },
    input: "told",
    outputBytesMax: 0,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    clock: systemClock,
    ...change,
  });
  return failure;
}

describe.skipIf(isWindows)("a program (needs a shell: not on Windows)", () => {
  test("that ends with 0 did its work, whatever it read and printed", async () => {
    for (const lines of [["cat > /dev/null"], ["exec <&-"], ["head -c 30000000 /dev/zero"], ["cat; cat >&2"]])
      expect(await run(script(lines), { input: "x".repeat(1_000_000) })).toBeNull();
  });

  test("gets all of the text, its own folder, and no variable but those given", async () => {
    const path = script(['cat > "$0.in"', 'pwd > "$0.pwd"', 'env > "$0.env"']);
    const input = `é${"x".repeat(300_000)}`;
    expect(await run(path, { input, environment: { A: "b c" } })).toBeNull();
    expect(readFileSync(`${path}.in`, "utf8")).toBe(input);
    expect(readFileSync(`${path}.pwd`, "utf8").trim()).toEndWith(folder.path);
    const variables = readFileSync(`${path}.env`, "utf8").split("\n").toSorted();
    // The shell's own.
    expect(variables.filter((it) => !/^(_|PWD|OLDPWD|SHLVL)?(=|$)/.test(it))).toEqual(["A=b c"]);
  });

  const failing: readonly (readonly [readonly string[], string])[] = [
    [["exit 3"], "ended with status 3"],
    [["echo first >&2", "echo '  last words ' >&2", "echo >&2", "exit 3"], "ended with status 3: last words"],
    [["kill -9 $$"], "was ended by SIGKILL"],
    [["head -c 100000 /dev/zero | tr '\\0' x >&2", "exit 1"], `ended with status 1: ${"x".repeat(400)}… (`],
    [["printf '\\377\\376' >&2", "exit 1"], "ended with status 1: ��"],
  ];
  test.each(failing)("of %j has failed: %s", async (lines, failure) => {
    expect(await run(script(lines))).toStartWith(failure);
  });

  test("that cannot be run is named, with what is wrong", async () => {
    expect(await run(folder.file("gone"))).toEndWith(
      "gone cannot be run: there is no such program, or the one that its first line names",
    );
    expect(await run(script([], "#!/bin/sh", 0o644))).toEndWith("this user may not run it");
    expect(await run(script([], "#!/nowhere/sh"))).toContain("or the one that its first line names");
    expect(await run(folder.path)).toEndWith("this user may not run it");
  });

  test("that takes too long ends with all that it started, also where that heeds no signal", async () => {
    const path = script(["(trap '' TERM; echo $$ > $0.pids; sleep 1000; sleep 1000) &", "wait"]);
    expect(await run(path, { timeoutMs: 300 })).toStartWith("took longer than 0.3 s, and was ended");
    expect(existsSync(`${path}.pids`)).toBe(true);
    const group = readFileSync(`${path}.pids`, "utf8").trim();
    // What was killed is there until its parent heard of it.
    await until(() => !isAlive(-Number(group)));
  });

  test("that leaves something running which has its output open is not waited for", async () => {
    const path = script(["sleep 1000 &", 'echo $! > "$0.pid"', "exit 4"]);
    expect(await run(path)).toBe("ended with status 4");
    process.kill(Number(readFileSync(`${path}.pid`, "utf8")));
  });

  test("is ended when nobody needs it any more", async () => {
    const stop = new AbortController();
    const path = script(['echo > "$0.begun"', "sleep 1000"]);
    const running = run(path, { signal: stop.signal });
    await until(() => existsSync(`${path}.begun`));
    stop.abort(new Error("stopped"));
    expect(running).rejects.toThrow("stopped");
    await running.catch(() => {});
    expect(run(path, { signal: stop.signal })).rejects.toThrow("stopped");
  });
});
