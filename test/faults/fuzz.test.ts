// Ten minutes of hostile connections before the handshake, and ten behind it, each beside honest uploads. The seed is
// in the output; DYNC_FUZZ_SEED repeats it, DYNC_FUZZ_MINUTES makes it longer.

import { describe, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { fuzz } from "../support/fuzz.ts";
import { openLab } from "../support/lab.ts";
import { patchesMissing } from "../support/own-library.ts";
import { referenceMissing } from "../support/reference.ts";
import { note } from "./note.ts";

const reason =
  executablesMissing ??
  patchesMissing ??
  referenceMissing ??
  (process.platform === "linux" ? null : "needs /proc");
const minuteMs = 60_000;
const minutes = Number(process.env.DYNC_FUZZ_MINUTES ?? 10);

describe.skipIf(reason !== null)(`hostile peers (${reason ?? "compiled"})`, () => {
  for (const who of ["stranger", "insider"] as const) {
    test(
      `${minutes} minutes of one ${who}: the server lives and serves`,
      async () => {
        const seed = Number(process.env.DYNC_FUZZ_SEED ?? Date.now() % 1_000_000_000);
        note(`hostile peers, ${who}`, { seed });
        await using lab = await openLab({ inMemory: true });
        const run = {
          who,
          seed,

          seconds: minutes * 60,
          atOnce: 24,
        };
        const { counts } = await fuzz(lab, run);
        const connections = Object.values(counts).reduce((sum, count) => sum + count, 0);
        const memory = Math.round((await lab.serverMemoryMax()) / 1e6);
        const after = Math.round((await lab.serverMemory()) / 1e6);
        note(`hostile peers, ${who}`, { connections, "server MB": memory, "MB after": after });
      },
      (minutes + 5) * minuteMs,
    );
  }
});
