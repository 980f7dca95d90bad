// rsync over the throw-away sshd.

import { join } from "node:path";
import { measureTransfer } from "../measure.ts";
import type { Peer } from "../peer.ts";
import { sshMissing, startSshd } from "./sshd.ts";

export const rsyncPeer: Peer = {
  name: "rsync",
  note: "rsync -e ssh",
  missing: async () => sshMissing("rsync"),
  async start({ source, folder }) {
    const sshd = await startSshd(folder);
    return {
      async send(target) {
        const path = join(folder, target);
        const command = ["rsync", "-e", `ssh -F ${sshd.clientConfig}`, source, `bench:${path}`];
        return { ...(await measureTransfer(command, sshd.program)), path };
      },
      [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose](),
    };
  },
};
