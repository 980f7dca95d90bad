// A day of a busy laboratory, without its pauses: 50,000 small uploads over as many connections, and between them all that a day brings besides: files,
// folders, streams, a client that dies and comes again, refusals, hooks, keys that come and go, lists, metrics. What the server holds does not grow:
// no memory, no descriptors, no threads.

import { describe, expect, test } from "bun:test";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expectNothingLeft } from "../support/aftermath.ts";
import { startUploads } from "../support/crowd.ts";
import { executablesMissing } from "../support/executables.ts";
import { growthOf, type Held, heldBy } from "../support/growth.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { piped } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";
import { note } from "./note.ts";

const MB = 1_000_000;
const minuteMs = 60_000;
const rounds = 100;
const small = { count: Number(process.env.DYNC_SOAK_UPLOADS ?? 50_000) / rounds, bytes: 5_000, atOnce: 16 };
// A kilobyte for each of the 25,000 uploads of half a day: what a record would be that is never let go of.
const growthMax = 25 * MB;
const hooks = '[[hooks]]\nname = "index"\nevent = "after"\nusers = ["lia"]\ncommand = ["/bin/true"]\n';
const reason =
  executablesMissing ?? referenceMissing ?? (process.platform === "linux" ? null : "needs /proc");

describe.skipIf(reason !== null)(`a day (${reason ?? "compiled"})`, () => {
  test(
    `${small.count * rounds} small uploads and all else leave nothing behind in the server`,
    async () => {
      await using lab = await openLab({ inMemory: true, server: ["--http", "127.0.0.1:0"] });
      const { input = "" } = await lab.server.line(/"message":\s*"Answering over HTTP"/);
      const { port } = JSON.parse(input) as { port: number };
      expect(await lab.configure(hooks)).toMatchObject({ code: 0 });
      const day = await Day.of(lab, `http://127.0.0.1:${port}`);
      const samples: Held[] = [];
      for (let round = 0; round < rounds; round++) {
        await day.hour(round);
        samples.push(heldBy(lab.server.pid));
      }
      const { early, late, more } = growthOf(samples);
      note(`a day, ${small.count * rounds} small uploads`, {
        "MB, second quarter": Math.round(early.bytes / MB),
        "last quarter": Math.round(late.bytes / MB),
        "at most": Math.round(Math.max(...samples.map(({ bytes }) => bytes)) / MB),
        descriptors: `${early.descriptors} and ${late.descriptors}`,
        threads: `${early.threads} and ${late.threads}`,
        "MB each hour": samples.map(({ bytes }) => Math.round(bytes / MB)).join(" "),
      });
      expect(more.bytes).toBeLessThan(growthMax);
      // One that is just being closed.
      expect(more.descriptors).toBeLessThanOrEqual(1);
      expect(more.threads).toBeLessThanOrEqual(0);
      await expectNothingLeft(lab);
    },
    60 * minuteMs,
  );
});

/** What happens in such a day, an hour of it at a time. */
class Day {
  readonly #lab: Lab;
  readonly #page: string;
  /** Of a user whose uploads a hook is told of. */
  readonly #lia: string;
  readonly #file: string;
  readonly #folder: string;

  private constructor(lab: Lab, page: string, lia: string, file: string, folder: string) {
    this.#lab = lab;
    this.#page = page;
    this.#lia = lia;
    this.#file = file;
    this.#folder = folder;
  }

  static async of(lab: Lab, page: string): Promise<Day> {
    const folder = lab.folder.file("files", "run");
    await mkdir(folder);
    for (let at = 0; at < 20; at++) await lab.file(`run/${at}.raw`, at * 10_000);
    return new Day(lab, page, await lab.user("lia"), await lab.file("file.raw", 20 * MB), folder);
  }

  async hour(round: number): Promise<void> {
    await using crowd = startUploads(this.#lab, { ...small, prefix: `small-${round}` });
    await this.#send(["-n", `file-${round}.raw`, this.#file]);
    await this.#send(["--name-template", `run-${round}`, "--dataset", this.#folder]);
    await this.#send(["-n", `stream-${round}.raw`], { stdin: piped(this.#file) });
    await this.#send(["-n", `hooked-${round}.raw`, this.#file], { env: { DYNC_HOME: this.#lia } });
    // There is another one of that name.
    const taken = await this.#lab.send(["-q", "-n", `file-${round}.raw`, `${this.#folder}/1.raw`]);
    expect(taken).toMatchObject({ code: 7 });
    await this.#dies(`killed-${round}.raw`);
    await this.#looks();
    await this.#letsIn(`guest-${round}`);
    expect(await crowd.ended(10 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
  }

  async #send(args: readonly string[], options = {}): Promise<void> {
    expect(await this.#lab.send(["-q", ...args], options, minuteMs)).toMatchObject({ code: 0, stderr: "" });
  }

  async #dies(name: string): Promise<void> {
    await using sending = this.#lab.startSend(["--json", "--limit", "5MB/s", "-n", name, this.#file]);
    await sending.line(/"sent":[1-9]/, minuteMs);
    await sending.kill();
    expect(await this.#lab.dync(["resume", "-q"], {}, minuteMs)).toMatchObject({ code: 0, stderr: "" });
  }

  async #looks(): Promise<void> {
    expect(await this.#lab.dyncServer(["uploads", "list", "--limit", "100"])).toMatchObject({ code: 0 });
    expect(await this.#lab.dync(["status", `127.0.0.1:${this.#lab.port}`])).toMatchObject({ code: 0 });
    for (const path of ["/", "/metrics", "/healthz"]) {
      const answer = await fetch(this.#page + path);
      await answer.arrayBuffer();
      expect([path, answer.status]).toEqual([path, 200]);
    }
  }

  /** A key that comes, sends, and goes. Not by `Lab.user`, which waits for a line of the log, and this one is longer than what is kept of it. */
  async #letsIn(user: string): Promise<void> {
    const { folder, homes } = this.#lab;
    const home = folder.file(`${user}-home`);
    expect(await this.#lab.dync(["keygen"], { env: { DYNC_HOME: home } })).toMatchObject({ code: 0 });
    await copyFile(join(homes.client, "server.key"), join(home, "server.key"));
    const added = await this.#lab.dyncServer(["clients", "add", join(home, "client.key"), "--user", user]);
    expect(added).toMatchObject({ code: 0 });
    await this.#send(["-n", "of-guest.raw", `${this.#folder}/2.raw`], { env: { DYNC_HOME: home } });
    expect(await this.#lab.dyncServer(["clients", "remove", user])).toMatchObject({ code: 0 });
  }
}
