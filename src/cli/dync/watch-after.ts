// What `dync watch --after` does with what was sent: the parts of `AfterSent`, and what is said of it.

import { DyncError } from "../../base/error.ts";
import { versionOf } from "../../client/file-version.ts";
import { type Kept, kept } from "../../client/free/kept.ts";
import { moving } from "../../client/free/move.ts";
import { type Disposal, deletion, type Removal, removeFile } from "../../client/free/remove.ts";
import { type SentEntry, sentBelow } from "../../client/free/sent-below.ts";
import { type Base, baseOf, look } from "../../client/free/way.ts";
import { History } from "../../client/history.ts";
import type { Retry } from "../../client/patience.ts";
import { formatSize } from "../../config/size.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { AfterSent, type AfterSentParts, type Beside } from "../../watch/after-sent.ts";
import type { Scanner } from "../../watch/folder/scan.ts";
import type { CommandContext } from "../command.ts";
import { printable } from "../printable.ts";
import { openClient } from "./open-client.ts";
import { sidecarOf, type WatchJobs } from "./watch-jobs.ts";
import type { AfterSending } from "./watch-options.ts";
import type { WatchReports } from "./watch-reports.ts";

export interface AfterOptions extends AfterSending, Pick<AfterSentParts, "list"> {
  readonly scanner: Pick<Scanner, "look">;
  readonly jobs: WatchJobs;
  readonly server: ServerChoice;
  readonly folder: string;
  readonly home: string;
  readonly retry: Retry;
}

/** Who takes away what was sent, as `--after` says it. Rejects with `DyncError` where the folder cannot be looked into. */
export async function afterSent(
  options: AfterOptions,
  context: CommandContext,
  reports: Pick<WatchReports, "trouble" | "taken" | "kept">,
): Promise<AfterSent> {
  const { server, folder, home, retry, moveTo, keepForMs, list } = options;
  const base = await baseOf(folder);
  const disposal = moveTo === null ? deletion : moving(base, moveTo);
  const state = moveTo === null ? "deleted" : "moved";
  return new AfterSent({
    ...{ clock: context.clock, folder, list, keepForMs },
    disposal,
    beside: (path, entry, signal) =>
      sidecarBeside(path, entry, { ...options, base, disposal }, context, signal),
    // A file of its own for each time: others write to it.
    entries: () => sentBelow(new History(home).entries(), server, folder),
    prove: async (entry, signal) => {
      await using client = openClient(context);
      const now = await baseOf(folder);
      // A drive that went away and came back is another one until somebody starts dync anew.
      if (now.device !== base.device) throw new DyncError("source", `"${folder}" is on another volume now`);
      return await client.prove(
        entry,
        { ...retry, server, base, isMoved: moveTo !== null },
        () => {},
        signal,
      );
    },
    onTaken: (path, entry, removal) =>
      reports.taken(path, takenFields(entry, state, removal), takenText(path, state, removal)),
    onKept: (path, entry, kept) =>
      reports.kept(path, keptFields(entry, kept), `"${printable(path)}" stays here: ${printable(kept.why)}`),
    onTrouble: (text) => reports.trouble(text),
  });
}

/** The file of metadata beside an entry: it goes with it if the server has what it says. */
async function sidecarBeside(
  path: string,
  entry: SentEntry,
  {
    server,
    retry,
    scanner,
    jobs,
    base,
    disposal,
  }: AfterOptions & { readonly base: Base; readonly disposal: Disposal },
  context: CommandContext,
  signal: AbortSignal,
): Promise<Beside | null> {
  const at = sidecarOf(entry.path);
  const stats = await look(at);
  // Before it is read: what is written after that is another version.
  if (stats?.isFile() !== true) return null;
  const version = versionOf(stats);
  const sighting = await scanner.look(path, signal);
  const prepared = sighting === null ? null : jobs.prepare(sighting);
  await using client = openClient(context);
  const isStored =
    prepared?.type === "job" &&
    (await client.hasMetadata(entry, prepared.job.metadataText, { ...retry, server }, signal));
  return {
    path: sidecarOf(path),
    take: async () => (isStored ? (await removeFile(at, version, base, disposal)).kept : otherMetadata),
  };
}

const otherMetadata = kept("changed", "The server has other metadata than it says now");

function kindOf({ kind }: SentEntry): "file" | "folder" {
  return kind === "dataset" || kind === "live" ? "folder" : "file";
}

function takenFields(entry: SentEntry, state: "deleted" | "moved", { files, bytes, left }: Removal): object {
  const stays = left.count === 0 ? {} : { left: left.items };
  return { kind: kindOf(entry), state, id: entry.id, files, bytes, ...stays };
}

function takenText(path: string, state: string, { bytes, left }: Removal): string {
  const stays =
    left.count === 0 ? "" : `; what was not sent stays in it, such as "${printable(left.items[0] ?? "")}"`;
  return `"${printable(path)}" was ${state}, the server has it: ${formatSize(bytes)}${stays}`;
}

function keptFields(entry: SentEntry, { reason, why }: Kept): object {
  return { kind: kindOf(entry), state: "kept", id: entry.id, reason, detail: why };
}
