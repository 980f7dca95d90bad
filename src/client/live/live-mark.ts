// By what a run is known that was sent while it was written: as a folder that was listed when it was sent, as its follower gave it last.

import { createHash } from "node:crypto";
import { fileText, folderText } from "../listing/listing-mark.ts";
import { compareInDepth } from "../listing/path-order.ts";
import { entryVersionOf } from "../listing/versions.ts";
import { statsOf } from "../open-file.ts";
import type { LivePlan } from "./live-plan.ts";

type Sent = Pick<LivePlan, "tar" | "versions" | "members" | "at">;

/** The digest that a listing of what was sent has. What is another one by now has another one for good. */
export async function digestOfSent(plan: Sent): Promise<string> {
  const hash = createHash("sha256");
  const sent = [...plan.members()].sort(([one], [other]) => compareInDepth(one, other));
  for (const [path, index] of sent)
    hash.update(plan.tar.isFolder(index) ? folderText(path) : await textOfFile(path, index, plan));
  return hash.digest("hex");
}

async function textOfFile(path: string, index: number, plan: Sent): Promise<string> {
  const { size, executable } = plan.tar.member(index);
  const then = plan.versions.at(index);
  const stats = await statsOf(plan.at(path));
  const now = stats === null ? then : entryVersionOf(stats);
  // A name or a permission that changed after it was given says nothing of its content: it was not given again.
  const isSame = Number(stats?.size) === size && now.modified === then.modified && now.inode === then.inode;
  return fileText(path, { ...(isSame ? now : then), size, executable });
}
