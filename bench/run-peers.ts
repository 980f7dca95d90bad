// What sends a folder as a whole, for `bun bench/bench.ts --runs`: our pair, and what a user would pick instead.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { executables, executablesMissing, makeKeys, startServer } from "../test/support/executables.ts";
import { measureTransfer } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { type Sshd, sshMissing, startSshd } from "./peers/sshd.ts";

/** Our pair: one dataset, published as a folder; durable when the client ends. */
export const dyncDatasetPeer: Peer = dyncPeer("dync", "a dataset, durable", ["--dataset"]);

/** Our pair with one file: what a dataset is compared with. */
export const dyncFilePeer: Peer = dyncPeer("dync, one file", "durable", []);

function dyncPeer(name: string, note: string, flags: readonly string[]): Peer {
  return {
    name,
    note,
    missing: async () => executablesMissing,
    async start({ source, folder }) {
      const programs = await executables();
      const homes = await makeKeys(programs, folder);
      const data = join(folder, "data");
      await mkdir(data);
      const server = await startServer(programs, homes.server, data, []);
      return {
        async send(target) {
          const options = ["-q", "-k", "sample:benchmark", "-p", String(server.port), "-n", target, ...flags];
          const command = [programs.dync, "send", ...options, "127.0.0.1", source];
          const transfer = await measureTransfer(command, server.program, {
            env: { DYNC_HOME: homes.client },
          });
          return { ...transfer, path: join(data, "alice", target) };
        },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  };
}

/** What goes over the benchmark's own sshd. `command` sends `source` to `path` there. */
function sshPeer(
  name: string,
  note: string,
  tool: string,
  command: (sshd: Sshd, source: string, path: string) => readonly string[],
): Peer {
  return {
    name,
    note,
    missing: async () => sshMissing(tool),
    async start({ source, folder }) {
      const sshd = await startSshd(folder);
      return {
        async send(target) {
          const path = join(folder, target);
          return { ...(await measureTransfer(command(sshd, source, path), sshd.program)), path };
        },
        [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose](),
      };
    },
  };
}

function rsync(name: string, note: string, flags: readonly string[]): Peer {
  return sshPeer(name, note, "rsync", ({ clientConfig }, source, path) => {
    return ["rsync", "-a", ...flags, "-e", `ssh -F ${clientConfig}`, `${source}/`, `bench:${path}`];
  });
}

export const folderPeers: readonly Peer[] = [
  dyncDatasetPeer,
  sshPeer("scp -r", "not durable", "scp", ({ clientConfig }, source, path) => {
    return ["scp", "-q", "-r", "-F", clientConfig, source, `bench:${path}`];
  }),
  rsync("rsync -a", "not durable", []),
  rsync("rsync -a --fsync", "durable", ["--fsync"]),
  sshPeer("tar | ssh tar, sync", "durable", "tar", ({ clientConfig }, source, path) => {
    const there = `mkdir ${path} && tar -x -C ${path} && sync`;
    return ["bash", "-c", `set -o pipefail; tar -c -C ${source} . | ssh -F ${clientConfig} bench '${there}'`];
  }),
];
