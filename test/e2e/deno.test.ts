// Both programs run from the sources in Deno, and speak with the compiled ones.

import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { openSha256 } from "../../src/storage/sha256/open-sha256.ts";
import { plainSha256 } from "../../src/storage/sha256/sha256.ts";
import { openExchange } from "../support/exchange.ts";
import { executablesMissing } from "../support/executables.ts";
import { startNameServer } from "../support/name-server.ts";
import { jsonLines, runProgram } from "../support/programs.ts";
import { inject, straceMissing } from "../support/system-calls.ts";
import { denoIsMissing, denoSystem, type System, thisSystem } from "../support/systems.ts";
import { tempFolder } from "../support/temp-folder.ts";

const checkBag = join(import.meta.dir, "..", "support", "check_bag.py");
// More than is read without a thread of its own.
const fileBytes = 36_000_000;
const deadlineMs = 120_000;
const maker = await openSha256();
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

  test.skipIf(maker === plainSha256)("a checksum is gone on with that another runtime began", async () => {
    const begun = maker.create();
    begun.update(Buffer.from("abc".repeat(50)));
    const state = Buffer.from(begun.save() as Uint8Array).toString("hex");
    const source = join(import.meta.dir, "..", "..", "src", "storage", "sha256", "open-sha256.ts");
    const program = `const maker = await (await import("file://${source}")).openSha256();
      const hash = maker.load(Uint8Array.fromHex("${state}"));
      hash.update(new TextEncoder().encode("def"));
      console.log(hash.digest().toString("hex"));`;
    await using folder = await tempFolder();
    await writeFile(folder.file("program.ts"), program);
    const [runtime = "", run = "", all = ""] = deno.command("dync", []);
    const { stdout } = await runProgram([runtime, run, all, folder.file("program.ts")]);
    begun.update(Buffer.from("def"));
    expect(stdout).toBe(`${begun.digest().toString("hex")}\n`);
  });

  test("SRV records are looked up", async () => {
    const record = { name: "a.example", port: 9000, priority: 1, weight: 2 };
    await using names = await startNameServer([record]);
    const source = join(import.meta.dir, "..", "..", "src", "transport", "zmq", "addresses.ts");
    const program = `const { recordsOf } = await import("file://${source}");
      console.log(JSON.stringify(await recordsOf("_dync._tcp.lab.example", ["${names.address}"])));`;
    await using folder = await tempFolder();
    await writeFile(folder.file("program.ts"), program);
    const [runtime = "", run = "", all = ""] = deno.command("dync", []);
    const { stdout } = await runProgram([runtime, run, all, folder.file("program.ts")]);
    expect(jsonLines<unknown>(stdout)).toEqual([[record]]);
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
          // Whatever the machine has.
          serverArgs: ["--threads", "2"],
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
      const serverArgs = ["--threads", "2"];
      await using exchange = await openExchange({
        client: deno,
        server: deno,
        folder: folder.path,
        serverArgs,
      });
      await using program = exchange.startStream("stream.raw", new Blob(["measured"]));
      expect(await program.ended()).toMatchObject({ code: 0 });
      exchange.server.signal("SIGTERM");
      expect(await exchange.server.ended()).toMatchObject({ code: 0 });
    },
    deadlineMs,
  );

  for (const layout of ["plain", "bagit"] as const) {
    test.skipIf(straceMissing !== null)(
      `a folder and a tar become datasets as they are (${layout}), durable by syncfs (${straceMissing ?? "strace"})`,
      async () => {
        await using folder = await tempFolder();
        const serverArgs = ["--datasets", layout];
        await using exchange = await openExchange({
          ...{ client: deno, server: deno, folder: folder.path },
          serverArgs,
        });
        const inside = { "b 測.raw": new Uint8Array(3_000_000).fill(7), none: {}, "no bytes": "" };
        const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`${at}.dat`, `file ${at}`]));
        const run = await exchange.tree("run", { "a.raw": "a", sub: inside, many });
        const tar = folder.file("packed.tar");
        expect(await runProgram(["tar", "-cf", tar, "-C", run, "."])).toMatchObject({ code: 0 });
        // Nothing is there that the disk does not confirm.
        await using fault = await inject(exchange.server.pid, "syncfs:error=EIO", folder.file("calls"));
        await using refused = exchange.startSend(run, ["--dataset"]);
        expect(await refused.ended(deadlineMs)).toMatchObject({ code: 1 });
        expect(existsSync(join(exchange.data, "alice", "run"))).toBe(false);
        expect(await fault.end()).toBeGreaterThan(0);
        for (const [path, option] of [
          [run, "--dataset"],
          [tar, "--unpack"],
        ] as const) {
          await using program = exchange.startSend(path, [option]);
          expect(await program.ended(deadlineMs)).toMatchObject({ code: 0, stderr: "" });
        }
        for (const name of ["run", "packed"])
          await expectDataset(join(exchange.data, "alice", name), run, layout);
      },
      deadlineMs,
    );
  }
});

/** The dataset is the folder `run`, by other programs. */
async function expectDataset(stored: string, run: string, layout: "plain" | "bagit"): Promise<void> {
  const content = layout === "bagit" ? join(stored, "data") : stored;
  const nothing = { code: 0, stdout: "" };
  expect(await runProgram(["diff", "-r", run, content])).toMatchObject(nothing);
  expect(existsSync(join(content, "sub", "none"))).toBe(true);
  const sums = ["sha256sum", "--strict", "--quiet", "-c", `${basename(stored)}.sha256`];
  expect(await runProgram(sums, { cwd: dirname(stored) })).toMatchObject(nothing);
  if (layout === "bagit") expect(await runProgram(["python3", checkBag, stored])).toMatchObject(nothing);
}
