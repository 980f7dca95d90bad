// What of a watched folder is on its way to the server since it was written: it is gone on with, also where it is complete by now, or
// nothing is sent live any more. Sent as a folder that is complete, all of it would go again.

import { placeOf } from "../../base/path-place.ts";
import type { Job } from "../../client/job.ts";
import { pathOf } from "../../client/origin.ts";
import type { UnfinishedUpload } from "../../client/upload-store.ts";
import type { Follow } from "../../watch/live/follow.ts";
import type { Prepared } from "../../watch/looker.ts";
import type { CommandContext } from "../command.ts";
import { asLive } from "./live-options.ts";
import { openClient } from "./open-client.ts";

/** As what an upload was begun: with another name, or other metadata, all of it would have to be sent anew. */
export type BegunAs = Pick<Job, "name" | "metadataText">;

/** Those to a server that were begun live, and are not finished. */
export async function begunLive(
  { host, port }: Pick<Job, "host" | "port">,
  context: CommandContext,
): Promise<readonly UnfinishedUpload[]> {
  await using client = openClient(context);
  const { uploads } = await client.store.list();
  return uploads.filter((it) => it.origin.kind === "live" && it.host === host && it.port === port);
}

/** As what the upload of a run was begun live that is not finished; `null`: there is none. */
export async function begunAs(job: Job, context: CommandContext): Promise<BegunAs | null> {
  return among(await begunLive(job, context), job);
}

function among(begun: readonly UnfinishedUpload[], { origin }: Job): BegunAs | null {
  const place = placeOf(pathOf(origin) ?? "");
  const own = begun.findLast((it) => placeOf(it.origin.path) === place);
  return own === undefined ? null : { name: own.name, metadataText: own.metadataText };
}

type PreparedJob = Extract<Prepared, { type: "job" }>;

// Very many that are complete are asked about at once, and each answer reads what is written down of all uploads.
const knownMs = 5_000;

/** Finds out whether the upload of a run that is complete was begun live, and what it goes on as then; `null`: it was not. */
export function goingOn(
  settleMs: number,
  context: CommandContext,
): (prepared: PreparedJob) => Promise<PreparedJob | null> {
  const { clock } = context;
  const complete = { profile: null, completeOn: null, isAsItIs: true };
  const follow: Follow = { settleMs, runSettleMs: settleMs, ...complete };
  let known: { readonly begun: Promise<readonly UnfinishedUpload[]>; readonly at: number } | null = null;
  return async ({ job, key, type }) => {
    if (job.origin.kind !== "dataset") return null;
    if (known === null || clock.now() - known.at >= knownMs)
      known = { begun: begunLive(job, context), at: clock.now() };
    const begun = among(await known.begun, job);
    return begun === null ? null : { type, key, job: { ...asLive(job, { follow, junk: [] }), ...begun } };
  };
}
