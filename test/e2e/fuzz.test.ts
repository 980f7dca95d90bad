// Some hundred hostile connections before and behind the handshake; test/faults/fuzz.test.ts sends them for ten minutes.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { fuzz } from "../support/fuzz.ts";
import { openLab } from "../support/lab.ts";
import { patchesMissing } from "../support/own-library.ts";
import { referenceMissing } from "../support/reference.ts";

const reason =
  executablesMissing ??
  patchesMissing ??
  referenceMissing ??
  (process.platform === "linux" ? null : "needs /proc");

describe.skipIf(reason !== null)(`hostile peers (${reason ?? "compiled"})`, () => {
  for (const who of ["stranger", "insider"] as const) {
    test(`200 connections of one ${who}: the server lives and serves`, async () => {
      await using lab = await openLab({ inMemory: true });
      const run = { who, seed: 20_261_126, connections: 200, seconds: 60, atOnce: 8 };
      const { counts } = await fuzz(lab, run);
      // Each kind of attack was tried: what is not tried proves nothing.
      expect(Object.keys(counts).length).toBeGreaterThanOrEqual(12);
    });
  }
});
