// What watched folders tell of themselves, on the compiled programs: two watchers of two users, of which one is killed, one has a wrong
// clock and something that needs a person; and what is known of them after a restart.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

// Each question is a program of its own, which takes time from what is waited for.
const askEveryMs = 100;
const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const clockMissing = existsSync(faketime) ? null : "libfaketime is not installed";

const valid = documentedValidators().get("dync:instrument");

interface Line {
  readonly [member: string]: unknown;
  readonly label: string | null;
}

describe.skipIf(executablesMissing !== null)(`instruments (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let bert: string;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    bert = await lab.user("bert");
    const address = `127.0.0.1:${lab.port}`;
    const trusted = ["trust", address, join(lab.homes.server, "server.key")];
    expect(await lab.dync(trusted, { env: { DYNC_HOME: bert } })).toMatchObject({ code: 0 });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  function folder(name: string): string {
    const path = lab.folder.file("files", name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  const watching = (path: string, ...options: readonly string[]) => [
    ...["watch", "--json", "-k", "sample:S-17", "--settle", "1s", "--no-notices", ...options],
    ...[`127.0.0.1:${lab.port}`, path],
  ];

  async function listed(): Promise<readonly Line[]> {
    const end = await lab.dyncServer(["instruments", "--json"]);
    expect(end).toMatchObject({ code: 0 });
    for (const it of jsonLines(end.stdout))
      if (it.type === "instrument" && valid?.(it) !== true) throw new Error(JSON.stringify(valid?.errors));
    return jsonLines(end.stdout).filter((it) => it.type === "instrument") as unknown as readonly Line[];
  }

  /** The line of the instrument `label`, as soon as `isIt`: its report comes seconds after its start. */
  async function line(label: string, isIt: (line: Line) => boolean = () => true): Promise<Line> {
    for (;;) {
      const found = (await listed()).find((it) => it.label === label);
      if (found !== undefined && isIt(found)) return found;
      await sleep(systemClock, askEveryMs);
    }
  }

  test("a watcher reports what waits and what it is, is explained, says farewell, and is known after a restart", async () => {
    const path = folder("lcms");
    writeFileSync(join(path, "sent.raw"), "sent");
    writeFileSync(join(path, "empty.raw"), "");
    const options = ["--label", "lcms-3", "--limit", "10MB/s", "--priority", "low"];
    const watcher = lab.startDync(watching(path, ...options));
    await watcher.line(/"path":"sent.raw".*"state":"sent"/, 60_000);
    const seen = await line("lcms-3");
    expect(seen).toMatchObject({
      ...{ user: "alice", state: "well", faults: [], waiting: { empty: 1 }, entries: 0, bytes: 0 },
      ...{ troubles: 0, uploads: 0, lost: null, profile: null, limit: 10_000_000, priority: "low" },
      ...{ client: expect.stringMatching(/^dync \d/), system: `${process.platform} ${process.arch}` },
      ...{ lastAt: expect.any(String), freeBytes: expect.any(Number), rhythmSeconds: null },
    });
    expect(Math.abs(Number(seen.clockOffsetSeconds))).toBeLessThan(5);
    const explained = await lab.dync(watching(path, "--explain").filter((it) => it !== "--json"));
    expect(explained.stderr).toMatch(/^The server was told so at \d{4}-/m);
    watcher.signal("SIGTERM");
    await watcher.ended();
    expect(await line("lcms-3", (it) => it.state === "stopped")).toMatchObject({ faults: [] });
    await lab.server.kill();
    await lab.start();
    expect(await line("lcms-3")).toMatchObject({ user: "alice", state: "stopped" });
  });

  test("what needs a person is told, and one that was killed is silent when its reports are missing", async () => {
    const path = folder("gc");
    writeFileSync(join(path, "bad\u0001name.raw"), "x");
    const watcher = lab.startDync(watching(path), { env: { DYNC_HOME: bert } });
    const label = `${hostname()} gc`;
    const seen = await line(label, (it) => it.state === "trouble");
    expect(seen).toMatchObject({ user: "bert", faults: ["waiting"], troubles: 1, entries: 1, bytes: 1 });
    // Nothing of where it lies.
    expect(JSON.stringify(seen)).not.toContain(path);
    await watcher.kill();
    const text = await lab.dyncServer(["instruments"]);
    expect(text.stdout).toMatch(/^USER +INSTRUMENT +STATE +SEEN/);
    expect(text.stdout).toContain(`bert "${label}" has 1 that waits for a person`);
    // As if it were half an hour later.
    await lab.server.signal("SIGTERM");
    await lab.server.ended();
    const catalogue = new DatabaseSync(join(stateFolder(lab.data), "catalogue.sqlite"));
    const before = new Date(Date.now() - 30 * 60_000).toISOString();
    catalogue.prepare("UPDATE instruments SET seen_at = ?").run(before);
    catalogue.close();
    await lab.start();
    const [first] = await listed();
    expect(first).toMatchObject({ user: "bert", state: "silent", faults: ["silent", "waiting"] });
    const removed = await lab.dyncServer(["instruments", "remove", "bert", label]);
    expect(removed).toMatchObject({ code: 0 });
    expect((await listed()).map((it) => it.user)).not.toContain("bert");
    expect(await lab.dyncServer(["instruments", "remove", "bert", label])).toMatchObject({ code: 2 });
  });

  test("who only sends is listed, and with --no-report so is who watches", async () => {
    const path = await lab.file("one.raw", "one");
    const sent = await lab.dync(["send", "-q", "-k", "a:b", `127.0.0.1:${lab.port}`, path], {
      env: { DYNC_HOME: bert },
    });
    expect(sent).toMatchObject({ code: 0 });
    const quiet = folder("quiet");
    const end = await lab.dync(watching(quiet, "--once", "--no-report"), { env: { DYNC_HOME: bert } });
    expect(end).toMatchObject({ code: 0 });
    expect((await listed()).find((it) => it.user === "bert")).toMatchObject({
      label: null,
      state: "well",
      seenAt: null,
    });
    const told = await lab.dync(watching(quiet, "--once", "--label", "cron"), { env: { DYNC_HOME: bert } });
    expect(told).toMatchObject({ code: 0 });
    expect(await line("cron")).toMatchObject({ user: "bert", state: "stopped" });
  });

  test.skipIf(clockMissing !== null)(
    `a clock that is wrong is seen (${clockMissing ?? "libfaketime"})`,
    async () => {
      const env = { LD_PRELOAD: faketime, FAKETIME: "-3600s", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
      const end = await lab.dync(watching(folder("late"), "--once", "--label", "late"), { env });
      expect(end).toMatchObject({ code: 0 });
      const seen = await line("late");
      expect(seen).toMatchObject({ state: "trouble", faults: ["clock"] });
      expect(Number(seen.clockOffsetSeconds)).toBeLessThan(-3590);
      expect(Number(seen.clockOffsetSeconds)).toBeGreaterThan(-3610);
    },
  );

  test("a label that is none is refused in one line", async () => {
    const end = await lab.dync(["watch", "--label", "x".repeat(65), `127.0.0.1:${lab.port}`, folder("lcms")]);
    expect(end).toMatchObject({ code: 2 });
    expect(end.stderr).toContain('Option "--label" needs 1 to 64 characters, found one of 65');
  });
});
