// Bounds that hold whatever comes: memory of both programs, many clients on a small budget, an idle server, a fast
// start. Larger variants of the same are in test/faults.

import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { executables, executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { PeakMemory } from "../support/process-tree.ts";
import { runProgram, startProgram } from "../support/programs.ts";

const MB = 1_000_000;
const MiB = 1024 ** 2;
const clientMemoryMax = 120 * MB;
const serverMemoryMax = 250 * MB;
// Measured: 0.1 % of a core once the runtime's own collector has come to rest, half a minute after the last upload.
const idleShareMax = 0.005;
const idleRounds = 6;
const clients = 50;
const hasProc = process.platform === "linux";

describe.skipIf(executablesMissing !== null || !hasProc)(
  `under load (${executablesMissing ?? (hasProc ? "compiled" : "needs /proc")})`,
  () => {
    test("512 MiB take under 120 MB in the client and under 250 MB in the server", async () => {
      await using lab = await openLab({ inMemory: true });
      const path = await lab.file("large.raw", 512 * MiB);
      await using program = lab.startSend(["-q", path]);
      const memory = new PeakMemory(program.pid);
      expect((await program.ended(120_000)).code).toBe(0);
      expect(memory.stop()[0]).toBeLessThan(clientMemoryMax);
      expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
      await lab.expectStored(path);
    });

    test("320 MiB from standard input take no more", async () => {
      await using lab = await openLab({ inMemory: true });
      const command = `head -c ${320 * MiB} /dev/zero | "${lab.programs.dync}" -q -k a:b -n piped.raw 127.0.0.1:${lab.port}`;
      await using program = startProgram(["sh", "-c", command], { env: { DYNC_HOME: lab.homes.client } });
      const memory = new PeakMemory(program.pid);
      expect(await program.ended(120_000)).toMatchObject({ code: 0, stderr: "" });
      expect(memory.stop()[0]).toBeLessThan(clientMemoryMax);
      expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
    });

    test(`${clients} clients at once finish on a budget that admits only some of them`, async () => {
      // 16 chunks for all of them together: fewer than there are clients.
      await using lab = await openLab({ inMemory: true, server: ["--memory", "4MiB", "--chunk", "256KiB"] });
      const path = await lab.file("crowd.raw", 4 * MB);
      const sends = Array.from({ length: clients }, (_, index) =>
        lab.send(["-q", "-n", `crowd-${index}.raw`, path], {}, 110_000),
      );
      const ends = await Promise.all(sends);
      expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
        Array.from({ length: clients }, () => ({ code: 0, stderr: "" })),
      );
      expect(await lab.serverMemoryMax()).toBeLessThan(serverMemoryMax);
      for (let index = 0; index < clients; index += 7) await lab.expectStored(path, `crowd-${index}.raw`);
      expect(lab.published()).toHaveLength(3 * clients);
    });

    test("an idle server does not poll", async () => {
      await using lab = await openLab();
      await lab.expectAlive();
      const shares: number[] = [];
      // The first rounds also see the end of the upload; another program's seconds are what is waited for.
      for (let round = 0; round < idleRounds && Math.min(1, ...shares) >= idleShareMax; round++) {
        const [cpuBefore, before] = [await cpuSeconds(lab.server.pid), performance.now()];
        await runProgram(["sleep", "10"]);
        const seconds = (performance.now() - before) / 1000;
        shares.push(((await cpuSeconds(lab.server.pid)) - cpuBefore) / seconds);
      }
      expect(Math.min(...shares)).toBeLessThan(idleShareMax);
    });
  },
);

describe.skipIf(executablesMissing !== null)(`starting (${executablesMissing ?? "compiled"})`, () => {
  for (const option of ["--version", "--help"]) {
    for (const program of ["dync", "dyncServer"] as const) {
      test(`${program} ${option} answers within 100 ms of processor time`, async () => {
        const command = [(await executables())[program], option];
        const seconds: number[] = [];
        for (let round = 0; round < 5; round++) {
          const ended = await runProgram(command);
          expect(ended.code).toBe(0);
          seconds.push(ended.cpuSeconds);
        }
        // Others may use this machine as well: what the program itself needs does not depend on them.
        expect(Math.min(...seconds)).toBeLessThan(0.1);
      });
    }
  }
});

/** Processor time of a process so far, all its threads, more exactly than in ticks. */
async function cpuSeconds(pid: number): Promise<number> {
  let nanoseconds = 0;
  for (const task of await readdir(`/proc/${pid}/task`))
    nanoseconds += Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, "utf8")).split(" ")[0]);
  return nanoseconds / 1e9;
}
