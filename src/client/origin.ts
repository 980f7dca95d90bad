// Where the bytes of an upload come from, and what a later process has to know of it to go on: which version of a file it was,
// or what was listed of a folder. Pure.

import { resolve } from "node:path";
import { type FileVersion, isSameVersion, type KnownVersion } from "./file-version.ts";
import type { ListingMark } from "./listing/listing-mark.ts";
import type { Selection } from "./listing/selection.ts";
import type { LiveRun } from "./live/feed.ts";

export type Origin =
  | { readonly kind: "file"; readonly path: string }
  /** The standard input, which only this process can send. */
  | { readonly kind: "input" }
  /** What another program writes, which only this process can send as well. */
  | { readonly kind: "command"; readonly argv: readonly [string, ...string[]] }
  /** A folder as one upload: what `selection` takes of it, as a tar. */
  | { readonly kind: "dataset"; readonly path: string; readonly selection: Selection }
  /** A folder as one upload, that is sent while it is being written. */
  | ({ readonly kind: "live" } & LiveRun);

/** By what another process that opens it again tells whether it is the same. */
export type SourceMark =
  | { readonly kind: "file"; readonly version: FileVersion }
  | { readonly kind: "dataset"; readonly listing: ListingMark }
  /**
   * What was sent of it is written down beside the state of its upload, and it may change as it likes. `digest`: once all of it
   * is stored, that of a listing of what was sent.
   */
  | { readonly kind: "live"; readonly digest?: string };

/** An origin with which a later process can go on, as it is written down; its path is absolute. */
export type MarkedOrigin =
  | { readonly kind: "file"; readonly path: string; readonly version: KnownVersion }
  | (Extract<Origin, { kind: "dataset" }> & { readonly listing: ListingMark })
  | Extract<Origin, { kind: "live" }>;

/** The path of what is sent, `null` where it has none. */
export function pathOf(origin: Origin): string | null {
  return origin.kind === "input" || origin.kind === "command" ? null : origin.path;
}

/** `origin`, of which `mark` was found when it was opened; `null` where no later process can go on with it. */
export function markedOrigin(origin: Origin, mark: SourceMark | undefined): MarkedOrigin | null {
  if (origin.kind === "file" && mark?.kind === "file")
    return { ...origin, path: resolve(origin.path), version: mark.version };
  if (origin.kind === "dataset" && mark?.kind === "dataset")
    return { ...origin, path: resolve(origin.path), listing: mark.listing };
  if (origin.kind === "live" && mark?.kind === "live") return { ...origin, path: resolve(origin.path) };
  return null;
}

/** Bytes in all, `null` where that is not known yet. */
export function sizeOf(origin: MarkedOrigin): number | null {
  if (origin.kind === "live") return null;
  return origin.kind === "file" ? origin.version.size : origin.listing.size;
}

/** Whether what is `now` there may be gone on with as what was `then` sent in part. */
export function isSameSource(then: MarkedOrigin, now: MarkedOrigin): boolean {
  if (then.kind === "live") return now.kind === "live";
  if (then.kind === "dataset") return now.kind === "dataset" && then.listing.digest === now.listing.digest;
  return now.kind === "file" && isSameVersion(then.version, now.version);
}
