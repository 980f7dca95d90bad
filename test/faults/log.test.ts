// Floods that are to be found again in the log as a few lines.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { logAfterFlood, timesTold } from "../support/flood.ts";
import { openLab } from "../support/lab.ts";
import { referenceMissing } from "../support/reference.ts";
import { note } from "./note.ts";

const missing = executablesMissing ?? referenceMissing;
const logBytesMax = 100_000;

describe.skipIf(missing !== null)(`a flood in the log (${missing ?? "pyzmq"})`, () => {
  test.each([
    // Those that come in one turn of the server's loop are one.
    ["malformed", "Malformed message", 300_000, 6],
    ["refused", "Key refused", 20_000, 20_000],
  ] as const)("%s: a few lines, and a number", async (mode, message, count, told) => {
    await using lab = await openLab({ inMemory: true });
    const log = await logAfterFlood(lab, mode, count);
    note(`a flood of ${mode} in the log`, { messages: count, bytes: log.length });
    expect(log.length).toBeLessThan(logBytesMax);
    expect(timesTold(log, message)).toBeWithin(told, count + 1);
  });
});
