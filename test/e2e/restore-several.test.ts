// What doc/operations.md tells of backing up several servers is so: from a dump of the database, a copy of the bucket and the keys of one
// server they are what they were, on other machines; with what was stored since the dump, too.

import { describe, expect, test } from "bun:test";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { jsonLines, type ProgramEnd, runProgram } from "../support/programs.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";

const MiB = 1024 * 1024;
const manual = resolve(import.meta.dir, "../../doc/operations.md");
const absent = ["pg_dump", "pg_restore", "psql", "rsync"].filter((program) => Bun.which(program) === null);
const missing = pairMissing ?? (absent.length > 0 ? `no ${absent.join(", no ")} here` : null);

/** The commands of the manual below the line that begins so, with each of these texts in them replaced. */
async function commands(heading: string, replaced: Readonly<Record<string, string>>): Promise<string> {
  const text = await readFile(manual, "utf8");
  const [, block] = /```sh\n(.*?)```/s.exec(text.slice(text.indexOf(heading))) ?? [];
  if (block === undefined) throw new Error(`The manual has no commands below "${heading}"`);
  let script = block;
  for (const [from, to] of Object.entries(replaced)) {
    if (!script.includes(from)) throw new Error(`The manual has no "${from}" below "${heading}"`);
    script = script.replaceAll(from, to);
  }
  return script;
}

describe.skipIf(missing !== null)(`a copy of several servers (${missing ?? "pg_dump, rclone"})`, () => {
  test("is made while they run, and restored where nothing is left of them", async () => {
    await using pair = await ServerPair.start();
    const backup = pair.folder.file("backup");
    for (const name of ["etc", "home", "bucket"]) await mkdir(join(backup, name), { recursive: true });
    const { accessKeyId, secretAccessKey } = pair.ceph.user;
    const { bucket } = pair.bucket.place;
    const env = {
      ...{ RCLONE_CONFIG_RGW_TYPE: "s3", RCLONE_CONFIG_RGW_PROVIDER: "Ceph", AWS_CA_BUNDLE: "" },
      ...{ RCLONE_CONFIG_RGW_ENDPOINT: pair.ceph.endpoint },
      ...{
        RCLONE_CONFIG_RGW_ACCESS_KEY_ID: accessKeyId,
        RCLONE_CONFIG_RGW_SECRET_ACCESS_KEY: secretAccessKey,
      },
      ...{ PGHOST: pair.postgres.folder, PGUSER: "steward" },
    };
    const run = async (script: string): Promise<ProgramEnd> => {
      const end = await runProgram(["sh", "-ec", script], { env, cwd: backup }, 120_000);
      expect(end).toMatchObject({ code: 0 });
      return end;
    };
    const names = {
      " dync > dync.dump": ` ${pair.database} > dync.dump`,
      "rgw:archive/instruments": `rgw:${bucket}/lab`,
      "/backup/dync/bucket": join(backup, "bucket"),
      "/var/lib/dync/": `${pair.place(0).home}/`,
      "/backup/dync/home/": `${join(backup, "home")}/`,
    };

    const folder = pair.folder.file("run1");
    await mkdir(folder);
    for (let at = 0; at < 5; at++) await pair.file(join("run1", `${at}.raw`), at * 100_000);
    const before = await pair.file("before.raw", 20 * MiB);
    expect(await pair.send(pair.address(0), [before])).toMatchObject({ code: 0 });
    expect(await pair.send(pair.address(1), ["--dataset", folder])).toMatchObject({ code: 0 });
    // One is under way while all of it is copied, and two are stored between the dump and the copy of the bucket, of which one had begun.
    const slow = await pair.file("slow.raw", 60 * MiB);
    const begun = await pair.file("begun.raw", 30 * MiB);
    const between = await pair.file("between.raw", 10 * MiB);
    const send = (path: string, rate: string) =>
      pair.startSend(pair.address(0), ["-q", "--retry-for", "10m", "--limit", rate, path]);
    const [sending, beginning] = [send(slow, "2MB/s"), send(begun, "4MB/s")];
    const durable = async (name: string) => {
      const [row] = await pair.rows(`SELECT durable FROM dync.uploads WHERE name = '${name}'`);
      return Number(row?.durable ?? 0);
    };
    await pair.until(async () => (await durable("begun.raw")) > 0, beginning);
    const [dump = "", ...rest] = (await commands("**To copy several servers**", names)).split("\n");
    await run(dump);
    expect(beginning.running).toBe(true);
    expect(await pair.send(pair.address(1), [between])).toMatchObject({ code: 0 });
    expect(await beginning.ended(60_000)).toMatchObject({ code: 0 });
    await run(rest.join("\n"));
    expect(sending.running).toBe(true);

    // All of it is gone: servers, their folders, the database and the bucket.
    const ports = [0, 1].map((at) => pair.place(at).server.port);
    for (const at of [0, 1]) {
      await pair.program(at).kill();
      await rm(pair.place(at).data, { recursive: true });
      await mkdir(pair.place(at).data);
    }
    await pair.postgres.run(`DROP DATABASE ${pair.database} WITH (FORCE)`);
    for (const key of await pair.bucket.keys()) await pair.bucket.client.remove(key, { forMs: 30_000 });
    for await (const { key, uploadId } of pair.bucket.client.multiparts("", { forMs: 30_000 }))
      await pair.bucket.client.abort(key, uploadId, { forMs: 30_000 });

    await pair.postgres.run(`CREATE DATABASE ${pair.database} TEMPLATE template0 ENCODING 'UTF8'`);
    // Its settings are the ones of this test: their paths are in them.
    const toml = await Promise.all([0, 1].map((at) => readFile(join(pair.place(at).home, "server.toml"))));
    await run(
      await commands("**To restore several servers**", {
        "/backup/dync/bucket": join(backup, "bucket"),
        "rgw:archive/instruments": `rgw:${bucket}/lab`,
        "/backup/dync/home/": `${join(backup, "home")}/`,
        "/var/lib/dync/": `${pair.place(0).home}/`,
        "--dbname=dync": `--dbname=${pair.database}`,
        "psql dync": `psql ${pair.database}`,
        " --chown=dync:dync": "",
      }),
    );
    const homes = [pair.place(0).home, pair.place(1).home].map((it) => `${it}/`);
    await run(`rsync -a ${homes.join(" ")}`);
    for (const at of [0, 1]) await Bun.write(join(pair.place(at).home, "server.toml"), toml[at] as Buffer);
    for (const at of [0, 1]) {
      await pair.again(at);
      expect(pair.place(at).server.port).toBe(ports[at] as number);
    }

    // The client knows its servers again, and sends what was under way.
    expect(await sending.ended(120_000)).toMatchObject({ code: 0 });
    for (const [path, name] of [
      [before, "before.raw"],
      [between, "between.raw"],
      [begun, "begun.raw"],
      [slow, "slow.raw"],
    ] as const)
      await pair.expectStored(path, name);
    await pair.expectDataset(folder, "run1");
    const verified = await pair.dyncServer(1, ["uploads", "verify", "--all", "--json"]);
    expect(verified.code).toBe(0);
    expect(jsonLines(verified.stdout).at(-1)).toMatchObject({ uploads: 5, sound: 5 });
    // Names are taken, and what is sent once more is known.
    const again = await pair.send(pair.address(1), ["-n", "between.raw", await pair.file("other", 10)]);
    expect(again.code).toBe(7);
    const orphans = await pair.dyncServer(0, ["storage", "check", "--older", "0s"]);
    expect(orphans).toMatchObject({ code: 0, stdout: "" });
  }, 300_000);
});
