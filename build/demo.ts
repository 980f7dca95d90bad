// `bun run demo`: the whole story on this machine in a few seconds, with the compiled executables and a folder of
// its own: keys, a server on a free port, one file with metadata, and what is stored then.

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildPrograms } from "./build.ts";

const fileBytes = 64 * 1024 * 1024;
const startMsMax = 20_000;

await demo();

async function demo(): Promise<void> {
  say("Building dync and dync-server for this machine");
  const programs = await buildPrograms();
  const folder = mkdtempSync(join(tmpdir(), "dync-demo-"));
  chmodSync(folder, 0o700);
  try {
    await tour(folder, programs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say("Done; everything of the demo is removed again");
}

async function tour(
  folder: string,
  programs: { readonly dync: string; readonly server: string },
): Promise<void> {
  const [lab, central, data] = ["lab", "central", "data"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(data);
  say("The server makes its keys");
  await run(programs.server, ["keygen"], { DYNC_HOME: central });
  say("The lab makes its keys; each side gets the other's public key");
  await run(programs.dync, ["keygen"], { DYNC_HOME: lab });
  mkdirSync(join(central, "clients"), { recursive: true });
  copyFileSync(join(lab, "client.key"), join(central, "clients", "microscope.key"));
  copyFileSync(join(central, "server.key"), join(lab, "server.key"));

  say("The server starts on a free port");
  const arguments_ = ["run", "--data", data, "--bind", "127.0.0.1", "--port", "0", "--log-format", "json"];
  const server = spawn(programs.server, arguments_, {
    env: { ...process.env, DYNC_HOME: central },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const ended = once(server, "exit");
  try {
    const port = await portOf(server.stderr);
    const file = join(folder, "run-042.raw");
    const metadataFile = join(folder, "run-042.json");
    writeFileSync(file, randomBytes(fileBytes));
    writeFileSync(metadataFile, JSON.stringify({ instrument: "Exploris 480", operator: "M. Curie" }));
    say(`The lab sends a file of ${fileBytes / 1024 / 1024} MiB with metadata`);
    const send = ["-m", metadataFile, "-k", "sample:QB-0815", "-p", String(port), "127.0.0.1", file];
    await run(programs.dync, send, { DYNC_HOME: lab });
    await show(join(data, "microscope"), createHash("sha256").update(readFileSync(file)).digest("hex"));
  } finally {
    server.kill("SIGTERM");
    await ended;
  }
}

async function show(folder: string, sha256: string): Promise<void> {
  say("What the server stored");
  await run("ls", ["-l", folder]);
  process.stdout.write(readFileSync(join(folder, "run-042.raw.meta.json"), "utf8"));
  say("Its checksum, checked by sha256sum");
  await run("sha256sum", ["-c", "run-042.raw.sha256"], {}, folder);
  if (
    !existsSync(join(folder, "run-042.raw")) ||
    !readFileSync(join(folder, "run-042.raw.sha256"), "utf8").includes(sha256)
  ) {
    throw new Error("The stored checksum is not that of the file that was sent");
  }
}

async function portOf(log: NodeJS.ReadableStream): Promise<number> {
  const lines = createInterface({ input: log });
  const timeout = setTimeout(() => lines.close(), startMsMax);
  for await (const line of lines) {
    process.stdout.write(`${line}\n`);
    const entry = JSON.parse(line) as { message?: string; port?: number };
    if (entry.message !== "Listening" || entry.port === undefined) continue;
    clearTimeout(timeout);
    log.on("data", (text) => process.stdout.write(text));
    return entry.port;
  }
  throw new Error("The server did not start");
}

async function run(
  command: string,
  arguments_: string[],
  environment: Record<string, string> = {},
  cwd?: string,
): Promise<void> {
  const child = spawn(command, arguments_, {
    env: { ...process.env, ...environment },
    stdio: "inherit",
    cwd,
  });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`${command} ${arguments_.join(" ")} ended with ${status}`);
}

function say(text: string): void {
  process.stdout.write(`\n== ${text}\n`);
}
