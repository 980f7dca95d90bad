// Every line that the executables print for programs is one of those in doc/json.md, and all that is there is printed. The judge
// of the schemas is Ajv.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorMeanings } from "../../src/base/error.ts";
import {
  expectDocumented,
  type Line,
  printed,
  read,
  seenElsewhere,
  used,
  valid,
} from "../support/documented-lines.ts";
import { executablesMissing } from "../support/executables.ts";
import { documentedSchemas as schemas } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type Program, runProgram } from "../support/programs.ts";

test("the schemas name every kind of error, and a line that is none of them is refused", () => {
  const { $defs } = schemas.find(({ $id }) => $id === "dync:common") as {
    $defs?: { code: { enum: string[] } };
  };
  expect($defs?.code.enum.toSorted()).toEqual(Object.keys(errorMeanings).toSorted());
  const error = { schema: 1, type: "error", code: "source", message: "Gone", exit: 4 };
  expectDocumented(error);
  for (const change of [
    { code: "gone" },
    { exit: "4" },
    { more: 1 },
    { message: undefined },
    { type: "mistake" },
  ])
    expect(() => expectDocumented(JSON.parse(JSON.stringify({ ...error, ...change })))).toThrow("Not in doc");
  used.clear();
});

describe.skipIf(executablesMissing !== null)(`lines of JSON (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--http", "127.0.0.1:0"] });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const dync = async (...args: readonly string[]): Promise<readonly Line[]> =>
    read(await lab.dync([...args, "--json"]));
  const send = async (...args: readonly string[]): Promise<readonly Line[]> =>
    read(await lab.send([...args, "--json"]));

  test("of one file: sent, there already, refused, piped in, and what is wrong with a line", async () => {
    const path = await lab.file("one.raw", 5_000_000);
    expect((await send(path)).at(-1)).toMatchObject({ ok: true, already: false });
    expect((await send(path)).at(-1)).toMatchObject({ ok: true, already: true });
    const other = await lab.file("other.raw", 10);
    expect((await send("-n", "one.raw", other)).at(-1)).toMatchObject({ error: { code: "name-taken" } });
    expect((await send("-n", "nothing.raw", "-")).at(-1)).toMatchObject({ ok: true, bytes: 0 });
    expect((await dync("--chunck", "-k", "a", "host", "gone")).at(-1)).toMatchObject({ exit: 2 });
    expect((await dync("-k", "a:b", "127.0.0.1:1", path)).at(-1)).toMatchObject({
      error: { code: "unreachable" },
    });
  });

  test("of several files, of which some fail, while the server stands still for a moment", async () => {
    const paths = await Promise.all([1, 2, 3, 4, 5].map((at) => lab.file(`some-${at}.raw`, 4_000_000)));
    await using program = lab.startSend(["--json", "--jobs", "2", ...paths, "/gone.raw"]);
    await program.line(/"type":"file"/);
    lab.server.signal("SIGSTOP");
    await program.line(/"type":"progress"/);
    lab.server.signal("SIGCONT");
    expect(read(await program.ended()).at(-1)).toMatchObject({ exit: 3, stored: 5, failed: 1 });
  });

  test("of a run that is sent while it is written", async () => {
    const folder = lab.folder.file("files", "written");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.raw"), "a");
    const live = ["--json", "--live", "--complete-on", "Done.txt", "--settle", "1s"];
    await using program = lab.startSend([...live, folder]);
    await program.line(/"type":"live".*"waiting":"no-sign"/);
    writeFileSync(join(folder, "Done.txt"), "");
    expect(read(await program.ended()).at(-1)).toMatchObject({ ok: true, unpacked: true });
  });

  test("of jobs that a program gave", async () => {
    const path = await lab.file("job.raw", 10);
    const jobs = [{ id: [1], path, metadata: { a: 1 } }, { path: "" }, { id: "x", path, name: "a/b" }];
    expect(valid.get("dync:job")?.(jobs[0])).toBe(true);
    expect(valid.get("dync:job")?.(jobs[1])).toBe(false);
    const stdin = new Blob(jobs.map((job) => `${JSON.stringify(job)}\n`));
    expect(read(await lab.send(["--stdin-jobs"], { stdin })).at(-1)).toMatchObject({
      exit: 3,
      stored: 1,
      failed: 2,
    });
  });

  test("of a dataset: planned, sent, checked", async () => {
    const folder = lab.folder.file("files", "set");
    mkdirSync(join(folder, "part"), { recursive: true });
    writeFileSync(join(folder, "part", "a.txt"), "a");
    const file = await lab.file("checked.raw", 10);
    expect((await send("--dry-run", "--dataset", folder)).at(-1)).toMatchObject({ planned: 1 });
    expect((await send("--dry-run", file, "/gone.raw")).at(-1)).toMatchObject({ planned: 1, failed: 1 });
    expect((await send("--dataset", folder)).at(-1)).toMatchObject({ ok: true, unpacked: true });
    await send(file);
    const check = ["check", `127.0.0.1:${lab.port}`];
    await dync(...check, "--dataset", folder);
    await lab.file("checked.raw", 11);
    const missing = await lab.file("missing.raw", 1);
    const end = await dync(...check, file, missing, "/gone.raw", await lab.file("one.raw", 1));
    expect(end.at(-1)).toMatchObject({ files: 4, stored: 0 });
    await dync(...check, "-k", "a:b", missing, await lab.file("a\u200bb.raw", 1));
    await dync("history");
    await dync("watch", "--profiles");
  });

  test("of a way to a server, step by step", async () => {
    const at = `127.0.0.1:${lab.port}`;
    const all = await dync("doctor", at);
    expect(all).toHaveLength(12);
    expect(all.at(-1)).toMatchObject({ exit: 0, steps: { ok: 11 }, notTried: [] });
    expect((await dync("doctor", "127.0.0.1:1")).at(-1)).toMatchObject({
      exit: 5,
      steps: { ok: 5, fault: 1 },
    });
    expect((await dync("doctor")).at(-1)).toMatchObject({ exit: 0, steps: { ok: 4 } });
    expect((await dync("doctor", "-n", "a/b", at)).at(-1)).toMatchObject({
      exit: 2,
      error: { code: "usage" },
    });
  });

  test("of what may be deleted here, and of what was", async () => {
    const [one, other] = [await lab.file("free-1.raw", 10), await lab.file("free-2.raw", 11)];
    await send(one, other);
    const free = ["free", `127.0.0.1:${lab.port}`, lab.folder.file("files")];
    writeFileSync(other, "changed");
    const sent = (await dync(...free)).filter(({ type }) => type === "sent");
    expect(sent.find(({ path }) => path === one)).toMatchObject({ outcome: "proved", bytes: 10 });
    expect(sent.find(({ path }) => path === other)).toMatchObject({ outcome: "kept", reason: "changed" });
    expect((await dync(...free, "--delete")).at(-1)).toMatchObject({ exit: 3, proved: 0 });
    expect((await dync(...free)).at(-1)).toMatchObject({ deleted: 0 });
  });

  test("of servers that are known, and of one that is trusted", async () => {
    const path = await lab.file("known.raw", 10);
    await send(path);
    const [known] = (await dync("servers")).slice(-1);
    expect(known).toMatchObject({ servers: [{ host: "127.0.0.1", reached: { at: expect.any(String) } }] });
    const { fingerprint = "none" } = (known?.general ?? {}) as { readonly fingerprint?: string };
    expect((await dync("trust", `127.0.0.1:${lab.port}`, fingerprint)).at(-1)).toMatchObject({ isNew: true });
    expect((await dync("join", `127.0.0.1:${lab.port}`)).at(-1)).toMatchObject({ isIn: true, user: "alice" });
    const [told] = await dync("status", `127.0.0.1:${lab.port}`);
    expect(told).toMatchObject({
      type: "server-status",
      user: "alice",
      stored: expect.anything(),
      running: [],
    });
    expect((await dync("status")).at(-1)).toMatchObject({ ok: true, servers: 1, silent: 0 });
    writeFileSync(join(lab.homes.client, "servers", "broken.key"), "nonsense");
    expect((await dync("servers")).at(-1)).toMatchObject({ exit: 2 });
  });

  test("of a watched folder: sent, waiting, explained, gone and there again", async () => {
    const folder = lab.folder.file("files", "watched");
    mkdirSync(folder);
    writeFileSync(join(folder, "watched.raw"), "watched");
    writeFileSync(join(folder, "empty.raw"), "");
    const watch = ["watch", "--settle", "1s", "-k", "a:b", `127.0.0.1:${lab.port}`, folder];
    expect((await dync(...watch, "--once")).at(-1)).toMatchObject({ stored: 1, reasons: { empty: 1 } });
    expect((await dync(...watch, "--explain")).at(-1)).toMatchObject({ ok: true, entries: 2, waiting: 1 });
    const beside = lab.folder.file("files", "calibration");
    mkdirSync(beside);
    writeFileSync(join(beside, "a.xml"), "<a/>");
    const along = ["--also", beside, "--every", "1s"];
    for (const how of ["--explain", "--once", "--once", "--explain"]) await dync(...watch, ...along, how);
    await dync("watch", "--reasons");
    const decided = await dync("watch", "--leave", "empty.raw", folder);
    expect(decided.at(-1)).toMatchObject({ exit: 0, decided: 1 });
    await dync("watch", "--wait", "empty.raw", folder);
    const stored = lab.stored("kept-here.raw");
    writeFileSync(join(folder, "kept-here.raw"), "kept");
    expect((await dync(...watch, "--once")).at(-1)).toMatchObject({ stored: 1 });
    chmodSync(stored, 0o600);
    writeFileSync(stored, "lost");
    const after = await dync(...watch, "--once", "--after", "delete", "--keep-for", "0");
    expect(after.map(({ state }) => state)).toEqual(expect.arrayContaining(["deleted", "kept"]));
    // Others look at all that is stored.
    writeFileSync(stored, "kept");
    await using program = lab.startDync([...watch, "--json"]);
    await program.line(/"path":"empty.raw"/);
    renameSync(folder, `${folder}.away`);
    await program.line(/"isThere":false/);
    renameSync(`${folder}.away`, folder);
    await program.line(/"isThere":true/);
    lab.server.signal("SIGSTOP");
    writeFileSync(join(folder, "under-way.raw"), "under way");
    await program.line(/"path":"under-way.raw".*"reason":"queued"/);
    // Its turn comes with the next step.
    while (!(await dync(...watch, "--explain")).some(({ state }) => state === "sending"));
    lab.server.signal("SIGCONT");
    program.signal("SIGTERM");
    expect(read(await program.ended()).at(-1)).toMatchObject({ exit: 130, entries: 3 });
  });

  test("of how fast files are sent", async () => {
    expect((await dync("limit", "00:00-24:00 5MB/s")).at(-1)).toMatchObject({ bytesPerSecond: 5e6 });
    expect((await dync("limit", "--clear")).at(-1)).toMatchObject({ limit: null });
  });

  test("of receipts: listed, shown, verified, and their keys", async () => {
    const folder = lab.folder.file("files", "signed");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.txt"), "a");
    await send("--dataset", folder);
    const [receipt, summary] = await dync("receipts", "-n", "signed");
    expect(receipt).toMatchObject({ type: "receipt", user: "alice", name: "signed" });
    expect(summary).toMatchObject({ ok: true, receipts: 1 });
    const shown = await dync("receipts", "show", String(receipt?.upload));
    expect(shown).toMatchObject([{ ok: true, file: receipt?.file }]);
    const file = String(receipt?.file);
    expect(await dync("verify-receipt", file, folder)).toMatchObject([{ by: "kept", data: "same" }]);
    const none = await lab.file("none.json", "{}");
    expect(await dync("verify-receipt", file, "-m", none)).toMatchObject([{ exit: 8, metadata: null }]);
    const run = async (...args: readonly string[]) =>
      read(await lab.dyncServer(["receipts", ...args, "--json"]));
    const [before] = await run("key");
    expect(await run("rotate-key")).toMatchObject([{ ok: true, before: before?.key }]);
    const [now] = await run("key");
    const { keys = [] } = (now ?? {}) as { readonly keys?: readonly unknown[] };
    expect(now).toMatchObject({ keys: [{}, {}], successions: [expect.stringContaining(".")] });
    const key = await lab.file("one.jwks", JSON.stringify(keys[0]));
    expect(await dync("verify-receipt", file, "--key", key)).toMatchObject([
      { error: { code: "key-refused" } },
    ]);
  });

  test("of a link to the status page", async () => {
    const made = read(await lab.dyncServer(["web", "link", "--role", "steward", "--name", "x", "--json"]));
    expect(made).toMatchObject([{ ok: true, role: "steward", name: "x" }]);
  });

  test("of what is there already under another name", async () => {
    const files = await Promise.all(
      ["kept.raw", "again.raw", "more.raw"].map((name) => lab.file(name, "kept")),
    );
    await send(files[0]!);
    expect((await send("--skip-identical", files[1]!)).at(-1)).toMatchObject({ storedAs: "kept.raw" });
    expect((await send("--skip-identical", ...files)).at(-1)).toMatchObject({ already: 3 });
    const found = await dync("check", "--by-content", `127.0.0.1:${lab.port}`, files[2]!);
    expect(found.at(-1)).toMatchObject({ ok: true, stored: 1 });
  });

  /** Sends what never ends on its own, and is killed when some of it is there. */
  async function killed(args: readonly string[], pattern: RegExp): Promise<void> {
    await using program: Program = lab.startSend(["--json", ...args]);
    await program.line(pattern);
    program.signal("SIGKILL");
    await program.ended();
  }

  /** The only batch that is unfinished. */
  async function batchId(): Promise<string> {
    const { batches = [] } = (await dync("uploads")).at(-1) as {
      batches?: readonly { readonly id: string }[];
    };
    expect(batches).toHaveLength(1);
    return batches[0]?.id ?? "";
  }

  test("of what became of uploads", async () => {
    await lab.send(["-q", "-k", "project:P1", await lab.file("listed.raw", 1000)]);
    const run = async (...args: readonly string[]) =>
      read(await lab.dyncServer(["uploads", ...args, "--json"]));
    const [listed, summary] = await run("list", "-n", "listed.raw");
    expect(listed).toMatchObject({ state: "stored", user: "alice", size: 1000 });
    expect(summary).toMatchObject({ ok: true, listed: 1, more: false, unsure: 0 });
    const shown = await run("show", String(listed?.id));
    expect(shown.at(-1)).toMatchObject({ isThere: true, metadata: { project: "P1" } });
    expect((await run("verify", "--all")).at(-1)).toMatchObject({ ok: true, damaged: 0, missing: 0 });
    writeFileSync(lab.stored("listed.raw"), "");
    const [flaw] = (await run("verify", "-n", "listed.raw")).filter(({ type }) => type === "flaw");
    expect(flaw).toMatchObject({ kind: "damaged", path: "alice/listed.raw", id: listed?.id });
    expect((await run("expire", "--older-than", "1h")).at(-1)).toMatchObject({ uploads: 0, isTrial: false });
    expect((await run("cancel", String(listed?.id))).at(-1)).toMatchObject({ error: { code: "usage" } });
    expect((await run("show", "0".repeat(32))).at(-1)).toMatchObject({ error: { code: "unknown-upload" } });
  });

  test("of what is unfinished: listed, taken up, dropped", async () => {
    const large = await lab.file("large.raw", 100_000_000);
    const paths = await Promise.all(Array.from({ length: 100 }, (_, at) => lab.file(`left-${at}.raw`, 10)));
    await dync("cancel", await batchId());
    lab.server.signal("SIGSTOP");
    await killed([large], /"waiting":"waiting for the server"|"waiting":"connecting"/);
    lab.server.signal("SIGCONT");
    await killed(["--jobs", "1", ...paths], /"type":"file"/);
    expect((await dync("uploads")).at(-1)).toMatchObject({ uploads: [{ name: "large.raw" }], batches: [{}] });
    expect((await dync("resume")).at(-1)).toMatchObject({ ok: true, uploads: [{ outcome: "stored" }] });
    await killed(["--jobs", "1", ...paths], /"type":"file"/);
    expect((await dync("cancel", await batchId())).at(-1)).toMatchObject({
      uploads: [{ outcome: "dropped" }],
    });
    await dync("resume");
  });

  test("of keys, and of who may send", async () => {
    const env = { DYNC_HOME: lab.folder.file("keys") };
    const { dync: client, dyncServer: server } = lab.programs;
    for (const command of [
      [client, "keygen"],
      [server, "keygen"],
      [server, "clients"],
    ])
      read(await runProgram([...command, "--json"], { env }));
    read(await runProgram([server, "clients", "--json"], { env: { DYNC_HOME: lab.homes.server } }));
  });

  test("of a server's configuration: shown, checked, and what is wrong with it", async () => {
    const home = lab.folder.file("configured");
    const file = join(home, "server.toml");
    const run = async (...args: readonly string[]) => {
      const env = { DYNC_HOME: home, DYNC_SERVER_PORT: "1" };
      return read(await runProgram([lab.programs.dyncServer, "config", ...args, "--json"], { env }));
    };
    mkdirSync(home);
    expect((await run("check")).at(-1)).toMatchObject({ exit: 2, file });
    expect((await run("show")).at(-1)).toMatchObject({ ok: true, file: null });
    writeFileSync(file, "window = 2\n");
    expect((await run("check")).at(-1)).toMatchObject({ ok: true, faults: [] });
    const shown = await run("show", "--chunk", "4KiB");
    for (const line of [
      { name: "window", value: 2, source: "file", file, line: 1 },
      { name: "port", value: 1, source: "variable", variable: "DYNC_SERVER_PORT" },
      { name: "chunk", value: "4KiB", source: "option" },
      { name: "expire", value: "7d", source: "default", isLive: true },
    ])
      expect(shown).toContainEqual(expect.objectContaining(line));
    writeFileSync(file, "\nprot = 2\n");
    expect((await run("check")).at(-1)).toMatchObject({ exit: 2, faults: [{ line: 2, setting: "prot" }] });
  });

  test("of keys that are added, shown and removed", async () => {
    const home = lab.folder.file("other-server");
    const run = async (...args: readonly string[]) =>
      read(
        await runProgram([lab.programs.dyncServer, "clients", ...args, "--json"], {
          env: { DYNC_HOME: home },
        }),
      ).at(-1);
    const file = join(lab.homes.client, "client.key");
    expect(await run("add", file, "--user", "anna")).toMatchObject({
      ok: true,
      file: "anna.key",
      isNew: true,
    });
    expect(await run("add", file, "--user", "anna")).toMatchObject({ ok: true, isNew: false });
    expect(await run("add", file, "--user", "bert")).toMatchObject({
      exit: 2,
      error: { code: "configuration" },
    });
    expect(await run("show", "anna")).toMatchObject({ clients: [{ user: "anna", file: "anna.key" }] });
    expect(await run("remove", "anna")).toMatchObject({ removed: [{ user: "anna" }] });
    expect(await run("list")).toMatchObject({ clients: [] });
  });

  test("of keys that were refused", async () => {
    const home = lab.folder.file("stranger");
    await lab.dync(["keygen"], { env: { DYNC_HOME: home } });
    await runProgram(["cp", join(lab.homes.client, "server.key"), join(home, "server.key")]);
    const path = await lab.file("strange.raw", 10);
    expect((await lab.send(["--retry-for", "0s", path], { env: { DYNC_HOME: home } })).code).toBe(7);
    const end = await lab.dyncServer(["clients", "pending", "--json"]);
    expect(read(end).at(-1)).toMatchObject({ ok: true, pending: [{ address: "127.0.0.1" }] });
  });

  test("of users, and of instruments", async () => {
    const run = async (...args: readonly string[]) => read(await lab.dyncServer([...args, "--json"]));
    expect((await run("users", "list"))[0]).toMatchObject({ type: "user", user: "alice" });
    expect((await run("users", "show", "alice")).at(-1)).toMatchObject({ ok: true });
    expect((await run("users", "recount", "alice")).at(-1)).toMatchObject({ ok: true });
    expect((await run("instruments"))[0]).toMatchObject({ type: "instrument", user: "alice" });
    expect((await run("instruments", "remove", "alice", "none")).at(-1)).toMatchObject({ exit: 2 });
  });

  test("of servers, and of one that takes nothing any more", async () => {
    await using lab = await openLab({ inMemory: true });
    const run = async (...args: readonly string[]) => read(await lab.dyncServer([...args, "--json"]));
    expect((await run("servers")).at(-1)).toMatchObject({ ok: true, servers: null });
    expect((await run("drain")).at(-1)).toMatchObject({ ok: true, uploads: 0 });
    expect((await run("storage", "check")).at(-1)).toMatchObject({ exit: 2 });
  });

  test("of the audit log: its lines, and whether they are as they were written", async () => {
    const run = async (...args: readonly string[]) =>
      read(await runProgram([lab.programs.dyncServer, "audit", ...args, "--data", lab.data, "--json"]));
    const shown = await run("show");
    expect(shown[0]).toMatchObject({ type: "audit", sequence: 1, event: "started" });
    expect(shown.at(-1)).toMatchObject({ ok: true, shown: shown.length - 1 });
    const [summary] = await run("verify");
    expect(summary).toMatchObject({ ok: true, first: 1, files: [expect.any(String)] });
    const copy = await lab.file("copy.jsonl", JSON.stringify({ ...shown[0], event: "stopped" }));
    expect((await run("verify", copy)).at(-1)).toMatchObject({ exit: 1, fault: { file: copy, line: 1 } });
  });

  test("of an upload that rules are tried on: taken, refused, and without rules", async () => {
    const file = lab.folder.file("rules.toml");
    const run = async (name: string, ...args: readonly string[]) => {
      const command = ["rules", "test", "--json", "--user", "alice", "--name", name, "-k", "a:1", ...args];
      return read(await runProgram([lab.programs.dyncServer, ...command])).at(-1);
    };
    writeFileSync(file, "[[rules]]\nname = 'ms'\nfiles = ['*.raw']\n");
    expect(await run("a.raw", "--config", file)).toMatchObject({ ok: true, file, rules: 1, rule: "ms" });
    expect(await run("a.txt", "--config", file)).toMatchObject({ exit: 7, error: { code: "forbidden" } });
    writeFileSync(file, "");
    expect(await run("a.txt", "--config", file)).toMatchObject({ ok: true, rules: null, rule: null });
  });

  test.skipIf(process.platform === "win32")(
    "of what hooks are still to be told (needs a shell)",
    async () => {
      const file = join(lab.homes.server, "server.toml");
      const run = async (...args: readonly string[]) => read(await lab.dyncServer([...args, "--json"]));
      writeFileSync(file, '[[hooks]]\nname = "down"\nevent = "after"\ncommand = ["/bin/false"]\n');
      await run("reload");
      await send(await lab.file("told.raw", 10));
      await lab.server.line(/"Hook failed, and is told again later","hook":"down"/);
      const [delivery, summary] = await run("hooks", "list");
      expect(delivery).toMatchObject({ hook: "down", name: "told.raw", error: "ended with status 1" });
      expect(summary).toMatchObject({
        listed: 1,
        hooks: [{ hook: "down", deliveries: 1, isConfigured: true }],
      });
      expect(await run("hooks", "retry", "--all")).toMatchObject([{ deliveries: 1, unknown: [] }]);
      expect(await run("hooks", "drop", String(delivery?.id), "99")).toMatchObject([
        { exit: 1, deliveries: 1, unknown: [99] },
      ]);
      writeFileSync(file, "");
      await run("reload");
    },
  );

  test("of alarms that are not over, and of one that is tried out", async () => {
    const file = join(lab.homes.server, "server.toml");
    const run = async (...args: readonly string[]) =>
      read(await lab.dyncServer(["alarms", ...args, "--json"]));
    writeFileSync(file, '[[alarms]]\nname = "disk"\nwhen = "disk-full"\nfree = "8000TiB"\n');
    expect(await lab.dyncServer(["reload"])).toMatchObject({ code: 0 });
    await lab.server.line(/"message":"Alarm","alarm":"disk"/);
    expect(await run("list")).toMatchObject([
      { alarm: "disk", when: "disk-full", subject: "disk", times: 1 },
      { listed: 1, configured: 1 },
    ]);
    expect((await run("try", "disk")).at(-1)).toMatchObject({ hooks: [] });
    writeFileSync(file, "");
    expect(await lab.dyncServer(["reload"])).toMatchObject({ code: 0 });
  });

  test("of a reload: nothing new, something new, something wrong, nobody there", async () => {
    const file = join(lab.homes.server, "server.toml");
    const run = async (home = lab.homes.server) =>
      read(await runProgram([lab.programs.dyncServer, "reload", "--json"], { env: { DYNC_HOME: home } })).at(
        -1,
      );
    expect(await run()).toMatchObject({ ok: true, outcome: "taken", changed: [] });
    writeFileSync(file, "expire = '8d'\nwindow = 7\n");
    expect(await run()).toMatchObject({
      changed: [{ setting: "expire", from: "7d", to: "8d" }],
      needsRestart: [{ setting: "window", from: "8", to: "7" }],
    });
    writeFileSync(file, "expire = 8\n");
    expect(await run()).toMatchObject({ exit: 2, outcome: "refused", faults: [{}] });
    expect(await run(lab.homes.client)).toMatchObject({ exit: 5, error: { code: "unavailable" } });
  });

  test("of the server's log", () => {
    const lines = lab.server.stderr.split("\n").filter((line) => line !== "");
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) expectDocumented(JSON.parse(line) as Line);
  });

  test("are all that doc/json.md has", () => {
    expect([...used].filter((id) => !seenElsewhere.test(id)).toSorted()).toEqual(printed.toSorted());
  });
});
