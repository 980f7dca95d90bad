// How a server starts, refuses to start, stops, and what it writes down: the compiled dync-server, as its steward
// runs it.

import { describe, expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { executables, executablesMissing, makeKeys } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { listening } from "../support/ports.ts";
import { type ProgramEnd, type ProgramOptions, runProgram, startProgram } from "../support/programs.ts";
import { injectCommand, straceMissing } from "../support/system-calls.ts";
import { tempFolder } from "../support/temp-folder.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65534;

interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

describe.skipIf(executablesMissing !== null)(
  `starting a server (${executablesMissing ?? "compiled"})`,
  () => {
    /** Runs it in a folder with keys until it ends by itself. */
    async function runServer(
      args: (folder: string) => readonly string[],
      prepare: (folder: string) => Promise<unknown> = async () => {},
      wrap: (folder: string) => readonly string[] = () => [],
      address = "127.0.0.1",
    ): Promise<ProgramEnd> {
      await using folder = await tempFolder();
      const programs = await executables();
      const homes = await makeKeys(programs, folder.path);
      await mkdir(folder.file("data"));
      await prepare(folder.path);
      const command = [programs.dyncServer, "run", "--bind", address, ...args(folder.path)];
      const options: ProgramOptions = { env: { DYNC_HOME: homes.server, TMPDIR: folder.path } };
      return await runProgram([...wrap(folder.path), ...command], options);
    }

    function expectRefusal(end: ProgramEnd, message: RegExp, hint?: RegExp, code = 2): void {
      expect({ code: end.code, stderr: end.stderr }).toEqual({
        code,
        stderr: expect.stringMatching(message),
      });
      const lines = end.stderr.split("\n").filter((line) => line.startsWith("dync-server: "));
      expect(lines[0]).toMatch(/^dync-server: error: /);
      if (hint) expect(lines[1]).toMatch(hint);
      expect(end.stdout).toBe("");
    }

    // What may pass is no status 2, behind which systemd does not try again.
    test("5: a port that is in use", async () => {
      const other = createServer();
      const port = await listening(other);
      try {
        const end = await runServer((it) => ["--data", `${it}/data`, "--port", String(port)]);
        expectRefusal(end, new RegExp(`error: .*${port}.*`), undefined, 5);
        expect(end.stderr).toMatch(/in use|use already|uses/);
      } finally {
        other.close();
      }
    });

    test("5: an address that is not this machine's, or not yet; 2: what is none", async () => {
      const withBind = (address: string) =>
        runServer((it) => ["--data", `${it}/data`, "--port", "0"], undefined, undefined, address);
      expectRefusal(await withBind("192.0.2.1"), /192\.0\.2\.1 is not an address/, undefined, 5);
      expectRefusal(await withBind("nonsense"), /nonsense is not an address/);
      expectRefusal(await withBind("192.0.2"), /needs an address of this machine, found "192\.0\.2"/);
    });

    test.skipIf(straceMissing !== null)("5: no inodes for its folders", async () => {
      const under = (folder: string) => injectCommand("mkdir,mkdirat:error=ENOSPC", `${folder}/strace.log`);
      const end = await runServer((it) => ["--data", `${it}/data`, "--port", "0"], undefined, under);
      expect({ code: end.code, stderr: end.stderr }).toEqual({
        code: 5,
        stderr: expect.stringContaining("ENOSPC"),
      });
      expect(end.stderr).not.toContain("bug");
    });

    test("2: a data folder that is not there", async () => {
      expectRefusal(
        await runServer((it) => ["--data", `${it}/gone`, "--port", "0"]),
        /error: .*gone/,
        /hint: .*mkdir/,
      );
    });

    test("2: a data folder that is a file", async () => {
      const prepare = (it: string) => writeFile(`${it}/plain`, "");
      expectRefusal(
        await runServer((it) => ["--data", `${it}/plain`, "--port", "0"], prepare),
        /error: .*plain/,
      );
    });

    test("2: a data folder that cannot be written", async () => {
      const prepare = async (it: string) => {
        await chmod(`${it}/data`, 0o555);
        await chmod(it, 0o755);
        if (isRoot) await runProgram(["chown", "-R", `${nobody}:${nobody}`, it]);
      };
      const asNobody = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
      const wrap = () => (isRoot ? asNobody : []);
      const end = await runServer((it) => ["--data", `${it}/data`, "--port", "0"], prepare, wrap);
      expectRefusal(end, /error: .*data.*(writ|permission)/i);
    });

    test("2: no keys yet, and which command makes them", async () => {
      const prepare = (it: string) => rm(`${it}/server-home/server.key_secret`);
      const end = await runServer((it) => ["--data", `${it}/data`, "--port", "0"], prepare);
      expectRefusal(end, /There is no secret key .*server\.key_secret/, /dync-server keygen/);
    });

    test("2: a secret key that others can read, and the command that mends it", async () => {
      const prepare = (it: string) => chmod(`${it}/server-home/server.key_secret`, 0o640);
      const end = await runServer((it) => ["--data", `${it}/data`, "--port", "0"], prepare);
      expectRefusal(end, /server\.key_secret/, /chmod 600/);
    });

    test("5: a data folder that another server uses, which may be about to stop", async () => {
      await using lab = await openLab();
      const end = await lab.dyncServer(["--data", lab.data, "--bind", "127.0.0.1", "--port", "0"]);
      expectRefusal(end, /another/i, undefined, 5);
      await lab.expectAlive();
    });

    test("no client is authorised yet: it runs, and says where their keys go", async () => {
      await using folder = await tempFolder();
      const programs = await executables();
      const env = { DYNC_HOME: folder.file("home") };
      await runProgram([programs.dyncServer, "keygen"], { env });
      await mkdir(folder.file("data"));
      const args = ["--data", folder.file("data"), "--bind", "127.0.0.1", "--port", "0"];
      await using server = startProgram([programs.dyncServer, ...args], { env });
      await server.line(/No client is authorised yet.*home\/clients/);
      await server.line(/Listening/);
    });
  },
);

describe.skipIf(executablesMissing !== null)(
  `stopping a server (${executablesMissing ?? "compiled"})`,
  () => {
    const ends = [
      ["SIGTERM", "status 0", { code: 0, signal: null }],
      ["SIGINT", "the signal itself, so that a shell's loop ends as well", { code: null, signal: "SIGINT" }],
    ] as const;
    for (const [signal, by, expected] of ends) {
      test(`${signal} ends it by ${by}`, async () => {
        await using lab = await openLab();
        await lab.expectAlive();
        lab.server.signal(signal);
        const end = await lab.server.ended(5000);
        expect({ code: end.code, signal: end.signal }).toEqual(expected);
        expect(logOf(end.stderr).map(({ message }) => message)).toContain("Stopping");
      });
    }

    test("an upload under way keeps its bytes, and goes on when the server is back", async () => {
      await using lab = await openLab({ inMemory: true });
      const path = await lab.file("interrupted.raw", 150_000_000);
      await utimes(path, 1_000_000_000, 1_234_567_890.5);
      await using program = lab.startSend([path]);
      await lab.server.line(/"Upload started"/);
      const stopped = await lab.server.stop();
      expect(stopped.code).toBe(0);
      expect(stopped.stderr).toMatch(/"Upload suspended".*503/);
      lab.expectNothingStored("interrupted");
      await lab.start();
      expect((await program.ended()).code).toBe(0);
      await lab.server.line(/"Upload resumed".*interrupted\.raw/);
      await lab.expectStored(path);
      // What the client said before the restart is still known.
      expect((await stat(lab.stored("interrupted.raw"))).mtimeMs).toBe(1_234_567_890_500);
    });
  },
);

describe.skipIf(executablesMissing !== null)(`the log (${executablesMissing ?? "compiled"})`, () => {
  test("tells of start, end with size and rate, and refusals with their reason, as JSON lines", async () => {
    await using lab = await openLab();
    const path = await lab.file("logged.raw", 3_000_000);
    await lab.send([path]);
    await lab.send([path]);
    await rm(lab.homes.client, { recursive: true });
    await lab.dync(["keygen"]);
    await copyFile(`${lab.homes.server}/server.key`, `${lab.homes.client}/server.key`);
    await lab.send([path]);
    const lines = logOf((await lab.server.stop()).stderr);
    for (const line of lines) {
      expect(new Date(line.time).toISOString()).toBe(line.time);
      expect(["debug", "info", "warn", "error"]).toContain(line.level);
    }
    const find = (message: string) => lines.find((line) => line.message === message);
    const whose = { user: "alice", name: "logged.raw" };
    expect(find("Listening")).toMatchObject({ address: "127.0.0.1", port: lab.port });
    expect(find("Upload started")).toMatchObject({ level: "info", ...whose, size: 3_000_000 });
    expect(find("Upload finished")).toMatchObject({
      level: "info",
      ...whose,
      upload: expect.stringMatching(/^[0-9a-f]{32}$/),
      path: lab.stored("logged.raw"),
      sha256: new Bun.CryptoHasher("sha256").update(await readFile(path)).digest("hex"),
      size: 3_000_000,
      seconds: expect.any(Number),
      rate: expect.any(Number),
    });
    expect(find("Upload refused")).toMatchObject({
      level: "warn",
      ...whose,
      code: 409,
      reason: expect.any(String),
    });
    expect(find("Key refused")).toMatchObject({
      level: "warn",
      address: "127.0.0.1",
      key: expect.any(String),
    });
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("is a line of text for people", async () => {
    await using lab = await openLab();
    await using other = await tempFolder();
    await mkdir(other.file("data"));
    const command = [
      lab.programs.dyncServer,
      "--data",
      other.file("data"),
      "--bind",
      "127.0.0.1",
      "--port",
      "0",
    ];
    await using server = startProgram(command, { env: { DYNC_HOME: lab.homes.server } });
    const [line] = await server.line(/Listening/).then((match) => [match.input ?? ""]);
    expect(line).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info {2}Listening address=127\.0\.0\.1 port=\d+ key=/,
    );
  });
});

const noSystemd = executablesMissing ?? (Bun.which("python3") === null ? "python3 is missing" : null);

describe.skipIf(noSystemd !== null || process.platform !== "linux")(
  `a service manager (${noSystemd ?? "python3"})`,
  () => {
    test.skipIf(Bun.which("systemd-notify") === null)(
      "that waits for it is told when uploads are taken (systemd-notify)",
      async () => {
        await using folder = await tempFolder();
        const socket = folder.file("notify");
        const listen = `import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(${JSON.stringify(socket)}); print("bound", flush=True)
while True:
    data, rest, _, _ = s.recvmsg(4096, 4096); print("told", data, flush=True)`;
        await using manager = startProgram(["/usr/bin/python3", "-c", listen]);
        await manager.line(/^bound/);
        await using lab = await openLab({ inMemory: true, start: { env: { NOTIFY_SOCKET: socket } } });
        await manager.line(/^told .*READY=1/);
        expect(lab.server.running).toBe(true);
      },
    );

    test("that cannot be told is an error in the log, and the server does its work", async () => {
      await using lab = await openLab({
        inMemory: true,
        start: { env: { NOTIFY_SOCKET: "/nowhere", PATH: "/nowhere" } },
      });
      await lab.server.line(/"error".*"systemd was not told that the server is ready"/);
      expect(await lab.send([await lab.file("all-the-same.raw", 10)])).toMatchObject({ code: 0 });
    });
  },
);

function logOf(stderr: string): readonly LogLine[] {
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as LogLine);
}
