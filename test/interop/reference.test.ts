// The reference client and server against each other: a peer that judges others has to be right itself.

import { describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ClientResult,
  makeReferenceKeys,
  referenceMissing,
  runReferenceClient,
  startReferenceServer,
} from "../support/reference.ts";
import { tempFolder } from "../support/temp-folder.ts";

const chunk = 10_000;

interface Trial {
  readonly size?: number;
  readonly client?: readonly string[];
  readonly server?: readonly string[];
  readonly metadata?: unknown;
}

/** Sends `size` random bytes; checks the stored file whenever the client was told that it is safe. */
async function transfer(trial: Trial) {
  await using folder = await tempFolder();
  const homes = await makeReferenceKeys(folder.path);
  const data = folder.file("data");
  const content = randomBytes(trial.size ?? 0);
  await writeFile(folder.file("run.bin"), content);
  await writeFile(folder.file("meta.json"), JSON.stringify(trial.metadata ?? { sample: "S1" }));
  const serverArgs = ["--chunk", String(chunk), "--max-credit", "10", ...(trial.server ?? [])];
  await using server = await startReferenceServer(homes.server, data, serverArgs);
  const clientArgs = ["-m", folder.file("meta.json"), "--timeout-ms", "300", ...(trial.client ?? [])];
  const { end, result } = await runReferenceClient(
    homes.client,
    server.port,
    folder.file("run.bin"),
    clientArgs,
  );
  const seen = await server.stop();
  const stored = join(data, "alice", "run.bin");
  if (end.code === 0) {
    const sha256 = createHash("sha256").update(content).digest("hex");
    expect(
      createHash("sha256")
        .update(await readFile(stored))
        .digest("hex"),
    ).toBe(sha256);
    expect(await readFile(`${stored}.sha256`, "utf8")).toBe(`${sha256}  run.bin\n`);
    expect(JSON.parse(await readFile(`${stored}.meta.json`, "utf8"))).toEqual(
      trial.metadata ?? { sample: "S1" },
    );
    expect(seen.seen.finished).toBe(1);
  } else {
    expect(existsSync(stored)).toBe(false);
  }
  return { code: end.code, result: result as ClientResult, server: seen };
}

describe.skipIf(referenceMissing !== null)(`reference pair (${referenceMissing ?? "pyzmq"})`, () => {
  for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 10 * chunk, 345_678]) {
    test(`a file of ${size} bytes arrives whole`, async () => {
      const { code, result, server } = await transfer({ size });
      expect(code).toBe(0);
      expect(result.sent).toEqual({
        chunks: Math.ceil(size / chunk) + 1,
        resent: 0,
        bytes: size,
        lost: 0,
        queries: 0,
      });
      expect(server.violations).toEqual([]);
    });
  }

  const harmless: [string, Trial][] = [
    ["lost by the client", { client: ["--lose", "0,7,8,30"] }],
    ["repeated by the client", { client: ["--repeat", "0,9,30"] }],
    ["dropped by the server", { server: ["--lose", "0,7,8,30"] }],
    ["dropped in silence", { server: ["--lose", "3,30", "--silent-loss"] }],
    ["the last one, lost", { client: ["--lose", "50"] }],
    ["acknowledged one by one", { server: ["--credit-one-by-one"] }],
    ["granted twice", { server: ["--duplicate-grants"] }],
    ["whose grants are lost", { server: ["--lose-grants", "2"] }],
    ["with data in the last one", { client: ["--last-with-data"] }],
    ["with frames nobody knows", { client: ["--extra-frames"] }],
    ["after post-file was sent twice", { client: ["--post-twice"] }],
    ["smaller than allowed", { client: ["--chunk", "4321"] }],
    ["after a query for an unknown upload", { client: ["--query-before"] }],
  ];
  for (const [name, trial] of harmless) {
    test(`a file arrives with chunks ${name}`, async () => {
      const { code, result, server } = await transfer({ ...trial, size: 50 * chunk });
      expect({ code, outcome: result.outcome, violations: server.violations }).toEqual({
        code: 0,
        outcome: "finished",
        violations: [],
      });
      if (name.includes("lost by") || name.includes("dropped")) {
        expect(result.sent.resent + result.sent.lost).toBeGreaterThan(0);
        expect(result.reports.length).toBeGreaterThan(0);
      }
    });
  }

  const harmful: [string, Trial, number, number][] = [
    ["a wrong checksum is refused with 460", { client: ["--wrong-checksum"] }, 8, 460],
    ["a checksum that the server finds wrong fails", { server: ["--bad-checksum-error"] }, 8, 460],
    ["an error in mid-upload fails", { server: ["--error-at", "20", "507"] }, 1, 507],
    ["metadata without members is refused with 422", { metadata: {} }, 1, 422],
    ["metadata that is no object is refused with 422", { metadata: [1] }, 1, 422],
    ["a chunk beyond the size is refused with 400", { client: ["--oversized-chunk"] }, 1, 400],
    [
      "chunks beyond the credit are refused with 400",
      // A server that grants nothing more, so that its speed does not decide whether they are beyond.
      { client: ["--beyond-credit", "5"], server: ["--stall-after", "1"] },
      1,
      400,
    ],
    ["an unknown command is refused with 400", { client: ["--garbage", "unknown-command"] }, 1, 400],
    ["a name with a slash is refused with 403", { client: ["-n", "../run.bin"] }, 1, 403],
  ];
  for (const [name, trial, status, wire] of harmful) {
    test(name, async () => {
      const { code, result, server } = await transfer({ ...trial, size: 500 * chunk });
      expect({ code, wire: result.code }).toEqual({ code: status, wire });
      expect(server.seen.finished).toBe(0);
    });
  }

  test("a server that falls silent is a time-out", async () => {
    const trial = { size: 50 * chunk, client: ["--retries", "2"], server: ["--stall-after", "5"] };
    const { code, result } = await transfer(trial);
    expect({ code, outcome: result.outcome, queries: result.sent.queries }).toEqual({
      code: 5,
      outcome: "timed-out",
      queries: 2,
    });
  });

  for (const kind of ["few-frames", "short-number", "unknown-command"]) {
    test(`an answer that is no message (${kind}) is noticed`, async () => {
      const { code, result } = await transfer({ size: 10, server: ["--garbage-answer", kind] });
      expect({ code, outcome: result.outcome }).toEqual({ code: 9, outcome: "violation" });
    });
  }
});
