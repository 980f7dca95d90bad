// By what a run is known that was sent while it was written: as a folder that was listed when it was sent, where it still is what was sent.

import { DyncError } from "../../base/error.ts";
import { listFolder } from "../listing/listing.ts";
import type { LiveRun } from "./feed.ts";
import type { LivePlan } from "./live-plan.ts";

/**
 * The digest of the listing of `run`, of which all was sent that is in `plan`; `null` where something in it is another one by now, or it
 * cannot be listed.
 */
export async function digestOfSent(
  { path: folder, selection }: LiveRun,
  plan: Pick<LivePlan, "tar" | "versions" | "members">,
  signal: AbortSignal,
): Promise<string | null> {
  const sent = new Map(plan.members());
  try {
    const { tar, versions, mark } = await listFolder({ folder, selection, known: null }, signal);
    if (tar.count !== sent.size) return null;
    for (let index = 0; index < tar.count; index++) {
      const then = sent.get(tar.path(index));
      if (then === undefined || plan.tar.isFolder(then) !== tar.isFolder(index)) return null;
      if (tar.isFolder(index)) continue;
      const [before, now] = [plan.versions.at(then), versions.at(index)];
      const isSame =
        plan.tar.size(then) === tar.size(index) &&
        plan.tar.member(then).executable === tar.member(index).executable &&
        before.modified === now.modified &&
        before.inode === now.inode;
      if (!isSame) return null;
    }
    return mark.digest;
  } catch (error) {
    if (error instanceof DyncError || signal.aborted) return null;
    throw error;
  }
}
