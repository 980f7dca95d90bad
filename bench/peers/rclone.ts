// rclone's sftp backend over the throw-away sshd. No configuration file of rclone is read or written.

import { join } from "node:path";
import { measureTransfer } from "../measure.ts";
import type { Peer } from "../peer.ts";
import { sshMissing, startSshd } from "./sshd.ts";

export const rclonePeer: Peer = {
  name: "rclone",
  note: "rclone copyto, sftp",
  missing: async () => sshMissing("rclone"),
  async start({ source, folder }) {
    const sshd = await startSshd(folder);
    const options = [
      ["--sftp-host", "127.0.0.1"],
      ["--sftp-port", String(sshd.port)],
      ["--sftp-user", sshd.user],
      ["--sftp-key-file", sshd.keyFile],
      ["--sftp-known-hosts-file", sshd.knownHosts],
    ].flat();
    return {
      async send(target) {
        const path = join(folder, target);
        const command = ["rclone", "--config", "/dev/null", "copyto", ...options, source, `:sftp:${path}`];
        return { ...(await measureTransfer(command, sshd.program)), path };
      },
      [Symbol.asyncDispose]: () => sshd[Symbol.asyncDispose](),
    };
  },
};
