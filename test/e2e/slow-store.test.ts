// An object store that takes its time: what waits for it has one budget, of all uploads together, the credit of clients is what throttles them, and
// all of it is stored in the end. The compiled programs, and a store that takes nothing until it is let.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { SlowStore } from "../support/slow-store.ts";

const MiB = 1024 * 1024;
const memory = 64 * MiB;
// All that came at once, and the program, would be more. What it is with more memory is in test/faults/slow-store.test.ts.
const residentMax = 600_000_000;
const endMs = 200_000;
const missing = executablesMissing ?? (process.platform === "linux" ? null : "memory is read from /proc");

describe.skipIf(missing !== null)(`an object store that is slow (${missing ?? "compiled"})`, () => {
  // Several times what may wait, of few long files and of many that are less than a part.
  test.each([
    {
      what: "uploads of some parts",
      threads: 0,
      commands: 2,
      files: 8,
      bytes: 24 * MiB,
      taken: 0.7 * memory,
    },
    {
      what: "uploads of some parts, with threads,",
      threads: 2,
      commands: 2,
      files: 8,
      bytes: 24 * MiB,
      taken: 0.7 * memory,
    },
    // One that is sent in one chunk counts when it is stored.
    { what: "small files", threads: 0, commands: 4, files: 50, bytes: MiB, taken: 0 },
  ])(
    "has $what wait within s3-memory, and gets all of them",
    async ({ threads, commands, files, bytes, taken }) => {
      await using slow = await SlowStore.start({ memory, threads });
      const release = slow.store.hold();
      const sending = await slow.send(commands, files, bytes);
      expect(await slow.throttled(commands * files, sending)).toBeGreaterThanOrEqual(taken);
      release();
      for (const it of sending) expect(await it.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
      slow.expectAllStored(commands * files, bytes);
      expect(await slow.lab.serverMemoryMax()).toBeLessThan(residentMax);
    },
    endMs + 40_000,
  );
});
