// 20,000 suspended uploads with the largest metadata that the bounds allow: a start is as fast, and the memory as small, as
// with none.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { newUpload } from "../catalogue/contract.ts";
import { askCatalogue } from "../support/aftermath.ts";
import { expectBounded } from "../support/bounded-unfinished.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const MB = 1_000_000;
const users = 20;
const { unfinishedPerUser, metadataBytesPerUser } = defaultUserRules;
const reason = executablesMissing ?? (process.platform === "linux" ? null : "needs /proc");

describe.skipIf(reason !== null)(`unfinished uploads (${reason ?? "compiled"})`, () => {
  test(
    "3,000 of one key with the largest metadata stay within its bounds, in the catalogue and in memory",
    () => expectBounded(3000),
    10 * minuteMs,
  );

  test(
    "20,000 of them cost a start neither time nor memory",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const [emptySeconds, emptyBytes] = await restart(lab);
      await lab.server.stop();
      await suspendAll(lab);
      const [seconds, bytes] = await restart(lab);
      await lab.expectAlive();
      note("20,000 suspended uploads", {
        "start s": seconds.toFixed(2),
        "start of an empty server s": emptySeconds.toFixed(2),
        "server MB": Math.round(bytes / MB),
        "empty server MB": Math.round(emptyBytes / MB),
      });
      // What is aimed at is a second, and nothing; a machine that others use has its moments.
      expect(seconds).toBeLessThan(emptySeconds + 5);
      expect(bytes).toBeLessThan(emptyBytes + 60 * MB);
      const [row] = askCatalogue(lab.data, "SELECT count(*) AS open FROM uploads WHERE state = 'open'");
      expect(row?.open).toBe(users * unfinishedPerUser);
    },
    10 * minuteMs,
  );
});

/** Seconds until it listens, and the most memory that it had after an upload. */
async function restart(lab: Lab): Promise<readonly [number, number]> {
  await lab.server.stop();
  const startedAt = performance.now();
  await lab.start();
  const seconds = (performance.now() - startedAt) / 1000;
  await lab.expectAlive();
  return [seconds, await lab.serverMemoryMax()];
}

/** What a server leaves of as many uploads as `users` may have, each with some bytes. */
async function suspendAll(lab: Lab): Promise<void> {
  const state = join(lab.data, ".dync");
  const catalogue = await openSqliteCatalogue({ file: join(state, "catalogue.sqlite"), log: silentLogger });
  const bounds = { uploads: unfinishedPerUser, metadataBytes: metadataBytesPerUser };
  const length = Math.floor(metadataBytesPerUser / unfinishedPerUser) - '{"note":""}'.length;
  const metadataText = JSON.stringify({ note: "x".repeat(length) });
  const createdAt = new Date().toISOString();
  for (let number = 0; number < users * unfinishedPerUser; number++) {
    const user = `user-${number % users}`;
    const upload = newUpload(number, { user, identity: `80${number}`, metadataText, createdAt });
    expect((await catalogue.admit(upload, { id: "left", leaseMs: 0 }, bounds)).type).toBe("admitted");
    writeFileSync(join(state, "partial", upload.id), "some bytes", { mode: 0o600 });
  }
  catalogue.close();
}
