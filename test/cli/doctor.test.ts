// What `dync doctor` finds out, step by step, and what it says of that.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { DyncError } from "../../src/base/error.ts";
import { DoctorReport } from "../../src/cli/dync/doctor-report.ts";
import { ServerSteps, type ServerStepsOptions } from "../../src/cli/dync/doctor-server.ts";
import {
  type Finding,
  findHome,
  findName,
  findPort,
  ok,
  type Step,
  unknown,
} from "../../src/cli/dync/doctor-steps.ts";
import { Output } from "../../src/cli/output.ts";
import { type Answer, CannotBeAsked, type ServerState } from "../../src/client/ask.ts";
import { publicCertificateText } from "../../src/keys/certificate.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { moreLoopbackMissing } from "../support/loopback.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempFolder } from "../support/temp-folder.ts";

const isWindows = process.platform === "win32";
const folder = await tempFolder();
afterAll(() => folder[Symbol.asyncDispose]());
const keys = generateKeyPair();
writeFileSync(folder.file("server.key"), publicCertificateText(keys.publicKey, { date: new Date() }));
const server = { host: "lab", port: 1, serverKeyFile: null };

function faultOf(find: () => Finding): string {
  try {
    const { state, text, hint } = find();
    return `${state}: ${text} [${hint}]`;
  } catch (error) {
    if (error instanceof DyncError) return `${error.code}: ${error.message} [${error.hint}]`;
    throw error;
  }
}

describe("the home folder", () => {
  test("is there, and is a folder", () => {
    const gone = folder.file("gone");
    expect(faultOf(() => findHome(gone))).toBe(
      `configuration: There is no folder ${gone} [make it, and the keys in it, with "dync keygen"]`,
    );
    const file = folder.file("server.key");
    expect(faultOf(() => findHome(file))).toStartWith(`configuration: ${file} is no folder [`);
  });

  test.skipIf(isWindows)("may not be written by others; to read it does not matter (not on Windows)", () => {
    const home = folder.file("home");
    mkdirSync(home, { mode: 0o700 });
    expect(findHome(home)).toEqual(ok(`${home}, mode 0700`, { home }));
    chmodSync(home, 0o755);
    expect(findHome(home).state).toBe("ok");
    chmodSync(home, 0o775);
    expect(faultOf(() => findHome(home))).toBe(
      `fault: Others may write to ${home} (mode 0775), and so replace keys in it [chmod 700 '${home}']`,
    );
  });
});

describe("the way to a server", () => {
  const way = (host: string, port = 1) => ({
    ...{ keys, home: folder.path, clock: systemClock },
    server: { ...server, host, port },
  });

  const at = (port: number, ...addresses: readonly string[]) => [{ place: { host: "lab", port }, addresses }];

  test("begins with its addresses", async () => {
    expect((await findName(way("::1"))).targets).toEqual([
      { place: { host: "::1", port: 1 }, addresses: ["::1"] },
    ]);
    const { targets, finding } = await findName(way("localhost"));
    const addresses = targets[0]?.addresses ?? [];
    expect(addresses.length).toBeGreaterThan(0);
    expect(finding.text).toBe(`localhost is ${addresses.join(", ")}`);
    expect(findName(way("nowhere.invalid"))).rejects.toThrow('There is no host named "nowhere.invalid"');
  });

  const where = moreLoopbackMissing ?? "127.0.0.3";
  test.skipIf(moreLoopbackMissing !== null)(
    `ends at a port where something listens, at one of them at least (${where})`,
    async () => {
      const listener = createServer((socket) => {
        socket.on("error", () => {});
        // Once it has said that, there is nothing to wait for.
        socket.write("HTTP/1.1 400 Bad Request\r\n\r\n", () => socket.destroySoon());
      });
      await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
      const { port } = listener.address() as { readonly port: number };
      const there = await findPort(way("lab", port), at(port, "127.0.0.1", "127.0.0.3"));
      expect(there.text).toBe(
        `127.0.0.1:${port} takes connections, and is no dync server, 127.0.0.3:${port} refuses connections`,
      );
      listener.close();
      expect(findPort(way("lab", port), at(port, "127.0.0.1"))).rejects.toThrow(
        `Nothing listens at lab:${port}`,
      );
    },
  );
});

describe("what the server is asked", () => {
  const clock = new ManualClock();
  const told: ServerState = {
    ...{ user: "alice", time: clock.date().toISOString(), server: "dync-server 1" },
    ...{ free: 2 ** 40, quota: null },
  };
  const party = { host: "lab", port: 1, keys, serverKey: keys.publicKey };
  const trial = { name: "x.tmp", metadataText: "{}", isChosen: false };

  function asking(state: ServerState | DyncError, answer: Answer | DyncError = { type: "missing" }) {
    const sent: string[] = [];
    const said = async <T>(value: T | DyncError): Promise<T> => {
      if (value instanceof DyncError) throw value;
      return value;
    };
    const client: ServerStepsOptions["client"] = {
      serverState: async () => await said(state),
      serverStateAt: async () => await said(state),
      ask: async () => await said(answer),
      tryUpload: async (_, { name }) => {
        sent.push(name);
        return { bytes: 16384, durationMs: 40, notes: [] };
      },
    };
    const { signal } = new AbortController();
    const steps = new ServerSteps({ client, server, home: folder.path, clock, signal });
    return { steps, sent };
  }

  test("a key that is not accepted is no fault of the handshake, and says what to send to whom", async () => {
    writeFileSync(folder.file("meyer@pc7.key"), "");
    const refused = new DyncError("key-refused", "The server does not accept the key SHA256:abc");
    const { steps } = asking(refused);
    expect((await steps.handshake()).state).toBe("ok");
    const error = await steps.access().catch((thrown: DyncError) => thrown);
    expect(error).toMatchObject({ code: "key-refused", message: refused.message });
    expect((error as DyncError).hint).toStartWith(
      `send ${folder.file("meyer@pc7.key")} to the administrator`,
    );
  });

  test.each(["wrong-server", "unreachable"] as const)("%s is a fault of the handshake", async (code) => {
    const { steps } = asking(new DyncError(code, "No"));
    expect(steps.handshake()).rejects.toThrow("No");
  });

  test("a server that lets the key in and does not answer now is a fault of access", async () => {
    const { steps } = asking(new DyncError("not-ready", "Not now"));
    expect((await steps.handshake()).state).toBe("ok");
    expect(steps.access()).rejects.toThrow("Not now");
  });

  test("with all in order, it is told", async () => {
    const { steps, sent } = asking({ ...told, quota: 2 ** 30 });
    expect((await steps.access()).text).toBe("the server accepts this key as alice");
    expect(await steps.time()).toMatchObject({ state: "ok", text: "as the server's, within a second" });
    const space = await steps.space();
    expect(space.text).toEndWith("1.0 TiB on the server, of which your quota leaves 1.0 GiB");
    expect(space.facts).toMatchObject({ freeThere: 2 ** 40, quota: 2 ** 30 });
    expect(await steps.upload(trial)).toMatchObject({
      state: "ok",
      facts: { trialBytes: 16384, trialMs: 40 },
    });
    expect(sent).toEqual(["x.tmp"]);
  });

  test.each([
    ["original or older", new CannotBeAsked(party)],
    ["knows questions, and not this one", { ...told, user: null, time: null, free: null, server: null }],
  ])("what a server that is %s does not say is unknown, and no fault", async (_, state) => {
    const { steps, sent } = asking(state);
    expect((await steps.access()).text).toBe("the server accepts this key");
    expect((await steps.time()).state).toBe("unknown");
    expect(await steps.space()).toMatchObject({
      state: "unknown",
      text: expect.stringContaining("are free here; there: "),
    });
    expect((await steps.upload(trial)).state).toBe(state instanceof DyncError ? "unknown" : "ok");
    expect(sent).toHaveLength(state instanceof DyncError ? 0 : 1);
  });

  test.each([
    [-365 * 24 * 3600, "This computer's clock is 365 d 0 h behind the server's"],
    [301, "This computer's clock is 5:01 min ahead of the server's"],
  ])("a clock that is %d s ahead is a fault, and what comes next is tried", async (aheadS, text) => {
    const time = new Date(clock.date().getTime() - aheadS * 1000).toISOString();
    const found = await asking({ ...told, time }).steps.time();
    expect(found).toMatchObject({ state: "fault", text, facts: { clockAheadSeconds: aheadS } });
    expect(found.error?.meaning.exit).toBe(1);
  });

  test("a clock that is a little off is told, and no fault", async () => {
    const time = new Date(clock.date().getTime() + 30_000).toISOString();
    const found = await asking({ ...told, time }).steps.time();
    expect(found).toMatchObject({ state: "ok", text: "this computer's clock is 30 s behind the server's" });
  });

  test.each([
    [{ free: 1024 }, "On the server there are 1.0 KiB free for one more upload"],
    [{ quota: 0 }, "On the server your quota leaves 0 B free for one more upload"],
  ])("%j is no room", async (change, text) => {
    const found = await asking({ ...told, ...change }).steps.space();
    expect(found).toMatchObject({ state: "fault", text });
    expect(found.error?.code).toBe("no-space");
  });

  test("rules that do not take the trial are a fault of what the user chose alone", async () => {
    const error = new DyncError("metadata-rejected", "Metadata field run is missing");
    const { steps, sent } = asking(told, { type: "refused", error });
    const found = await steps.upload(trial);
    expect(found).toMatchObject({
      state: "unknown",
      text: `the server's rules do not take this trial: ${error.message}`,
    });
    expect(found.hint).toContain("-n NAME -k KEY:VALUE");
    expect(steps.upload({ ...trial, isChosen: true })).rejects.toThrow(error.message);
    const taken = asking(told, { type: "taken", text: "There is one" });
    expect(taken.steps.upload(trial)).rejects.toThrow('There is something called "x.tmp" on the server');
    expect([...sent, ...taken.sent]).toEqual([]);
  });
});

describe("the report", () => {
  function report(isTTY = false, json = false) {
    const [stdout, stderr] = [new CapturedStream({ isTTY }), new CapturedStream({ isTTY })];
    const output = new Output({ program: "dync", json, stdout, stderr, clock: new ManualClock() });
    return { stdout, output, doctor: new DoctorReport(output, server) };
  }

  async function linesOf(output: Output, stdout: CapturedStream): Promise<readonly string[]> {
    await output.flush();
    return stdout.takeLines();
  }

  const broken = new DyncError("unreachable", "Nothing listens at lab:1", { hint: "start it" });
  const late: Finding = {
    state: "fault",
    text: "Late",
    hint: "wait",
    error: new DyncError("failed", "Late"),
  };
  const steps = (...found: readonly [Step["name"], Finding | DyncError][]): Step[] =>
    found.map(([name, it]) => ({
      name,
      async find() {
        if (it instanceof DyncError) throw it;
        return it;
      },
    }));

  test("ends at the first fault that is in the way, and its kind is the exit status", async () => {
    const { stdout, output, doctor } = report();
    await doctor.walk(steps(["home", ok("/home")], ["port", broken], ["access", ok("never")]));
    expect(doctor.end()).toBe(5);
    expect(await linesOf(output, stdout)).toEqual([
      "Server            lab:1",
      "ok     home       /home",
      "FAULT  port       Nothing listens at lab:1",
      "                  what to do: start it",
      "-      not tried  variables, keys, trust, name, handshake, access, clock, space, upload: what is wrong has to be mended first",
    ]);
  });

  test("goes on behind a fault that is not, and one that cannot be known is none", async () => {
    const { stdout, output, doctor } = report();
    await doctor.walk(steps(["clock", late], ["space", unknown("who knows")], ["upload", broken]));
    expect(doctor.end()).toBe(1);
    expect((await linesOf(output, stdout)).slice(1, 6)).toEqual([
      "FAULT  clock      Late",
      "                  what to do: wait",
      "?      space      who knows",
      "FAULT  upload     Nothing listens at lab:1",
      "                  what to do: start it",
    ]);
  });

  test("is folded on a terminal, so that each step stands by itself", async () => {
    const { stdout, output, doctor } = report(true);
    await doctor.walk(steps(["home", ok("word ".repeat(40).trim())]));
    const lines = await linesOf(output, stdout);
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    for (const line of lines.slice(2)) expect(line).toStartWith(" ".repeat(18));
  });

  test("is a line of JSON for each step, with what was found", async () => {
    const { stdout, output, doctor } = report(false, true);
    await doctor.walk(steps(["keys", ok("SHA256:x", { fingerprint: "SHA256:x" })], ["port", broken]));
    output.end(doctor.end());
    const lines = (await linesOf(output, stdout)).map((line) => JSON.parse(line));
    expect(lines.slice(0, 2)).toEqual([
      { schema: 1, type: "step", step: "keys", state: "ok", text: "SHA256:x", fingerprint: "SHA256:x" },
      {
        ...{ schema: 1, type: "step", step: "port", state: "fault", code: "unreachable" },
        ...{ text: "Nothing listens at lab:1", hint: "start it" },
      },
    ]);
    expect(lines[2]).toMatchObject({ ok: false, exit: 5, steps: { ok: 1, unknown: 0, fault: 1 } });
  });
});
