// Hooks before an upload on the compiled programs, with real scripts: what they refuse is told in their words, what they add is
// stored, and one that does not work makes nobody fail for good.

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";

const isWindows = process.platform === "win32";
const missing = executablesMissing ?? (isWindows ? "scripts of a shell" : null);

describe.skipIf(missing !== null)(`hooks before an upload (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  /** A hook that runs these lines, which the running server takes from now on; returns its path. */
  const hook = async (lines: readonly string[], ...more: readonly string[]): Promise<string> => {
    const path = lab.folder.file("check");
    writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`);
    chmodSync(path, 0o755);
    const text = [
      "[[hooks]]",
      'name = "check"',
      'event = "before"',
      `command = [${JSON.stringify(path)}]`,
      ...more,
    ];
    expect(await lab.configure(text.join("\n"))).toMatchObject({ code: 0 });
    return path;
  };

  test("what one refuses is told in its words, before any data", async () => {
    await hook([`echo '{"refuse": "Sample S-17 is not in the LIMS: register it first", "code": 422}'`]);
    // More than a server would take without an answer.
    const path = await lab.file("refused.raw", 40 * 1024 * 1024);
    expect(await lab.send(["-q", path])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining("Sample S-17 is not in the LIMS: register it first"),
    });
    lab.expectNothingStored("refused");
    await hook([`echo '{"refuse": "No uploads on Sundays"}'`]);
    expect(await lab.send(["-q", path])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("No uploads on Sundays"),
    });
  });

  test("what one adds is stored; the same file sent again is stored already; one with other metadata is not", async () => {
    const path = await hook([
      'sample=$(cat | sed -n \'s/.*"sample":"\\([^"]*\\)".*/\\1/p\')',
      'echo "$sample" >> "$0.asked"',
      'printf \'{"metadata": {"project": "P%s", "serial": 12345678901234567890}}\' "$sample"',
    ]);
    const file = await lab.file("added.raw", "content");
    expect(await lab.send(["-q", file])).toMatchObject({ code: 0, stderr: "" });
    const text = readFileSync(`${lab.stored("added.raw")}.meta.json`, "utf8");
    expect(text).toContain('"sample": "S-17",\n  "project": "PS-17",\n  "serial": 12345678901234567890,');
    expect((await lab.metadata("added.raw")).project).toBe("PS-17");
    const again = await lab.send(["--json", file]);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('"already":true') });
    const other = await lab.dync(["-q", "-k", "sample:S-18", `127.0.0.1:${lab.port}`, file]);
    expect(other).toMatchObject({ code: 7 });
    const batch = await lab.send(["--json", "--skip-identical", file]);
    expect(batch).toMatchObject({ code: 0 });
    expect(readFileSync(`${path}.asked`, "utf8")).toBe("S-17\n");
  });

  test("one that does not work makes uploads wait until it does", async () => {
    const path = await hook(['if [ -e "$0.works" ]; then exit 0; fi', "echo 'no database' >&2", "exit 1"]);
    const file = await lab.file("waits.raw", "content");
    await using sending = lab.startSend([file]);
    const failed = await lab.server.line(/"Hook failed, and the upload has to come again later".*/);
    expect(failed[0]).toContain('"reason":"ended with status 1: no database"');
    writeFileSync(`${path}.works`, "");
    expect(await sending.ended(60_000)).toMatchObject({ code: 0 });
    await lab.server.line(/"Hook works again","hook":"check"/);
    await lab.expectStored(file);
    rmSync(`${path}.works`);
  });

  const bad: readonly (readonly [string, readonly string[], string])[] = [
    ["hangs", ["sleep 3600"], "took longer than 1 s, and was ended"],
    ["prints without end", ["cat /dev/zero"], "printed more than 1048576 bytes, and was ended"],
    ["crashes", ["kill -SEGV $$"], "was ended by SIGSEGV"],
    ["answers no UTF-8", ['printf \'{"refuse":"\\377"}\''], "gave an answer that is no UTF-8"],
    ["answers nonsense", ["echo all is well"], "gave an answer that is no JSON: all is well"],
    ["closes its input", ["exec <&-; echo no"], "gave an answer that is no JSON: no"],
  ];
  test.each(bad)("one that %s is passed over where the steward has it so", async (what, lines, reason) => {
    const name = `${what.replaceAll(" ", "-")}.raw`;
    await hook(lines, 'on-failure = "accept"', 'timeout = "1s"');
    const file = await lab.file(name, "content");
    expect(await lab.send(["-q", "-k", `long:${"x".repeat(100_000)}`, file])).toMatchObject({ code: 0 });
    await lab.expectStored(file);
    const told = await lab.server.line(new RegExp(`goes on without it.*"name":"${name}".*`));
    expect(told[0]).toContain(reason);
    // From here on it works, so that the next failure is told again.
    await hook(["exit 0"]);
    expect(await lab.send(["-q", await lab.file(`behind-${name}`, "x")])).toMatchObject({ code: 0 });
  });

  test("the program that doc/operations.md shows", async () => {
    const manual = readFileSync(join(import.meta.dir, "../../doc/operations.md"), "utf8");
    const [, text = ""] = /### Before an upload.*?```python\n(.*?)```/s.exec(manual) ?? [];
    const database = new Database(lab.folder.file("samples.sqlite"));
    database.run("CREATE TABLE samples (name TEXT, project TEXT)");
    database.run("INSERT INTO samples VALUES ('S-17', 'P1234')");
    database.close();
    const path = await hook(["exit 0"]);
    writeFileSync(path, text.replaceAll("/var/lib/lims", lab.folder.path));
    const file = await lab.file("lims.raw", "content");
    expect(await lab.dync(["-q", "-k", "sample:S-18", `127.0.0.1:${lab.port}`, file])).toMatchObject({
      ...{ code: 6, stderr: expect.stringContaining("Sample S-18 is not in the LIMS: register it first") },
    });
    expect(await lab.send(["-q", file])).toMatchObject({ code: 0 });
    expect(await lab.metadata("lims.raw")).toEqual({ sample: "S-17", project: "P1234" });
  });

  test("one that is gone from the configuration is asked no more", async () => {
    const path = await hook(['echo >> "$0.count"']);
    await lab.send(["-q", await lab.file("with.raw", "1")]);
    expect(readFileSync(`${path}.count`, "utf8")).toBe("\n");
    await lab.configure("");
    expect(await lab.send(["-q", await lab.file("without.raw", "1")])).toMatchObject({ code: 0 });
    expect(readFileSync(`${path}.count`, "utf8")).toBe("\n");
    expect(existsSync(lab.stored("without.raw"))).toBe(true);
  });
});
