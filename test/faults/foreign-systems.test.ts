// The executables for Windows (under wine) and Linux arm64 (under qemu) with 100 MB, and with kills of either side in
// the middle: what was on disk is not sent again, and what arrives is what was sent. A Windows server meets heartbeats.

import { afterAll, describe, test } from "bun:test";
import { existsSync } from "node:fs";
import { startCrowd } from "../support/crowd.ts";
import { directions } from "../support/directions.ts";
import { openExchange } from "../support/exchange.ts";
import { because, ForeignSystems, reasonAgainst } from "../support/foreign-systems.ts";
import { referenceMissing } from "../support/reference.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { note } from "./note.ts";

const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;
const deadlineMs = 400_000;
const systems = new ForeignSystems();
afterAll(async () => await systems[Symbol.asyncDispose]());

describe("between systems", () => {
  for (const { client, server, title, isSkipped } of directions) {
    test.skipIf(isSkipped)(
      `100 MB, and kills of either side: ${title}`,
      async () => {
        await using folder = await tempFolder(memory);
        await using exchange = await openExchange({
          client: await systems.get(client),
          server: await systems.get(server),
          folder: folder.path,
        });
        const speed = await exchange.send("large.raw", 100_000_000);
        note(`${client} to ${server}`, { "MB/s": Math.round(speed) });
        await exchange.sendWithKill("client-killed.raw", 40_000_000, "client");
        await exchange.sendWithKill("server-killed.raw", 40_000_000, "server");
      },
      deadlineMs,
    );
  }

  const reason = reasonAgainst("windows-x64") ?? referenceMissing;
  test.skipIf(reason !== null)(
    `heartbeats of authorised clients do not end a Windows server${because(reason)}`,
    async () => {
      await using folder = await tempFolder(memory);
      await using exchange = await openExchange({
        client: await systems.get("here"),
        server: await systems.get("windows-x64"),
        folder: folder.path,
      });
      const home = exchange.clientHome;
      const server = { port: exchange.port, homes: { client: home }, user: async () => home };
      // libzmq as it comes aborts on Linux after about 400 of these clients.
      await using crowd = await startCrowd(server, "heartbeats", 20);
      await crowd.line(/^Round 30$/, deadlineMs / 2);
      await crowd.kill();
      await exchange.send("after-heartbeats.raw", 100_000);
    },
    deadlineMs,
  );
});
