// An object store that is slow, with the memory that a server has for it by default: what it has resident at the most, of as many uploads as fill that,
// and of thousands of small files. Neither is more with more files.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { SlowStore } from "../support/slow-store.ts";
import { note } from "./note.ts";

const MB = 1_000_000;
const MiB = 1024 * 1024;
const memory = 512 * MiB;
// Twice that, and the program: bodies are copied once more on their way, and what they were is garbage for a while.
const residentMax = 2 * memory + 200 * MB;
const endMs = 1_200_000;
const missing = executablesMissing ?? (process.platform === "linux" ? null : "memory is read from /proc");

describe.skipIf(missing !== null)(
  `a slow object store and the default memory (${missing ?? "compiled"})`,
  () => {
    test.each([
      { what: "64 uploads at once", threads: 0, files: 32, bytes: 20 * MiB },
      { what: "64 uploads at once, with threads", threads: 2, files: 32, bytes: 20 * MiB },
    ])(
      "$what",
      async ({ what, threads, files, bytes }) => {
        await using slow = await SlowStore.start({ memory, threads });
        const release = slow.store.hold();
        const sending = await slow.send(2, files, bytes);
        expect(await slow.throttled(2 * files, sending)).toBeGreaterThan(0.7 * memory);
        release();
        for (const it of sending) expect(await it.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
        slow.expectAllStored(2 * files, bytes);
        const most = await slow.lab.serverMemoryMax();
        note(what, { "server peak MB": Math.round(most / MB) });
        expect(most).toBeLessThan(residentMax);
      },
      endMs + 60_000,
    );

    test(
      "5,000 small files, 200 at once",
      async () => {
        const [files, bytes] = [1250, 100_000];
        await using slow = await SlowStore.start({ memory: 64 * MiB, threads: 0 });
        const release = slow.store.hold();
        const sending = await slow.send(4, files, bytes, 50);
        await slow.throttled(200, sending);
        release();
        for (const it of sending) expect(await it.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
        slow.expectAllStored(4 * files, bytes);
        const most = await slow.lab.serverMemoryMax();
        note(`${4 * files} small files`, { "server peak MB": Math.round(most / MB) });
        expect(most).toBeLessThan(400 * MB);
      },
      endMs + 60_000,
    );
  },
);
