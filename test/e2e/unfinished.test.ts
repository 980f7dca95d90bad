// Uploads that are begun and never finished: what they may cost, on the compiled programs.

import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { askCatalogue } from "../support/aftermath.ts";
import { beginAndLeave } from "../support/beginners.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

const MiB = 1024 * 1024;
const KiB = 1024;

describe.skipIf(executablesMissing !== null)(
  `unfinished uploads (${executablesMissing ?? "compiled"})`,
  () => {
    test.skipIf(process.platform !== "linux")(
      "3,000 of one key with the largest metadata stay within its bounds, in the catalogue and in memory",
      async () => {
        await using lab = await openLab({ inMemory: true });
        await lab.expectAlive();
        const answers = await beginAndLeave(lab, 3000, 256 * KiB);
        // Each of them takes the place of an older one.
        expect(answers["upload-approved"] ?? 0).toBeGreaterThan(2500);
        expect(Object.keys(answers).filter((key) => key !== "upload-approved" && key !== "429")).toEqual([]);
        const state = join(lab.data, ".dync");
        const bytes = (file: string) => statSync(join(state, file)).size;
        expect(bytes("catalogue.sqlite") + bytes("catalogue.sqlite-wal")).toBeLessThan(100 * MiB);
        const [held] = askCatalogue(
          lab.data,
          `SELECT count(*) AS uploads, total(length(text)) AS bytes FROM metadata JOIN uploads USING (sequence)
           WHERE state IN ('open', 'publishing')`,
        );
        expect(held?.uploads).toBeLessThanOrEqual(128);
        expect(held?.bytes).toBeLessThanOrEqual(32 * MiB);
        const [failed] = askCatalogue(
          lab.data,
          "SELECT count(*) AS uploads FROM uploads WHERE state = 'failed'",
        );
        expect(failed?.uploads).toBeLessThanOrEqual(1064);
        // Each post leaves garbage; the catalogue of before was 881 MB in memory.
        expect(await lab.serverMemoryMax()).toBeLessThan(400 * MiB);
        await lab.expectAlive();
      },
      120_000,
    );

    test("with --max-unfinished 2 a third is told why it has to wait, and gets its turn", async () => {
      await using lab = await openLab({ server: ["--max-unfinished", "2"] });
      const held = await Promise.all(
        ["1.raw", "2.raw"].map(async (name) => {
          const sending = lab.startSend(["-", "--name", name], { stdin: "pipe" });
          await lab.server.line(new RegExp(`"Upload started".*"${name.replace(".", "\\.")}"`));
          return sending;
        }),
      );
      const third = await lab.send(["--retry-for", "1s", await lab.file("3.raw", "three")]);
      expect(third).toMatchObject({ code: 5 });
      expect(third.stderr).toContain("2 unfinished uploads");
      for (const sending of held) {
        sending.signal("SIGINT");
        await sending.ended();
      }
      await lab.expectAlive();
    });
  },
);
