// What of a watched folder becomes of an entry when it is sent: its name on the server and its metadata. Of the metadata, what is said of
// one entry goes over what is said of all: -m, then -k, then what its path says, then the file beside it, or in it.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { JsonMember } from "../../base/json-text.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import type { Job } from "../../client/job.ts";
import type { Selection } from "../../client/listing/selection.ts";
import type { NameTemplate } from "../../client/plan/name-template.ts";
import { overlaid } from "../../client/plan/overlay.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import type { Sighted } from "../../watch/folder/scan.ts";
import type { Prepared } from "../../watch/looker.ts";
import type { PathReader } from "../../watch/path-metadata.ts";
import type { Waiting } from "../../watch/watch-list.ts";
import { metadataOf, readMetadataFile } from "../metadata-file.ts";
import { datasetNameOnServer, nameOnServer } from "./name-on-server.ts";
import { statsOf } from "./what-is-there.ts";

export interface WatchJobsOptions {
  readonly server: ServerChoice;
  /** What is said of all, with -m and -k. */
  readonly shared: readonly JsonMember[];
  /** What the path says; `null`: nothing. */
  readonly fromPath: PathReader | null;
  readonly nameTemplate: NameTemplate | null;
  /** What of a folder is sent. */
  readonly selection: Selection;
}

const sidecarSuffix = ".meta.json";
const metadataInFolder = "metadata.json";

/** Whether a file of this name is the metadata of what lies beside it, and no entry. */
export function isWatchSidecar(name: string): boolean {
  return name.endsWith(sidecarSuffix);
}

/** Where the metadata of what lies at `at` are. */
export function sidecarOf(at: string): string {
  return `${at}${sidecarSuffix}`;
}

export class WatchJobs {
  readonly #options: WatchJobsOptions;

  constructor(options: WatchJobsOptions) {
    this.#options = options;
  }

  /** The job of an entry, or what it waits for before there can be one. */
  prepare(sighting: Sighted): Prepared {
    const name = orWaiting("unsendable", () => this.#nameOf(sighting));
    if (typeof name !== "string") return { type: "waits", ...name };
    const metadataText = this.#metadataOf(sighting);
    if (typeof metadataText !== "string") return { type: "waits", ...metadataText };
    const job = { ...this.#options.server, ...this.#originOf(sighting), name, metadataText };
    const key = createHash("sha256").update(`${name}\0${metadataText}`).digest("base64url");
    return { type: "job", job, key };
  }

  #originOf({ at, kind }: Sighted): Pick<Job, "origin" | "unpack"> {
    // As this system writes paths: people read it.
    const path = resolve(at);
    if (kind === "file") return { origin: { kind, path } };
    const { selection } = this.#options;
    return { origin: { kind: "dataset", path, selection }, unpack: "tar" };
  }

  #nameOf({ at, kind }: Sighted): string {
    const chosen = this.#templateName(at, kind === "folder");
    return kind === "folder" ? datasetNameOnServer(chosen, at) : nameOnServer(chosen, at);
  }

  #templateName(at: string, isFolder: boolean): string | undefined {
    const { nameTemplate } = this.#options;
    const stats = nameTemplate === null ? null : statsOf(at);
    if (nameTemplate === null || stats === null) return undefined;
    return nameTemplate.nameOf({ path: resolve(at), isFolder, modified: stats.mtime });
  }

  #metadataOf({ path, at, kind }: Sighted): string | Waiting {
    const { shared, fromPath } = this.#options;
    const own = fromPath === null ? [] : fromPath(path);
    if (own === null)
      return {
        reason: "metadata-missing",
        detail: "Its path does not have the form that --path-metadata says",
      };
    const beside = orWaiting("metadata-faulty", () => readBeside(at, kind));
    if ("reason" in beside) return beside;
    const hint = `write ${sidecarOf(at)}, or give some with -m or -k`;
    return orWaiting("metadata-missing", () => metadataOf(overlaid(overlaid(shared, own), beside), hint));
  }
}

/** The metadata in the file beside an entry, or in it where it is a folder; that beside it counts. */
function readBeside(at: string, kind: "file" | "folder"): readonly JsonMember[] {
  const places = [sidecarOf(at), ...(kind === "folder" ? [`${at}/${metadataInFolder}`] : [])];
  const place = places.find((it) => existsSync(systemPathBytes(it)));
  return place === undefined ? [] : readMetadataFile(place);
}

function orWaiting<T extends string | readonly JsonMember[]>(
  reason: Waiting["reason"],
  read: () => T,
): T | Waiting {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DyncError)) throw error;
    const { message, hint } = error;
    return { reason, detail: hint === undefined ? message : `${message}; ${hint}` };
  }
}
