// Asking a running server, over a real socket: what is answered, and what strangers, slow readers and broken lines do to it.

import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import * as v from "valibot";
import { systemClock } from "../../src/base/clock.ts";
import { DyncError } from "../../src/base/error.ts";
import type { LogFields } from "../../src/base/log.ts";
import { askServer } from "../../src/control/ask-server.ts";
import { lineCharsMax } from "../../src/control/control-lines.ts";
import { controlAddress } from "../../src/control/control-place.ts";
import { type ControlCommand, ControlServer } from "../../src/control/control-server.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { runProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const isWindows = process.platform === "win32";
const never = new AbortController().signal;
const anything = v.record(v.string(), v.unknown());
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

async function homeFolder(): Promise<string> {
  const folder = await tempFolder();
  opened.push(folder);
  return folder.path;
}

async function open(
  commands: Readonly<Record<string, ControlCommand>> = {},
  given?: { home?: string; clock?: ManualClock },
) {
  const home = given?.home ?? (await homeFolder());
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const control = await ControlServer.open({
    home,
    commands: new Map(Object.entries(commands)),
    clock: given?.clock ?? systemClock,
    logger: { log: (level, message, fields = {}) => void lines.push({ level, message, fields }) },
  });
  opened.push(control);
  const warnings = () => lines.filter(({ level }) => level !== "debug");
  return { home, control, warnings };
}

function ask(home: string, command: string, more: Partial<Parameters<typeof askServer>[0]> = {}) {
  return askServer({ home, command, answer: anything, clock: systemClock, signal: never, ...more });
}

/** CODE of what `promise` rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof DyncError ? error.code : String(error);
  }
}

/** A connection, and all that comes back until it ends. */
function dial(home: string): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(controlAddress(home) as string);
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
  return { socket, answer };
}

/** What one line is answered with. */
async function said(home: string, line: string): Promise<string> {
  const { socket, answer } = dial(home);
  socket.write(line);
  return await answer;
}

describe("a running server is asked", () => {
  test("answers with what the command gives, and is given the arguments", async () => {
    const { home } = await open({ add: async ({ arguments: { a, b } }) => ({ sum: Number(a) + Number(b) }) });
    expect(await ask(home, "add", { arguments: { a: 1, b: 2 } })).toEqual({ sum: 3 });
    expect(await ask(home, "add", { arguments: { a: 3, b: 4 } })).toEqual({ sum: 7 });
  });

  test("tells lines before the answer, no faster than they are taken", async () => {
    let told = 0;
    const text = "x".repeat(10_000);
    const { home } = await open({
      list: async ({ tell }) => {
        for (; told < 2000; told++) await tell({ at: told, text });
        return { told };
      },
    });
    const seen: unknown[] = [];
    const gate = Promise.withResolvers<void>();
    const answer = ask(home, "list", {
      onLine: async ({ at }) => {
        seen.push(at);
        if (at === 0) await gate.promise;
      },
    });
    // Its lines are waited for; what it may tell meanwhile is what fits the buffers of a socket.
    for (let before = -1; before !== told; ) {
      before = told;
      await new Promise(setImmediate);
    }
    expect(told).toBeLessThan(2000);
    gate.resolve();
    expect(await answer).toEqual({ told: 2000 });
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, at) => at));
  });

  test("an error of the command is the asker's; one that is our fault is logged as well", async () => {
    const { home, warnings } = await open({
      refuse: async () => {
        throw new DyncError("configuration", "Not like this", { hint: "like that" });
      },
      fail: async () => {
        throw new Error("a slip");
      },
    });
    const refused = await ask(home, "refuse").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "configuration", message: "Not like this", hint: "like that" });
    expect(warnings()).toEqual([]);
    expect(await codeOf(ask(home, "fail"))).toBe("internal");
    expect(warnings()).toMatchObject([{ level: "error", fields: { reason: "a slip" } }]);
  });

  test("a command that it does not know, or an answer that the asker does not, is said", async () => {
    const { home } = await open({ old: async () => ({ a: 1 }) });
    expect(await codeOf(ask(home, "new"))).toBe("usage");
    expect(await codeOf(ask(home, "old", { answer: v.object({ b: v.string() }) }))).toBe("malformed");
  });

  test("many at once, each its own", async () => {
    const { home } = await open({ echo: async ({ arguments: given }) => given });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, at) => ask(home, "echo", { arguments: { at } })),
    );
    expect(answers.map((it) => (it as { at: number }).at)).toEqual(Array.from({ length: 12 }, (_, at) => at));
  });
});

describe("who asks in vain hears why", () => {
  test("no server, one that was killed, one that stopped", async () => {
    const home = await homeFolder();
    expect(await codeOf(ask(home, "x"))).toBe("unavailable");
    expect(await codeOf(ask(`${home}/gone`, "x"))).toBe("unavailable");
    const { control } = await open({}, { home });
    await control[Symbol.asyncDispose]();
    expect(await codeOf(ask(home, "x"))).toBe("unavailable");
  });

  test("a server that stops meanwhile", async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const { home, control, warnings } = await open({
      wait: ({ signal }) => {
        asked.resolve(signal);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const answer = codeOf(ask(home, "wait"));
    await asked.promise;
    await control[Symbol.asyncDispose]();
    expect(await answer).toBe("unavailable");
    // To be given up is no failure.
    expect(warnings()).toEqual([]);
  });

  test("a command that does not stop keeps nobody from stopping", async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const { home, control } = await open(
      {
        wait: () => {
          asked.resolve();
          return new Promise(() => {});
        },
      },
      { clock },
    );
    const answer = codeOf(ask(home, "wait"));
    await asked.promise;
    const stopped = control[Symbol.asyncDispose]();
    expect(await answer).toBe("unavailable");
    clock.advance(5000);
    await stopped;
  });

  test("a server that says nothing", async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const { home } = await open({
      wait: ({ signal }) => {
        asked.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const answer = codeOf(ask(home, "wait", { clock }));
    await asked.promise;
    await clock.advance(60_000);
    expect(await answer).toBe("timed-out");
  });

  test("an interruption ends the wait, and the command hears of it", async () => {
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const { home } = await open({
      wait: ({ signal }) => {
        asked.resolve();
        signal.addEventListener("abort", () => ended.resolve());
        return ended.promise.then(() => ({}));
      },
    });
    const stop = new AbortController();
    const answer = codeOf(ask(home, "wait", { signal: stop.signal }));
    await asked.promise;
    stop.abort(new DyncError("cancelled", "Enough"));
    expect(await answer).toBe("cancelled");
    await ended.promise;
  });
});

test("of very many at once the last ones are told to come later", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  const full = Promise.withResolvers<void>();
  const { home } = await open({
    wait: async () => {
      if (++running === 16) full.resolve();
      await gate.promise;
      return {};
    },
  });
  const answers = Array.from({ length: 16 }, () => codeOf(ask(home, "wait")));
  await full.promise;
  expect(await codeOf(ask(home, "wait"))).toBe("not-ready");
  gate.resolve();
  expect(await Promise.all(answers)).toEqual(Array(16).fill("none"));
  expect(await codeOf(ask(home, "wait"))).toBe("none");
});

describe("what is no request", () => {
  const lines: readonly (readonly [string, string])[] = [
    ["", "no JSON"],
    ["reload", "no JSON"],
    ["{}", "says nothing it knows"],
    ["[]", "says nothing it knows"],
    ["null", "says nothing it knows"],
    ['{"schema":2,"command":"echo"}', "says nothing it knows"],
    ['{"schema":1,"command":["echo"]}', "says nothing it knows"],
    ['{"schema":1,"command":"echo","arguments":1}', "says nothing it knows"],
    ['{"schema":1,"command":"__proto__"}', "does not know this command"],
    ['{"schema":1,"command":"\\u001b[31m"}', "does not know this command"],
    ["\xff\xfe", "no JSON"],
  ];
  test("is answered with that, and costs nobody else anything", async () => {
    const { home } = await open({ echo: async ({ arguments: given }) => given });
    for (const [line, text] of lines) {
      const answer = await said(home, `${line}\n`);
      expect(JSON.parse(answer)).toMatchObject({ type: "error", message: expect.stringContaining(text) });
    }
    expect(await ask(home, "echo", { arguments: { a: 1 } })).toEqual({ a: 1 });
  });

  test("a line without an end is not kept", async () => {
    const { home } = await open({ echo: async ({ arguments: given }) => given });
    const { socket, answer } = dial(home);
    const block = Buffer.alloc(256 * 1024, "x");
    for (let sent = 0; sent <= 2 * lineCharsMax && !socket.destroyed; sent += block.length)
      if (!socket.write(block))
        await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
    expect(await answer).toBe("");
    expect(await ask(home, "echo")).toEqual({});
  });

  test("who says nothing is not waited for", async () => {
    const clock = new ManualClock();
    const { home } = await open(
      { echo: async ({ arguments: given }) => given },
      { clock, home: await homeFolder() },
    );
    const { socket, answer } = dial(home);
    await new Promise((resolve) => socket.once("connect", resolve));
    // Connections are taken up in order.
    expect(await ask(home, "echo")).toEqual({});
    await clock.advance(30_000);
    expect(await answer).toBe("");
  });
});

describe("where it is", () => {
  test.skipIf(isWindows)(
    "a socket of its user alone, and nothing beside it is left (not on Windows)",
    async () => {
      const { home, control } = await open();
      expect(statSync(`${home}/server.sock`).mode & 0o777).toBe(0o600);
      expect(statSync(`${home}/server.lock`).mode & 0o777).toBe(0o600);
      expect(readdirSync(home).toSorted()).toEqual(["server.lock", "server.sock"]);
      await control[Symbol.asyncDispose]();
      expect(existsSync(`${home}/server.sock`)).toBe(false);
    },
  );

  test("a second server of the same home does without, and takes nothing away from the first", async () => {
    const { home } = await open({ who: async () => ({ first: true }) });
    const second = await open({ who: async () => ({ first: false }) }, { home });
    expect(second.warnings()).toMatchObject([{ level: "warn", message: "There is no control socket" }]);
    await second.control[Symbol.asyncDispose]();
    expect(await ask(home, "who")).toEqual({ first: true });
  });

  test.skipIf(isWindows)("what a killed server left is replaced (not on Windows)", async () => {
    const home = await homeFolder();
    const left = Bun.listen({ unix: `${home}/server.sock`, socket: { data() {} } });
    left.stop(true);
    const { warnings } = await open({ echo: async () => ({}) }, { home });
    expect(warnings()).toEqual([]);
    expect(await ask(home, "echo")).toEqual({});
  });

  test.skipIf(isWindows)(
    "a path that is too long for a socket works all the same, or is a warning, and never the end (not on Windows)",
    async () => {
      const folder = await homeFolder();
      const home = `${folder}/${"x".repeat(120)}`;
      await Bun.write(`${home}/a`, "");
      const { warnings } = await open({ echo: async () => ({}) }, { home });
      const code = await codeOf(ask(home, "echo"));
      expect([warnings().length, code]).toBeOneOf([
        [0, "none"],
        [1, "unavailable"],
      ]);
      expect(readdirSync(home).filter((name) => name.startsWith("."))).toEqual([]);
    },
  );

  const mayBecomeOther =
    process.getuid?.() === 0 && Bun.which("setpriv") !== null && existsSync("/usr/bin/python3");
  test.skipIf(!mayBecomeOther)(
    "another user of the machine cannot connect (as root, with setpriv)",
    async () => {
      const { home } = await open({ echo: async () => ({}) });
      chmodSync(home, 0o755);
      const program = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
      const python = ["/usr/bin/python3", "-c", program, `${home}/server.sock`];
      expect(await runProgram(python)).toMatchObject({ code: 0 });
      const stranger = await runProgram(["setpriv", "--reuid=65534", "--clear-groups", ...python]);
      expect(stranger.stderr).toContain("PermissionError");
    },
  );
});
