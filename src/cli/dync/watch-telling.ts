// What `dync watch` tells the server of the folder: the parts of `Telling`. What of it leaves this computer stands in doc/security.md.

import { statfs } from "node:fs/promises";
import { hostname } from "node:os";
import { basename } from "node:path";
import { sleep } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { limits } from "../../protocol/limits.ts";
import type { Priority } from "../../protocol/priority.ts";
import type { InstrumentReport } from "../../protocol/wire/report.ts";
import { Telling, tellEveryMs } from "../../watch/telling.ts";
import { needPerson } from "../../watch/troubles.ts";
import type { WatchList } from "../../watch/watch-list.ts";
import type { CommandContext } from "../command.ts";
import { optionText } from "../option-value.ts";
import { openClient } from "./open-client.ts";
import type { WatchReports } from "./watch-reports.ts";

export interface TellingOptions {
  readonly server: ServerChoice;
  /** Absolute. */
  readonly folder: string;
  readonly label: string;
  readonly list: WatchList;
  readonly reports: WatchReports;
  readonly profile: string | undefined;
  readonly priority: Priority | undefined;
  /** Bytes a second that may be sent now; `null`: any. */
  readonly rate: () => number | null;
}

type FolderState = Omit<InstrumentReport, "clock" | "roundTrip" | "stops">;

// A network drive that is away may never answer.
const diskMs = 5_000;

/** How the folder is called: as `text` says, else by the computer and the last part of the path. Throws `DyncError` ("usage"). */
export function readLabel(text: string | undefined, folder: string): string {
  const { labelLengthMax: most } = limits;
  if (text === undefined) {
    const name = `${hostname()} ${basename(folder)}`.replace(/\p{Cc}+/gu, " ").trim();
    return name.slice(0, most).toWellFormed();
  }
  const label = text.trim();
  if (label !== "" && label.length <= most && !/\p{Cc}/u.test(label)) return label;
  const found = label.length > most ? `one of ${label.length}` : JSON.stringify(text);
  throw new DyncError("usage", `${optionText("label")} needs 1 to ${most} characters, found ${found}`, {
    hint: "it is what the folder is called on the server's page",
  });
}

export function tellingOf(options: TellingOptions, context: CommandContext): Telling<FolderState> {
  const { clock } = context;
  const { server, reports } = options;
  return new Telling<FolderState>({
    ...{ clock, random: Math.random },
    state: () => stateOf(options, context),
    newsOf: ({ waiting, entries, bytes, lost, uploads }) =>
      JSON.stringify([waiting, entries, bytes, lost, uploads]),
    tell: async (state, isFarewell, signal) => {
      await using client = openClient(context);
      const make = (roundTrip: number): InstrumentReport => ({
        ...state,
        ...{ clock: clock.date().toISOString(), roundTrip },
        ...(isFarewell ? { stops: true } : {}),
      });
      await client.report(server, make, signal);
    },
    onFault: (fault) =>
      reports.note(
        fault === null
          ? "The server hears again how this folder does"
          : `The server does not hear how this folder does: ${fault}; nothing else depends on it`,
      ),
  });
}

async function stateOf(options: TellingOptions, { clock, signal }: CommandContext): Promise<FolderState> {
  const { label, list, reports, profile, priority, rate, folder } = options;
  const { entries, bytes, oldestMs } = list.backlog(clock.now());
  const reasons = Object.entries(list.reasons).filter(([, count]) => count > 0);
  const limit = rate();
  const lost = list.whyLost?.trim().slice(0, limits.reportTextLengthMax).toWellFormed();
  const troubles = needPerson.reduce((sum, reason) => sum + (list.reasons[reason] ?? 0), 0);
  const disk = await Promise.race([
    diskOf(folder),
    sleep(clock, diskMs, signal)
      .catch(() => {})
      .then(() => ({})),
  ]);
  return {
    ...{ label, next: tellEveryMs / 1000, waiting: Object.fromEntries(reasons), entries, bytes },
    ...(entries === 0 ? {} : { oldest: Math.round(oldestMs / 1000) }),
    ...{ troubles, uploads: reports.uploads, system: `${process.platform} ${process.arch}` },
    ...disk,
    // A path is nobody's business there.
    ...(lost === undefined || lost === "" ? {} : { lost: lost.replaceAll(folder, "the folder") }),
    ...(profile === undefined ? {} : { profile: profile.slice(0, limits.labelLengthMax) }),
    ...(limit === null ? {} : { limit: Math.round(limit) }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** What is free of the disk, where that can be told. */
async function diskOf(folder: string): Promise<Pick<FolderState, "free" | "disk">> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    // A file system that does not know how much there is says 0 of all.
    return blocks === 0 ? {} : { free: bavail * bsize, disk: blocks * bsize };
  } catch {
    // It is away: that is said in another place.
    return {};
  }
}
