// Opens the feeds of runs that are sent while they are written.

import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { LiveFeed, LiveRun, OpenFeed } from "../../client/live/feed.ts";
import { type CompletionRule, genericRule } from "../../watch/completion.ts";
import { onFolderChange } from "../../watch/folder/events.ts";
import { openForWriting } from "../../watch/folder/open-for-writing.ts";
import { asItIs, completeOn } from "../../watch/live/complete-on.ts";
import { type Follow, readFollow } from "../../watch/live/follow.ts";
import { LiveFolder } from "../../watch/live/live-folder.ts";
import type { CommandContext } from "../command.ts";
import { LiveLines } from "./live-lines.ts";
import { chosenProfile } from "./watch-profiles.ts";

/** Is told of a feed that was opened; what it returns is called when that is closed. */
export type OnFeed = (run: LiveRun, feed: LiveFolder, onNote: (text: string) => void) => () => void;

type Rule = Pick<CompletionRule, "complete">;

export interface FeedOptions {
  /** Unless it is given, the user is told of runs, now and then. */
  readonly onFeed?: OnFeed;
  /** What decides of a run of which `rule` is what is known of its instrument; that one unless given. */
  readonly ruleFor?: (run: LiveRun, rule: Rule) => Rule;
}

/** Opens feeds of real folders. */
export function openLiveFeed(
  { clock, output }: CommandContext,
  { onFeed, ruleFor = (_, rule) => rule }: FeedOptions = {},
): OpenFeed {
  return async (run, steps, signal, onNote) => {
    const { settleMs, runSettleMs, ...how } = readFollow(run.follow);
    const parts = {
      ...{ clock, settleMs, runSettleMs, onNote, openForWriting },
      folder: realFolder(run.path),
      selection: run.selection,
      rule: ruleFor(run, await ruleOf(how)),
      onChange: onFolderChange,
    };
    const feed = await LiveFolder.open(parts, steps, signal);
    const tell: OnFeed = onFeed ?? ((...of) => new LiveLines({ clock, output }).follow(...of));
    return withEnd(feed, tell(run, feed, onNote));
  };
}

function withEnd(feed: LiveFolder, end: () => void): LiveFeed {
  const close = async (): Promise<void> => {
    end();
    await feed.close();
  };
  return {
    next: () => feed.next(),
    more: (signal) => feed.more(signal),
    changed: (path) => feed.changed(path),
    stored: (count) => feed.stored(count),
    close,
  };
}

async function ruleOf({
  profile,
  completeOn: glob,
  isAsItIs,
}: Pick<Follow, "profile" | "completeOn" | "isAsItIs">): Promise<Rule> {
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
