// An object store that is not as it should be, on the compiled programs and Ceph's gateway: each fault is one clear line, to who sends or in
// the log, and nothing is lost: what was sent is stored whole in the end, once, and nothing else is left.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { S3Requests } from "../../src/storage/s3/client/s3-request.ts";
import { Bucket, partsOf } from "../storage/s3/s3-world.ts";
import { type Ceph, cephMissing, startCeph } from "../support/ceph.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { type Answered, type Asked, type Lies, LyingStore, refusal } from "../support/lying-store.ts";
import { jsonLines, piped, runProgram } from "../support/programs.ts";

const MiB = 1024 * 1024;
const missing = cephMissing ?? executablesMissing;
const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const clockMissing = existsSync(faketime) ? null : "libfaketime is not installed";

const isPart = ({ method, path }: Asked) => method === "PUT" && path.includes("partNumber=");
const other = '"0123456789abcdef0123456789abcdef"';
const otherEtag = (asked: Asked, it: Answered): Answered =>
  isPart(asked) ? { ...it, headers: { ...it.headers, etag: other } } : it;
const isComplete = ({ method, path }: Asked) => method === "POST" && /\?uploadId=/.test(path);

describe.skipIf(missing !== null)(
  `an object store that is not as it should be (${missing ?? "Ceph"})`,
  () => {
    let ceph: Ceph;
    let store: LyingStore;
    let bucket: Bucket;
    let lab: Lab;
    let keys: Readonly<Record<string, string>>;
    let args: readonly string[];

    beforeAll(async () => {
      ceph = await startCeph();
      store = await LyingStore.before(ceph.endpoint);
      bucket = await Bucket.make(ceph);
      const { accessKeyId, secretAccessKey } = ceph.user;
      keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
      args = ["--storage", `s3://${bucket.place.bucket}/lab`, "--s3-endpoint", store.endpoint];
      lab = await openLab({ inMemory: true, server: args, start: { env: keys } });
    });
    afterAll(async () => {
      await lab?.[Symbol.asyncDispose]();
      await store?.[Symbol.asyncDispose]();
      await ceph?.[Symbol.asyncDispose]();
    });

    /** Runs a server with other settings, which is not to start; returns what it says. */
    async function started(
      settings: Readonly<Record<string, string>>,
      env: Readonly<Record<string, string>>,
    ) {
      const data = lab.folder.file("other-data");
      await mkdir(data, { recursive: true });
      const all = { storage: args[1] as string, "s3-endpoint": ceph.endpoint, ...settings };
      const options = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
      const command = [lab.programs.dyncServer, "run", "--data", data, "--port", "0", ...options];
      return await runProgram(command, { env: { ...keys, DYNC_HOME: lab.homes.server, ...env } }, 90_000);
    }

    /**
     * What `path` was sent as is there, whole, with what describes it, and nothing of it is left elsewhere, but multipart uploads of which nobody
     * was told that they have begun: of these keys.
     */
    async function expectStored(path: string, name: string, lost: readonly string[] = []): Promise<void> {
      const bytes = await bucket.bytes(`lab/alice/${name}`);
      expect(bytes?.equals(await readFile(path))).toBe(true);
      const sha256 = new Bun.CryptoHasher("sha256").update(bytes as Buffer).digest("hex");
      expect(await bucket.text(`lab/alice/${name}.sha256`)).toBe(`${sha256}  ${name}\n`);
      expect(await bucket.text(`lab/alice/${name}.meta.json`)).toContain("S-17");
      expect(await bucket.keys("lab/.dync/")).toEqual([]);
      const left = await bucket.multiparts();
      const countIn = (keys: readonly string[], key: string) => keys.filter((it) => it === key).length;
      for (const key of left) expect(countIn(left, key)).toBeLessThanOrEqual(countIn(lost, key));
      const stored = jsonLines((await lab.dyncServer(["uploads", "list", "--json"])).stdout);
      expect(stored.filter((it) => it.name === name && it.state === "stored")).toHaveLength(1);
    }

    /** Sends a file while the store lies as `lies` says; returns its path, and how the client ended. */
    async function sendTo(lies: Lies, name: string, size: number, more: readonly string[] = []) {
      const path = await lab.file(name, size);
      store.lies = lies;
      store.told = 0;
      try {
        return { path, end: await lab.send([...more, path], {}, 120_000) };
      } finally {
        store.lies = {};
      }
    }

    /** Lies so often, and is honest from then on. */
    function times(count: number, is: (asked: Asked) => boolean): (asked: Asked) => boolean {
      let left = count;
      return (asked) => is(asked) && left-- > 0;
    }

    describe("at the start", () => {
      const faults: readonly [string, Record<string, string>, Record<string, string>, RegExp][] = [
        [
          "a bucket that is missing",
          { storage: "s3://no-such-bucket/lab" },
          {},
          /^dync-server: error: The object store s3:\/\/no-such-bucket\/lab cannot be used: there is no such bucket \(NoSuchBucket, 404\)\n.*make the bucket, or correct storage/,
        ],
        [
          "a secret key that is wrong",
          {},
          { AWS_SECRET_ACCESS_KEY: "wrong" },
          /cannot be used: the secret key is not the one of the access key \(SignatureDoesNotMatch, 403\)/,
        ],
        [
          "an access key that is wrong",
          {},
          { AWS_ACCESS_KEY_ID: "nobody" },
          /cannot be used: it does not know the access key \(InvalidAccessKeyId, 403\)/,
        ],
        [
          "a store that is not there",
          { "s3-endpoint": "http://127.0.0.1:1" },
          {},
          /does not answer: no answer \(.*look at s3-endpoint/s,
        ],
      ];
      test.each(faults)("%s is one clear line", async (_what, settings, env, wanted) => {
        const end = await started(settings, env);
        expect(end.stderr).toMatch(wanted);
        // The fault, and what to do.
        const said = end.stderr.split("\n").filter((line) => line.startsWith("dync-server: "));
        expect(said.map((line) => line.split(" ")[1])).toEqual(["error:", "hint:"]);
        expect(end.code).toBe(settings["s3-endpoint"] === undefined ? 2 : 5);
      });

      test.skipIf(clockMissing !== null)(
        `a clock that is off by an hour is said, with by how much (${clockMissing ?? "libfaketime"})`,
        async () => {
          for (const [offset, word] of [
            ["-3600", "ahead"],
            ["+3600", "behind"],
          ] as const) {
            const env = { LD_PRELOAD: faketime, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
            const end = await started({}, env);
            expect(end.stderr).toMatch(
              new RegExp(
                `cannot be used: its clock and this machine's differ too much \\(it is 3[56]\\d\\d seconds ${word} of this machine's\\)`,
              ),
            );
            expect(end.stderr).toContain("set the clock of this machine");
            expect(end.code).toBe(2);
          }
        },
      );
    });

    test("a bucket with object lock takes uploads, with a warning", async () => {
      const name = `${bucket.place.bucket}-locked`;
      const place = { ...bucket.place, bucket: name };
      const requests = new S3Requests(place, partsOf());
      const ask = (
        query: Readonly<Record<string, string>>,
        headers: Readonly<Record<string, string>>,
        xml: string,
      ) =>
        requests.send(
          { method: "PUT", key: null, query, headers, body: [Buffer.from(xml)] },
          { forMs: 10_000 },
          () => true,
        );
      await ask({}, { "x-amz-bucket-object-lock-enabled": "true" }, "");
      // Each object may be neither changed nor deleted for a day, unless nobody says which version.
      await ask(
        { "object-lock": "" },
        {},
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>",
      );
      requests.close();
      const locked = ["--storage", `s3://${name}/lab`, "--s3-endpoint", ceph.endpoint];
      await using lab = await openLab({ inMemory: true, server: locked, start: { env: keys } });
      await lab.server.line(
        /"warn","message":"The bucket keeps what is deleted or overwritten in it","versioning":true,"lock":true/,
      );
      const [file, stream] = [await lab.file("locked.raw", 9 * MiB), await lab.file("stream.raw", 9 * MiB)];
      expect(await lab.send([file])).toMatchObject({ code: 0 });
      expect(await lab.send(["-n", "stream.raw"], { stdin: piped(stream) })).toMatchObject({
        code: 0,
      });
      const there = new Bucket(place);
      for (const path of [file, stream]) {
        const key = `lab/alice/${path === file ? "locked.raw" : "stream.raw"}`;
        expect((await there.bytes(key))?.equals(await readFile(path))).toBe(true);
      }
      expect(await there.keys("lab/.dync/")).toEqual([]);
      expect(await there.multiparts()).toEqual([]);
    });

    test("rights that are taken away while something is sent end it with a line, and it goes on when they are back", async () => {
      const path = await lab.file("rights.raw", 40 * MiB);
      const sending = lab.startSend(["-q", "--limit", "10MB/s", path]);
      await lab.server.line(/"Upload started".*rights\.raw/);
      await until(async () => (await bucket.multiparts()).length > 0);
      await ceph.admin(["user", "modify", "--uid", "dync", "--op-mask", "read"]);
      const end = await sending.ended(120_000);
      expect(end.code).not.toBe(0);
      expect(end.stderr).toMatch(
        /^dync: error: .*The file could not be stored in the object store: it does not allow that \(AccessDenied\); its administrator has to mend that/,
      );
      await lab.server.line(/"Writing failed".*rights\.raw/);
      await ceph.admin(["user", "modify", "--uid", "dync", "--op-mask", "read,write,delete"]);
      expect(await lab.send([path])).toMatchObject({ code: 0 });
      await expectStored(path, "rights.raw");
    });

    test("a quota of the store that is used up is said to be that, and what was sent goes on when there is more", async () => {
      const path = await lab.file("quota.raw", 40 * MiB);
      const isUsedUp = (asked: Asked) => isPart(asked) && !/partNumber=[12]\b/.test(asked.path);
      store.lies = { instead: (asked) => (isUsedUp(asked) ? refusal(403, "QuotaExceeded") : null) };
      // Slowly: parts that are on their way together are given up together.
      const end = await lab.send(["-q", "--limit", "4MB/s", path]);
      store.lies = {};
      expect(end).toMatchObject({
        code: 5,
        stderr: expect.stringContaining(
          "the quota is used up (QuotaExceeded); its administrator has to mend that",
        ),
      });
      expect(await lab.send([path])).toMatchObject({ code: 0 });
      await lab.server.line(/"Upload resumed".*quota\.raw.*"offset":(?:8388608|16777216)/);
      await expectStored(path, "quota.raw");
    });

    test("ETags that are not those of what was sent: it is sent again, and stored as it is", async () => {
      const is = times(3, isPart);
      const lies: Lies = {
        change: (asked, it) =>
          is(asked) ? { ...it, headers: { ...it.headers, etag: '"0123456789abcdef"' } } : it,
      };
      const { path, end } = await sendTo(lies, "etags.raw", 30 * MiB);
      expect(end).toMatchObject({ code: 0 });
      expect(store.told).toBe(3);
      await expectStored(path, "etags.raw");
    });

    test("a store that takes parts and says of each that it is another one: its list tells what it has", async () => {
      const { path, end } = await sendTo({ change: otherEtag }, "list.raw", 20 * MiB, ["-q"]);
      expect(end).toMatchObject({ code: 0, stderr: "" });
      expect(store.told).toBeGreaterThan(5);
      await expectStored(path, "list.raw");
    });

    test("a store that lies about ETags wherever it tells them: its answers are said to be wrong, and nothing of it counts as stored", async () => {
      const change: Lies["change"] = (asked, it) => {
        if (asked.method !== "GET" || !asked.path.includes("uploadId=")) return otherEtag(asked, it);
        const body = it.body.toString("utf8").replace(/<ETag>.*?<\/ETag>/g, `<ETag>${other}</ETag>`);
        return { ...it, body: Buffer.from(body) };
      };
      const { path, end } = await sendTo({ change }, "liar.raw", 20 * MiB, ["-q", "--retry-for", "12s"]);
      expect(end).toMatchObject({
        code: 5,
        // What it heard last: that nothing is stored yet, or why.
        stderr: expect.stringMatching(/^dync: error: The .*; gave up after trying for \d+ s\n/),
      });
      await lab.server.line(/it says that it stored something else than was sent/);
      expect(await bucket.keys("lab/alice/liar.raw")).toEqual([]);
      expect(await lab.send([path])).toMatchObject({ code: 0 });
      await expectStored(path, "liar.raw");
    });

    test("an error inside of 200 where an object is put together is one, whether it was put together or not", async () => {
      const inside = { ...refusal(500, "InternalError"), status: 200 };
      const notDone = times(2, isComplete);
      const first = await sendTo(
        { instead: (it) => (notDone(it) ? inside : null) },
        "not-done.raw",
        20 * MiB,
      );
      expect(first.end).toMatchObject({ code: 0 });
      expect(store.told).toBe(2);
      await expectStored(first.path, "not-done.raw");
      const done = times(1, isComplete);
      const second = await sendTo(
        { change: (asked, it) => (done(asked) ? inside : it) },
        "done.raw",
        20 * MiB,
      );
      expect(second.end).toMatchObject({ code: 0 });
      expect(store.told).toBe(1);
      await expectStored(second.path, "done.raw");
    });

    test("an error inside of 200 that does not pass ends the upload with a line, and the same command stores it later", async () => {
      const inside = { ...refusal(403, "AccessDenied"), status: 200 };
      const { path, end } = await sendTo(
        { instead: (it) => (isComplete(it) ? inside : null) },
        "denied.raw",
        20 * MiB,
        ["-q"],
      );
      expect(end.code).not.toBe(0);
      expect(end.stderr).toContain(
        "The file could not be published in the object store: it does not allow that",
      );
      expect(await bucket.keys("lab/alice/denied.raw")).not.toContain("lab/alice/denied.raw");
      expect(await lab.send([path])).toMatchObject({ code: 0 });
      await expectStored(path, "denied.raw");
    });

    // As Ceph's gateway does for ten minutes where another one died while it put the parts together.
    test("a server that is drained and ends while the store does not put a file together does so in time, and the next one publishes it", async () => {
      const path = await lab.file("left.raw", 20 * MiB);
      const asked = Promise.withResolvers<void>();
      const busy = refusal(500, "InternalError", "This multipart completion is already in progress");
      store.lies = {
        instead: (it) => {
          if (!isComplete(it)) return null;
          asked.resolve();
          return busy;
        },
      };
      const sending = lab.startSend([path]);
      await asked.promise;
      expect(await lab.dyncServer(["drain"])).toMatchObject({ code: 0 });
      expect(await lab.server.stop()).toMatchObject({ code: 0 });
      store.lies = {};
      await lab.start(args, { env: keys });
      expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
      await expectStored(path, "left.raw");
    });

    test("answers that are cut short are none: of files, streams and datasets", async () => {
      let count = 0;
      const lost: string[] = [];
      const lies: Lies = {
        change: ({ method, path }, it) => {
          if (++count % 4 !== 0) return it;
          const { pathname, search } = new URL(path, store.endpoint);
          if (method === "POST" && search === "?uploads=")
            lost.push(decodeURIComponent(pathname).split("/").slice(2).join("/"));
          return "cut";
        },
      };
      const { path, end } = await sendTo(lies, "cut.raw", 40 * MiB);
      expect(end).toMatchObject({ code: 0 });
      expect(store.told).toBeGreaterThan(3);
      await expectStored(path, "cut.raw", lost);
      const toPipe = await lab.file("cut-stream.raw", 20 * MiB);
      await mkdir(lab.folder.file("files", "cut-run"));
      const files = await Promise.all(
        [0, 1, 2].map((at) => lab.file(`cut-run/${at}.raw`, at * 5 * MiB + at)),
      );
      store.lies = lies;
      const ends = await Promise.all([
        lab.send(["-n", "cut-stream.raw"], { stdin: piped(toPipe) }, 120_000),
        lab.send(["--dataset", lab.folder.file("files", "cut-run")], {}, 120_000),
      ]);
      store.lies = {};
      for (const it of ends) expect(it).toMatchObject({ code: 0 });
      await expectStored(toPipe, "cut-stream.raw", lost);
      for (const [at, file] of files.entries())
        expect((await bucket.bytes(`lab/alice/cut-run/${at}.raw`))?.equals(await readFile(file))).toBe(true);
      // What nobody was told of is found, and taken away.
      const left = (await bucket.multiparts()).length;
      expect(await checked("--remove")).toMatchObject({ code: 0, orphans: left });
      expect(await checked()).toMatchObject({ code: 0, orphans: 0 });
      expect(await bucket.multiparts()).toEqual([]);
    });

    /** Runs `dync-server storage check`; returns how that ended, and how much it found. */
    async function checked(...options: readonly string[]) {
      const config = lab.folder.file("check.toml");
      await writeFile(config, `storage = "${args[1]}"\ns3-endpoint = "${ceph.endpoint}"\n`);
      const command = ["storage", "check", "--config", config, "--older", "0s", "--json", ...options];
      const env = { ...keys, DYNC_HOME: lab.homes.server };
      const { code, stdout } = await runProgram([lab.programs.dyncServer, ...command], { env });
      return { code, orphans: jsonLines(stdout).filter((it) => it.type === "orphan").length };
    }

    async function until(isSo: () => Promise<boolean>): Promise<void> {
      while (!(await isSo())) {
        if (!lab.server.running) throw new Error(`The server ended: ${lab.server.stderr}`);
        await Bun.sleep(50);
      }
    }
  },
);
