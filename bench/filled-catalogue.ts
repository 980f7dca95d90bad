// A catalogue with many uploads in it, as a laboratory's server has after months: each with some fields of metadata.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { EndedUpload } from "../src/catalogue/rebuild.ts";
import { openSqliteCatalogue } from "../src/catalogue/sqlite.ts";
import { silentLogger } from "../test/support/silent-logger.ts";

const atOnce = 10_000;

/** Makes it in the data folder `data`, with `uploads` in it, a multiple of 10,000. */
export async function fillCatalogue(data: string, uploads: number): Promise<void> {
  await mkdir(join(data, ".dync"), { mode: 0o700 });
  const file = join(data, ".dync", "catalogue.sqlite");
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  for (let from = 0; from < uploads; from += atOnce)
    catalogue.restore(Array.from({ length: atOnce }, (_, at) => ended(from + at)));
  catalogue.close();
}

function ended(number: number): EndedUpload {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 180_000).toISOString();
  const hex = number.toString(16).padStart(32, "0");
  const end =
    number % 50 === 0
      ? ({ state: "failed", bytes: 0, errorCode: 409, reason: "The name is taken" } as const)
      : ({ state: "finished", bytes: number, errorCode: null, reason: null } as const);
  return {
    metadataText: JSON.stringify({
      project: `P${String(number % 1000).padStart(4, "0")}`,
      run: number % 30,
      instrument: { kind: ["ms", "nmr", "seq"][number % 3], serial: `S${number % 17}` },
      operator: `user${number % 20}`,
      comment: "as agreed on Monday, with the settings of last week and the new column",
      samples: Array.from({ length: 4 }, (_, at) => `sample ${number + at}`),
    }),
    record: {
      ...end,
      id: hex,
      identity: hex,
      user: `user${number % 20}`,
      origin: null,
      name: `run_sample_${number}.raw`,
      place: null,
      added: null,
      form: "file",
      held: null,
      metadataDigest: hex.repeat(2),
      size: number,
      modified: null,
      client: null,
      wantsReceipt: false,
      durable: number,
      mark: null,
      sha256: hex.repeat(2),
      content: hex.repeat(2),
      receivedAt: at,
      storedAt: number % 50 === 0 ? null : at,
      releasedAt: null,
      amendedAt: null,
      resumes: 0,
      resumedAt: null,
      owner: null,
      fence: 1,
      leaseUntil: 0,
      createdAt: at,
      updatedAt: at,
    },
  };
}
