// The executables for other systems send and receive for real: Windows under wine, Linux arm64 under qemu, each with
// the executable of this machine at the other end, and two Windows executables with each other. The user whom
// a file is stored under is the one whose key sent it, as everywhere.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildExecutable } from "../../build/release.ts";
import { programs, type ReleaseTarget } from "../../build/targets.ts";
import { type Executables, executables, makeKeys } from "../support/executables.ts";
import { type Program, runProgram, startProgram } from "../support/programs.ts";
import { qemuCommand, qemuIsMissing } from "../support/qemu.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { Wine, wineIsMissing } from "../support/wine.ts";

/** Large enough for many windows of credit. */
const fileBytes = 100_000_000;
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;
const library = join(import.meta.dir, "../../build/cache/libzmq.dll");
const deadlineMs = 180_000;

/** How programs of one system are started here, and how they name files. */
interface System {
  readonly executables: Executables;
  command(executable: string, args: readonly string[]): string[];
  path(path: string): string;
  readonly environment: Readonly<Record<string, string>>;
}

const cases = [
  { client: "windows-x64", server: "here" },
  { client: "here", server: "windows-x64" },
  { client: "windows-x64", server: "windows-x64" },
  { client: "linux-arm64", server: "here" },
  { client: "here", server: "linux-arm64" },
] as const;

const reasons = {
  here: null,
  "windows-x64": wineIsMissing ?? (existsSync(library) ? null : "build/libzmq-windows.sh has not been run"),
  "linux-arm64": qemuIsMissing,
};

describe("between systems", () => {
  const systems = new Map<string, System>();
  let folder: TempFolder | null = null;
  let wine: Wine | null = null;

  beforeAll(async () => {
    folder = await tempFolder(memory);
    const here = await executables();
    systems.set("here", {
      executables: here,
      command: (file, args) => [file, ...args],
      path: same,
      environment: {},
    });
    if (reasons["windows-x64"] === null) {
      wine = await Wine.start();
      systems.set("windows-x64", await windows(wine, folder));
    }
    if (reasons["linux-arm64"] === null) {
      const built = await build("linux-arm64", folder.file("linux-arm64"));
      systems.set("linux-arm64", { executables: built, command: qemuCommand, path: same, environment: {} });
    }
  }, deadlineMs);

  afterAll(async () => {
    await wine?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  for (const { client, server } of cases) {
    const reason = reasons[client] ?? reasons[server];
    test.skipIf(reason !== null)(
      `a file goes from ${client} to ${server}${reason === null ? "" : ` (skipped: ${reason})`}`,
      async () => {
        const [from, to] = [systems.get(client), systems.get(server)];
        if (folder === null || from === undefined || to === undefined) throw new Error("not set up");
        const place = folder.file(`${client}-${server}`);
        await mkdir(join(place, "data"), { recursive: true });
        await sendBetween(from, to, place);
        await rm(place, { recursive: true });
      },
      deadlineMs,
    );
  }
});

async function sendBetween(from: System, to: System, place: string): Promise<void> {
  const homes = await makeKeys(await executables(), place);
  const source = join(place, "run.raw");
  await Bun.write(source, crypto.getRandomValues(new Uint8Array(65_536)));
  expect(await runProgram(["truncate", "-s", String(fileBytes), source])).toMatchObject({ code: 0 });
  const data = to.path(join(place, "data"));
  const serverArgs = ["run", "--data", data, "--bind", "127.0.0.1", "--port", "0", "--log-format", "json"];
  await using server: Program = startProgram(to.command(to.executables.dyncServer, serverArgs), {
    env: { ...to.environment, DYNC_HOME: to.path(homes.server) },
  });
  const listening = await server.line(/"message":\s*"Listening"/);
  const { port } = JSON.parse(listening.input ?? "") as { port: number };
  const args = ["--json", "-k", "sample:S-17", `127.0.0.1:${port}`, from.path(source)];
  const end = await runProgram(
    from.command(from.executables.dync, args),
    { env: { ...from.environment, DYNC_HOME: from.path(homes.client) } },
    deadlineMs,
  );
  expect(end).toMatchObject({ code: 0 });
  const stored = join(place, "data", "alice", "run.raw");
  expect(await runProgram(["cmp", source, stored])).toMatchObject({ code: 0, stdout: "" });
  expect(await Bun.file(`${stored}.meta.json`).json()).toMatchObject({ sample: "S-17" });
  expect(existsSync(`${stored}.sha256`)).toBe(true);
}

async function windows(wine: Wine, folder: TempFolder): Promise<System> {
  const place = folder.file("windows-x64");
  const built = await build("windows-x64", place);
  wine.prepare(place);
  return {
    executables: built,
    command: (executable, args) => ["wine", executable, ...args],
    path: (path) => wine.path(path),
    environment: wine.environment,
  };
}

async function build(target: ReleaseTarget, place: string): Promise<Executables> {
  await mkdir(place, { recursive: true });
  const [dync = "", dyncServer = ""] = await Promise.all(
    programs.map((program) => buildExecutable(program, target, place)),
  );
  return { dync, dyncServer };
}

function same(path: string): string {
  return path;
}
