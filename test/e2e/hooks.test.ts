// Hooks on the compiled programs, with real scripts: each is told of what was stored, at least once, whatever happens to it and
// to the server, and nobody waits for it.

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, runProgram } from "../support/programs.ts";

const isWindows = process.platform === "win32";
const missing = executablesMissing ?? (isWindows ? "scripts of a shell" : null);

interface Told {
  readonly idempotencyKey: string;
  readonly attempt: number;
  readonly upload: { readonly id: string; readonly name: string };
}

describe.skipIf(missing !== null)(`hooks that are told of what was stored (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const server = async (...args: readonly string[]) => await lab.dyncServer(args);
  /** Has the server take these hooks, and say what it does. */
  const configure = async (...hooks: readonly string[]): Promise<void> => {
    const text = hooks.map((it) => `[[hooks]]\nevent = "after"\n${it}\n`).join("\n");
    expect(await lab.configure(`log-level = "debug"\n${text}`)).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining("error"),
    });
  };
  /** A program that runs these lines; `$0` is its own path. */
  const script = (name: string, ...lines: readonly string[]): string => {
    const path = lab.folder.file(name);
    writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const hook = (name: string, path: string, ...more: readonly string[]): string =>
    [`name = "${name}"`, `command = [${JSON.stringify(path)}]`, ...more].join("\n");
  const told = (path: string): readonly Told[] =>
    existsSync(`${path}.told`) ? jsonLines<Told>(readFileSync(`${path}.told`, "utf8")) : [];
  // In one piece: several may write at once.
  const keep = 'it=$(cat); printf "%s\\n" "$it" >> "$0.told"';
  const isTold = (by: string, name: string) =>
    lab.server.line(new RegExp(`"Hook told","hook":"${by}","upload":"\\w+","name":"${name}"`));
  /** How often a line of the log came so far. */
  const times = (pattern: RegExp): number =>
    lab.server.stderr.split("\n").filter((it) => pattern.test(it)).length;
  const send = async (name: string, ...args: readonly string[]): Promise<void> => {
    const path = await lab.file(name, name);
    expect(await lab.send(["-q", ...args, path])).toMatchObject({ code: 0, stderr: "" });
  };

  test("one is told all about an upload, with its metadata as they came", async () => {
    const path = script("whole", keep, "env > $0.env", "echo $# > $0.arguments");
    await configure(hook("whole", path));
    const metadata = await lab.file(
      "m.json",
      '{"10":12345678901234567890,"sample":"$(touch /tmp/x)","2":1.0}',
    );
    const file = await lab.file("a b;c.raw", "content");
    expect(await lab.dync(["-q", "-m", metadata, `127.0.0.1:${lab.port}`, file])).toMatchObject({ code: 0 });
    await isTold("whole", "a b;c.raw");
    const text = readFileSync(`${path}.told`, "utf8").trimEnd();
    expect(text).toEndWith('"metadata":{"10":12345678901234567890,"sample":"$(touch /tmp/x)","2":1.0}}');
    const [one] = told(path);
    const isDocumented = documentedValidators().get("dync:hook");
    expect([isDocumented?.(JSON.parse(text)), isDocumented?.errors]).toEqual([true, null]);
    const data = lab.stored("a b;c.raw");
    expect(one).toMatchObject({
      ...{ schema: 1, event: "after", hook: "whole", attempt: 1 },
      upload: {
        user: "alice",
        name: "a b;c.raw",
        form: "file",
        size: 7,
        key: expect.stringMatching(/^SHA256:/),
      },
      paths: { data, checksum: `${data}.sha256`, metadata: `${data}.meta.json` },
    });
    expect(one?.idempotencyKey).toBe(`${one?.upload.id}:whole`);
    const variables = readFileSync(`${path}.env`, "utf8");
    expect(variables).toContain(`DYNC_IDEMPOTENCY_KEY=${one?.idempotencyKey}\n`);
    expect(variables).not.toContain("DYNC_HOME");
    expect(variables).not.toContain("sample");
    expect(readFileSync(`${path}.arguments`, "utf8")).toBe("0\n");
  });

  test("one that fails is told again until it works, over a server that is killed", async () => {
    const down = lab.folder.file("down");
    writeFileSync(down, "");
    const path = script(
      "mended",
      'echo "$DYNC_IDEMPOTENCY_KEY" >> "$0.keys"',
      `if [ -e '${down}' ]; then echo 'the index is down' >&2; exit 3; fi`,
      keep,
    );
    await configure(hook("mended", path));
    for (const name of ["one.raw", "two.raw", "three.raw"]) await send(name);
    const failed = await lab.server.line(/"Hook failed, and is told again later","hook":"mended".*/);
    expect(failed[0]).toContain('"reason":"ended with status 3: the index is down"');
    await lab.server.kill();
    await lab.start(["--log-level", "debug"]);
    await lab.server.line(/"Hook failed, and is told again later","hook":"mended"/);
    expect(told(path)).toEqual([]);
    rmSync(down);
    await lab.server.line(/"Hook works again","hook":"mended"/, 120_000);
    for (const name of ["one.raw", "two.raw", "three.raw"]) await isTold("mended", name);
    expect(
      told(path)
        .map(({ upload }) => upload.name)
        .toSorted(),
    ).toEqual(["one.raw", "three.raw", "two.raw"]);
    for (const { attempt } of told(path)) expect(attempt).toBeGreaterThan(1);
    const keys = readFileSync(`${path}.keys`, "utf8").trimEnd().split("\n");
    expect([...new Set(keys)].toSorted()).toEqual(
      told(path)
        .map((it) => it.idempotencyKey)
        .toSorted(),
    );
    // Said once, however often it failed, and once in each process.
    expect(times(/"Hook failed, and is told again later"/)).toBe(1);
  });

  test("while one takes its time, uploads go on, and so do the others", async () => {
    const gate = lab.folder.file("gate");
    expect(await runProgram(["mkfifo", gate])).toMatchObject({ code: 0 });
    const slow = script("slow", `read line < '${gate}'`, keep);
    const quick = script("quick", keep);
    await configure(hook("slow", slow, "at-once = 1", 'timeout = "1h"'), hook("quick", quick));
    const names = ["s1.raw", "s2.raw", "s3.raw"];
    for (const name of names) await send(name);
    for (const name of names) await isTold("quick", name);
    expect(told(slow)).toEqual([]);
    for (const name of names) {
      expect(await runProgram(["sh", "-c", `echo > '${gate}'`])).toMatchObject({ code: 0 });
      await isTold("slow", name);
    }
    expect(told(slow).map(({ upload }) => upload.name)).toEqual(names);
  });

  const bad: readonly (readonly [string, readonly string[], string])[] = [
    ["crashes", ["kill -SEGV $$"], "was ended by SIGSEGV"],
    [
      "hangs",
      ["sleep 3600 & echo $! >> $0.children", "trap '' TERM", "wait; wait"],
      "took longer than 1 s, and was ended",
    ],
    ["babbles", ["cat /dev/urandom | head -c 1000 >&2; exit 1"], "ended with status 1"],
    ["breaks-off", ["exec <&-; exit 7"], "ended with status 7"],
  ];
  test.each(bad)("one that %s does no harm, and the log says so", async (name, lines, reason) => {
    const path = script(name, ...lines);
    await configure(hook(name, path, 'timeout = "1s"'));
    await send(`${name}.raw`, "-k", `long:${"x".repeat(100_000)}`);
    const failed = await lab.server.line(
      new RegExp(`"Hook failed, and is told again later","hook":"${name}".*`),
    );
    expect(failed[0]).toContain(reason);
    await lab.expectAlive();
    if (name !== "hangs") return;
    // What it started ended with it.
    const [child = ""] = readFileSync(`${path}.children`, "utf8").split("\n");
    expect(await runProgram(["kill", "-0", child])).toMatchObject({ code: 1 });
  });

  test("one that prints megabytes, and reads nothing, has done its work when it ends well", async () => {
    const path = script("prints", "head -c 50000000 /dev/zero", "exit 0");
    await configure(hook("prints", path));
    await send("prints.raw");
    await isTold("prints", "prints.raw");
  });

  test("one whose program vanishes, and comes back; one that is taken out, and comes back", async () => {
    const path = script("vanishes", keep);
    await configure(hook("vanishes", path));
    rmSync(path);
    await send("gone.raw");
    const failed = await lab.server.line(/"Hook failed, and is told again later","hook":"vanishes".*/);
    expect(failed[0]).toContain("there is no such program");
    await configure();
    await lab.server.line(
      /"Deliveries wait for a hook that is not configured","hook":"vanishes","deliveries":1/,
    );
    script("vanishes", keep);
    await configure(hook("vanishes", path));
    await isTold("vanishes", "gone.raw");
    expect(told(path)).toMatchObject([{ upload: { name: "gone.raw" } }]);
  });

  test("one is for some users, and for some rules", async () => {
    const path = script("some", keep);
    const rules = '[[rules]]\nname = "raw"\nfiles = ["*.raw"]\n[[rules]]\nname = "others"\n';
    await configure(
      `${hook("bert", path, 'users = ["bert"]')}\n${rules}`,
      hook("raw", path, 'rules = ["raw"]'),
    );
    await send("x.txt");
    await send("x.raw");
    await isTold("raw", "x.raw");
    expect(told(path)).toMatchObject([{ hook: "raw", upload: { name: "x.raw" } }]);
  });

  test("one that is a web service gets it signed, and again after it was down", async () => {
    const secret = "a secret of the lab's";
    writeFileSync(join(lab.homes.server, "secret"), `${secret}\n`, { mode: 0o600 });
    const requests: { readonly body: string; readonly headers: IncomingHttpHeaders }[] = [];
    let status = 503;
    const service = createServer((request, response) => {
      const parts: Uint8Array[] = [];
      request.on("data", (part: Uint8Array) => parts.push(part));
      request.on("end", () => {
        requests.push({ body: Buffer.concat(parts).toString(), headers: request.headers });
        response.writeHead(status).end("the database is down");
      });
    });
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", () => resolve()));
    const { port } = service.address() as AddressInfo;
    await configure(`name = "web"\nurl = "http://127.0.0.1:${port}/uploads"\nsecret-file = "secret"`);
    await send("web.raw");
    const failed = await lab.server.line(/"Hook failed, and is told again later","hook":"web".*/);
    expect(failed[0]).toContain('"reason":"answered 503: the database is down"');
    status = 200;
    await isTold("web", "web.raw");
    expect(new Set(requests.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    for (const { body, headers } of requests) {
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      expect(headers["x-hub-signature-256"]).toBe(`sha256=${signature}`);
      expect(JSON.parse(body)).toMatchObject({ hook: "web", upload: { name: "web.raw" } });
    }
    service.closeAllConnections();
    service.close();
    chmodSync(join(lab.homes.server, "secret"), 0o644);
    expect((await server("config", "check")).stderr).toContain("can be read by everybody on this machine");
    rmSync(join(lab.homes.server, "secret"));
    expect((await server("reload")).stderr).toContain("secret is not there");
  });

  test("what waits is listed, told now, or dropped, by commands beside the server", async () => {
    const down = lab.folder.file("down");
    writeFileSync(down, "");
    const path = script("listed", `if [ -e '${down}' ]; then echo 'no disk' >&2; exit 3; fi`, keep);
    expect(await server("hooks", "drop", "--all")).toMatchObject({ code: 0 });
    await configure(hook("listed", path), hook("old", path));
    for (const name of ["l1.raw", "l2.raw"]) await send(name);
    for (const by of ["listed", "old"])
      await lab.server.line(new RegExp(`"Hook failed, and is told again later","hook":"${by}"`));
    await configure(hook("listed", path));
    expect(await server("hooks", "list")).toMatchObject({
      ...{ code: 0, stdout: expect.stringMatching(/^(.*\n){8}$/) },
      stderr: 'dync-server: warning: 2 deliveries wait for the hook "old", which is not configured\n',
    });
    const list = await server("hooks", "list", "--hook", "listed");
    expect(list).toMatchObject({ code: 0, stderr: "" });
    const lines = list.stdout.split("\n");
    expect(lines[0]).toMatch(/^(\d+) {2}listed {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}alice\/l1\.raw$/);
    expect(lines).toHaveLength(5);
    const ids = lines.flatMap((line) => /^(\d+) /.exec(line)?.[1] ?? []);
    expect((await server("hooks", "list", "--hook", "old")).stdout).toMatch(
      /^ +stuck, no such hook is configured; failed (once|\d+ times): ended with status 3: no disk$/m,
    );
    expect(await server("hooks", "drop", ids[1] as string)).toMatchObject({
      ...{ code: 0, stdout: "1 delivery is dropped\n", stderr: "" },
    });
    // While it fails it waits: the moment that it does not, its own next time may come before this one.
    expect(await server("hooks", "retry", ids[0] as string)).toMatchObject({
      ...{ code: 0, stdout: "1 delivery is told again now\n" },
    });
    rmSync(down);
    await isTold("listed", "l1.raw");
    expect(told(path).map(({ upload }) => upload.name)).toEqual(["l1.raw"]);
    expect(await server("hooks", "retry", ids[1] as string)).toMatchObject({
      ...{ code: 1, stdout: "0 deliveries are told again now\n" },
      stderr: expect.stringContaining(`No delivery waits with the id ${ids[1]}`),
    });
    expect(await server("hooks", "drop", "--all", "--hook", "old")).toMatchObject({
      stdout: "2 deliveries are dropped\n",
    });
    expect(await server("hooks", "list")).toMatchObject({ stdout: "", stderr: "Nothing waits for a hook\n" });
    for (const args of [[], ["--hook", "a"], ["7", "--all"], ["x"], ["0"]])
      expect(await server("hooks", "drop", ...args)).toMatchObject({ code: 2, stdout: "" });
  });

  const shown = (language: string): string => {
    const chapter = /\n## Hooks\n.*?\n## /s.exec(
      readFileSync(join(import.meta.dir, "../../doc/operations.md"), "utf8"),
    );
    const text = new RegExp(`\`\`\`${language}\n(#!.*?)\`\`\``, "s").exec(chapter?.[0] ?? "")?.[1] ?? "";
    expect(text).toStartWith("#!");
    return text
      .replaceAll("/srv/pipeline", lab.folder.file("pipeline"))
      .replaceAll("/var/lib/index", lab.folder.path);
  };

  const jqMissing = Bun.which("jq") === null;
  test.skipIf(jqMissing)(
    `the script that doc/operations.md shows (${jqMissing ? "jq is missing" : "with jq"})`,
    async () => {
      const path = script("shown.sh");
      writeFileSync(path, shown("sh"));
      await configure(hook("shown", path));
      await send("shown 1.raw");
      await isTold("shown", "shown 1.raw");
      const [link = ""] = readdirSync(lab.folder.file("pipeline", "inbox"));
      expect(readFileSync(lab.folder.file("pipeline", "inbox", link), "utf8")).toBe("shown 1.raw");
    },
  );

  test("the program in Python that doc/operations.md shows", async () => {
    const path = script("shown.py");
    writeFileSync(path, shown("python"));
    await configure(hook("python", path));
    await send("shown 2.raw");
    await isTold("python", "shown 2.raw");
    const database = new Database(lab.folder.file("uploads.sqlite"));
    expect(database.query("SELECT user, path, sample FROM uploads").all()).toEqual([
      { user: "alice", path: lab.stored("shown 2.raw"), sample: "S-17" },
    ]);
    database.close();
  });

  test("what is wrong with one is told, and the server goes on with what it has", async () => {
    const text = '[[hooks]]\nname = "a"\nevent = "after"\ncommand = ["/gone/program"]\n';
    writeFileSync(join(lab.homes.server, "server.toml"), text);
    const end = await server("reload");
    expect(end).toMatchObject({ code: 2, stdout: "" });
    expect(end.stderr).toContain(
      "server.toml:4: hooks[1].command: /gone/program cannot be run: there is no such file",
    );
    expect(await server("config", "check")).toMatchObject({ code: 2 });
  });
});
