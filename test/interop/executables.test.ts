// Our compiled programs against the independent reference programs, in both directions: what one of them says
// the other has to understand, with lost and repeated chunks and with peers that break the rules.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Executables,
  executables,
  executablesMissing,
  type KeyFolders,
  makeKeys,
  type RunningServer,
  startServer,
} from "../support/executables.ts";
import { runProgram } from "../support/programs.ts";
import {
  type ClientResult,
  referenceMissing,
  referenceStatusCommand,
  runReferenceClient,
  startReferenceServer,
} from "../support/reference.ts";
import { treeIn } from "../support/tar-programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const chunk = 16 * 1024;
const metadata = { sample: "S1", operator: "Ä. Meyer" };
const buildDeadlineMs = 300_000;
const slowMs = 120_000;

let programs: Executables;
let folder: TempFolder;
let homes: KeyFolders;
const missing = executablesMissing ?? referenceMissing;

describe.skipIf(missing !== null)(`executables and pyzmq (${missing ?? "both here"})`, () => {
  beforeAll(async () => {
    programs = await executables();
    folder = await tempFolder();
    homes = await makeKeys(programs, folder.path);
    await writeFile(folder.file("meta.json"), JSON.stringify(metadata));
  }, buildDeadlineMs);
  afterAll(() => folder[Symbol.asyncDispose]());

  describe("reference client, dync-server", referenceClientTests);
  describe("dync, reference server", referenceServerTests);
});

function referenceClientTests(): void {
  let server: RunningServer;
  let data: string;

  beforeAll(async () => {
    data = folder.file("data");
    await mkdir(data);
    server = await startServer(programs, homes.server, data, ["--chunk", String(chunk), "--window", "10"]);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function send(name: string, content: Uint8Array, args: readonly string[] = []) {
    await writeFile(folder.file(name), content);
    const all = ["-m", folder.file("meta.json"), "--timeout-ms", "1000", ...args];
    const { end, result } = await runReferenceClient(homes.client, server.port, folder.file(name), all);
    return { code: end.code, result: result as ClientResult };
  }

  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 10 * chunk, 3_456_789]) {
    test(`a file of ${size} bytes arrives whole`, async () => {
      const content = randomBytes(size);
      const { code, result } = await send(`size-${size}`, content);
      expect({ code, resent: result.sent.resent, queries: result.sent.queries }).toEqual({
        code: 0,
        resent: 0,
        queries: 0,
      });
      await expectStored(data, `size-${size}`, content);
    });
  }

  test("what arrived, and what was refused, is told to a client that was written from the page", async () => {
    expect((await send("told.raw", Buffer.from("told"))).code).toBe(0);
    expect((await send("told.raw", Buffer.from("others"))).code).toBe(1);
    expect((await send("odd", Buffer.from("odd"), ["-n", "a:b"])).code).toBe(1);
    const { code, stdout, stderr } = await runProgram(
      referenceStatusCommand(homes.client, server.port),
      {},
      slowMs,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ user: "alice", running: [], account: { priority: "normal" } });
    expect(told.stored[0]).toMatchObject({ name: "told.raw", size: 4 });
    expect(told.refused[0]).toMatchObject({
      name: "a:b",
      code: 403,
      reason: 'The file name contains ":"',
      times: 1,
    });
    expect(told.account.stored).toBe(told.stored.length);
  });

  const harmless: [string, string[]][] = [
    ["lost", ["--lose", "0,7,8,30"]],
    ["lost-at-the-end", ["--lose", "50"]],
    ["repeated", ["--repeat", "0,9,30"]],
    ["last-with-data", ["--last-with-data"]],
    ["extra-frames", ["--extra-frames"]],
    ["posted-twice", ["--post-twice"]],
    ["small-chunks", ["--chunk", "4321"]],
    ["asked-before", ["--query-before"]],
    ["announced", ["--announce", String(50 * chunk)]],
  ];
  for (const [name, args] of harmless) {
    test(`a file arrives whole: ${name}`, async () => {
      const content = randomBytes(50 * chunk);
      const { code, result } = await send(name, content, args);
      expect({ code, outcome: result.outcome }).toEqual({ code: 0, outcome: "finished" });
      await expectStored(data, name, content);
      // A gap is answered at once: only a lost last chunk leaves nothing behind it that would show it.
      expect(result.sent.queries > 0).toBe(name === "lost-at-the-end" || name === "asked-before");
    });
  }

  test("a lost last chunk is seen at once by a client that asks behind it, with a tag that comes back", async () => {
    const content = randomBytes(50 * chunk);
    const { code, result } = await send("asked-behind", content, ["--tags", "--lose", "50"]);
    // Once behind the lost chunk, once behind the repeated one.
    expect([code, result.sent.queries, result.tagsBack]).toEqual([0, 2, 2]);
    await expectStored(data, "asked-behind", content);
  });

  for (const kind of ["unknown-command", "empty", "few-frames", "short-number", "random"]) {
    test(`one message that is none (${kind}) counts as lost`, async () => {
      const content = randomBytes(50 * chunk);
      const { code, result } = await send(`once-${kind}`, content, ["--garbage", kind]);
      expect({ code, outcome: result.outcome }).toEqual({ code: 0, outcome: "finished" });
      await expectStored(data, `once-${kind}`, content);
    });
  }

  for (const text of ["error", "post-chunk", "post-file", "query-status"]) {
    test(`a file that is only "${text}" arrives whole`, async () => {
      const content = Buffer.from(text);
      const { code, result } = await send(`only-${text}`, content);
      // It is asked for once more, without a wait: it could have been the next message.
      expect({ code, queries: result.sent.queries }).toEqual({ code: 0, queries: 0 });
      expect(result.sent.resent).toBeGreaterThan(0);
      await expectStored(data, `only-${text}`, content);
    });
  }

  const harmful: [string, string[], number, number][] = [
    ["wrong-checksum", ["--wrong-checksum"], 8, 460],
    ["oversized-chunk", ["--oversized-chunk"], 1, 400],
    ["beyond-credit", ["--beyond-credit", "100000"], 1, 400],
    ["unknown-command", ["--garbage", "unknown-command", "--garbage", "unknown-command"], 1, 400],
    ["few-frames", ["--garbage", "few-frames", "--garbage", "few-frames"], 1, 400],
    ["short-number", ["--garbage", "short-number", "--garbage", "empty"], 1, 400],
    ["random-frame", ["--garbage", "random", "--garbage", "random"], 1, 400],
    ["shorter-than-announced", ["--announce", String(50 * chunk + 1)], 1, 400],
    ["longer-than-announced", ["--announce", String(50 * chunk - 1)], 1, 413],
    ["climbing", ["-n", "../climbing"], 1, 403],
    ["hidden", ["-n", ".hidden"], 1, 403],
  ];
  for (const [name, args, status, wire] of harmful) {
    test(`${name} is refused with ${wire}, and nothing appears`, async () => {
      const size = name === "beyond-credit" ? 2000 * chunk : 50 * chunk;
      const { code, result } = await send(name, randomBytes(size), args);
      expect({ code, wire: result.code }).toEqual({ code: status, wire });
      expect(existsSync(join(data, "alice", name))).toBe(false);
    });
  }

  for (const [name, text] of [
    ["empty", "{}"],
    ["list", "[1]"],
    ["text", '"run"'],
  ] as const) {
    test(`metadata that is ${name} is refused with 422`, async () => {
      await writeFile(folder.file("bad.json"), text);
      const { code, result } = await send(`meta-${name}`, randomBytes(10), ["-m", folder.file("bad.json")]);
      expect({ code, wire: result.code }).toEqual({ code: 1, wire: 422 });
    });
  }

  test("a name that exists is refused with 409, and the first file stays", async () => {
    const content = randomBytes(1000);
    expect((await send("taken", content)).code).toBe(0);
    const { code, result } = await send("taken", randomBytes(1000));
    expect({ code, wire: result.code }).toEqual({ code: 1, wire: 409 });
    await expectStored(data, "taken", content);
  });

  test("a client that was killed goes on where it stopped", async () => {
    const content = randomBytes(100 * chunk);
    const identity = ["--identity", "a1".repeat(16)];
    await send("killed", content, [...identity, "--kill-after", "60"]).catch(() => null);
    const { code, result } = await send("killed", content, [...identity, "--resume", "--query-before"]);
    expect(code).toBe(0);
    expect(result.sent.chunks).toBeLessThan(101);
    await expectStored(data, "killed", content);
  });

  test("a finished upload is confirmed again to whoever asks under its identity", async () => {
    const content = randomBytes(10 * chunk);
    const identity = ["--identity", "b2".repeat(16)];
    const first = await send("twice", content, identity);
    const second = await send("twice", content, [...identity, "--query-before"]);
    expect(second.code).toBe(0);
    expect(second.result.uploadId).toBe(first.result.uploadId as string);
    expect(second.result.sent.chunks).toBe(0);
  });
}

function referenceServerTests(): void {
  async function receive(name: string, content: Uint8Array, serverArgs: readonly string[] = []) {
    const data = folder.file(`reference-${name}`);
    await writeFile(folder.file(name), content);
    const args = ["--chunk", String(chunk), "--max-credit", "10", ...serverArgs];
    await using server = await startReferenceServer(homes.server, data, args);
    const end = await runProgram(
      [
        programs.dync,
        "-m",
        folder.file("meta.json"),
        "-p",
        String(server.port),
        "127.0.0.1",
        folder.file(name),
      ],
      { env: { DYNC_HOME: homes.client } },
      slowMs,
    );
    return { end, data, server: await server.stop() };
  }

  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 10 * chunk, 3_456_789]) {
    test(`a file of ${size} bytes arrives whole`, async () => {
      const content = randomBytes(size);
      const { end, data, server } = await receive(`out-${size}`, content);
      expect({ code: end.code, violations: server.violations }).toEqual({ code: 0, violations: [] });
      expect(server.messages["post-chunk"]).toBe(Math.ceil(size / chunk) + 1);
      await expectStored(data, `out-${size}`, content);
    });
  }

  test("a folder is stored as the tar that it is sent as, which the client says, and unpacks to the same", async () => {
    const run = folder.file("run42");
    for (const inside of ["run42/Größe μ/leer", "unpacked"])
      await mkdir(folder.file(inside), { recursive: true });
    for (let at = 0; at < 30; at++)
      await writeFile(join(run, "Größe μ", `${"long ".repeat(at)}${at}.raw`), randomBytes(at * 1000));
    const data = folder.file("reference-dataset");
    const args = ["--chunk", String(chunk), "--max-credit", "10", "--lose", "0,7,8,30"];
    await using server = await startReferenceServer(homes.server, data, args);
    const to = ["-m", folder.file("meta.json"), "-p", String(server.port), "127.0.0.1", run];
    const options = { env: { DYNC_HOME: homes.client } };
    const end = await runProgram([programs.dync, "--dataset", ...to], options, slowMs);
    expect({ code: end.code, violations: (await server.stop()).violations }).toEqual({
      code: 0,
      violations: [],
    });
    expect(end.stderr).toContain(
      'This server does not unpack: it stores "run42.tar" as it is sent, as one file\n',
    );
    const tar = ["tar", "-xpf", join(data, "alice", "run42.tar"), "-C", folder.file("unpacked")];
    expect(await runProgram(tar)).toMatchObject({ code: 0, stderr: "" });
    expect(await treeIn(folder.file("unpacked"))).toEqual(await treeIn(run));
  });

  test("what cannot be asked about is sent, with a word about it", async () => {
    const data = folder.file("reference-skipping");
    await using server = await startReferenceServer(homes.server, data, ["--chunk", String(chunk)]);
    const content = randomBytes(chunk);
    await writeFile(folder.file("skipping"), content);
    const to = ["--skip-identical", "-m", folder.file("meta.json"), "-p", String(server.port), "127.0.0.1"];
    const command = [programs.dync, ...to, folder.file("skipping")];
    const end = await runProgram(command, { env: { DYNC_HOME: homes.client } }, slowMs);
    expect(end).toMatchObject({ code: 0, stderr: expect.stringContaining("cannot be asked what it has") });
    expect((await server.stop()).violations).toEqual([]);
    await expectStored(data, "skipping", content);
  });

  test("it cannot be asked what it has, which is said; nothing is stored there", async () => {
    const data = folder.file("reference-asked");
    await using server = await startReferenceServer(homes.server, data, ["--chunk", String(chunk)]);
    const command = [
      programs.dync,
      "check",
      "-p",
      String(server.port),
      "127.0.0.1",
      folder.file("meta.json"),
    ];
    const end = await runProgram(command, { env: { DYNC_HOME: homes.client } }, slowMs);
    expect(end).toMatchObject({
      code: 9,
      stderr: expect.stringContaining("cannot be asked what it has or would take"),
    });
    // So there is nothing to be judged by offline, either.
    const offline = [...command, "--offline", "-k", "run:=7"];
    expect(await runProgram(offline, { env: { DYNC_HOME: homes.client } })).toMatchObject({
      code: 9,
      stderr: expect.stringContaining("There is no copy of the rules"),
    });
    const { violations, messages } = await server.stop();
    expect({ violations, posts: messages["post-file"], errors: messages.error }).toEqual({
      violations: [],
      posts: 1,
      errors: 1,
    });
    const left = existsSync(data) ? readdirSync(data, { recursive: true, withFileTypes: true }) : [];
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
  });

  test("a doctor says what it cannot know of it, and nothing is stored there", async () => {
    const data = folder.file("reference-doctor");
    await using server = await startReferenceServer(homes.server, data, ["--chunk", String(chunk)]);
    const command = [programs.dync, "doctor", "-p", String(server.port), "127.0.0.1"];
    const { code, stdout } = await runProgram(command, { env: { DYNC_HOME: homes.client } }, slowMs);
    expect(code).toBe(0);
    for (const step of ["port", "handshake", "access"]) expect(stdout).toContain(`\nok     ${step}`);
    for (const step of ["clock", "space", "upload"]) expect(stdout).toContain(`\n?      ${step}`);
    expect((await server.stop()).violations).toEqual([]);
    const left = existsSync(data) ? readdirSync(data, { recursive: true, withFileTypes: true }) : [];
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
  });

  test("a status cannot be had of it, and nothing is stored there", async () => {
    const data = folder.file("reference-status");
    await using server = await startReferenceServer(homes.server, data, ["--chunk", String(chunk)]);
    const command = [programs.dync, "status", "-p", String(server.port), "127.0.0.1"];
    const { code, stderr } = await runProgram(command, { env: { DYNC_HOME: homes.client } }, slowMs);
    expect(code).toBe(9);
    expect(stderr).toContain("does not tell how one's uploads are\n");
    expect(stderr).toContain("hint: it is an older or the original one");
    expect((await server.stop()).violations).toEqual([]);
    const left = existsSync(data) ? readdirSync(data, { recursive: true, withFileTypes: true }) : [];
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
  });

  const harmless: [string, string[]][] = [
    ["dropped", ["--lose", "0,7,8,30"]],
    ["dropped-in-silence", ["--lose", "30", "--silent-loss"]],
    ["grants-lost", ["--lose-grants", "1"]],
    ["granted-twice", ["--duplicate-grants"]],
    ["granted-one-by-one", ["--credit-one-by-one"]],
    ["tagged", ["--tags", "--lose", "0,7,8,30,50"]],
    ["tagged-one-by-one", ["--tags", "--credit-one-by-one", "--lose-grants", "3"]],
  ];
  for (const [name, args] of harmless) {
    test(
      `a file arrives whole: ${name}`,
      async () => {
        const content = randomBytes(50 * chunk);
        const { end, data, server } = await receive(name, content, args);
        expect({ code: end.code, violations: server.violations }).toEqual({ code: 0, violations: [] });
        await expectStored(data, name, content);
      },
      slowMs,
    );
  }

  const refusals = { 400: 1, 403: 7, 409: 7, 413: 7, 422: 6, 460: 8, 500: 1, 507: 5, 599: 1 };
  for (const [wire, status] of Object.entries(refusals)) {
    test(`error ${wire} in mid-upload ends with status ${status}`, async () => {
      const { end, server } = await receive(`error-${wire}`, randomBytes(50 * chunk), [
        "--error-at",
        "20",
        wire,
      ]);
      expect(end.code).toBe(status);
      expect(end.stderr).toContain("Told to fail here");
      expect(server.seen.finished).toBe(0);
    });
  }

  test("a checksum that the server finds wrong ends with status 8", async () => {
    const { end } = await receive("mismatch", randomBytes(5 * chunk), ["--bad-checksum-error"]);
    expect(end.code).toBe(8);
  });

  for (const kind of [
    "unknown-command",
    "empty",
    "few-frames",
    "short-number",
    "bad-utf8",
    "absurd-rewind",
  ]) {
    test(`an answer that is no message (${kind}) is an error, not a success`, async () => {
      const { end } = await receive(`answer-${kind}`, randomBytes(10), ["--garbage-answer", kind]);
      expect(end.code).not.toBe(0);
      expect(end.code).not.toBeNull();
      expect(end.stderr).not.toBe("");
    });
  }
}

/** The file, its checksum and its metadata are there and right. */
async function expectStored(data: string, name: string, content: Uint8Array): Promise<void> {
  const path = join(data, "alice", name);
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex"),
  ).toBe(sha256);
  expect(await readFile(`${path}.sha256`, "utf8")).toBe(`${sha256}  ${name}\n`);
  expect(JSON.parse(await readFile(`${path}.meta.json`, "utf8"))).toMatchObject(metadata);
}
