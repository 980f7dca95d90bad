// An upload that was stopped on a bad line, and given again with other metadata or another file, while the server still
// holds the first one's connection for alive. With the compiled programs.

import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { expectAftermath } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

const MiB = 1024 * 1024;

/** Passes everything on but the end of a client, as a network does from which a cable was pulled. */
async function startDeafProxy(targetPort: number) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = createConnection({ host: "127.0.0.1", port: targetPort });
    sockets.push(client, target);
    for (const socket of [client, target]) socket.on("error", () => {});
    client.on("data", (data) => void target.write(data));
    target.on("data", (data) => void (client.destroyed || client.write(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

describe.skipIf(executablesMissing !== null)(
  "an upload whose client is gone, which the server does not know,",
  () => {
    test.each(["metadata", "content"])("makes way for the same file with other %s", async (what) => {
      await using lab = await openLab({
        inMemory: true,
        server: ["--memory", "2MiB", "--chunk", "64KiB", "--window", "4"],
      });
      await using proxy = await startDeafProxy(lab.port);
      const path = await lab.file("again.raw", 64 * MiB);
      const to = ["-q", "--retry-for", "30s", `127.0.0.1:${proxy.port}`, path];
      await using first = lab.startDync([...to, "-k", "sample:wrong"]);
      await lab.server.line(/"Upload started".*again/);
      await first.kill();
      if (what === "content") await writeFile(path, "another content");
      const startedAt = performance.now();
      expect(await lab.dync([...to, "-k", "sample:S-17"])).toMatchObject({ code: 0, stderr: "" });
      expect(performance.now() - startedAt).toBeLessThan(20_000);
      await expectAftermath(lab, new Map([["again.raw", path]]));
    });
  },
);
