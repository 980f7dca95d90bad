// The reference pair with pyzmq: the protocol of dync in plain Python, with the original's chunks of 120 KiB
// and windows of 200. Encrypted, SHA-256 on both sides, as dync.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  makeReferenceKeys,
  referenceClientCommand,
  referenceMissing,
  startReferenceServer,
} from "../../test/support/reference.ts";
import { measureTransfer } from "../measure.ts";
import type { Peer } from "../peer.ts";

export const pyzmqPeer: Peer = {
  name: "pyzmq",
  note: "reference pair, CURVE, SHA-256 twice",
  missing: async () => referenceMissing,
  async start({ source, folder }) {
    await mkdir(folder, { recursive: true });
    const homes = await makeReferenceKeys(folder);
    const metadata = join(folder, "meta.json");
    await writeFile(metadata, '{"sample":"benchmark"}');
    const server = await startReferenceServer(homes.server, join(folder, "data"));
    return {
      async send(target) {
        const args = ["-m", metadata, "-n", target];
        const command = referenceClientCommand(homes.client, server.port, source, args);
        const path = join(folder, "data", "alice", target);
        return { ...(await measureTransfer(command, server.program)), path };
      },
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};
