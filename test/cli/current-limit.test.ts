// What a limit is while a command runs: what it began with, and what is said in DYNC_HOME/limit meanwhile.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CurrentLimit, limitFile } from "../../src/cli/dync/current-limit.ts";
import { parseRateLimit } from "../../src/config/rate-limit.ts";
import { ManualClock } from "../support/manual-clock.ts";

const MB = 1e6;

describe("CurrentLimit", () => {
  const limitOf = (text: string) => {
    const parsed = parseRateLimit(text);
    return parsed.ok ? parsed.value : null;
  };

  test("what is said while it runs goes over what it began with, and counts no more when it is taken back", async () => {
    const home = mkdtempSync(join(tmpdir(), "dync-"));
    const clock = new ManualClock();
    const [given, withoutFile] = [limitOf("1MB/s"), limitOf("1MB/s")];
    const current = new CurrentLimit({ clock, home, given, text: null, withoutFile });
    /** Asked as it sends, until the file was looked at. */
    const rate = async (): Promise<number | null> => {
      clock.advance(500);
      current.rate();
      await current.look();
      return current.rate();
    };
    try {
      expect(await rate()).toBe(MB);
      writeFileSync(limitFile(home), "3MB/s\n");
      expect(await rate()).toBe(3 * MB);
      writeFileSync(limitFile(home), "nonsense");
      expect(await rate()).toBe(3 * MB);
      writeFileSync(limitFile(home), "unlimited");
      expect(await rate()).toBeNull();
      rmSync(limitFile(home));
      expect(await rate()).toBe(MB);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
