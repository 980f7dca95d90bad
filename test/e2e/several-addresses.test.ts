// A server with several addresses, with the compiled programs: the same server behind two proxies, of which one breaks down.

import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectDocumented } from "../support/documented-lines.ts";
import { executablesMissing } from "../support/executables.ts";
import { type FaultyProxy, startFaultyProxy } from "../support/faulty-proxy.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { until } from "../support/network-runs.ts";
import { freePort } from "../support/ports.ts";
import { jsonLines } from "../support/programs.ts";

const MiB = 1024 * 1024;
const size = 6 * MiB;
const half = 2 * MiB;
// So slow that there is time to break it.
const slow = { up: { bytesPerSecond: 32 * MiB } };
// A name for what is frozen: it takes connections, and nothing passes.
const frozen = { up: { stallAfter: 0 }, down: { stallAfter: 0 } };

interface World {
  readonly lab: Lab;
  readonly one: FaultyProxy;
  readonly other: FaultyProxy;
  /** Both addresses, as they are written. */
  readonly both: string;
}

async function withTwo(attack: (world: World) => Promise<void>): Promise<void> {
  await using lab = await openLab({ inMemory: true });
  await using one = await startFaultyProxy({ targetPort: lab.port, faults: slow });
  await using other = await startFaultyProxy({ targetPort: lab.port });
  await attack({ lab, one, other, both: `127.0.0.1:${one.port},127.0.0.1:${other.port}` });
}

function breakDown(proxy: FaultyProxy): void {
  proxy.faults = { refuse: true };
  proxy.cut();
}

const portOf = (address: string): number => Number(address.split(":")[1]);

const metadata = ["-k", "sample:S-17"];

describe.skipIf(executablesMissing !== null)(
  `several addresses (${executablesMissing ?? "compiled"})`,
  () => {
    test("an upload goes on at the other one when the first breaks down, from where it was", async () => {
      await withTwo(async ({ lab, one, other, both }) => {
        const path = await lab.file("run.raw", size);
        await using sending = lab.startDync([...metadata, both, path]);
        await until(() => one.counters.bytes.up > half, sending);
        expect(other.counters.connections).toBe(0);
        breakDown(one);
        expect(await sending.ended()).toMatchObject({ code: 0 });
        await lab.expectStored(path);
        expect(other.counters.connections).toBe(1);
        expect(other.counters.bytes.up).toBeLessThan(size - half / 2);
      });
    });

    test("one that is frozen costs some seconds, once", async () => {
      await withTwo(async ({ lab, one, other, both }) => {
        one.faults = frozen;
        const files = await Promise.all(["a.raw", "b.raw", "c.raw"].map((name) => lab.file(name, name)));
        const since = performance.now();
        expect(await lab.dync([...metadata, "-q", "--jobs", "1", both, ...files])).toMatchObject({
          code: 0,
          stderr: "",
        });
        // The usual time for a handshake is ten.
        expect(performance.now() - since).toBeLessThan(9_000);
        for (const file of files) await lab.expectStored(file);
        expect([one.counters.connections, other.counters.connections > 0]).toEqual([1, true]);
      });
    });

    test("an upload that froze goes on at the other one", async () => {
      await withTwo(async ({ lab, one, other, both }) => {
        const path = await lab.file("run.raw", size);
        await using sending = lab.startDync([...metadata, both, path]);
        await until(() => one.counters.bytes.up > half, sending);
        one.faults = frozen;
        expect(await sending.ended(110_000)).toMatchObject({ code: 0 });
        await lab.expectStored(path);
        expect(other.counters.bytes.up).toBeLessThan(size - half / 2);
      });
    });

    test("those that refuse cost nothing, and DYNC_SERVER and client.toml name them as well", async () => {
      await withTwo(async ({ lab, other }) => {
        const dead = await freePort();
        const DYNC_SERVER = `127.0.0.1:${dead},localhost:${await freePort()},127.0.0.1:${other.port}`;
        const path = await lab.file("run.raw", "data");
        expect(await lab.dync([...metadata, "-q", path], { env: { DYNC_SERVER } })).toMatchObject({
          code: 0,
          stderr: "",
        });
        await lab.expectStored(path);
        const rows = `default_server = "lab"\n[servers.lab]\nhost = "127.0.0.1,localhost,127.0.0.1:${other.port}"\nport = ${dead}\n`;
        await writeFile(join(lab.homes.client, "client.toml"), rows);
        const second = await lab.file("run2.raw", "data");
        expect(await lab.dync([...metadata, "-q", second])).toMatchObject({ code: 0, stderr: "" });
        await lab.expectStored(second);
        // It is known by the first one.
        const entries = jsonLines((await lab.dync(["history", "--json"])).stdout);
        expect(entries.some(({ port }) => port === dead)).toBe(true);
      });
    });

    test.each([
      ["an upload", 1],
      ["a batch", 3],
    ])("%s that was interrupted is gone on with by the other one", async (_, count) => {
      await withTwo(async ({ lab, one, other, both }) => {
        const names = Array.from({ length: count }, (_, number) => `run${number}.raw`);
        const files = await Promise.all(names.map((name) => lab.file(name, size)));
        await using sending = lab.startDync([...metadata, "--jobs", "1", both, ...files]);
        await until(() => one.counters.bytes.up > half, sending);
        await sending.kill();
        breakDown(one);
        expect(await lab.dync(["resume", "-q"], {}, 110_000)).toMatchObject({ code: 0, stderr: "" });
        for (const file of files) await lab.expectStored(file);
        expect(other.counters.connections).toBeGreaterThan(0);
      });
    });

    test("somebody else at one of them is said aloud, and gets nothing", async () => {
      await using stranger = await openLab({ inMemory: true });
      await withTwo(async ({ lab, other }) => {
        const path = await lab.file("run.raw", "data");
        const [wrong, right] = [`127.0.0.1:${stranger.port}`, `127.0.0.1:${other.port}`];
        const { code, stderr } = await lab.dync([...metadata, `${wrong},${right}`, path]);
        expect(code).toBe(0);
        expect(stderr).toContain(
          `warning: The server at ${wrong} does not hold the key that is expected of it`,
        );
        await lab.expectStored(path);
        expect(stranger.published()).toEqual([]);
        const all = await lab.dync([...metadata, `${wrong},127.0.0.1:${await freePort()}`, path]);
        expect(all.code).toBe(5);
        expect(all.stderr).toContain("and the server was not found at the other address either");
        const doctor = await lab.dync(["doctor", `${right},${wrong}`]);
        expect(doctor.stderr).toBe("");
        expect(doctor.stdout).toMatch(/^FAULT {2}handshake +the server holds its key at 127/m);
        expect(doctor.code).toBe(7);
      });
    });

    test("dync doctor says at which of them the server is; one that is down is no fault", async () => {
      await withTwo(async ({ lab, one, other }) => {
        const dead = `127.0.0.1:${await freePort()}`;
        const [here, there] = [`127.0.0.1:${one.port}`, `127.0.0.1:${other.port}`];
        const { code, stdout } = await lab.dync(["doctor", `${here},${there},${dead}`]);
        expect(code).toBe(0);
        expect(stdout).toContain(`Server            ${here},${there},${dead}`);
        expect(stdout).toMatch(
          new RegExp(
            `^\\? +handshake +the server holds its key at ${here}, ${there}; Nothing listens at ${dead}`,
            "m",
          ),
        );
        const lines = jsonLines((await lab.dync(["doctor", "--json", `${here},${dead}`])).stdout);
        const listed = await lab.dync(["servers", "--json"], { env: { DYNC_SERVER: `${here},${dead}` } });
        for (const line of [...lines, ...jsonLines(listed.stdout)]) expectDocumented(line);
        expect(jsonLines<{ readonly servers: readonly unknown[] }>(listed.stdout)[0]?.servers).toContainEqual(
          expect.objectContaining({ port: one.port, alsoAt: [{ host: "127.0.0.1", port: portOf(dead) }] }),
        );
        expect(lines.find(({ step }) => step === "handshake")).toMatchObject({
          state: "unknown",
          reached: [
            { host: "127.0.0.1", port: one.port, found: "server" },
            { host: "127.0.0.1", port: portOf(dead), found: "unreachable" },
          ],
        });
      });
    });
  },
);
