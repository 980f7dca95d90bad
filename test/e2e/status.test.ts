// `dync status` with the compiled programs: what runs, arrived and was refused, of the own user alone, on one server or on several.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines, type Program } from "../support/programs.ts";

const MiB = 1024 * 1024;

describe.skipIf(executablesMissing !== null)(`dync status (${executablesMissing ?? "compiled"})`, () => {
  let lab: Lab;
  let bert: string;
  let slow: Program | undefined;

  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    bert = await lab.user("bert");
    expect(
      await lab.configure('[groups]\nms = ["alice"]\n\n[[limits]]\nname = "all"\nquota = "1GiB"\n'),
    ).toMatchObject({
      code: 0,
    });
    expect(await lab.send([await lab.file("first.raw", 3 * MiB)])).toMatchObject({ code: 0 });
    // Another content under the same name.
    expect(await lab.send(["-n", "first.raw", await lab.file("second.raw", 10)])).toMatchObject({ code: 7 });
    slow = lab.startSend(["--limit", "100KiB/s", "--json", await lab.file("slow.raw", 64 * MiB)]);
    await slow.line(/"sent":[1-9]/);
  });
  afterAll(async () => {
    await slow?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  const at = () => `127.0.0.1:${lab.port}`;

  test("shows what runs, what arrived, what was refused and why, and what there may be", async () => {
    const { code, stdout, stderr } = await lab.dync(["status", at()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toBe(`${at()}, as alice`);
    expect(stdout).toMatch(/^ {2}Stored: {4}1 upload, 3\.0 MiB; 1 in the last 24 hours, 1 in 7 days$/m);
    expect(stdout).toMatch(/^ {2}Quota: {5}67 MiB of 1\.0 GiB used, 64 MiB of that by unfinished uploads$/m);
    expect(stdout).toMatch(/^ {2}Uploads: {3}1 of at most 250 running, 1 of at most 1000 unfinished$/m);
    expect(stdout).toMatch(/^ {2}Groups: {4}ms$/m);
    expect(stdout).toMatch(
      /^ {2}Running\n {4}.* of 64 MiB {2}.*\/s {2}.* left {2}slow\.raw\n {6}since .* by dync /m,
    );
    expect(stdout).toMatch(
      /^ {2}Arrived last\n {4}\d{4}-\d\d-\d\d \d\d:\d\d {2}3\.0 MiB {2}[0-9a-f]{8} {2}first\.raw$/m,
    );
    expect(stdout).toMatch(
      /^ {2}Refused last\n {4}.* {2}409 {2}first\.raw\n {6}There is a file "first\.raw"/m,
    );
    expect(stdout).toContain("  Unfinished here: 1 upload");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("of the own user alone", async () => {
    const { code, stdout } = await lab.dync(["status", at()], { env: { DYNC_HOME: bert } });
    expect(code).toBe(0);
    expect(stdout).toStartWith(`${at()}, as bert\n  Stored:    0 uploads`);
    expect(stdout).not.toContain(".raw");
    expect(stdout).not.toContain("alice");
  });

  test("of as many as are wanted", async () => {
    for (const name of ["b", "c", "d"]) await lab.send([await lab.file(`${name}.raw`, 1)]);
    const { stdout } = await lab.dync(["status", "--json", "--last", "2", at()]);
    const [told, summary] = jsonLines(stdout);
    expect(told).toMatchObject({ stored: [{ name: "d.raw", size: 1 }, { name: "c.raw" }], more: ["stored"] });
    expect(told).toMatchObject({ uploadsHere: 1, running: [{ name: "slow.raw", size: 64 * MiB }] });
    expect(summary).toMatchObject({ type: "summary", ok: true, servers: 1 });
    expect(await lab.dync(["status", "--last", "-1", at()])).toMatchObject({ code: 2 });
  });

  test("of all servers that are known; one that does not answer is a line, and the status", async () => {
    const toml = `default_server = "lab"\n[servers.lab]\nhost = "127.0.0.1"\nport = ${lab.port}\n`;
    await writeFile(
      join(lab.homes.client, "client.toml"),
      `${toml}[servers.gone]\nhost = "127.0.0.1"\nport = 1\n`,
    );
    const { code, stdout, stderr } = await lab.dync(["status"]);
    expect({ code, stderr }).toEqual({ code: 5, stderr: "" });
    expect(stdout).toContain(`lab (the default), ${at()}, as alice\n`);
    expect(stdout).toMatch(/^gone, 127\.0\.0\.1:1: \S.*$/m);
    const lines = jsonLines((await lab.dync(["status", "--json"])).stdout);
    expect(lines.map(({ name, error }) => [name, (error as { code?: string } | undefined)?.code])).toEqual([
      ["lab", undefined],
      ["gone", "unreachable"],
      [undefined, undefined],
    ]);
    expect(lines.at(-1)).toMatchObject({ ok: false, exit: 5, servers: 2, silent: 1 });
    expect(await lab.dync(["status", "gone"])).toMatchObject({ code: 5, stdout: "" });
  });

  test("again and again with --watch, until it is ended", async () => {
    await using watching = lab.startDync(["status", "--watch", "--json", at()]);
    for (let round = 0; round < 2; round++) await watching.line(/"type":"server-status".*"name":"slow\.raw"/);
    watching.signal("SIGINT");
    expect((await watching.ended()).code).not.toBe(0);
  });

  test("where nothing is known it says what to do", async () => {
    const env = { DYNC_HOME: lab.folder.file("nothing") };
    const { code, stderr } = await lab.dync(["status"], { env });
    expect(code).toBe(2);
    expect(stderr).toContain("No server is named, and none is known here");
  });
});
