// Alarms on the compiled programs: told to a real program, a real web service and a stand-in for sendmail, over a server that is killed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { executablesMissing } from "../support/executables.ts";
import { documentedValidators } from "../support/json-schemas.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

const isWindows = process.platform === "win32";
const missing = executablesMissing ?? (isWindows ? "scripts of a shell" : null);

interface Told {
  readonly idempotencyKey: string;
  readonly alarm: {
    readonly name: string;
    readonly state: string;
    readonly subject: string;
    readonly text: string;
  };
}

describe.skipIf(missing !== null)(`alarms (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  const script = (name: string, ...lines: readonly string[]): string => {
    const path = lab.folder.file(name);
    writeFileSync(path, `#!/bin/sh\n${lines.join("\n")}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const told = (path: string): readonly Told[] =>
    existsSync(path) ? jsonLines<Told>(readFileSync(path, "utf8")) : [];
  const states = (path: string) => told(path).map(({ alarm }) => `${alarm.state} ${alarm.subject}`);
  const toldLine = (hook: string, times: number) =>
    lab.server.line(new RegExp(`(?:"Hook told","hook":"${hook}"[^]*?){${times}}`));

  test("one is told once to a program, a web service and by mail, over a restart, and once that it is over", async () => {
    const bodies: string[] = [];
    const service = createServer((request, response) => {
      const parts: Uint8Array[] = [];
      request.on("data", (part: Uint8Array) => parts.push(part));
      request.on("end", () => {
        bodies.push(Buffer.concat(parts).toString());
        response.end();
      });
    });
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", () => resolve()));
    const { port } = service.address() as AddressInfo;
    const program = script("program", '{ cat; echo; } >> "$0.told"');
    const sendmail = script("sendmail", 'echo "$@" >> "$0.arguments"', 'cat >> "$0.mails"');
    const configuration = `log-level = "debug"
      [[hooks]]
      name = "program"
      event = "alarm"
      command = ["${program}"]
      [[hooks]]
      name = "web"
      event = "alarm"
      url = "http://127.0.0.1:${port}/"
      [[hooks]]
      name = "mail"
      event = "alarm"
      mail = ["data@example.org", "root"]
      sendmail = "${sendmail}"
      [[alarms]]
      name = "damage"
      when = "damaged"
      [[alarms]]
      name = "disk"
      when = "disk-full"
      free = "1KiB"`;
    expect(await lab.configure(configuration)).toMatchObject({ code: 0, stderr: "" });
    const list = async (...args: readonly string[]) => await lab.dyncServer(["alarms", "list", ...args]);
    expect(await list()).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "Nothing is wrong: 2 alarms are looked at\n",
    });

    const file = await lab.file("run 1.raw", "content");
    expect(await lab.send(["-q", file])).toMatchObject({ code: 0 });
    const stored = lab.stored("run 1.raw");
    chmodSync(stored, 0o644);
    writeFileSync(stored, "c0ntent");
    expect(await lab.dyncServer(["uploads", "verify", "--all"])).toMatchObject({ code: 8 });
    expect(await lab.configure(configuration)).toMatchObject({ code: 0 });
    await Promise.all(["program", "web", "mail"].map((hook) => toldLine(hook, 1)));
    const text = "1 stored upload was read again and found damaged or missing: alice/run 1.raw";
    expect(told(`${program}.told`)).toMatchObject([
      { alarm: { name: "damage", state: "firing", subject: "stored", text } },
    ]);
    const isDocumented = documentedValidators().get("dync:hook");
    expect([isDocumented?.(JSON.parse(bodies[0] ?? "")), isDocumented?.errors]).toEqual([true, null]);
    expect(readFileSync(`${sendmail}.arguments`, "utf8")).toBe("-i data@example.org root\n");
    expect(readFileSync(`${sendmail}.mails`, "utf8")).toContain("Subject: [dync ");
    const shown = await list();
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(
      /^damage {2}since \d{4}-\d\d-\d\d \d\d:\d\d, told once\n {2}1 stored upload .*: alice\/run 1\.raw\n$/,
    );
    const [line] = jsonLines((await list("--json")).stdout);
    const isAlarm = documentedValidators().get("dync:alarm");
    expect([isAlarm?.(line), isAlarm?.errors]).toEqual([true, null]);

    await lab.server.kill();
    await lab.start(["--log-level", "debug"]);
    expect(await lab.configure(configuration)).toMatchObject({ code: 0 });
    expect(states(`${program}.told`)).toEqual(["firing stored"]);
    writeFileSync(stored, "content");
    expect(await lab.dyncServer(["uploads", "verify", "--all"])).toMatchObject({ code: 0 });
    expect(await lab.configure(configuration)).toMatchObject({ code: 0 });
    await Promise.all(["program", "web", "mail"].map((hook) => toldLine(hook, 1)));
    expect(states(`${program}.told`)).toEqual(["firing stored", "over stored"]);
    expect(await list()).toMatchObject({ stdout: "" });
    expect(new Set(told(`${program}.told`).map((it) => it.idempotencyKey)).size).toBe(2);
    service.closeAllConnections();
    service.close();
  });

  test("what was to be told when the server was killed is told by the next one", async () => {
    const gate = lab.folder.file("gate");
    writeFileSync(gate, "");
    const program = script(
      "gated",
      `if [ -e '${gate}' ]; then echo 'no network' >&2; exit 3; fi`,
      '{ cat; echo; } >> "$0.told"',
    );
    const hook = `[[hooks]]\nname = "gated"\nevent = "alarm"\ncommand = ["${program}"]\n`;
    const alarm = '[[alarms]]\nname = "disk"\nwhen = "disk-full"\nfree = "8000TiB"\n';
    expect(await lab.configure(`log-level = "debug"\n${hook}${alarm}`)).toMatchObject({ code: 0 });
    await lab.server.line(/"Hook failed, and is told again later","hook":"gated".*no network/);
    await lab.server.kill();
    await lab.start(["--log-level", "debug"]);
    expect(told(`${program}.told`)).toEqual([]);
    rmSync(gate);
    expect(await lab.dyncServer(["hooks", "retry", "--all"])).toMatchObject({ code: 0 });
    await toldLine("gated", 1);
    expect(states(`${program}.told`)).toEqual(["firing disk"]);
  });

  test("one is tried out; what is wrong with one is said with its line", async () => {
    const program = script("tried", '{ cat; echo; } >> "$0.told"');
    const hook = `[[hooks]]\nname = "tried"\nevent = "alarm"\ncommand = ["${program}"]\n`;
    const alarm = '[[alarms]]\nname = "stalled"\nwhen = "stalled"\nafter = "1d"\n';
    expect(await lab.configure(`log-level = "debug"\n${hook}${alarm}`)).toMatchObject({ code: 0 });
    expect(await lab.dyncServer(["alarms", "try", "stalled"])).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/^Told tried: /),
    });
    await toldLine("tried", 1);
    expect(told(`${program}.told`)).toMatchObject([{ alarm: { subject: "trial" } }]);
    expect(await lab.dyncServer(["alarms", "try", "other"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no alarm "other"'),
    });
    expect(await lab.configure(alarm)).toMatchObject({ code: 0 });
    expect(await lab.dyncServer(["alarms", "try", "stalled"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('No hook has event = "alarm"'),
    });
    expect(await lab.configure('[[alarms]]\nname = "a"\nwhen = "stalled"\n')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('server.toml:1: alarms[1]: needs "after" with when = "stalled"'),
    });
    const mail =
      '[[hooks]]\nname = "mail"\nevent = "alarm"\nmail = ["a@example.org"]\nsendmail = "/no/sendmail"\n';
    expect(await lab.configure(`${mail}${alarm}`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("server.toml:5: hooks[1].sendmail: /no/sendmail cannot be run: "),
    });
    await lab.expectAlive();
  });
});
