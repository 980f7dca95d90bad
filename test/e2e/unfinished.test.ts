// Uploads that are begun and never finished: what they may cost, on the compiled programs.

import { describe, expect, test } from "bun:test";
import { expectBounded } from "../support/bounded-unfinished.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

describe.skipIf(executablesMissing !== null)(
  `unfinished uploads (${executablesMissing ?? "compiled"})`,
  () => {
    // 3,000 of them are in test/faults.
    test.skipIf(process.platform !== "linux")(
      "600 of one key with the largest metadata stay within its bounds, in the catalogue and in memory",
      () => expectBounded(600),
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
