// Two servers that share a catalogue and an object store: an upload goes on at the other one when its server is killed, stopped, frozen or
// out of reach, from what is stored of it; and what is done once for all is done by one.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { until } from "../support/network-runs.ts";
import { lastingPort } from "../support/ports.ts";
import { jsonLines, type Program, runProgram } from "../support/programs.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";
import { tempFolder } from "../support/temp-folder.ts";

const MiB = 1024 * 1024;
const partBytes = 8 * MiB;
// On its way for longer than it takes to do something to its server, and no larger: its bytes are what these tests cost.
const size = 56 * MiB;
const slow = ["--limit", "5MB/s"];

/** A file on its way. */
interface Sent {
  readonly path: string;
  readonly sending: Program;
}

describe.skipIf(pairMissing !== null)(`several servers (${pairMissing ?? "compiled"})`, () => {
  let pair: ServerPair;
  let told: string;
  let hooks: Awaited<ReturnType<typeof tempFolder>>;

  beforeAll(async () => {
    hooks = await tempFolder();
    const hook = hooks.file("told");
    told = `${hook}.lines`;
    // One write of a line: two that come at once do not mix.
    writeFileSync(hook, `#!/bin/sh\nline=$(cat)\nprintf '%s\\n' "$line" >> '${told}'\n`);
    chmodSync(hook, 0o755);
    pair = await ServerPair.start(
      `log-level = "debug"\n[[hooks]]\nname = "told"\nevent = "after"\ncommand = [${JSON.stringify(hook)}]\n`,
    );
  });
  afterAll(async () => {
    await pair?.[Symbol.asyncDispose]();
    await hooks?.[Symbol.asyncDispose]();
  });

  /** How many bytes the catalogue says are stored of an upload. */
  async function durableOf(name: string): Promise<number> {
    const [row] = await pair.rows(`SELECT durable FROM dync.uploads WHERE name = '${name}'`);
    return Number(row?.durable ?? 0);
  }

  /** Sends slowly to server `to`, or the other one, until some parts are stored. */
  async function underWay(name: string, to: string): Promise<Sent> {
    const path = await pair.file(name, size);
    const sending = pair.startSend(to, [...slow, path]);
    await pair.until(async () => (await durableOf(name)) >= 2 * partBytes, sending);
    return { path, sending };
  }

  /**
   * It went on at `at` from what was stored, at most a part of which was sent again, and was published once. `mayBeginAnew`: the server that
   * had it was frozen in the midst of a request, which may come to the store when that wakes up; then all of it is sent once more.
   */
  async function expectTakenOver(at: number, { path, sending }: Sent, mayBeginAnew = false): Promise<void> {
    const name = basename(path);
    const [, offset] = await pair
      .program(at)
      .line(new RegExp(`"Upload resumed".*"${name}".*"offset":(\\d+)`), 60_000);
    expect(Number(offset)).toBeGreaterThanOrEqual(2 * partBytes);
    expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
    await pair.expectStored(path, name);
    const rows = await pair.rows(`SELECT state, reason FROM dync.uploads WHERE name = '${name}'`);
    expect(rows.filter(({ state }) => state === "finished")).toHaveLength(1);
    if (!mayBeginAnew) expect(rows).toHaveLength(1);
    const finished = [0, 1].flatMap((it) => {
      const { stdout, stderr } = pair.program(it);
      const lines = `${stdout}${stderr}`.split("\n");
      return lines.filter((line) => line.includes('"Upload finished"') && line.includes(`"${name}"`));
    });
    expect(finished).toHaveLength(1);
    expect(await pair.bucket.multiparts()).toEqual([]);
  }

  test("they know of each other, and one of them leads", async () => {
    await pair.program(0).line(/"Another server is there"/);
    await pair.program(1).line(/"Another server is there"/);
    expect(await pair.rows("SELECT count(*)::int AS alive FROM dync.servers WHERE alive_until > 0")).toEqual([
      { alive: 2 },
    ]);
    expect((await pair.rows("SELECT leader FROM dync.catalogue"))[0]?.leader).toBeString();
  });

  test("an upload whose line breaks goes on at the other server at once", async () => {
    await using proxy = await startFaultyProxy({ targetPort: pair.place(0).server.port });
    const sent = await underWay("moved.raw", `127.0.0.1:${proxy.port},${pair.address(1)}`);
    proxy.faults = { refuse: true };
    proxy.cut();
    // Its server lives, and let go of it: nobody waited for the end of a lease.
    await pair.program(0).line(/"Upload suspended".*"moved.raw".*went on at another server/);
    await expectTakenOver(1, sent);
  });

  test("an upload of a server that is stopped goes on at the other one at once", async () => {
    const sent = await underWay("stopped.raw", pair.address(1, 0));
    expect(await pair.program(1).stop()).toMatchObject({ code: 0 });
    // Were it back before, its client would stay.
    await pair.program(0).line(/"Upload resumed".*"stopped.raw"/, 60_000);
    await pair.again(1);
    await expectTakenOver(0, sent);
  });

  test("a server is drained: what it has goes on at the other one at once, and it takes nothing any more", async () => {
    const shown = await pair.dyncServer(0, ["servers"]);
    expect(shown.stdout).toMatch(/^SERVER +ID +STATE +SINCE +VERSION\n(.* (?:leads|there) .*\n){2}$/);
    expect(shown.stdout.match(/ \(this\) /g)).toHaveLength(1);
    const sent = await underWay("drained.raw", pair.address(0, 1));
    expect(await pair.dyncServer(0, ["drain"])).toMatchObject({
      code: 0,
      stdout: "1 upload was under way: the server takes none until it is started anew\n",
    });
    await expectTakenOver(1, sent);
    const small = await pair.file("late.raw", 1000);
    expect(await pair.send(pair.address(0), ["--retry-for", "0s", small])).toMatchObject({ code: 5 });
    const [row] = await pair.rows("SELECT count(*)::int AS servers FROM dync.servers");
    expect(row).toEqual({ servers: 1 });
    expect(await pair.program(0).stop()).toMatchObject({ code: 0 });
    await pair.again(0);
  });

  test("what a server that is killed had goes on at the other one when its lease is over, a file and a dataset", async () => {
    const folder = pair.folder.file("killed-run");
    mkdirSync(folder);
    for (let number = 0; number < 24; number++) await pair.file(join("killed-run", `${number}.raw`), 2 * MiB);
    const dataset = pair.startSend(pair.address(0, 1), [...slow, "--dataset", folder]);
    const sent = await underWay("killed.raw", pair.address(0, 1));
    await pair.until(async () => (await durableOf("killed-run")) >= partBytes, dataset);
    await pair.program(0).kill();
    await pair.program(1).line(/"Another server says nothing any more: its uploads are free"/, 60_000);
    await pair.again(0);
    await expectTakenOver(1, sent);
    const resumed = /"Upload resumed".*"killed-run".*"offset":(\d+)/;
    expect(Number((await pair.program(1).line(resumed, 60_000))[1])).toBeGreaterThanOrEqual(partBytes);
    expect(await dataset.ended(120_000)).toMatchObject({ code: 0 });
    await pair.expectDataset(folder, "killed-run");
  });

  test("a server that was frozen for longer than its lease changes nothing of what another one took", async () => {
    const sent = await underWay("frozen.raw", pair.address(0, 1));
    pair.program(0).signal("SIGSTOP");
    await pair.program(1).line(/"Upload resumed".*"frozen.raw"/, 60_000);
    pair.program(0).signal("SIGCONT");
    await expectTakenOver(1, sent, true);
    const other = await pair.file("after.raw", MiB);
    expect(await pair.send(pair.address(0), [other])).toMatchObject({ code: 0, stderr: "" });
    await pair.expectStored(other, "after.raw");
  });

  const haproxyMissing = Bun.which("haproxy") === null ? "no haproxy here" : null;
  test.skipIf(haproxyMissing !== null)(
    `behind a balancer, as the documentation has it, an upload of a server that freezes goes on at the other one (${haproxyMissing ?? "haproxy"})`,
    async () => {
      const port = await lastingPort();
      await pair.startBalancer([port]);
      const sent = await underWay("balanced.raw", `127.0.0.1:${port}`);
      const hasIt = (at: number) => pair.program(at).stderr.includes('"balanced.raw"');
      const at = hasIt(0) ? 0 : 1;
      expect([hasIt(at), hasIt(1 - at)]).toEqual([true, false]);
      pair.program(at).signal("SIGSTOP");
      await pair.program(1 - at).line(/"Upload resumed".*"balanced.raw"/, 60_000);
      pair.program(at).signal("SIGCONT");
      await expectTakenOver(1 - at, sent, true);
    },
  );

  test("a key that asks at one server is seen at both, and what one makes of it the other has as well, and after it was away", async () => {
    const home = pair.folder.file("bert-home");
    const env = { DYNC_HOME: home };
    expect(await runProgram([pair.programs.dync, "keygen"], { env })).toMatchObject({ code: 0 });
    await cp(join(pair.homes.server, "server.key"), join(home, "server.key"));
    const path = await pair.file("of-bert.raw", 1000);
    const send = async (at: number, name: string) => {
      const args = ["-q", "-k", "sample:S-17", "--retry-for", "20s", "-n", name, pair.address(at), path];
      const { code, stderr } = await runProgram([pair.programs.dync, ...args], { env });
      return code === 0 || code === 7 ? code : stderr;
    };
    expect(await send(0, "a.raw")).toBe(7);
    const pending = async (at: number) => {
      const { stdout } = await pair.dyncServer(at, ["clients", "pending", "--json"]);
      const { pending } = jsonLines(stdout).at(-1) as { pending: { fingerprint: string }[] };
      return pending.map(({ fingerprint }) => fingerprint);
    };
    const asking = () => pair.rows("SELECT times::int FROM dync.pending_keys");
    const [fingerprint = ""] = await pending(0);
    expect(fingerprint).toStartWith("SHA256:");
    await pair.until(async () => (await pending(1)).includes(fingerprint), pair.program(1));
    // Approved at the one that it did not ask.
    expect(await pair.dyncServer(1, ["clients", "approve", fingerprint, "--user", "bert"])).toMatchObject({
      code: 0,
    });
    await pair.program(0).line(/"Key authorised","user":"bert"/);
    expect([await send(0, "a.raw"), await send(1, "b.raw")]).toEqual([0, 0]);
    await pair.until(async () => (await asking()).length === 0, pair.program(0));
    // Revoked while the other one is away, which has its file still.
    await pair.program(0).stop();
    expect(await pair.dyncServer(1, ["clients", "remove", "bert"])).toMatchObject({ code: 0 });
    await pair.again(0);
    expect(existsSync(join(pair.place(0).home, "clients", "bert.key"))).toBe(false);
    // What it asked before it was let in is over.
    expect([await pending(0), await pending(1)]).toEqual([[], []]);
    expect([await send(0, "c.raw"), await send(1, "c.raw")]).toEqual([7, 7]);
    // It asks again: at both, and also after all of them were away at once.
    for (const at of [0, 1])
      await pair.until(async () => (await pending(at)).includes(fingerprint), pair.program(at));
    await pair.until(async () => (await asking())[0]?.times === 2, pair.program(0));
    for (const at of [0, 1]) expect(await pair.program(at).stop()).toMatchObject({ code: 0 });
    for (const at of [0, 1]) await pair.again(at);
    expect([await pending(0), await pending(1)]).toEqual([[fingerprint], [fingerprint]]);
    expect((await pair.rows("SELECT name FROM dync.client_keys")).map(({ name }) => name)).toEqual([
      "alice.key",
    ]);
  });

  test("a name is one upload's, whichever server it comes to", async () => {
    const path = await pair.file("name.raw", 20 * MiB);
    const first = pair.startSend(pair.address(0), ["--limit", "4MB/s", path]);
    await pair.program(0).line(/"Upload started".*"name.raw"/);
    const second = pair.startSend(pair.address(1), ["-n", "name.raw", await pair.file("other", MiB)]);
    await until(() => second.stderr !== "", second);
    expect(await first.ended(60_000)).toMatchObject({ code: 0 });
    // It waited until the first one had ended.
    expect(await second.ended(60_000)).toMatchObject({ code: 7 });
    await pair.expectStored(path, "name.raw");
  });

  test("each hook is told once, of what either server stored, also when the one that leads is killed", async () => {
    const names = Array.from({ length: 12 }, (_, at) => `told-${at}.raw`);
    for (const [at, name] of names.entries()) {
      if (at === 6) {
        const [row] = await pair.rows("SELECT name FROM dync.servers JOIN dync.catalogue ON leader = id");
        expect(row).toBeDefined();
        await pair.program(0).kill();
        await pair.again(0);
      }
      expect(
        await pair.send(pair.address(at % 2, 1 - (at % 2)), [await pair.file(name, 1000)]),
      ).toMatchObject({ code: 0 });
    }
    const isTold = () =>
      existsSync(told) && names.every((name) => readFileSync(told, "utf8").includes(`"${name}"`));
    await until(isTold, pair.program(1));
    const isAllTold = async () => (await pair.rows("SELECT FROM dync.outbox")).length === 0;
    await pair.until(isAllTold, pair.program(1));
    const lines = jsonLines(readFileSync(told, "utf8")) as { upload: { name: string } }[];
    for (const name of names) expect(lines.filter((line) => line.upload.name === name)).toHaveLength(1);
  });
});
