// Sends a folder while it is written, with the client's own code and a follower of the tests: a program of its own, so that it can be killed.
// Arguments: DYNC_HOME, port of the server, folder, name on the server. Prints what it is told, the receipt, and how many bytes it read in all.

import { readFile } from "node:fs/promises";
import { systemClock } from "../../../src/base/clock.ts";
import { DyncError, errorFields } from "../../../src/base/error.ts";
import { Client } from "../../../src/client/client.ts";
import type { Job } from "../../../src/client/job.ts";
import { openZmqTransport } from "../../../src/transport/zmq/zmq-transport.ts";
import { TreeFollower } from "./tree-follower.ts";

const [home, port, path, name] = process.argv.slice(2) as [string, string, string, string];
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort(new DyncError("cancelled", "Stopped")));

await using client = new Client({
  home,
  name: "test",
  openTransport: async () => await openZmqTransport({ clock: systemClock }),
  clock: systemClock,
  random: Math.random,
  writeAll: async () => false,
  openFeed: async (run, steps) => new TreeFollower(run, steps, (stored) => say({ stored })),
});
const selection = { include: [], exclude: [], links: "skip", all: false } as const;
const job: Job = {
  host: "127.0.0.1",
  port: Number(port),
  serverKeyFile: null,
  origin: { kind: "live", path, selection, follow: "" },
  name: `${name}.tar`,
  metadataText: '{"sample":"S-17"}',
  unpack: "tar",
};
await client
  .send(
    [job],
    { retryForMs: 60_000, retryFirst: true },
    {
      started: () => ({
        onProgress: () => {},
        onNote: (note) => say({ note }),
        onWarning: (warning) => say({ warning }),
        onConfirmed: async (receipt) => say({ receipt }),
        onFailed: (error) => say({ failed: error instanceof DyncError ? errorFields(error) : String(error) }),
      }),
    },
    stop.signal,
  )
  .catch((error: unknown) => say({ stopped: String(error) }));
const io = await readFile("/proc/self/io", "utf8").catch(() => "");
say({ readBytes: Number(/^rchar: (\d+)$/m.exec(io)?.[1] ?? 0) });
