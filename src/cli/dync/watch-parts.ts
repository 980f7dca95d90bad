// Parts of `dync watch` that follow from its options alone: what of the folder is an entry, what is known of each over time, and what becomes of it.

import type { JsonMember } from "../../base/json-text.ts";
import { anyOf } from "../../client/listing/pattern.ts";
import { NameTemplate } from "../../client/plan/name-template.ts";
import { isJunk as isSystemJunk } from "../../tar/member-path.ts";
import { genericRule } from "../../watch/completion.ts";
import { fileHash } from "../../watch/folder/file-hash.ts";
import type { Shape } from "../../watch/folder/scan.ts";
import { MakerCheck } from "../../watch/maker-check.ts";
import type { Profile } from "../../watch/profile.ts";
import { WatchList } from "../../watch/watch-list.ts";
import { readSelection } from "./selection-options.ts";
import { alsoWithin, readAlso } from "./watch-also.ts";
import { isWatchSidecar, WatchJobs } from "./watch-jobs.ts";
import { readDepth, readPathMetadata, readUnit, type Watched, type WatchValues } from "./watch-options.ts";
import type { NamedProfile } from "./watch-profiles.ts";
import type { WatchReports } from "./watch-reports.ts";

/** What is watched, and what is known of the instrument that writes there; `null`: nothing. */
export type WatchedInstrument = Watched & { readonly instrument: NamedProfile | null };

/** What each entry waits for, as it is told to `reports`. */
export function listOf(
  { folder, instrument }: WatchedInstrument,
  { explain }: WatchValues,
  settleMs: number,
  reports: WatchReports,
): WatchList {
  return new WatchList({
    settleMs: explain ? 1 : settleMs,
    random: Math.random,
    onWaiting: explain ? () => {} : (path, waiting, kind) => reports.waiting(path, kind, waiting),
    onLost: (detail) => reports.lost(folder, detail),
    // A run that has a sign of its end may be written for days.
    ...(instrument?.profile.file.sign === undefined
      ? { onRestless: (path: string, forMs: number) => reports.restless(path, forMs) }
      : {}),
  });
}

/** Who makes jobs of entries; `shared`: the metadata of all. */
export function watchJobsOf(
  { server, instrument }: WatchedInstrument,
  values: WatchValues,
  shared: readonly JsonMember[],
): WatchJobs {
  const template = values["name-template"];
  const chosen = readSelection({ include: [], exclude: values.exclude, all: false });
  return new WatchJobs({
    ...{ server, shared },
    selection: { ...chosen, exclude: [...chosen.exclude, ...(instrument?.profile.junkPatterns ?? [])] },
    fromPath: readPathMetadata(values["path-metadata"]),
    nameTemplate: template === undefined ? null : new NameTemplate(template),
  });
}

/** Holds runs to the checksums of an instrument that writes such. */
export function makerCheckOf(
  instrument: Profile | null,
  isOnce: boolean,
  signal: AbortSignal,
): MakerCheck | null {
  if (instrument?.file.checksums === undefined) return null;
  return new MakerCheck({ profile: instrument, hash: fileHash, isAwaited: isOnce, signal });
}

/** What of the folder is an entry. */
export function shapeOf(values: WatchValues, instrument: Profile | null, folder: string): Shape {
  const rule = instrument ?? genericRule;
  const unit = readUnit(values.unit);
  const depth = readDepth(values.depth, instrument?.depth);
  const isExcluded = anyOf(values.exclude, process.platform === "win32");
  const isLeftOut = (path: string, isFolder: boolean): boolean =>
    isSystemJunk(path) || isExcluded(path, isFolder);
  const isSentAlong = alsoWithin(readAlso(values.also, values.every, folder), folder);
  return {
    depth,
    // A folder higher up holds entries, and is none unless its profile knows it by its shape.
    isEntry: (view, at) =>
      (unit === null || view.kind === unit) &&
      (view.kind === "file" ? !isWatchSidecar(view.name) : at === depth || instrument?.hasShape === true) &&
      rule.isUnit(view),
    isLeftOut: (path, isFolder) => isLeftOut(path, isFolder) || isSentAlong.has(path),
    isJunk: (path, isFolder) => isLeftOut(path, isFolder) || rule.isJunk(path),
  };
}
