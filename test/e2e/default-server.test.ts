// `dync FILE` where a default server is named, with the compiled programs.

import { describe, expect, test } from "bun:test";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";
import { denoIsMissing, denoSystem } from "../support/systems.ts";

describe.skipIf(executablesMissing !== null)(`a default server (${executablesMissing ?? "compiled"})`, () => {
  test("an alias in client.toml says host, port and key, and DYNC_SERVER goes over the default", async () => {
    await using lab = await openLab({ inMemory: true });
    const home = lab.homes.client;
    await rename(join(home, "server.key"), join(home, "lab.key"));
    const toml = ['default_server = "lab"', "[servers.lab]", 'host = "127.0.0.1"', `port = ${lab.port}`];
    await writeFile(join(home, "client.toml"), [...toml, 'server_key = "lab.key"', ""].join("\n"));
    const send = (args: readonly string[], env = {}) => lab.dync(["-k", "sample:x", ...args], { env });

    const first = await lab.file("first.raw", 1000);
    expect(await send([first])).toMatchObject({ code: 0 });
    await lab.expectStored(first);
    const second = await lab.file("second.raw", 1000);
    expect(await send(["lab", second])).toMatchObject({ code: 0 });
    await lab.expectStored(second);
    // That host has no key here.
    const third = await send([second], { DYNC_SERVER: `localhost:${lab.port}` });
    expect(third.stderr).toContain("No key of the server localhost is known");
    expect(third.code).toBe(2);
  });

  test("metadata of client.toml go with what is sent, under what is said of it, and are judged by a check", async () => {
    await using lab = await openLab({ inMemory: true });
    const toml = [
      'default_server = "lab"',
      "[servers.lab]",
      'host = "127.0.0.1"',
      `port = ${lab.port}`,
      'metadata = { operator = "Meyer", room = 7 }',
    ];
    await writeFile(join(lab.homes.client, "client.toml"), toml.join("\n"));
    const first = await lab.file("first.raw", 10);
    expect(await lab.dync([first])).toMatchObject({ code: 0 });
    expect(await lab.metadata("first.raw")).toEqual({ operator: "Meyer", room: 7 });
    const second = await lab.file("second.raw", 10);
    expect(await lab.dync(["-k", "room:=8", "-k", "sample:x", "lab", second])).toMatchObject({ code: 0 });
    expect(await lab.metadata("second.raw")).toEqual({ operator: "Meyer", room: 8, sample: "x" });
    expect(await lab.dync(["check", "-k", "room:=8", "-k", "sample:x", second])).toMatchObject({ code: 0 });
    const third = await lab.file("third.raw", 10);
    const stdin = new Blob([`${JSON.stringify({ path: third, metadata: { room: "C" } })}\n`]);
    expect(await lab.dync(["--stdin-jobs", "lab"], { stdin })).toMatchObject({ code: 0 });
    expect(await lab.metadata("third.raw")).toEqual({ operator: "Meyer", room: "C" });
  });

  test.skipIf(denoIsMissing !== null)(
    `client.toml is read in Deno as well (${denoIsMissing ?? "Deno"})`,
    async () => {
      await using lab = await openLab({ inMemory: true });
      const home = lab.homes.client;
      await writeFile(join(home, "client.toml"), `default_server = "127.0.0.1:${lab.port}"\n`);
      const path = await lab.file("deno.raw", 1000);
      const command = denoSystem().command("dync", ["-k", "sample:x", path]);
      expect(await runProgram(command, { env: { DYNC_HOME: home } })).toMatchObject({ code: 0 });
      await lab.expectStored(path);
    },
  );
});
