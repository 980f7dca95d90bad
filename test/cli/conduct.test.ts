// How a command sends: an option before client.toml, that before the default. Variables count as options: `variables.test.ts`.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type ConductSources, readAtOnce, readRetry } from "../../src/cli/dync/conduct.ts";
import { readRateSource } from "../../src/cli/dync/send-limit.ts";
import { parseRateLimit } from "../../src/config/rate-limit.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempFolder } from "../support/temp-folder.ts";

const hourMs = 3_600_000;
const profile = { jobs: 2, retryForMs: 3 * hourMs };
const nothing: ConductSources = { options: {}, profile: null };

test("patience is a day at a terminal and a quarter of an hour elsewhere, and four are sent at once", () => {
  expect(readRetry(nothing, true)).toEqual({ retryForMs: 24 * hourMs, retryFirst: false });
  expect(readRetry(nothing, false)).toEqual({ retryForMs: hourMs / 4, retryFirst: false });
  expect(readAtOnce(nothing)).toBe(4);
});

test("an option goes before the file, and each is asked for", () => {
  const inFile = { ...nothing, profile };
  expect(readRetry(inFile)).toEqual({ retryForMs: 3 * hourMs, retryFirst: true });
  expect(readAtOnce(inFile)).toBe(2);
  const given = { ...inFile, options: { jobs: "5", "retry-for": "1h" } };
  expect(readRetry(given)).toEqual({ retryForMs: hourMs, retryFirst: true });
  expect(readAtOnce(given)).toBe(5);
});

test("a limit of the server goes before that of all, and yields to what is said elsewhere", async () => {
  await using home = await tempFolder();
  writeFileSync(home.file("client.toml"), 'limit = "20MB/s"\n');
  const DYNC_HOME = home.path;
  const rateOf = (option: string | undefined, limit: string | null) => {
    const read = limit === null ? null : parseRateLimit(limit);
    const ofServer = { limit: read?.ok ? read.value : null };
    const context = { clock: new ManualClock(), environment: { DYNC_HOME } };
    return readRateSource(option, context, ofServer)();
  };
  expect(rateOf(undefined, null)).toBe(20_000_000);
  expect(rateOf(undefined, "5MB/s")).toBe(5_000_000);
  expect(rateOf("1MB/s", "5MB/s")).toBe(1_000_000);
});

test("what is wrong is named as it was written", () => {
  const wrong = { ...nothing, options: { jobs: "65", "retry-for": "x" } };
  expect(() => readAtOnce(wrong)).toThrow('Option "--jobs" needs a whole number from 1 to 64, found "65"');
  expect(() => readRetry(wrong)).toThrow('Option "--retry-for" needs a duration, found "x"');
});
