// A steward's day on the compiled programs, from an empty folder: who may send, what has to be said, where it goes, and what happened.
// Each test is the next hour of it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  type Executables,
  executables,
  executablesMissing,
  type RunningServer,
  startServer,
} from "../support/executables.ts";
import { jsonLines, type ProgramEnd, runProgram, startProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const isWindows = process.platform === "win32";
const missing = executablesMissing ?? (isWindows ? "scripts of a shell" : null);
const MiB = 1024 * 1024;

const schema = {
  required: ["project", "run"],
  properties: {
    project: { type: "string", pattern: "^P[0-9]{4}$", title: "number of the project", examples: ["P1234"] },
    run: { type: "integer", minimum: 1 },
  },
};

/** What the steward makes of the example: a `#` goes here, another word comes there. */
function edited(example: string, hook: string): string {
  const text = example
    .replace("#[groups]", "[groups]")
    .replace('#mass-spec = ["meyer", "/^ms[0-9]+@/"]', 'mass-spec = ["meyer"]')
    .replace(/^#log-level = .*/m, 'log-level = "debug"')
    .replace(/^#uploads-per-user = \d+/m, "uploads-per-user = 20");
  expect(text).not.toBe(example);
  return `${text}
[[rules]]
name = "mass spectrometry"
groups = ["mass-spec"]
files = ["*.raw"]
schema = "run.json"
path = "ms/{meta.project}/{name}"
on-refusal = "hold"

[[rules]]
name = "runs"
datasets = true
schema = "run.json"
path = "runs/{date:%Y}/{name}"

[[rules]]
name = "notes"
users = ["berger"]
files = ["*.txt"]

[[limits]]
name = "all"
upload-size = "2MiB"
quota = "3MiB"
contact = "data@lab.example"

[[hooks]]
name = "index"
event = "after"
command = [${JSON.stringify(hook)}]
`;
}

describe.skipIf(missing !== null)(`a steward's day (${missing ?? "compiled"})`, () => {
  let [programs, folder, running] = [null, null, null] as [
    Executables | null,
    TempFolder | null,
    RunningServer | null,
  ];
  const at = (...path: readonly string[]): string => (folder as TempFolder).file(...path);
  const home = (who: string): string => at(`${who}-home`);
  const data = (...path: readonly string[]): string => at("data", ...path);
  const year = String(new Date().getFullYear());

  const server = async (...args: readonly string[]): Promise<ProgramEnd> =>
    await runProgram([(programs as Executables).dyncServer, ...args], { env: { DYNC_HOME: home("server") } });
  const dync = async (who: string, ...args: readonly string[]): Promise<ProgramEnd> =>
    await runProgram([(programs as Executables).dync, ...args], { env: { DYNC_HOME: home(who) } });
  const to = (): string => `127.0.0.1:${running?.port}`;
  const start = async (): Promise<void> => {
    const port = running === null ? [] : ["--port", String(running.port)];
    running = await startServer(programs as Executables, home("server"), data(), port);
  };
  const file = (name: string, bytes: number): string => {
    const path = at("files", name);
    writeFileSync(path, Buffer.alloc(bytes, name));
    return path;
  };
  const done = async (end: Promise<ProgramEnd>): Promise<string> => {
    const { code, stdout, stderr } = await end;
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining("rror") });
    return stdout;
  };
  const found = async (...args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const all = jsonLines(await done(server("uploads", "list", "--json", ...args)));
    return all.filter(({ type }) => type === "stored-upload");
  };

  beforeAll(async () => {
    programs = await executables();
    folder = await tempFolder();
    for (const name of ["data", "files", "server-home"]) mkdirSync(at(name), { mode: 0o700 });
  });
  afterAll(async () => {
    await running?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test("08:00, an empty folder: keys, a configuration made of the example, a server", async () => {
    await done(server("keygen"));
    const hook = at("hook.sh");
    writeFileSync(
      hook,
      '#!/bin/sh\ntest -e "$0.broken" && { echo "the index is down" >&2; exit 1; }\ncat >> "$0.told"; echo >> "$0.told"\n',
    );
    chmodSync(hook, 0o755);
    writeFileSync(`${hook}.broken`, "");
    const toml = join(home("server"), "server.toml");
    writeFileSync(toml, edited(await done(server("config", "example")), hook));
    // Forgotten: the schema. It is said before anything runs.
    const wrong = await server("config", "check");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("run.json is not there");
    writeFileSync(join(home("server"), "run.json"), JSON.stringify(schema));
    await done(server("config", "check"));
    await start();
  });

  test("09:00, two users ask to be let in, and are", async () => {
    for (const who of ["meyer", "berger"]) {
      await done(dync(who, "keygen"));
      copyFileSync(join(home("server"), "server.key"), join(home(who), "server.key"));
      const path = file("first.txt", 10);
      const refused = await dync(who, "--retry-for", "0s", "-k", "a:b", to(), path);
      expect(refused.code).toBe(7);
      const [fingerprint = "none"] = /SHA256:\S{43}/.exec(refused.stderr) ?? [];
      expect(await done(server("clients", "pending"))).toContain(fingerprint);
      await done(server("clients", "approve", fingerprint, "--user", who));
      await running?.program.line(new RegExp(`"Key authorised","user":"${who}"`), 60_000);
    }
    expect(await done(server("clients", "pending"))).not.toContain("SHA256");
  });

  test("10:00, five uploads are wrong, and each is told what is wrong with it", async () => {
    const wrongs: readonly (readonly [string, readonly string[], string, number, number, string])[] = [
      ["berger", ["-k", "a:b"], "a.raw", 10, 7, 'No rule of this server takes "a.raw"'],
      ["meyer", ["-k", "a:b"], "large.raw", 2 * MiB + 1, 7, "ask data@lab.example if you need more"],
      ["berger", ["-k", "a:b"], "CON.txt", 10, 7, "The file name is reserved by Windows"],
      ["meyer", ["-k", "a:b"], "b.txt", 10, 7, '"mass spectrometry" is for other names'],
    ];
    for (const [who, metadata, name, bytes, code, text] of wrongs) {
      const end = await dync(who, ...metadata, to(), file(name, bytes));
      expect([end.code, end.stderr]).toEqual([code, expect.stringContaining(text)]);
    }
    mkdirSync(at("files", "run1"));
    file("run1/fid", 1000);
    const run = await dync(
      "berger",
      "send",
      "--dataset",
      "-k",
      "project:17",
      "-k",
      "run:=0",
      to(),
      at("files", "run1"),
    );
    expect(run.code).toBe(6);
    expect(run.stderr).toContain('"project" is "17"');
    expect(run.stderr).toContain('"run" is 0, wanted is 1 or more');
    expect(readdirSync(data()).filter((it) => !it.startsWith("."))).toEqual([]);
  });

  test("11:00, three are right, and lie in three places; a fourth passes the quota", async () => {
    const right = ["-q", "-k", "project:P1234", "-k", "run:=1"];
    await done(dync("meyer", ...right, to(), file("a.raw", MiB)));
    await done(dync("berger", "send", "--dataset", ...right, to(), at("files", "run1")));
    await done(dync("berger", "-q", "-k", "a:b", to(), file("note.txt", 10)));
    for (const path of ["ms/P1234/a.raw", `runs/${year}/run1/fid`, "berger/note.txt"])
      expect(existsSync(data(...path.split("/")))).toBe(true);
    await done(dync("meyer", ...right, to(), file("second.raw", MiB)));
    const over = await dync(
      "meyer",
      "-k",
      "project:P1234",
      "-k",
      "run:=2",
      to(),
      file("third.raw", 1.5 * MiB),
    );
    expect(over.code).toBe(5);
    expect(over.stderr).toContain("data@lab.example");
    expect(await done(server("users", "list"))).toContain("meyer");
  });

  test("13:00, the hook fails, and is told all of it when it is mended, across a restart", async () => {
    await running?.program.line(/the index is down/);
    expect(await done(server("hooks", "list"))).toContain("the index is down");
    await running?.program.kill();
    rmSync(`${at("hook.sh")}.broken`);
    await start();
    await done(server("hooks", "retry", "--all"));
    const told = `${at("hook.sh")}.told`;
    const names = (): readonly string[] =>
      existsSync(told) ? (readFileSync(told, "utf8").match(/"name":"[^"]+"/g) ?? []) : [];
    for (const name of ["a.raw", "run1", "note.txt", "second.raw"])
      await running?.program.line(new RegExp(`"Hook told".*"name":"${name}"`));
    expect(new Set(names())).toEqual(
      new Set(["a.raw", "run1", "note.txt", "second.raw"].map((it) => `"name":"${it}"`)),
    );
    expect(await done(server("hooks", "list"))).not.toContain("index is down");
  });

  test("14:00, a key is revoked in the midst of an upload", async () => {
    const args = ["send", "-n", "late.txt", "-k", "a:b", to(), "-"];
    const { dync: program } = programs as Executables;
    await using sending = startProgram([program, ...args], {
      env: { DYNC_HOME: home("berger") },
      stdin: "pipe",
    });
    const { stdin } = sending.child as { readonly stdin: { write(data: string): unknown; flush(): unknown } };
    stdin.write("the first words\n");
    stdin.flush();
    await running?.program.line(/"Upload started".*late\.txt|late\.txt.*"Upload started"/);
    await done(server("clients", "remove", "berger"));
    const { code, stderr } = await sending.ended(90_000);
    expect(code).toBe(7);
    expect(stderr).toContain("not authorised on the server any more");
    expect(existsSync(data("berger", "late.txt"))).toBe(false);
  });

  test("15:00, a field that was misspelt at night is put right, and so is one of a file that is stored", async () => {
    const held = await dync("meyer", "-k", "project:P1234", "-k", "rum:=3", to(), file("night.raw", 1000));
    expect(held.code).toBe(6);
    expect(held.stderr).toContain("is kept on the server");
    const [upload] = await found("--state", "held");
    await done(server("uploads", "amend", String(upload?.id), "-k", "project:P1234", "-k", "run:=3"));
    expect(readFileSync(data("ms", "P1234", "night.raw"))).toEqual(readFileSync(at("files", "night.raw")));
    const [stored] = await found("--name", "a.raw");
    await done(server("uploads", "amend", String(stored?.id), "-k", "project:P1234", "-k", "run:=7"));
    expect(JSON.parse(readFileSync(data("ms", "P1234", "a.raw.meta.json.1"), "utf8"))).toMatchObject({
      run: 1,
    });
    expect(await found("--where", "run=7")).toMatchObject([{ path: "ms/P1234/a.raw" }]);
  });

  test("16:00, all of it is as it was stored, and the audit log tells the day", async () => {
    const verified = jsonLines(await done(server("uploads", "verify", "--all", "--json"))).at(-1);
    expect(verified).toMatchObject({ uploads: 5, sound: 5 });
    expect(await found("--state", "stored")).toHaveLength(5);
    expect(await found("--user", "berger", "--state", "stored", "--name", "note*")).toMatchObject([
      { path: "berger/note.txt" },
    ]);
    await done(server("audit", "verify", "--data", data()));
    const day = await done(server("audit", "show", "--data", data()));
    for (const word of ["a.raw", "run1", "note.txt", "night.raw", "CON.txt", "berger", "amend"])
      expect(day).toContain(word);
  });

  test("17:00, one byte of a file and one line of the log are changed by hand, and both are found", async () => {
    const path = data("ms", "P1234", "a.raw");
    const bytes = readFileSync(path);
    bytes[1000] = (bytes[1000] as number) ^ 1;
    writeFileSync(path, bytes);
    const damaged = await server("uploads", "verify", "--all");
    expect(damaged.code).toBe(8);
    expect(damaged.stdout + damaged.stderr).toContain("ms/P1234/a.raw");
    const [log = "none"] = readdirSync(data(".dync", "audit"));
    const lines = readFileSync(data(".dync", "audit", log), "utf8").split("\n");
    const line = lines.findIndex((it) => it.includes("CON.txt"));
    expect(line).toBeGreaterThan(0);
    lines[line] = (lines[line] as string).replace("CON.txt", "COM.txt");
    writeFileSync(data(".dync", "audit", log), lines.join("\n"));
    const changed = await server("audit", "verify", "--data", data());
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain(`${log}:${line + 1}: This line was changed`);
  });
});
