// One user's uploads, however many and whatever they do, and another user: it keeps its speed and is never refused; and
// what a client that was killed held is free within seconds. A short version is in test/e2e/fairness.test.ts.

import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FileSink } from "bun";
import { systemClock } from "../../src/base/clock.ts";
import { jainIndex } from "../simulation/jain-index.ts";
import { descriptorsOf, msUntilDescriptors, ratesBeside } from "../support/beside.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type Program, startProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";
import { bytesByUser, startNeighbours } from "../support/user-uploads.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const MB = 1_000_000;
// The program that asks takes as much processor time as the upload: on two cores that alone costs some.
const floodShareMin = 0.4;
// What a machine has by default may be enough for all.
const scarce = ["--memory", "64MiB"];
const reason =
  executablesMissing ?? referenceMissing ?? (process.platform === "linux" ? null : "needs /proc");

/** Sends one file as `home` under new names, and removes nothing: the folder is in memory. */
async function honestUpload(lab: Lab, bytes: number): Promise<() => Promise<void>> {
  const home = await lab.user("bert");
  const path = await lab.file("honest.raw", bytes);
  let count = 0;
  return async () => {
    const args = ["-q", "-n", `honest-${++count}.raw`, path];
    const sent = await lab.send(args, { env: { DYNC_HOME: home } }, 2 * minuteMs);
    expect(sent).toMatchObject({ code: 0, stderr: "" });
  };
}

describe.skipIf(reason !== null)(`one user beside another (${reason ?? "compiled"})`, () => {
  for (const count of [200, 1000]) {
    test(
      `${count} uploads of one key that send nothing leave another user four fifths of its speed`,
      async () => {
        await using lab = await openLab({
          inMemory: true,
          server: [...scarce, "--uploads-per-user", "1000"],
        });
        const upload = await honestUpload(lab, 400 * MB);
        await upload();
        const before = await descriptorsOf(lab);
        const measure = { bytes: 400 * MB, enough: 0.8, rounds: 8 };
        const rates = await ratesBeside(() => startNeighbours(lab, "open", { count }), upload, measure);
        const crowd = await startNeighbours(lab, "open", { count });
        // The honest upload's own may still have been there before.
        expect(await descriptorsOf(lab)).toBeGreaterThan(count);
        await crowd.kill();
        const ms = await msUntilDescriptors(lab, before + 4, 30_000);
        note(`${count} uploads that send nothing`, {
          "MB/s alone": Math.round(rates.alone / 1000),
          "MB/s beside them": Math.round(rates.beside / 1000),
          "s until their descriptors are closed": Math.round(ms / 100) / 10,
        });
        expect(rates.share).toBeGreaterThanOrEqual(0.8);
        await lab.expectAlive();
      },
      15 * minuteMs,
    );
  }

  test(
    "a flood of questions of one key does so as well",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const upload = await honestUpload(lab, 400 * MB);
      await upload();
      const measure = { bytes: 400 * MB, enough: floodShareMin, rounds: 6 };
      const rates = await ratesBeside(() => startNeighbours(lab, "flood", { count: 1 }), upload, measure);
      note("a flood of questions", {
        "MB/s alone": Math.round(rates.alone / 1000),
        "MB/s beside it": Math.round(rates.beside / 1000),
      });
      expect(rates.share).toBeGreaterThanOrEqual(floodShareMin);
      await lab.expectAlive();
    },
    15 * minuteMs,
  );

  test(
    "20 users with 1 to 50 uploads each have the same number of bytes taken",
    async () => {
      await using lab = await openLab({ inMemory: true, server: ["--memory", "4MiB", "--chunk", "64KiB"] });
      const users: { home: string; uploads: number }[] = [];
      for (let user = 0; user < 20; user++) {
        const uploads = 1 + Math.round((49 * user) / 19);
        users.push({ home: await lab.user(`user${user}`), uploads });
      }
      const bytes = await bytesByUser(lab, users, 15);
      const index = jainIndex(bytes);
      const rates = bytes.map((sum) => Math.round(sum / 15 / MB));
      note("20 users", { "Jain's index": Math.round(index * 1000) / 1000, "MB/s of each": rates.join(" ") });
      expect(index).toBeGreaterThanOrEqual(0.95);
      expect(await lab.serverMemoryMax()).toBeLessThan(250 * MB);
    },
    15 * minuteMs,
  );

  test(
    "four silent pipes of one key do so as well, and go on when their producers do",
    async () => {
      await using lab = await openLab({ inMemory: true, server: scarce });
      const upload = await honestUpload(lab, 400 * MB);
      await upload();
      const measure = { bytes: 400 * MB, enough: 0.8, rounds: 8 };
      const rates = await ratesBeside(() => SilentPipes.start(lab), upload, measure);
      note("four silent pipes", {
        "MB/s alone": Math.round(rates.alone / 1000),
        "MB/s beside them": Math.round(rates.beside / 1000),
      });
      expect(rates.share).toBeGreaterThanOrEqual(0.8);
      await using pipes = await SilentPipes.start(lab);
      await upload();
      await pipes.finish();
    },
    15 * minuteMs,
  );
});

/** Four uploads from standard input that sent enough to have their whole windows, and fell silent. */
class SilentPipes implements AsyncDisposable {
  static #made = 0;
  readonly #programs: readonly Program[];

  private constructor(programs: readonly Program[]) {
    this.#programs = programs;
  }

  static async start(lab: Lab): Promise<SilentPipes> {
    const names = Array.from({ length: 4 }, () => `pipe-${++SilentPipes.#made}`);
    const env = { DYNC_HOME: lab.homes.client };
    const programs = names.map((name) => {
      const program = startProgram(
        [lab.programs.dync, "-q", "-k", "a:b", "-n", name, `127.0.0.1:${lab.port}`],
        {
          env,
          stdin: "pipe",
        },
      );
      sinkOf(program).write(new Uint8Array(40 * MB));
      sinkOf(program).flush();
      return program;
    });
    for (const name of names) await lab.server.line(new RegExp(`"Upload started".*"${name}"`));
    await SilentPipes.#untilSilent(lab);
    return new SilentPipes(programs);
  }

  /** What they had to send is on the server: from here on they only hold their windows. */
  static async #untilSilent(lab: Lab): Promise<void> {
    const folder = join(lab.data, ".dync", "partial");
    for (let [before, same] = [-1, 0]; same < 5; ) {
      const stored = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      same = stored === before && stored > 4 * 30 * MB ? same + 1 : 0;
      before = stored;
      await new Promise<void>((resolve) => systemClock.after(100, resolve));
    }
  }

  /** Their producers end, and all that they sent is confirmed. */
  async finish(): Promise<void> {
    for (const program of this.#programs) sinkOf(program).end();
    for (const program of this.#programs)
      expect(await program.ended(minuteMs)).toMatchObject({ code: 0, stderr: "" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.kill();
  }
}

function sinkOf(program: Program): FileSink {
  return program.child.stdin as FileSink;
}
