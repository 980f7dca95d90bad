// Uploads that cannot end well: servers that are not there, go away or forget, and users who press Ctrl-C. Never
// status 0, never a published file, always an end within seconds. The other half of the table is in
// exit-status.test.ts; a server's errors and nonsense are in test/interop, what needs minutes is in test/faults.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { freePort, listening } from "../support/ports.ts";
import { type ProgramEnd, startProgram } from "../support/programs.ts";
import { makeReferenceKeys, referenceMissing, startReferenceServer } from "../support/reference.ts";
import { tempFolder } from "../support/temp-folder.ts";

let lab: Lab;
let path: string;
if (executablesMissing === null) {
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
    path = await lab.file("run.raw", 60_000_000);
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());
}

/** Sends to another address than the lab's own server. */
async function sendTo(
  address: string,
  args: readonly string[] = [],
): Promise<ProgramEnd & { seconds: number }> {
  const startedAt = performance.now();
  const end = await lab.dync(["-k", "a:b", "--server-key", serverKey(), ...args, address, path]);
  return { ...end, seconds: (performance.now() - startedAt) / 1000 };
}

const serverKey = (): string => `${lab.homes.client}/server.key`;

/** A program that takes connections and says nothing. */
async function blackHole(): Promise<{ port: number; connected: Promise<void> } & Disposable> {
  const connected = Promise.withResolvers<void>();
  const server: Server = createServer(() => connected.resolve());
  const port = await listening(server);
  return { port, connected: connected.promise, [Symbol.dispose]: () => void server.close() };
}

describe.skipIf(executablesMissing !== null)(
  `a server out of reach (${executablesMissing ?? "compiled"})`,
  () => {
    test("5: nothing listens, at once", async () => {
      const end = await sendTo(`127.0.0.1:${await freePort()}`);
      expect(end).toMatchObject({ code: 5, stderr: expect.stringContaining("Nothing listens at") });
      // One that does not answer is waited for ten.
      expect(end.seconds).toBeLessThan(9);
    });

    test("5: an unknown host", async () => {
      const end = await sendTo("no-such-host.invalid");
      expect(end).toMatchObject({
        code: 5,
        stderr: expect.stringContaining('There is no host named "no-such-host.invalid"'),
      });
    });

    test("5: something that takes the connection and says nothing", async () => {
      using hole = await blackHole();
      const end = await sendTo(`127.0.0.1:${hole.port}`);
      expect(end).toMatchObject({ code: 5, stderr: expect.stringContaining("did not answer in time") });
      expect(end.seconds).toBeLessThan(20);
    });

    test("5: nothing listens, and --retry-for ends", async () => {
      const end = await sendTo(`127.0.0.1:${await freePort()}`, ["--retry-for", "2s"]);
      expect(end).toMatchObject({ code: 5, stderr: expect.stringContaining("Nothing listens at") });
      expect(end.seconds).toBeLessThan(10);
    });

    test("5: the server is killed in mid-upload and stays away", async () => {
      await using doomed = await openLab();
      await using program = doomed.startSend(["-n", "orphan.raw", "--retry-for", "2s"], { stdin: "pipe" });
      write(program.child.stdin, new Uint8Array(1_000_000));
      await doomed.server.line(/"Upload started"/);
      await doomed.server.kill();
      expect((await program.ended()).code).toBe(5);
      doomed.expectNothingStored("orphan");
      await doomed.start();
      await doomed.expectAlive();
    });
  },
);

test.skipIf(executablesMissing !== null)(
  "a server with no room for another upload is asked again, more and more rarely, and then takes it",
  async () => {
    await using full = await openLab({ server: ["--max-uploads", "1"] });
    await using first = full.startSend(["-n", "first.raw"], { stdin: "pipe" });
    await full.server.line(/"Upload started".*first/);
    await using second = full.startSend(["--json", path]);
    await second.line(/"nextTrySeconds":[34]\b/);
    await (first.child.stdin as Bun.FileSink).end();
    expect((await first.ended()).code).toBe(0);
    expect((await second.ended()).code).toBe(0);
    await full.expectStored(path);
    expect(full.server.stderr.match(/"Upload refused".*429/g)?.length).toBeLessThan(8);
  },
);

describe.skipIf(executablesMissing !== null)(`Ctrl-C (${executablesMissing ?? "compiled"})`, () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`130: ${signal} in mid-upload, and the server is told`, async () => {
      await using program = lab.startSend(["-n", `${signal}.raw`], { stdin: "pipe" });
      write(program.child.stdin, new Uint8Array(1_000_000));
      await lab.server.line(new RegExp(`"Upload started".*${signal}`));
      program.signal(signal);
      expectInterrupted(await program.ended(5000), signal);
      await lab.server.line(new RegExp(`"Upload failed".*${signal}.*499`));
      lab.expectNothingStored(signal);
    });
  }

  test.skipIf(Bun.which("setsid") === null || Bun.which("bash") === null)(
    "ends a shell's loop, which would go on after a status (needs setsid and bash)",
    async () => {
      const send = `'${lab.programs.dync}' -k a:b -n "loop-$n.raw" 127.0.0.1:${lab.port}`;
      const script = `for n in 1 2; do echo "file $n"; sleep 60 | ${send}; done; echo "went on"`;
      const env = { DYNC_HOME: lab.homes.client };
      await using shell = startProgram(["setsid", "bash", "-c", script], { env });
      await lab.server.line(/"Upload started".*loop-1/);
      // As a terminal does it: to the shell and to everything that it started.
      process.kill(-shell.pid, "SIGINT");
      const { stdout, signal } = await shell.ended();
      expect({ stdout, signal }).toEqual({ stdout: "file 1\n", signal: "SIGINT" });
    },
  );

  test("130: while the server does not answer", async () => {
    await using stopped = await openLab({ inMemory: true });
    await using program = stopped.startSend([path]);
    await stopped.server.line(/"Upload started"/);
    stopped.server.signal("SIGSTOP");
    program.signal("SIGINT");
    expectInterrupted(await program.ended(5000));
    stopped.server.signal("SIGCONT");
    stopped.expectNothingStored("run");
    await stopped.expectAlive();
  });

  test("130: while the connection is being made", async () => {
    using hole = await blackHole();
    await using program = lab.startDync([
      "-k",
      "a:b",
      "--server-key",
      serverKey(),
      `127.0.0.1:${hole.port}`,
      path,
    ]);
    await hole.connected;
    program.signal("SIGINT");
    expectInterrupted(await program.ended(5000));
  });

  test("130: while it waits for the next try", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const args = ["--json", "-k", "a:b", "--server-key", serverKey(), "--retry-for", "1h", address, path];
    await using program = lab.startDync(args);
    await program.line(/Nothing listens/);
    program.signal("SIGINT");
    expectInterrupted(await program.ended(5000));
  });
});

describe.skipIf(executablesMissing !== null || referenceMissing !== null)(
  `a server that forgets (${executablesMissing ?? referenceMissing ?? "reference server"})`,
  () => {
    /** Sends a small file to a reference server that was told to misbehave. */
    async function sendToReference(serverArgs: readonly string[], clientArgs: readonly string[] = []) {
      await using folder = await tempFolder();
      const homes = await makeReferenceKeys(folder.path);
      const small = await lab.file("small.raw", 2_000_000);
      const data = folder.file("data");
      await using server = await startReferenceServer(homes.server, data, [
        "--chunk",
        "20000",
        ...serverArgs,
      ]);
      const args = [...clientArgs, "-k", "a:b", `127.0.0.1:${server.port}`, small];
      const end = await lab.dync(args, { env: { DYNC_HOME: homes.client } });
      return end;
    }

    for (const wire of [404, 429, 503]) {
      test(`it forgets the upload with ${wire}, over and over`, async () => {
        const end = await sendToReference(["--error-at", "0", String(wire)], ["--retry-for", "2s"]);
        expect([1, 5]).toContain(end.code as number);
        expect(end).toMatchObject({ stdout: "", stderr: expect.stringMatching(/^dync: error: .+$/m) });
      });
    }
  },
);

function write(stdin: unknown, bytes: Uint8Array): void {
  const sink = stdin as Bun.FileSink;
  sink.write(bytes);
  // The program may end before it has read everything: that is what is tested.
  Promise.resolve(sink.flush()).catch(() => {});
}

// By the signal itself, in which a shell sees status 130: after a status of its own a loop would go on.
function expectInterrupted(end: ProgramEnd, signal: NodeJS.Signals = "SIGINT"): void {
  expect({ code: end.code, signal: end.signal, stderr: end.stderr }).toEqual({
    code: null,
    signal,
    stderr: expect.stringMatching(/Interrupted|Cancelled/i),
  });
}
