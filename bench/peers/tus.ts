// Resumable uploads over plain HTTP (tus) with the reference packages of npm, both sides under node. No
// encryption and no checksums. The packages are no part of dync: they are installed here when first needed.

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runProgram, startProgram } from "../../test/support/programs.ts";
import { measureTransfer } from "../measure.ts";
import type { Peer } from "../peer.ts";

const installDeadlineMs = 180_000;

export const tusPeer: Peer = {
  name: "tus",
  note: "plain HTTP, no checksum",
  async missing() {
    if (Bun.which("node") === null || Bun.which("npm") === null) return "node and npm are not installed";
    if (existsSync(join(import.meta.dir, "node_modules/tus-js-client"))) return null;
    const command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    const end = await runProgram(command, { cwd: import.meta.dir }, installDeadlineMs);
    return end.code === 0 ? null : "npm could not install it";
  },
  async start({ source, folder }) {
    const data = join(folder, "data");
    await mkdir(data, { recursive: true });
    const server = startProgram(["node", join(import.meta.dir, "tus-server.mjs"), data]);
    const [, port] = await server.line(/listening on (\d+)/);
    return {
      async send(target) {
        const client = join(import.meta.dir, "tus-client.mjs");
        const command = ["node", client, `http://127.0.0.1:${port}/files`, source, target];
        return { ...(await measureTransfer(command, server)), path: join(data, target) };
      },
      async [Symbol.asyncDispose]() {
        await server.kill();
      },
    };
  },
};
