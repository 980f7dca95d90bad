// A server whose catalogue is in PostgreSQL, on the compiled programs and a real database: it does what one with SQLite does, and waits
// for a database that is away.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { executables, executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { jsonLines, runProgram } from "../support/programs.ts";
import { denoIsMissing, denoSystem } from "../support/systems.ts";

const MiB = 1024 * 1024;
const awayMs = 35_000;

const project = join(import.meta.dir, "..", "..");
const uploadInDeno = {
  ...{
    id: "0".repeat(32),
    identity: "aa",
    user: "anna",
    origin: null,
    place: null,
    form: "file",
    held: null,
  },
  ...{ name: "a\u0000b \u0001 é", size: 2 ** 51, modified: null, client: null, mark: null },
  ...{ createdAt: "2026-01-01T00:00:00.000Z", metadataText: '{"id":12345678901234567890}' },
};

const missing = executablesMissing ?? postgresMissing;

describe.skipIf(missing !== null)(`a catalogue in PostgreSQL (${missing ?? "compiled"})`, () => {
  let postgres: Postgres;
  let database: string;
  let lab: Lab;
  let origin: string;

  beforeAll(async () => {
    postgres = await openPostgres({ fsync: true });
    database = await postgres.newDatabase();
    const { dyncServer } = await executables();
    const migrated = await runProgram([dyncServer, "catalogue", "migrate"], {
      env: { DYNC_SERVER_CATALOGUE: postgres.url(database) },
    });
    expect(migrated).toMatchObject({ code: 0, stdout: expect.stringMatching(/was made: version \d+\n$/) });
    lab = await openLab({ server: ["--catalogue", postgres.url(database), "--http", "127.0.0.1:0"] });
    const line = await lab.server.line(/"message":"Answering over HTTP"/);
    origin = `http://127.0.0.1:${(JSON.parse(line.input ?? "") as { port: number }).port}`;
  });
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  const list = async () => {
    const { stdout } = await lab.dyncServer(["uploads", "list", "--json"]);
    return jsonLines(stdout).filter(({ type }) => type === "stored-upload");
  };

  test("what is sent is stored, listed, and told to hooks", async () => {
    const hook = lab.folder.file("told");
    writeFileSync(hook, `#!/bin/sh\n{ cat; echo; } >> "$0.lines"\n`);
    chmodSync(hook, 0o755);
    const hooks = `log-level = "debug"\n[[hooks]]\nname = "told"\nevent = "after"\ncommand = [${JSON.stringify(hook)}]\n`;
    expect(await lab.configure(hooks)).toMatchObject({ code: 0 });
    const metadata = await lab.file("m.json", '{"id":12345678901234567890,"z":1.0,"a":"\\u0000"}');
    const path = await lab.file("first.raw", "content");
    expect(await lab.send(["-q", "-m", metadata, path])).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path);
    expect(readFileSync(`${lab.stored("first.raw")}.meta.json`, "utf8")).toContain(
      '"id": 12345678901234567890,\n  "z": 1.0',
    );
    expect(await list()).toMatchObject([{ name: "first.raw", user: "alice", state: "stored" }]);
    const byField = await lab.dyncServer(["uploads", "list", "--json", "--where", "id=12345678901234567890"]);
    expect(byField.stdout).toContain('"first.raw"');
    await lab.server.line(/"Hook told","hook":"told"/);
    expect(jsonLines(readFileSync(`${hook}.lines`, "utf8"))).toMatchObject([
      { upload: { name: "first.raw" } },
    ]);
    expect((await postgres.run("SELECT count(*)::int AS n FROM dync.outbox", database))[0]).toEqual({ n: 0 });
  });

  test("the status page lists it", async () => {
    const link = await lab.dyncServer(["web", "link", "--role", "steward"]);
    const secret = link.stdout.trim().split("#sign-in=")[1];
    const post = (path: string, body: object, more: Readonly<Record<string, string>> = {}) =>
      fetch(`${origin}/api/${path}`, {
        method: "POST",
        headers: { origin, ...more },
        body: JSON.stringify(body),
      });
    const entered = await post("sign-in", { secret });
    const { proof } = (await entered.json()) as { proof: string };
    const [cookie = ""] = (entered.headers.get("set-cookie") ?? "").split(";");
    const asked = { command: "uploads list", arguments: { query: {}, limit: 10 } };
    const answer = await post("call", asked, { cookie, "x-dync-proof": proof });
    expect(await answer.json()).toMatchObject({ lines: [{ name: "first.raw", state: "stored" }] });
  });

  test("uploads wait for a database that is away for longer than half a minute, and none fails", async () => {
    const slow = await lab.file("slow.raw", 8 * MiB);
    const sending = lab.startSend(["-q", "--limit", "1MiB/s", slow]);
    await lab.server.line(/"Upload started".*"name":"slow.raw"/);
    await postgres.stop();
    // Small ones whose only questions are those to the catalogue; and one that begins meanwhile.
    const names = Array.from({ length: 4 }, (_, index) => `small-${index}.raw`);
    const files = await Promise.all(names.map((name) => lab.file(name, name)));
    const others = files.map((file) => lab.startSend(["-q", file]));
    await lab.server.line(/"The catalogue's database does not answer: uploads wait for it"/);
    await Bun.sleep(awayMs);
    // It answers what it knows by itself, and who starts servers again hears that it lives.
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    expect((await fetch(`${origin}/readyz`)).status).toBe(503);
    expect(await lab.dyncServer(["clients", "list"])).toMatchObject({ code: 0 });
    for (const program of [sending, ...others]) expect(program.running).toBe(true);
    await postgres.start();
    for (const program of [sending, ...others])
      expect(await program.ended(90_000)).toMatchObject({ code: 0, stderr: "" });
    for (const file of [slow, ...files]) await lab.expectStored(file);
    await lab.server.line(/"The catalogue's database answers again"/);
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    expect((await list()).map(({ state }) => state)).toEqual(Array(6).fill("stored"));
  });

  test("a catalogue is copied to SQLite and back, and the list stays the same", async () => {
    const before = await list();
    const catalogue = ["--catalogue", postgres.url(database), "--data", lab.data];
    expect(await lab.dyncServer(["catalogue", "copy", "--to", "sqlite", ...catalogue])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("Another dync-server uses the data folder"),
    });
    // One that is on its way goes on.
    const path = await lab.file("late.raw", 4 * MiB);
    const sending = lab.startSend(["-q", "--limit", "500KiB/s", path]);
    await lab.server.line(/"Upload started".*"name":"late.raw"/);
    expect(await lab.server.stop()).toMatchObject({ code: 0 });
    const copied = await lab.dyncServer(["catalogue", "copy", "--to", "sqlite", ...catalogue, "--json"]);
    expect(copied).toMatchObject({ code: 0, stderr: "" });
    expect(jsonLines(copied.stdout).at(-1)).toMatchObject({
      to: "sqlite",
      uploads: before.length + 1,
      aside: null,
    });
    await lab.start();
    expect((await list()).filter(({ name }) => name !== "late.raw")).toEqual(before);
    await lab.server.line(/"Upload resumed".*"name":"late.raw"/);
    expect(await lab.server.stop()).toMatchObject({ code: 0 });
    // What is in PostgreSQL is old now: nobody goes on with it.
    const old = await lab.dyncServer(["run", ...catalogue]);
    expect(old).toMatchObject({ code: 2, stderr: expect.stringContaining("has a catalogue in SQLite") });
    const full = await lab.dyncServer(["catalogue", "copy", "--to", "postgres", ...catalogue]);
    expect(full).toMatchObject({ code: 2, stderr: expect.stringContaining("has uploads in it already") });
    const back = await lab.dyncServer(["catalogue", "copy", "--to", "postgres", "--replace", ...catalogue]);
    expect(back).toMatchObject({ code: 0, stderr: "" });
    await lab.start(["--catalogue", postgres.url(database)]);
    expect(await sending.ended(60_000)).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path);
    expect((await list()).filter(({ name }) => name !== "late.raw")).toEqual(before);
    expect(existsSync(join(lab.data, ".dync", "catalogue.sqlite.copied-1"))).toBe(true);
  });

  test("a server stops while its database is away, says why it does not start, and goes on when that is back", async () => {
    const path = await lab.file("stopped.raw", 2 * MiB);
    const sending = lab.startSend(["-q", "--limit", "500KiB/s", path]);
    await lab.server.line(/"Upload started".*"name":"stopped.raw"/);
    await postgres.stop();
    expect(await lab.server.stop()).toMatchObject({ code: 0 });
    const catalogue = ["--catalogue", postgres.url(database)];
    const started = await lab.dyncServer(["run", "--data", lab.data, ...catalogue]);
    expect(started).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/PostgreSQL at \S+ does not answer: /),
    });
    await postgres.start();
    await lab.start(catalogue);
    expect(await sending.ended(60_000)).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path);
  });

  const inDeno = `Deno speaks with it as well${denoIsMissing === null ? "" : ` (${denoIsMissing})`}`;
  test.skipIf(denoIsMissing !== null)(inDeno, async () => {
    const own = await postgres.newDatabase();
    const url = JSON.stringify(postgres.url(own));
    const [catalogue, contract] = ["src/catalogue/postgres.ts", "src/catalogue/catalogue.ts"].map((path) =>
      JSON.stringify(pathToFileURL(join(project, path)).href),
    );
    // From the folder of the project, where Deno finds the packages.
    const program = `import { migratePostgres, openPostgresCatalogue } from ${catalogue};
       import type { NewUpload } from ${contract};
       const options = { url: ${url}, log: { log: () => {} } };
       await migratePostgres(options);
       const { catalogue } = await openPostgresCatalogue(options);
       const upload = ${JSON.stringify(uploadInDeno)} as unknown as NewUpload;
       const bounds = { uploads: 9, metadataBytes: 999, quotas: [{ bytes: 2 ** 52, of: "anna" }] };
       const admitted = await catalogue.admit(upload, { id: "s", leaseMs: 0 }, bounds);
       const record = await catalogue.get(upload.id);
       const text = await catalogue.metadataOf(upload.id);
       console.log(JSON.stringify([admitted.type, record?.name, record?.size, text]));
       await catalogue.close();`;
    const [runtime = "", run = "", all = ""] = denoSystem().command("dync", []);
    const { name, size, metadataText } = uploadInDeno;
    expect(
      await runProgram([runtime, run, all, "-"], { cwd: project, stdin: new Blob([program]) }),
    ).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify(["admitted", name, size, metadataText])}\n`,
    });
  });
});
