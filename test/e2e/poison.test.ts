// Both programs with DYNC_POISON, by which whoever uses the memory of a message after its release, or never releases it, is found out: files that storage
// workers have and the main thread, a dataset, and uploads that are cut off in their midst.

import { describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { executablesMissing } from "../support/executables.ts";
import { openLab, poisoned } from "../support/lab.ts";

const deadlineMs = 120_000;
const env = { DYNC_POISON: "1" };

describe.skipIf(executablesMissing !== null)("with memory that is poisoned when it is released", () => {
  for (const threads of ["0", "2"])
    test(
      `everything arrives with ${threads} threads, and nothing is left held`,
      async () => {
        await using lab = await openLab({ server: ["--threads", threads], start: poisoned });
        const files = await Promise.all(
          [10_000, 5_000_000, 20_000_000, 30_000_000].map((bytes) => lab.file(`f-${bytes}.raw`, bytes)),
        );
        await mkdir(lab.folder.file("files", "run"));
        await lab.file("run/a.raw", 6_000_000);
        const sent = await Promise.all([
          ...files.map((file) => lab.send(["-q", file], { env }, deadlineMs)),
          lab.send(["-q", "--dataset", lab.folder.file("files", "run")], { env }, deadlineMs),
        ]);
        for (const end of sent) expect(end).toMatchObject({ code: 0, stderr: "" });
        for (const file of files) await lab.expectStored(file);
        const cut = lab.startSend(["-q", "-n", "cut.raw", await lab.file("large.raw", 200_000_000)]);
        await lab.server.line(/"Upload started".*cut\.raw/, deadlineMs);
        await cut.kill();
        lab.server.signal("SIGTERM");
        const end = await lab.server.ended(deadlineMs);
        expect(end.code, end.stderr).toBe(0);
      },
      2 * deadlineMs,
    );
});
