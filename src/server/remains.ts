// What lies in the storage and is nobody's: what is left of uploads that ended, and bytes that no record knows.

import { Turns } from "../base/turns.ts";
import { discard, type RecoveryParts } from "./recovery.ts";

// A look into the catalogue takes some 10 microseconds.
const looksPerTurn = 50;

export interface RemainsJudge {
  /** Whether something is being done with this upload: it is left alone. */
  isActive(id: string): boolean;
  /** Whether bytes that no record knows were last written long enough ago to go. */
  isExpired(writtenAt: Date): boolean;
  /** Ends the work between two partials. */
  readonly signal: AbortSignal;
}

/**
 * Deletes what is left of uploads that ended. Partials that no record knows go as well when they are empty, which is
 * what a crash of an earlier version, that made one before its record, could leave. With bytes they stay for now: behind a catalogue that
 * was lost, or is an old copy, they may be all that there is of somebody's upload; they go when they expire. Returns
 * how many of these there are.
 */
export async function deleteRemains(parts: RecoveryParts, judge: RemainsJudge): Promise<number> {
  const { catalogue, storage, logger } = parts;
  const turns = new Turns(looksPerTurn, judge.signal);
  let orphans = 0;
  for await (const id of storage.ids()) {
    await turns.step();
    if (judge.isActive(id)) continue;
    const state = (await catalogue.get(id))?.state;
    if (state === "open" || state === "publishing") continue;
    if (state === undefined) {
      if (!(await deleteOrphan(id, parts, judge))) orphans++;
    } else if (await discard(id, parts)) {
      logger.log("info", "Deleted what was left of an upload that ended", { upload: id });
    }
  }
  return orphans;
}

async function deleteOrphan(id: string, parts: RecoveryParts, judge: RemainsJudge): Promise<boolean> {
  const found = await parts.storage.lookAt(id);
  if (found === null || found.bytes === 0) return discard(id, parts);
  if (!judge.isExpired(found.writtenAt) || !(await discard(id, parts))) return false;
  parts.logger.log("info", "Deleted stored bytes that belong to no known upload", { upload: id });
  return true;
}
