// How much of an unfinished dataset is there, and since when.

import type { Stats } from "node:fs";
import { lookAt } from "../file-calls.ts";
import { emptyJournalBytes } from "./journal.ts";
import { partsOf } from "./tree.ts";

/** Of the one in the hidden folder `folder`, which has these properties. Throws the system's error. */
export async function lookAtDataset(
  folder: string,
  properties: Stats,
): Promise<{ readonly bytes: number; readonly writtenAt: Date }> {
  // The journal grows with all that comes.
  const journal = await lookAt(partsOf(folder, "plain").journal);
  const writtenAt = new Date(
    Math.max(...[properties, journal ?? properties].map((it) => it.ctime.getTime())),
  );
  return { bytes: Math.max(0, (journal?.size ?? 0) - emptyJournalBytes), writtenAt };
}
