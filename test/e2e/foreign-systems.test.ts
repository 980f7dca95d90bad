// The executables for other systems send and receive for real: Windows under wine, Linux arm64 under qemu, each with
// the executable of this machine at the other end, and two Windows executables with each other. Keys are made by
// the programs of each system; a key that the server does not know is refused, and the user whom a file is stored
// under is the one whose key sent it, as everywhere.
// Large files and kills are in test/faults/foreign-systems.test.ts.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { stageLibrary } from "../../build/stage.ts";
import packageJson from "../../package.json" with { type: "json" };
import { directions } from "../support/directions.ts";
import { openExchange } from "../support/exchange.ts";
import { because, ForeignSystems, reasonAgainst } from "../support/foreign-systems.ts";
import { runProgram } from "../support/programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

const deadlineMs = 180_000;
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;
const systems = new ForeignSystems();
afterAll(async () => await systems[Symbol.asyncDispose]());

describe("between systems", () => {
  for (const { client, server, title, isSkipped, isEmulated } of directions) {
    test.skipIf(isSkipped)(
      `a file goes ${title}`,
      async () => {
        await using folder = await tempFolder(memory);
        await using exchange = await openExchange({
          client: await systems.get(client),
          server: await systems.get(server),
          folder: folder.path,
        });
        await exchange.send("run.raw", isEmulated ? 3_000_000 : 100_000_000);
        await exchange.expectUsersApart();
      },
      deadlineMs,
    );
  }

  for (const name of ["windows-x64", "linux-arm64"] as const) {
    const reason = reasonAgainst(name);
    test.skipIf(reason !== null)(
      `--version on ${name} names version, target and libzmq${because(reason)}`,
      async () => {
        const system = await systems.get(name);
        for (const program of ["dync", "dync-server"] as const) {
          const command = system.command(program, ["--version"]);
          const { code, stdout } = await runProgram(command, { env: system.environment }, deadlineMs);
          expect(code).toBe(0);
          expect(stdout.trim()).toStartWith(`${program} ${packageJson.version} (`);
          expect(stdout.trim()).toEndWith(`, ${name}, libzmq ${stageLibrary(name).version})`);
        }
      },
      deadlineMs,
    );
  }
});
