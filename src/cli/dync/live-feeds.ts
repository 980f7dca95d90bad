// Opens the feeds of runs that are sent while they are written.

import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { LiveRun, OpenFeed } from "../../client/live/feed.ts";
import { type CompletionRule, genericRule } from "../../watch/completion.ts";
import { onFolderChange } from "../../watch/folder/events.ts";
import { openForWriting } from "../../watch/folder/open-for-writing.ts";
import { asItIs, completeOn, type Follow, readFollow } from "../../watch/live/follow.ts";
import { LiveFolder } from "../../watch/live/live-folder.ts";
import type { CommandContext } from "../command.ts";
import { chosenProfile } from "./watch-profiles.ts";

export interface LiveFeedParts extends Pick<CommandContext, "clock"> {
  /** Is told of each feed that is opened. */
  readonly onOpened?: (run: LiveRun, feed: LiveFolder) => void;
  readonly onNote: (text: string) => void;
}

/** Opens feeds of real folders, which follow a run as a `Follow` says. */
export function liveFeeds({ clock, onOpened, onNote }: LiveFeedParts): OpenFeed {
  return async (run, steps, signal) => {
    const { settleMs, runSettleMs, ...how } = readFollow(run.follow);
    const parts = {
      ...{ clock, settleMs, runSettleMs, onNote, openForWriting },
      folder: realFolder(run.path),
      selection: run.selection,
      rule: await ruleOf(how),
      onChange: onFolderChange,
    };
    const feed = await LiveFolder.open(parts, steps, signal);
    onOpened?.(run, feed);
    return feed;
  };
}

async function ruleOf({
  profile,
  completeOn: glob,
  isAsItIs,
}: Pick<Follow, "profile" | "completeOn" | "isAsItIs">): Promise<Pick<CompletionRule, "complete">> {
  if (isAsItIs) return asItIs;
  if (glob !== null) return completeOn(glob);
  return profile === null ? genericRule : await chosenProfile(profile, undefined, "The profile");
}

function realFolder(path: string): string {
  try {
    return realpathSync(resolve(path));
  } catch (cause) {
    throw new DyncError("source", `Cannot read "${path}": ${whyUnreadable(cause)}`, { cause });
  }
}
