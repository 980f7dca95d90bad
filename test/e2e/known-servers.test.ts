// Servers that a client knows by their keys, with the compiled programs: a key that is set, and one that has changed.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { ipv6Missing } from "../support/loopback.ts";
import { lastingPort } from "../support/ports.ts";
import { startProgram } from "../support/programs.ts";

describe.skipIf(executablesMissing !== null)(`known servers (${executablesMissing ?? "compiled"})`, () => {
  test("a server that was trusted is sent to, and refused when its key has changed, until that is trusted", async () => {
    await using lab = await openLab({ inMemory: true });
    const { client, server } = lab.homes;
    const serverKey = join(server, "server.key");
    const at = `127.0.0.1:${lab.port}`;
    await rename(join(client, "server.key"), lab.folder.file("elsewhere.key"));
    const path = await lab.file("first.raw", 1000);
    const unknown = await lab.send([path]);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`dync trust ${at} server.key`),
    });
    const trusted = await lab.dync(["trust", at, serverKey]);
    expect(trusted).toMatchObject({ code: 0 });
    const [first] = /SHA256:\S+/.exec(trusted.stdout) ?? [];
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    const { stdout } = await lab.dync(["servers"]);
    expect(stdout).toStartWith(`${at}\n  Fingerprint:  ${first}\n`);
    expect(stdout).toMatch(/ {2}Reached last: \d{4}-\d\d-\d\d\n$/);

    // The server gets new keys. Nobody but its administrator can tell that from somebody who poses as it.
    await lab.server.stop();
    expect(await lab.dyncServer(["keygen", "--force"])).toMatchObject({ code: 0 });
    await lab.start();
    const second = await lab.file("second.raw", 1000);
    const refused = await lab.send([second]);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toContain(`The key of the server at ${at} has changed: on `);
    expect(refused.stderr).toContain(`it was ${first}, which`);
    expect(refused.stderr).toContain(`hint: it has new keys, or somebody is posing as it`);
    lab.expectNothingStored("second");

    const differs = await lab.dync(["trust", at, serverKey]);
    expect(differs.code).toBe(7);
    const fingerprints = differs.stderr.match(/SHA256:[^\s,]+/g) ?? [];
    expect(fingerprints).toHaveLength(2);
    expect(fingerprints[0]).toBe(first);
    const replaced = await lab.dync(["trust", "--replace", at, serverKey]);
    expect(replaced.code).toBe(0);
    expect(replaced.stdout).toContain(fingerprints[1] as string);
    expect(existsSync(/Old key: +(.*)/.exec(replaced.stdout)?.[1] as string)).toBe(true);
    expect(await lab.send([second])).toMatchObject({ code: 0 });
    await lab.expectStored(second);
  });

  test("a key that was replaced here and is not the server's is told with the one that was", async () => {
    await using lab = await openLab({ inMemory: true });
    const { client, server } = lab.homes;
    const path = await lab.file("first.raw", 1000);
    expect(await lab.send([path])).toMatchObject({ code: 0 });
    // Somebody put another file there.
    expect(await lab.dync(["keygen", "--folder", client, "-n", "server", "--force"])).toMatchObject({
      code: 0,
    });
    const { code, stderr } = await lab.send([path]);
    expect(code).toBe(7);
    const right = await lab.dync(["trust", `127.0.0.1:${lab.port}`, join(server, "server.key")]);
    const [fingerprint] = /SHA256:\S+/.exec(right.stdout) ?? [];
    expect(right.code).toBe(0);
    expect(stderr).toMatch(
      /does not hold the key that is expected of it \(SHA256:\S+\): on \d{4}-\d\d-\d\d it held SHA256:/,
    );
    expect(stderr).toContain(`it held ${fingerprint}\n`);
    expect(await lab.send(["-n", "again.raw", path])).toMatchObject({ code: 0 });
  });

  test.skipIf(ipv6Missing !== null)(
    `a server at an address of IPv6 is trusted, sent to, looked at and listed by it (${ipv6Missing ?? "::1"})`,
    async () => {
      await using lab = await openLab({ inMemory: true });
      const { server } = lab.homes;
      const data = lab.folder.file("data6");
      await mkdir(data);
      const port = await lastingPort();
      const args = ["run", "--data", data, "--bind", "::1", "--port", String(port), "--log-format", "json"];
      await lab.server.stop();
      await using program = startProgram([lab.programs.dyncServer, ...args], { env: { DYNC_HOME: server } });
      await program.line(/"message":\s*"Listening"/);
      const at = `[::1]:${port}`;
      expect(await lab.dync(["trust", at, join(server, "server.key")])).toMatchObject({ code: 0 });
      const path = await lab.file("six.raw", 1000);
      expect(await lab.dync(["-k", "sample:x", at, path])).toMatchObject({ code: 0 });
      expect(existsSync(join(data, "alice", "six.raw"))).toBe(true);
      const { code, stdout } = await lab.dync(["doctor", at]);
      expect(code).toBe(0);
      expect(stdout).toContain(`\nok     port       ${at} takes connections\n`);
      expect((await lab.dync(["servers"])).stdout).toStartWith(`${at}\n  Fingerprint:  SHA256:`);
    },
  );
});
