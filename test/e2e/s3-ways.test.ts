// Ways to an object store beside the plain one of test/e2e/s3.test.ts: over TLS with a certificate that only `s3-ca` knows, and with the bucket in
// the name of the host, as AWS wants it. And what expires there leaves nothing. The compiled programs and Ceph's own gateway.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Bucket } from "../storage/s3/s3-world.ts";
import { type Ceph, cephMissing, startCeph } from "../support/ceph.ts";
import { certificateMissing, makeCertificate } from "../support/certificate.ts";
import { executablesMissing, type ServerOptions } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, type Program, piped, runProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const MiB = 1024 * 1024;
const domain = "rgw.example.test";
const missing = cephMissing ?? certificateMissing ?? executablesMissing;

describe.skipIf(missing !== null)(`ways to an object store (${missing ?? "Ceph"})`, () => {
  let folder: TempFolder;
  let ca: string;
  let ceph: Ceph;
  let bucket: Bucket;
  let keys: Readonly<Record<string, string>>;
  let expiring: Lab;
  let suspended: readonly string[];

  beforeAll(async () => {
    folder = await tempFolder();
    ca = folder.file("ca.pem");
    const key = folder.file("tls.key");
    makeCertificate(ca, key, ["IP:127.0.0.1", `DNS:*.${domain}`]);
    ceph = await startCeph({ tls: { certificate: ca, key }, domain });
    bucket = await Bucket.make(ceph);
    const { accessKeyId, secretAccessKey } = ceph.user;
    keys = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    // What expires does so while the other tests run: a server looks once a minute.
    expiring = await openLab({ inMemory: true, server: expiringArgs(), start: { env: keys } });
    suspended = await leaveUnfinished(expiring);
  });
  afterAll(async () => {
    await expiring?.[Symbol.asyncDispose]();
    await ceph?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const expiringArgs = () => [...storageArgs("expiring"), "--s3-endpoint", ceph.endpoint, "--expire", "1s"];
  const storageArgs = (prefix: string) => ["--storage", `s3://${bucket.place.bucket}/${prefix}`];

  /** A server that stores below `prefix`; threads beside its main one hash and send what is long. */
  async function labOf(prefix: string, options: readonly string[], start: ServerOptions = {}): Promise<Lab> {
    const server = [...storageArgs(prefix), ...options];
    const env = { ...keys, ...start.env, DYNC_SERVER_THREADS: "2" };
    return await openLab({ inMemory: true, server, start: { ...start, env } });
  }

  /** A small file, one of some parts, a stream and a dataset go there whole, and nothing else is left. */
  async function expectAllStored(lab: Lab, prefix: string): Promise<void> {
    const [small, large] = [await lab.file("small.raw", 1000), await lab.file("large.raw", 20 * MiB)];
    const run = lab.folder.file("files", "run");
    await mkdir(run);
    for (const name of ["a.raw", "b.raw"]) await lab.file(join("run", name), 9 * MiB);
    for (const args of [[small], [large], ["--dataset", run]])
      expect(await lab.send(["-q", ...args])).toMatchObject({ code: 0, stderr: "" });
    const stdin = piped(large);
    expect(await lab.send(["-q", "-n", "stream.raw"], { stdin })).toMatchObject({ code: 0, stderr: "" });
    const sent = { "small.raw": small, "large.raw": large, "stream.raw": large };
    const members = { "run/a.raw": join(run, "a.raw"), "run/b.raw": join(run, "b.raw") };
    for (const [name, path] of Object.entries({ ...sent, ...members })) {
      const there = await bucket.bytes(`${prefix}/alice/${name}`);
      expect([name, there?.equals(await readFile(path))]).toEqual([name, true]);
    }
    expect(await bucket.keys(`${prefix}/alice/`)).toHaveLength(5 + 2 * 4);
    expect(await bucket.keys(`${prefix}/.dync/`)).toEqual([]);
    expect((await bucket.multiparts()).filter((key) => key.startsWith(`${prefix}/`))).toEqual([]);
    const verified = await lab.dyncServer(["uploads", "verify", "--all", "--json"], 60_000);
    expect(jsonLines(verified.stdout).at(-1)).toMatchObject({ ok: true });
  }

  test("over TLS with a certificate that s3-ca knows", async () => {
    const endpoint = `https://127.0.0.1:${ceph.tlsPort}`;
    await using lab = await labOf("tls", ["--s3-endpoint", endpoint, "--s3-ca", ca]);
    await expectAllStored(lab, "tls");
  });

  test("a certificate that is not trusted is said at the start, in one clear line", async () => {
    const [other, otherKey] = [folder.file("other.pem"), folder.file("other.key")];
    makeCertificate(other, otherKey, ["DNS:elsewhere.example.test"]);
    const [certificate, key] = await Promise.all([readFile(other, "utf8"), readFile(otherKey, "utf8")]);
    const tls = { cert: certificate, key };
    await using elsewhere = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch: () => new Response() });
    const there = `https://127.0.0.1:${ceph.tlsPort}`;
    const knowIt = "give s3-ca a file (PEM) with the certificate that it follows from";
    const faults: readonly [string[], RegExp, string][] = [
      [[there], /self signed certificate/, knowIt],
      [[there, "--s3-ca", other], /self signed certificate/, knowIt],
      [
        [`https://127.0.0.1:${elsewhere.port}`, "--s3-ca", other],
        /Hostname\/IP does not match certificate's altnames: .*/,
        "have s3-endpoint name the host that it is for",
      ],
    ];
    for (const [options, fault, hint] of faults) {
      const { code, stdout, stderr } = await refused(options);
      const [error = "", ...rest] = stderr.trimEnd().split("\n");
      const wanted = new RegExp(
        `^dync-server: error: The object store s3://${bucket.place.bucket}/refused cannot be used: its certificate is not trusted \\(${fault.source}\\)$`,
      );
      expect(error).toMatch(wanted);
      expect([code, stdout, rest]).toEqual([2, "", [`dync-server: hint: ${hint}`]]);
    }
  });

  /** Runs a server that is not to start; returns what it says. */
  async function refused([endpoint = "", ...more]: readonly string[]) {
    const data = folder.file("data");
    await mkdir(data, { recursive: true });
    const storage = [...storageArgs("refused"), "--s3-endpoint", endpoint];
    const command = [expiring.programs.dyncServer, "run", "--data", data, "--port", "0", ...storage, ...more];
    return await runProgram(command, { env: { ...keys, DYNC_HOME: expiring.homes.server } }, 90_000);
  }

  const hostsMissing = reasonAgainstHosts();
  test.skipIf(hostsMissing !== null)(
    `with the bucket in the name of the host (${hostsMissing ?? "with an /etc/hosts of its own"})`,
    async () => {
      // Nobody finds the host without the bucket in front.
      const hosts = folder.file("hosts");
      await writeFile(hosts, `127.0.0.1 localhost\n127.0.0.1 ${bucket.place.bucket}.${domain}\n`);
      const endpoint = `https://${domain}:${ceph.tlsPort}`;
      const options = ["--s3-endpoint", endpoint, "--s3-ca", ca, "--s3-addressing", "host"];
      await using lab = await labOf("host", options, { under: withHosts(hosts) });
      await expectAllStored(lab, "host");
    },
  );

  /** Begins a file, a stream and a dataset, whose clients are gone when some parts are stored; returns their names. */
  async function leaveUnfinished(lab: Lab): Promise<readonly string[]> {
    const run = lab.folder.file("files", "gone-run");
    await mkdir(run);
    await lab.file(join("gone-run", "0.raw"), 1000);
    await lab.file(join("gone-run", "1.raw"), 120 * MiB);
    const file = await lab.file("gone.raw", 120 * MiB);
    // No end of them comes while this looks for what is stored.
    const slow = ["--limit", "2MB/s"];
    const stream = lab.startSend(["-", "-n", "gone-stream.raw"], { stdin: "pipe" });
    const sending = [stream, lab.startSend([...slow, file]), lab.startSend([...slow, "--dataset", run])];
    (stream.child.stdin as Bun.FileSink).write(new Uint8Array(20 * MiB));
    const names = ["gone.raw", "gone-stream.raw", "gone-run"];
    for (const name of ["gone.raw", "gone-stream.raw", "gone-run/1.raw"])
      await storedPart(`expiring/alice/${name}`, sending);
    for (const it of sending) await it.kill();
    // It looks a minute after its start.
    await lab.server.kill();
    await lab.start(expiringArgs(), { env: keys });
    return names;
  }

  /** Resolves when a part of this object that is not complete is stored. */
  async function storedPart(key: string, sending: readonly Program[]): Promise<void> {
    for (;;) {
      for await (const it of bucket.client.multiparts(key, { forMs: 10_000 })) {
        const parts = await bucket.client.parts(key, it.uploadId, { forMs: 10_000 });
        if (parts !== null && parts.length > 0) return;
      }
      for (const it of sending) if (!it.running) throw new Error(`Ended before its time: ${it.stderr}`);
      await Bun.sleep(50);
    }
  }

  test("of an upload that expires its parts are taken out of the store, of a dataset its files as well", async () => {
    for (const name of suspended)
      await expiring.server.line(new RegExp(`"Upload given up".*"${name}".*Expired`), 150_000);
    const left = async () => [...(await bucket.keys("expiring/")), ...(await bucket.multiparts())];
    // What is known of it goes last, behind that line.
    const deadline = performance.now() + 30_000;
    while ((await left()).length > 0 && performance.now() < deadline) await Bun.sleep(100);
    expect(await left()).toEqual([]);
    const { stdout } = await expiring.dyncServer(["uploads", "list", "--state", "failed", "--json"]);
    const failed = jsonLines(stdout).filter(({ type }) => type === "stored-upload");
    expect(failed.map(({ name }) => name).toSorted()).toEqual([...suspended].toSorted());
  });
});

/** Has a program find hosts by this file. */
function withHosts(file: string): readonly string[] {
  return ["unshare", "--mount", "sh", "-c", `mount --bind '${file}' /etc/hosts && exec "$@"`, "sh"];
}

function reasonAgainstHosts(): string | null {
  if (process.platform !== "linux") return "not on Linux";
  if (process.getuid?.() !== 0) return "needs root";
  for (const tool of ["unshare", "mount"]) if (Bun.which(tool) === null) return `no ${tool} here`;
  const trial = Bun.spawnSync([...withHosts("/etc/hosts"), "true"]);
  return trial.exitCode === 0 ? null : "mounting is not allowed here";
}
