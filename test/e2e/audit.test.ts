// What happened is written down for good, on the compiled programs: uploads, keys, settings and commands; and a line that is changed by
// hand is found.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

type Line = Readonly<Record<string, unknown>>;

describe.skipIf(executablesMissing !== null)(`the audit log (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  const server = async (...args: readonly string[]) => await lab.dyncServer(args);
  const audit = async (command: string, ...args: readonly string[]) =>
    await server("audit", command, "--data", lab.data, ...args);
  const shown = async (...args: readonly string[]): Promise<readonly Line[]> => {
    const { stdout, stderr, code } = await audit("show", "--json", ...args);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    return jsonLines(stdout).slice(0, -1);
  };
  const folder = () => join(lab.data, ".dync", "audit");
  const files = () => readdirSync(folder()).map((name) => join(folder(), name));

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test("tells who was let in and refused, what was stored, and what was changed", async () => {
    const path = await lab.file("a.raw", 1000);
    expect((await lab.send(["-q", path])).code).toBe(0);
    expect((await lab.configure('[[rules]]\nname = "ms"\nfiles = ["*.raw"]\n')).code).toBe(0);
    expect((await lab.send(["-q", await lab.file("b.raw", 17)])).code).toBe(0);
    expect((await lab.send([await lab.file("c.txt", 10)])).code).toBe(7);
    expect((await lab.configure("chunk = 0\n")).code).toBe(2);
    expect((await server("uploads", "verify", "--all")).code).toBe(0);
    expect((await server("uploads", "list")).code).toBe(0);
    const all = await shown();
    expect(all.map(({ event }) => event)).toEqual([
      ...["started", "admitted", "finished", "reloaded", "admitted", "finished", "refused"],
      ...["reload-refused", "command"],
    ]);
    const [started, first, finished, reloaded, second, , refused, wrong, command] = all;
    expect(started).toMatchObject({ sequence: 1, keys: 1, previous: "0".repeat(64) });
    expect(first).toMatchObject({
      user: "alice",
      name: "a.raw",
      path: "alice/a.raw",
      size: 1000,
      rule: null,
    });
    expect(first?.key).toMatch(/^SHA256:/);
    expect(finished).toMatchObject({ upload: first?.upload, path: "alice/a.raw", size: 1000 });
    expect(readFileSync(`${lab.stored("a.raw")}.sha256`, "utf8")).toStartWith(String(finished?.sha256));
    expect(reloaded).toMatchObject({
      by: "command",
      changed: [{ setting: "rules", from: "none", to: "ms" }],
      needsRestart: [],
    });
    expect(reloaded?.configuration).not.toBe(started?.configuration);
    expect(second).toMatchObject({ rule: "ms" });
    expect(refused).toMatchObject({ user: "alice", name: "c.txt", code: 403, key: first?.key });
    expect(refused?.reason).toContain("No rule of this server takes");
    expect(wrong?.faults).toHaveLength(1);
    expect(command).toMatchObject({ command: "uploads verify", outcome: "done", answer: { sound: 2 } });
    const valid = documentedValidators().get("dync:audit");
    for (const line of all)
      if (!valid?.(line)) throw new Error(`${JSON.stringify(line)}: ${JSON.stringify(valid?.errors)}`);
    expect((await lab.configure("")).code).toBe(0);
  });

  test("tells of a key that is refused, approved and removed", async () => {
    const home = lab.folder.file("dora-home");
    mkdirSync(home, { mode: 0o700 });
    const env = { DYNC_HOME: home };
    expect((await lab.dync(["keygen"], { env })).code).toBe(0);
    copyFileSync(join(lab.homes.server, "server.key"), join(home, "server.key"));
    const send = async (name: string) => await lab.send(["-q", await lab.file(name, 10)], { env });
    expect((await send("d.raw")).code).toBe(7);
    const [fingerprint = ""] = (await server("clients", "pending")).stdout.split(" ");
    expect((await server("clients", "approve", fingerprint, "--user", "dora")).code).toBe(0);
    await lab.server.line(/"Key authorised","user":"dora"/);
    expect((await send("d.raw")).code).toBe(0);
    expect((await server("clients", "remove", "dora")).code).toBe(0);
    await lab.server.line(/"Key removed","user":"dora"/);
    expect((await shown("--event", "key-refused"))[0]).toMatchObject({
      key: fingerprint,
      address: expect.any(String),
    });
    expect((await shown("--user", "dora")).map(({ event }) => event).slice(0, 4)).toEqual([
      ...["key-approved", "admitted", "finished", "key-removed"],
    ]);
  });

  test("the same refusal again and again is counted", async () => {
    const before = (await shown("--event", "refused")).length;
    const path = await lab.file("e.raw", 10);
    expect((await lab.send(["-q", path])).code).toBe(0);
    await lab.file("e.raw", 11);
    for (let time = 0; time < 9; time++) expect((await lab.send(["-q", path])).code).toBe(7);
    expect((await shown("--event", "refused")).length - before).toBe(5);
    await lab.server.stop();
    const last = (await shown("--event", "refused")).at(-1);
    expect(last).toMatchObject({ code: 409, times: 4 });
  });

  test("goes on over a crash and a stop, chooses lines, and fits 80 columns", async () => {
    await lab.start();
    await lab.server.kill();
    await lab.start();
    const { stdout, code, stderr } = await audit("verify");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^OK: lines 1 to (\d+) are as written\. The last one is\n\1:[0-9a-f]{64}\n$/);
    const events = (await shown()).map(({ event }) => event);
    expect(events.filter((it) => it === "started")).toHaveLength(3);
    expect(events.filter((it) => it === "stopped")).toHaveLength(1);
    const [one] = await shown("--event", "finished");
    const id = String(one?.upload);
    expect((await shown("--upload", id.slice(0, 12))).map(({ event }) => event)).toEqual([
      "admitted",
      "finished",
    ]);
    expect(await shown("--until", "1d")).toEqual([]);
    expect(await shown("--since", "1h")).toHaveLength(events.length);
    const text = (await audit("show", "--upload", id)).stdout.split("\n");
    expect(text[1]).toMatch(
      new RegExp(
        `^20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d  finished      alice: alice/a\\.raw, 1\\.0 KiB \\[${id.slice(0, 8)}\\]$`,
      ),
    );
    expect(text[1]?.length).toBeLessThanOrEqual(80);
  });

  test("what was kept elsewhere shows that the end was cut off; a byte that was changed is found with its line", async () => {
    const [, last = ""] = (await audit("verify")).stdout.split("\n");
    const expected = async () => await audit("verify", "--expect", last);
    expect(await expected()).toMatchObject({ code: 0 });
    const [file = ""] = files();
    const whole = readFileSync(file, "utf8");
    const lines = whole.split("\n");
    writeFileSync(file, whole.slice(0, -1 - (lines.at(-2)?.length ?? 0)));
    expect(await audit("verify")).toMatchObject({ code: 0 });
    const [number] = last.split(":");
    expect(await expected()).toMatchObject({ code: 1, stdout: "" });
    expect((await expected()).stderr).toContain(
      `Line ${number} is expected, and the log ends with ${Number(number) - 1}: its end was cut off`,
    );
    writeFileSync(file, whole.slice(0, -1));
    expect((await audit("verify")).stderr).toContain(`:${number}: The file ends within this line, after`);
    writeFileSync(file, whole.replace('"name":"a.raw"', '"name":"b.raw"'));
    expect(await audit("verify")).toEqual(
      expect.objectContaining({
        code: 1,
        stdout: "",
        stderr: `dync-server: error: ${file}:2: This line was changed\n`,
      }),
    );
    writeFileSync(file, lines.toSpliced(2, 1).join("\n"));
    expect((await audit("verify")).stderr).toContain(":3: Before this line, number 4, number 3 is missing");
    writeFileSync(file, whole);
    // As copies elsewhere, and with nobody to ask for a configuration.
    const copy = lab.folder.file("copy.jsonl");
    copyFileSync(file, copy);
    expect(await server("audit", "verify", "--expect", last, copy)).toMatchObject({ code: 0 });
  });
});
