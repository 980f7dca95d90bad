// Uploads that go to an object store: the compiled programs and Ceph's own gateway, and what another program finds there.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFile, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { S3Requests } from "../../src/storage/s3/client/s3-request.ts";
import { Bucket, partsOf } from "../storage/s3/s3-world.ts";
import { type Ceph, cephMissing, startCeph } from "../support/ceph.ts";
import { read } from "../support/documented-lines.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { piped, runProgram } from "../support/programs.ts";
import { ThreadTimes } from "../support/thread-times.ts";

const MiB = 1024 * 1024;
const missing = cephMissing ?? executablesMissing ?? (Bun.which("rclone") === null ? "no rclone here" : null);

describe.skipIf(missing !== null)(`an object store (${missing ?? "Ceph"})`, () => {
  let ceph: Ceph;
  let bucket: Bucket;
  let lab: Lab;
  let args: readonly string[];
  let start: { readonly env: Readonly<Record<string, string>> };

  beforeAll(async () => {
    ceph = await startCeph();
    bucket = await Bucket.make(ceph);
    const { accessKeyId, secretAccessKey } = ceph.user;
    const keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    // On two cores there are none by default.
    start = { env: { ...keys, DYNC_SERVER_THREADS: "2" } };
    args = ["--storage", `s3://${bucket.place.bucket}/lab`, "--s3-endpoint", ceph.endpoint];
    lab = await openLab({ inMemory: true, server: args, start });
  });
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await ceph?.[Symbol.asyncDispose]();
  });

  async function rclone(command: readonly string[]) {
    const { accessKeyId, secretAccessKey } = ceph.user;
    const keys = ["--s3-access-key-id", accessKeyId, "--s3-secret-access-key", secretAccessKey];
    const options = ["--s3-provider", "Ceph", "--s3-endpoint", ceph.endpoint, ...keys];
    // A bundle of certificates of this machine is none of its business.
    return await runProgram(["rclone", ...command, ...options], { env: { AWS_CA_BUNDLE: "" } }, 120_000);
  }

  /** What `path` was sent as is there, with what describes it, for a program that knows nothing of us. */
  async function expectStored(path: string, name: string): Promise<void> {
    const to = lab.folder.file(`back-${name}`);
    const from = `:s3:${bucket.place.bucket}/lab/alice`;
    const copied = await rclone(["copy", from, to, "--include", `${name}{,.sha256,.meta.json}`]);
    expect(copied).toMatchObject({ code: 0 });
    expect((await runProgram(["cmp", path, `${to}/${name}`])).code).toBe(0);
    const checked = await runProgram(["sha256sum", "--strict", "-c", `${name}.sha256`], { cwd: to });
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    const metadata = JSON.parse(await readFile(`${to}/${name}.meta.json`, "utf8")) as { sample: string };
    expect(metadata.sample).toBe("S-17");
  }

  const sizes: [string, number][] = [
    ["no bytes", 0],
    ["one byte", 1],
    ["exactly one part", 8 * MiB],
    ["one byte more than a part", 8 * MiB + 1],
    ["60 MB", 60_000_000],
  ];
  for (const [text, size] of sizes) {
    test(`a file of ${text} is there for others, and nothing else is left`, async () => {
      const name = `size-${size}.raw`;
      const path = await lab.file(name, size);
      expect(await lab.send([path])).toMatchObject({ code: 0 });
      await expectStored(path, name);
      expect(await bucket.keys("lab/.dync/")).toEqual([]);
      expect(await bucket.multiparts()).toEqual([]);
    });

    test(`a stream of ${text} is as well`, async () => {
      const name = `piped-${size}.raw`;
      const path = await lab.file(name, size);
      expect(await lab.send(["-n", name], { stdin: piped(path) })).toMatchObject({ code: 0 });
      await expectStored(path, name);
      expect(await bucket.keys("lab/.dync/")).toEqual([]);
    });
  }

  test.skipIf(process.platform !== "linux")("threads beside the main one hash and send (Linux)", async () => {
    const path = await lab.file("by-threads.raw", 60_000_000);
    const times = new ThreadTimes(lab.server.pid);
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    const worked = times.stop().filter(({ name, cpuSeconds }) => name === "Worker" && cpuSeconds > 0.02);
    expect(worked.length).toBeGreaterThanOrEqual(2);
    await expectStored(path, "by-threads.raw");
  });

  test("a name that is taken is not replaced", async () => {
    const first = await lab.file("taken.raw", "first");
    expect(await lab.send([first])).toMatchObject({ code: 0 });
    await lab.file("taken.raw", "second");
    const again = await lab.send([first]);
    expect(again.code).toBe(7);
    expect(again.stderr).toContain("taken.raw");
    expect(await bucket.text("lab/alice/taken.raw")).toBe("first");
  });

  /** Waits until the store has so many parts of an object that is not complete. */
  async function storedParts(count: number): Promise<void> {
    for (;;) {
      for await (const { key, uploadId } of bucket.client.multiparts("", { forMs: 10_000 })) {
        const parts = await bucket.client.parts(key, uploadId, { forMs: 10_000 });
        if (parts !== null && parts.length >= count) return;
      }
      await Bun.sleep(100);
    }
  }

  test("a server that is killed goes on where the store has the bytes", async () => {
    const path = await lab.file("killed.raw", 50 * MiB);
    const sending = lab.startSend(["--limit", "4MB/s", path]);
    await lab.server.line(/"Upload started".*killed\.raw/);
    await storedParts(3);
    expect(await bucket.keys("lab/alice/killed")).toEqual([]);
    await lab.server.kill();
    await lab.start(args, start);
    const resumed = await lab.server.line(/"Upload resumed".*killed\.raw.*"offset":(\d+)/, 60_000);
    expect(Number(resumed[1])).toBeGreaterThanOrEqual(2 * 8 * MiB);
    expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
    await expectStored(path, "killed.raw");
    expect(await bucket.multiparts()).toEqual([]);
  });

  /** Makes a run of small files, some in folders, and a large one; returns its folder. */
  async function makeRun(name: string, large: number): Promise<string> {
    const run = lab.folder.file("files", name);
    await mkdir(join(run, "images", "empty"), { recursive: true });
    await mkdir(join(run, "Größe μ"), { recursive: true });
    await writeFile(join(run, "nothing"), "");
    await writeFile(join(run, "Größe μ", "日本 & +%.txt"), "text\n");
    for (let index = 0; index < 300; index++)
      await writeFile(join(run, "images", `image ${index}.tif`), `${index}`.repeat(1000));
    await lab.file(`${name}/middle.raw`, large);
    await lab.file(`${name}/zz.raw`, 3 * MiB);
    // rclone and the runtimes keep a quarter of a second.
    for (const path of await readdir(run, { recursive: true }))
      await utimes(join(run, path), 1_600_000_000.25, 1_600_000_000.25);
    return run;
  }

  /** The dataset is there, with what lies beside it, for programs that know nothing of us. */
  async function expectDataset(
    run: string,
    name: string,
    layout: "plain" | "bagit" = "plain",
  ): Promise<void> {
    const to = lab.folder.file(`back-${name}`);
    const from = `:s3:${bucket.place.bucket}/lab/alice`;
    const copied = await rclone([
      "copy",
      from,
      to,
      "--include",
      `/${name}{,.sha256,.meta.json}`,
      "--include",
      `/${name}/**`,
    ]);
    expect(copied).toMatchObject({ code: 0 });
    const content = layout === "bagit" ? `${to}/${name}/data` : `${to}/${name}`;
    // Objects lie in no folders: one that is empty is not there.
    const compared = await runProgram(["diff", "-r", run, content]);
    expect(compared.stdout).toBe(`Only in ${run}/images: empty\n`);
    const checked = await runProgram(["sha256sum", "--strict", "--quiet", "-c", `${name}.sha256`], {
      cwd: to,
    });
    expect(checked).toMatchObject({ code: 0, stderr: "" });
    expect((await readFile(`${to}/${name}.sha256`, "utf8")).split("\n")).toHaveLength(304 + 1);
    const metadata = JSON.parse(await readFile(`${to}/${name}.meta.json`, "utf8")) as { sample: string };
    expect(metadata.sample).toBe("S-17");
    expect((await stat(`${content}/images/image 7.tif`)).mtimeMs).toBe(1_600_000_000_250);
    expect(await bucket.keys("lab/.dync/")).toEqual([]);
    expect(await bucket.multiparts()).toEqual([]);
  }

  test("a dataset is an object for each of its files, with its list and its metadata beside them", async () => {
    const run = await makeRun("run1", 20 * MiB);
    expect(await lab.send(["--dataset", run])).toMatchObject({ code: 0 });
    await expectDataset(run, "run1");
    // Its name is taken, by whatever comes.
    await lab.file("run1/more", "more");
    const again = await lab.send(["--dataset", run]);
    expect(again.code).toBe(7);
    const file = await lab.file("other", "a file");
    expect((await lab.send(["-n", "run1", file])).code).toBe(7);
    expect(await bucket.text("lab/alice/run1/more")).toBeNull();
    // Two requests for each file, which a busy machine answers slowly.
    const verified = await lab.dyncServer(["uploads", "verify", "--all", "-n", "run1"], 90_000);
    expect(verified).toMatchObject({ code: 0 });
  });

  test("a server that is killed goes on with a dataset, in the midst of a large member too", async () => {
    const run = await makeRun("run2", 50 * MiB);
    const sending = lab.startSend(["--limit", "4MB/s", "--dataset", run]);
    await lab.server.line(/"Upload started".*run2/);
    await storedParts(3);
    expect(await bucket.text("lab/alice/run2.meta.json")).toBeNull();
    await lab.server.kill();
    await lab.start(args, start);
    const resumed = await lab.server.line(/"Upload resumed".*run2.*"offset":(\d+)/, 60_000);
    expect(Number(resumed[1])).toBeGreaterThanOrEqual(16 * MiB);
    expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
    await expectDataset(run, "run2");
  });

  test("a tar that comes by a pipe is unpacked, and goes on where the store has it", async () => {
    const run = await makeRun("run3", 40 * MiB);
    const tar = lab.folder.file("files", "run3.tar");
    expect(await runProgram(["tar", "--format=posix", "-cf", tar, "-C", run, "."])).toMatchObject({
      code: 0,
    });
    const stdin = piped(tar);
    expect(await lab.send(["--unpack", "-n", "run3.tar"], { stdin })).toMatchObject({ code: 0 });
    await expectDataset(run, "run3");
  });

  test("a run that is sent while it is written is there as it is at its end, whatever became of the server", async () => {
    const run = lab.folder.file("files", "live");
    await mkdir(join(run, "deep"), { recursive: true });
    await writeFile(join(run, "first.raw"), "first".repeat(100_000));
    await writeFile(join(run, "passing.bin"), "for a while");
    const sending = lab.startSend(["--live", "--complete-on", "Done.txt", "--settle", "1s", "--json", run]);
    await sending.line(/"type":"status".*"sent":50\d{4},/, 60_000);
    await lab.server.kill();
    await lab.start(args, start);
    await appendFile(join(run, "first.raw"), "and more");
    await rm(join(run, "passing.bin"));
    await writeFile(join(run, "deep", "second.raw"), "second".repeat(100_000));
    await sending.line(/"type":"status".*"sent":1[1-9]\d{5},/, 60_000);
    expect(await bucket.text("lab/alice/live.meta.json")).toBeNull();
    await writeFile(join(run, "Done.txt"), "");
    expect(await sending.ended(60_000)).toMatchObject({ code: 0 });
    const names = ["Done.txt", "deep/second.raw", "first.raw"];
    expect(await bucket.keys("lab/alice/live/")).toEqual(names.map((name) => `lab/alice/live/${name}`));
    expect(await bucket.text("lab/alice/live/first.raw")).toBe(`${"first".repeat(100_000)}and more`);
    expect(await bucket.keys("lab/.dync/")).toEqual([]);
  });

  test("a dataset that changed after its client was killed takes the place of what was stored of it", async () => {
    const run = await makeRun("run5", 30 * MiB);
    const sending = lab.startSend(["--limit", "10MB/s", "--dataset", run]);
    await lab.server.line(/"Upload started".*run5/);
    while ((await bucket.multiparts()).length === 0) await Bun.sleep(100);
    await sending.kill();
    await writeFile(join(run, "images", "image 3.tif"), "another one");
    await utimes(join(run, "images", "image 3.tif"), 1_600_000_000.25, 1_600_000_000.25);
    expect(await lab.send(["--dataset", run], {}, 120_000)).toMatchObject({ code: 0 });
    await expectDataset(run, "run5");
  });

  test("a dataset that is not wanted any more leaves nothing", async () => {
    const run = await makeRun("run4", 60 * MiB);
    const sending = lab.startSend(["--limit", "5MB/s", "--dataset", run]);
    await lab.server.line(/"Upload started".*run4/);
    while ((await bucket.multiparts()).length === 0) await Bun.sleep(100);
    expect((await bucket.keys("lab/alice/run4/")).length).toBeGreaterThan(200);
    sending.signal("SIGINT");
    await sending.ended(60_000);
    const [, id] = /^([0-9a-f]{8})/m.exec((await lab.dync(["uploads"])).stdout) ?? [];
    expect(await lab.dync(["cancel", id ?? ""])).toMatchObject({ code: 0 });
    // What is known of it goes last.
    const deadline = performance.now() + 30_000;
    while ((await bucket.keys("lab/.dync/")).length > 0 && performance.now() < deadline) await Bun.sleep(200);
    expect(await bucket.keys("lab/alice/run4")).toEqual([]);
    expect(await bucket.keys("lab/.dync/")).toEqual([]);
    expect(await bucket.multiparts()).toEqual([]);
  });

  test("a store that is away for a while fails nobody", async () => {
    const path = await lab.file("away.raw", 30 * MiB);
    const sending = lab.startSend(["--limit", "10MB/s", path]);
    await lab.server.line(/"Upload started".*away\.raw/);
    await ceph.gateway.kill();
    await lab.server.line(/"The object store does not do as it is asked/, 60_000);
    await ceph.startGateway();
    expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
    await expectStored(path, "away.raw");
  });

  test("a store that is frozen is given up on, and asked again", async () => {
    const path = await lab.file("frozen.raw", 40 * MiB);
    const sending = lab.startSend(["--limit", "10MB/s", path]);
    await lab.server.line(/"Upload started".*frozen\.raw/);
    ceph.gateway.signal("SIGSTOP");
    await lab.server.line(/"The object store does not do as it is asked.*no answer for \d+ seconds/, 240_000);
    ceph.gateway.signal("SIGCONT");
    expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
    await expectStored(path, "frozen.raw");
  }, 300_000);

  test("a bucket that keeps what is deleted is told of, and keys that may only read are refused", async () => {
    const requests = new S3Requests(bucket.place, partsOf());
    const xml = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    const request = {
      method: "PUT",
      key: null,
      query: { versioning: "" },
      body: [Buffer.from(xml)],
    } as const;
    await requests.send(request, { forMs: 10_000 }, () => true);
    requests.close();
    await lab.server.stop();
    await lab.start(args, start);
    await lab.server.line(
      /"warn","message":"The bucket keeps what is deleted or overwritten in it","versioning":true/,
    );
    const path = await lab.file("versioned.raw", 9 * MiB);
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    await expectStored(path, "versioned.raw");
    await lab.server.stop();
    await ceph.admin(["user", "modify", "--uid", "dync", "--op-mask", "read"]);
    const refused = await lab.start(args, start).catch((error: unknown) => String(error));
    expect(refused).toContain("cannot be used: it does not allow that (AccessDenied, 403)");
    await ceph.admin(["user", "modify", "--uid", "dync", "--op-mask", "read,write,delete"]);
    await lab.start(args, start);
  });

  test("what is wrong with the store is said at the start, in a line", async () => {
    const faults: [Record<string, string>, Record<string, string>, RegExp][] = [
      [{ storage: "s3://no-such-bucket" }, {}, /no-such-bucket cannot be used: there is no such bucket/],
      [{}, { AWS_SECRET_ACCESS_KEY: "wrong" }, /the secret key is not the one of the access key/],
      [{}, { AWS_ACCESS_KEY_ID: "nobody" }, /it does not know the access key/],
      [{ "s3-credentials": "/nowhere" }, {}, /\/nowhere does not exist/],
    ];
    const data = lab.folder.file("other-data");
    await runProgram(["mkdir", data]);
    for (const [more, env, wanted] of faults) {
      const settings = { storage: args[1] as string, "s3-endpoint": ceph.endpoint, ...more };
      const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
      const command = [lab.programs.dyncServer, "run", "--data", data, "--port", "0", ...options];
      const all = { ...start.env, DYNC_HOME: lab.homes.server, ...env };
      const end = await runProgram(command, { env: all }, 60_000);
      expect(end.stderr).toMatch(wanted);
      expect(end.code).toBe(2);
    }
  });

  test("what a crash leaves in the store is found, and taken away when that is asked for", async () => {
    const config = lab.folder.file("check.toml");
    await writeFile(config, `storage = "${args[1]}"\ns3-endpoint = "${ceph.endpoint}"\n`);
    const check = (more: readonly string[]) =>
      runProgram([lab.programs.dyncServer, "storage", "check", "--config", config, ...more], {
        env: { ...start.env, DYNC_HOME: lab.homes.server },
      });
    // A gateway that was frozen may have begun what it was asked twice.
    await check(["--older", "0s", "--remove"]);
    await bucket.client.begin("lab/alice/orphan.raw", {}, { forMs: 30_000 });
    // As a server leaves it that was frozen while its dataset was given up; beside what is not ours, and what is published.
    const ours = { about: { "dync-upload": "0".repeat(32) } };
    await bucket.client.put("lab/alice/given-up/a/b", [Buffer.from("x")], ours, { forMs: 30_000 });
    await bucket.client.put("lab/alice/not-ours", [Buffer.from("x")], {}, { forMs: 30_000 });
    expect(await check([])).toMatchObject({ code: 0 });
    const found = await check(["--older", "0s"]);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(
      /^\S+ \S+ {2}lab\/alice\/orphan.raw: parts of an upload that nobody knows$/m,
    );
    expect(found.stdout).toMatch(/ {2}lab\/alice\/given-up\/a\/b: a file of a dataset that nobody knows$/m);
    expect(found.stdout.trim().split("\n")).toHaveLength(2);
    const lines = read(await check(["--older", "0s", "--json"]));
    expect(lines.slice(0, -1)).toMatchObject([
      { type: "orphan", kind: "multipart", key: "lab/alice/orphan.raw", removed: false },
      { type: "orphan", kind: "member", key: "lab/alice/given-up/a/b", removed: false },
    ]);
    expect(lines.at(-1)).toMatchObject({ exit: 1, storage: args[1], left: 2, removed: 0 });
    expect(await check(["--older", "0s", "--remove"])).toMatchObject({ code: 0 });
    expect(await bucket.keys("lab/alice/given-up")).toEqual([]);
    expect(await check(["--older", "0s"])).toMatchObject({ code: 0, stdout: "" });
    expect(await bucket.multiparts()).toEqual([]);
  });
});
