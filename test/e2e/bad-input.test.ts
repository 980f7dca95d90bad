// What strangers, careless users and broken or hostile clients can do to a server: each gets its answer, nobody
// else's upload is touched, and the server lives on. Messages that break the protocol are in test/interop.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { referenceMissing, runReferenceClient } from "../support/reference.ts";

const MiB = 1024 * 1024;
const missing = executablesMissing ?? referenceMissing;

describe.skipIf(missing !== null)(`a server under bad input (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true, server: ["--chunk", "64KiB", "--window", "4"] });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  /** Sends with pyzmq, which passes every name and every metadata on as they are. */
  async function sendRaw(name: string, args: readonly string[] = [], home = lab.homes.client) {
    const path = await lab.file("raw.bin", 100_000);
    const meta = await lab.file("raw.json", '{"sample": "S-17"}');
    const { result } = await runReferenceClient(home, lab.port, path, [
      "-m",
      meta,
      `--name=${name}`,
      ...args,
    ]);
    return { wire: result?.code, text: result?.text, outcome: result?.outcome };
  }

  /** Another user with keys of its own. */
  const unsafeNames: [string, string][] = [
    ["climbs out", "../climbs.raw"],
    ["climbs out with a backslash", "..\\climbs.raw"],
    ["is absolute", "/tmp/absolute.raw"],
    ["names a drive", "C:drive.raw"],
    ["names a folder", "folder/file.raw"],
    ["is a dot", "."],
    ["is two dots", ".."],
    ["starts with a dot", ".hidden"],
    ["ends with a dot", "dot.raw."],
    ["ends with a space", "space.raw "],
    ["starts with a dash", "-rf"],
    ["has a line break", "two\nlines.raw"],
    ["has an escape sequence", "\u001b[2Jclear.raw"],
    ["turns the direction of writing", "\u202egpj.exe"],
    ["is a device on Windows", "NUL"],
    ["is a device on Windows, with an ending", "com1.raw"],
    ["opens another stream on Windows", "file.raw:stream"],
  ];
  for (const [text, name] of unsafeNames) {
    test(`refuses a name that ${text}`, async () => {
      const before = lab.published();
      expect(await sendRaw(name)).toMatchObject({ wire: 403, outcome: "error" });
      expect(lab.published()).toEqual(before);
    });
  }

  test("refuses a name that is too long", async () => {
    expect(await sendRaw("n".repeat(241))).toMatchObject({ wire: 413 });
    expect(await sendRaw("ü".repeat(121))).toMatchObject({ wire: 413 });
    expect(await sendRaw("ü".repeat(120))).toMatchObject({ outcome: "finished" });
  });

  test("refuses a name that is no UTF-8, and everything else that is no message, and lives on", async () => {
    for (const kind of [
      "bad-utf8",
      "bad-json",
      "empty",
      "few-frames",
      "short-number",
      "random",
      "unknown-command",
    ]) {
      // The first within an upload counts as damaged on the way.
      const garbage = ["--garbage", kind, "--garbage", kind];
      expect(await sendRaw(`garbage-${kind}`, garbage)).toMatchObject({ wire: 400 });
    }
    lab.expectNothingStored("garbage");
    await lab.expectAlive();
  });

  const clashes: [string, string, string][] = [
    ["case", "Case-Clash.raw", "case-clash.RAW"],
    ["Unicode form", "gr\u00f6\u00dfe.raw", "gro\u0308\u00dfe.raw"],
    ["being the checksum of the other", "described.raw", "described.raw.sha256"],
    ["being the metadata of the other", "other.raw", "other.raw.meta.json"],
  ];
  for (const [text, first, second] of clashes) {
    test(`takes names that differ only in ${text} for the same`, async () => {
      const content = await lab.file("first.raw", 1000);
      expect(await lab.send([content, "-n", first])).toMatchObject({ code: 0 });
      expect(await lab.send([content, "-n", second])).toMatchObject({ code: 7 });
      await lab.expectStored(content, first);
    });
  }

  test("lets a second upload under a name that is being filled wait, and says for what", async () => {
    await using slow = lab.startSend(["-n", "Contested.raw"], { stdin: "pipe" });
    await lab.server.line(/"Upload started".*Contested/);
    const path = await lab.file("contested.raw", "another file");
    expect(await lab.send(["-q", "--retry-for", "1s", path])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining(
        'An upload of "Contested.raw" is under way, and "contested.raw" counts as the same name; this one waits until it has ended',
      ),
    });
    (slow.child.stdin as Bun.FileSink).write("the first file");
    (slow.child.stdin as Bun.FileSink).end();
    expect((await slow.ended()).code).toBe(0);
    expect(await readFile(lab.stored("Contested.raw"), "utf8")).toBe("the first file");
  });

  test("keeps another user's hands off an upload, even with its identity", async () => {
    const bob = await lab.user("bob");
    const path = await lab.file("of-alice.raw", 30 * MiB);
    const alice = lab.startSend([path]);
    await lab.server.line(/"Upload started".*of-alice/);
    await alice.kill();
    const [state] = (await readdir(`${lab.homes.client}/uploads`)).filter((name) => name.endsWith(".json"));
    const identity = state?.replace(".json", "") as string;
    expect(identity).toMatch(/^[0-9a-f]{32}$/);
    const args = ["--identity", identity, "--query-before", "--timeout-ms", "2000", "--retries", "2"];
    expect(await sendRaw("of-bob.raw", args, bob)).toMatchObject({ outcome: "finished" });
    const again = await lab.send([path]);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("Going on with the upload") });
    await lab.expectStored(path);
    await lab.expectStored(lab.folder.file("files", "raw.bin"), "of-bob.raw", "bob");
  });

  test("lets everybody have a file of the same name", async () => {
    const carol = await lab.user("carol");
    const path = await lab.file("shared-name.raw", 1000);
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    expect(await lab.send([path], { env: { DYNC_HOME: carol } })).toMatchObject({ code: 0 });
    await lab.expectStored(path);
    await lab.expectStored(path, "shared-name.raw", "carol");
  });

  test("gives a stranger no memory: 400 MB announced before any authentication", async () => {
    await lab.expectAlive();
    const before = await lab.serverMemoryMax();
    const sent = await pour(lab.port, [greeting("CURVE"), announcement(400 * MiB)], 400 * MiB);
    expect(sent).toBeLessThan(100 * MiB);
    expect((await lab.serverMemoryMax()) - before).toBeLessThan(16 * MiB);
    await lab.expectAlive();
  });

  for (const [text, first] of [
    ["random bytes", () => randomBytes(1000)],
    ["a request for a web page", () => Buffer.from("GET / HTTP/1.1\r\nHost: dync\r\n\r\n")],
    ["another mechanism than CURVE", () => Buffer.concat([greeting("NULL"), announcement(5)])],
    ["a greeting cut short", () => greeting("CURVE").subarray(0, 20)],
  ] as const) {
    test(`drops a peer that opens with ${text}`, async () => {
      await pour(lab.port, [first()], 0);
      await lab.expectAlive();
    });
  }
});

/** The 64 bytes with which a ZMTP 3 peer opens. */
function greeting(mechanism: string): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1]);
  bytes.write(mechanism, 12, "ascii");
  return bytes;
}

/** The header of a command frame of `length` bytes. */
function announcement(length: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 6;
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

/** Sends `first`, then zeros, up to `length` bytes or until the other side has had enough. Resolves with how many went out. */
async function pour(port: number, first: readonly Uint8Array[], length: number): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  const zeros = Buffer.alloc(MiB);
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  socket.resume();
  for (const bytes of first) socket.write(bytes);
  while (socket.bytesWritten < length && !socket.destroyed) {
    const drained = new Promise<void>((resolve) => socket.write(zeros, () => resolve()));
    await Promise.race([drained, closed]);
  }
  socket.end();
  await closed;
  return socket.bytesWritten;
}
