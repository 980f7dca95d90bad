// scp over the throw-away sshd: what most people would use. One peer for each cipher.

import { join } from "node:path";
import { measureTransfer } from "../measure.ts";
import type { Peer } from "../peer.ts";
import { sshMissing, startSshd } from "./sshd.ts";

/** `cipher` null: what ssh chooses by itself. */
export function scpPeer(name: string, cipher: string | null): Peer {
  return {
    name,
    note: cipher ?? "ssh's default cipher",
    missing: async () => sshMissing("scp"),
    async start({ source, folder }) {
      const sshd = await startSshd(folder);
      const command = ["scp", "-q", "-F", sshd.clientConfig, ...(cipher === null ? [] : ["-c", cipher])];
      return {
        async send(target) {
          const path = join(folder, target);
          return { ...(await measureTransfer([...command, source, `bench:${path}`], sshd.program)), path };
        },
        [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose](),
      };
    },
  };
}
