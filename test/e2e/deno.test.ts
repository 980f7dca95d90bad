// Both programs run from the sources in Deno, and speak with the compiled ones.

import { beforeAll, describe, expect, test } from "bun:test";
import packageJson from "../../package.json" with { type: "json" };
import { openExchange } from "../support/exchange.ts";
import { executablesMissing } from "../support/executables.ts";
import { runProgram } from "../support/programs.ts";
import { denoIsMissing, denoSystem, type System, thisSystem } from "../support/systems.ts";
import { tempFolder } from "../support/temp-folder.ts";

const fileBytes = 20_000_000;
const deadlineMs = 120_000;
const reason = denoIsMissing ?? executablesMissing;

describe.skipIf(reason !== null)(`in Deno${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  let compiled: System;
  const deno = denoSystem();
  beforeAll(async () => {
    compiled = await thisSystem();
  }, deadlineMs);

  test("both programs tell their version", async () => {
    for (const program of ["dync", "dync-server"] as const) {
      const { code, stdout } = await runProgram(deno.command(program, ["--version"]));
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining(`${program} ${packageJson.version} (development, `),
      });
    }
  });

  for (const [from, to] of [
    ["Deno", "compiled"],
    ["compiled", "Deno"],
    ["Deno", "Deno"],
  ] as const) {
    const system = (name: string): System => (name === "Deno" ? deno : compiled);

    test(
      `keys are made, a file and a folder are sent, and one goes on after kills of either side: ${from} client, ${to} server`,
      async () => {
        await using folder = await tempFolder();
        await using exchange = await openExchange({
          client: system(from),
          server: system(to),
          folder: folder.path,
        });
        await exchange.send("run.raw", fileBytes);
        const inside = { "b 測.raw": new Uint8Array(300_000), none: {} };
        await exchange.sendFolder("run", { "a.raw": "a", sub: inside });
        await exchange.sendWithKill("client-killed.raw", fileBytes, "client");
        await exchange.sendWithKill("server-killed.raw", fileBytes, "server");
      },
      deadlineMs,
    );
  }

  test(
    "a stream is sent, and the server ends cleanly when it is told to",
    async () => {
      await using folder = await tempFolder();
      await using exchange = await openExchange({ client: deno, server: deno, folder: folder.path });
      await using program = exchange.startStream("stream.raw", new Blob(["measured"]));
      expect(await program.ended()).toMatchObject({ code: 0 });
      exchange.server.signal("SIGTERM");
      expect(await exchange.server.ended()).toMatchObject({ code: 0 });
    },
    deadlineMs,
  );
});
