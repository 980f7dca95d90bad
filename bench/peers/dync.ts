// Our own compiled pair, built first when it is older than its sources. CURVE, SHA-256 on both sides.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executables, executablesMissing, makeKeys, startServer } from "../../test/support/executables.ts";
import { measureTransfer } from "../measure.ts";
import type { Peer } from "../peer.ts";

export const dyncPeer: Peer = dyncPeerWith("dync", []);

/** The pair with other arguments for the server: what the sweep compares. */
export function dyncPeerWith(name: string, serverArgs: readonly string[]): Peer {
  return dyncPeerOver(name, serverArgs, async (port) => ({ port, [Symbol.asyncDispose]: async () => {} }));
}

/** The same over a line: `lineTo` starts one to the port of the server, and says the port of its other end. */
export function dyncPeerOver(
  name: string,
  serverArgs: readonly string[],
  lineTo: (port: number) => Promise<AsyncDisposable & { readonly port: number }>,
): Peer {
  return {
    name,
    note: "CURVE, SHA-256 twice, fsync",
    async missing() {
      if (executablesMissing !== null) return executablesMissing;
      try {
        await executables();
        return null;
      } catch (error) {
        return `the build failed: ${String(error).split("\n")[0]}`;
      }
    },
    async start({ source, folder }) {
      const programs = await executables();
      await mkdir(folder, { recursive: true });
      const homes = await makeKeys(programs, folder);
      const data = join(folder, "data");
      await mkdir(data, { recursive: true });
      await writeFile(join(folder, "meta.json"), '{"sample":"benchmark"}');
      const server = await startServer(programs, homes.server, data, serverArgs);
      const line = await lineTo(server.port);
      const flags = ["-q", "-m", join(folder, "meta.json"), "-p", String(line.port)];
      return {
        async send(target) {
          const command = [programs.dync, ...flags, "-n", target, "127.0.0.1", source];
          const options = { env: { DYNC_HOME: homes.client } };
          const path = join(data, "alice", target);
          return { ...(await measureTransfer(command, server.program, options)), path };
        },
        async [Symbol.asyncDispose]() {
          await line[Symbol.asyncDispose]();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  };
}
