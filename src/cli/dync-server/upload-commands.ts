// What a running server can be asked about uploads, over its control socket: the server's end of `dync-server uploads …`. What they
// are asked for and answer is checked by the schemas here on either side.

import * as v from "valibot";
import { DyncError, messageOf } from "../../base/error.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import { namePattern, textWithin } from "../../rules/linear-pattern.ts";
import type { Amendments } from "../../server/amend.ts";
import { shownStates, storyKinds } from "../../server/shown-states.ts";
import type { UploadEnds } from "../../server/upload-ends.ts";
import type { UploadQuery, UploadRecords } from "../../server/upload-records.ts";
import type { Verification } from "../../server/verification.ts";
import { counts, read, texts } from "./command-schemas.ts";

/** Which uploads. */
export const queries = v.object({
  user: v.optional(v.string()),
  states: v.optional(v.array(v.picklist(shownStates))),
  /** ISO 8601, UTC. */
  since: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  until: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  /** As rules have them for names. */
  name: v.optional(v.string()),
  fields: v.optional(v.array(v.object({ path: v.string(), value: v.string() }))),
});
export type WrittenQuery = v.InferOutput<typeof queries>;

const listing = v.object({ query: queries, limit: counts });

/** An id, or its beginning. */
export const ids = v.pipe(v.string(), v.regex(/^[0-9a-f]{1,32}$/));
const one = v.object({ id: ids });
const amendment = v.object({ id: ids, metadataText: v.string() });

/** What came of other metadata. */
export const amendments = v.object({
  ...{ id: v.string(), state: v.picklist(["stored", "waiting"]), path: v.string() },
  kept: v.nullable(v.string()),
});

/** An upload in a list. */
export const shownUploads = v.object({
  ...{ id: v.string(), user: v.string(), name: v.string(), path: v.string() },
  dataset: v.nullable(v.picklist(["plain", "bagit"])),
  state: v.picklist(shownStates),
  ...{ size: v.nullable(counts), bytes: counts, sha256: texts, startedAt: v.string(), changedAt: v.string() },
  ...{ code: v.nullable(counts), reason: texts },
});

/** What a list ends with. */
export const listings = v.object({ listed: counts, more: v.boolean(), unsure: counts });

export const detailedUploads = v.object({
  ...shownUploads.entries,
  ...{
    location: v.string(),
    isThere: v.nullable(v.boolean()),
    fingerprint: texts,
    client: texts,
    modified: texts,
  },
  ...{ receivedAt: texts, files: v.nullable(counts), list: texts, bytesPerSecond: v.nullable(v.number()) },
  metadataText: texts,
  story: v.array(v.object({ kind: v.picklist(storyKinds), at: texts, text: v.string() })),
});

/** Most uploads of a random sample, whose ids are held. */
export const sampleMax = 100_000;
const verifying = v.object({
  /** Each as a whole, or how it begins; `null`: those of the query. */
  ids: v.nullable(v.array(ids)),
  query: queries,
  sample: v.nullable(v.pipe(counts, v.minValue(1), v.maxValue(sampleMax))),
  /** `null`: as fast as it goes. */
  bytesPerSecond: v.nullable(v.pipe(v.number(), v.minValue(1))),
});

/** What is told while files are read again. */
export const verifyingLines = v.variant("type", [
  v.object({
    ...{ type: v.literal("progress"), uploads: counts, uploadsTotal: v.nullable(counts) },
    ...{ bytes: counts, bytesTotal: v.nullable(counts) },
  }),
  v.object({
    ...{ type: v.literal("flaw"), id: v.string(), user: v.string() },
    ...{
      kind: v.picklist(["damaged", "missing", "extra"]),
      isGone: v.boolean(),
      path: v.string(),
      reason: v.string(),
    },
  }),
]);

/** What it ends with: numbers of uploads, and bytes. */
export const verified = v.object({
  uploads: counts,
  sound: counts,
  damaged: counts,
  missing: counts,
  bytes: counts,
});

const several = v.object({ ids: v.pipe(v.array(ids), v.minLength(1)) });
const waiting = v.object({
  user: v.optional(v.string()),
  before: v.pipe(v.string(), v.isoTimestamp()),
  isTrial: v.boolean(),
});

/** Those that were ended, each of which was named. */
export const endedOnes = v.object({ ended: v.array(shownUploads) });
/** How many were ended, and the bytes that were deleted. */
export const endedUploads = v.object({ uploads: counts, bytes: counts });

export interface UploadCommandParts {
  readonly records: UploadRecords;
  readonly ends: UploadEnds;
  readonly verification: Verification;
  readonly amendments: Amendments;
}

export function uploadCommands({
  records,
  ends,
  verification,
  amendments: amendmentsOf,
}: UploadCommandParts): readonly [string, ControlCommand][] {
  return [
    [
      "uploads list",
      async ({ arguments: given, tell, signal }) => {
        const { query, limit } = read(listing, given);
        return { ...(await records.list(queryOf(query), limit, (it) => tell({ ...it }), signal)) };
      },
    ],
    [
      "uploads amend",
      async ({ arguments: given }) => {
        const { id, metadataText } = read(amendment, given);
        return { ...(await amendmentsOf.amend(id, metadataText)) };
      },
    ],
    ["uploads show", async ({ arguments: given }) => ({ ...(await records.show(read(one, given).id)) })],
    [
      "uploads cancel",
      async ({ arguments: given }) => ({ ended: await ends.cancel(read(several, given).ids) }),
    ],
    [
      "uploads expire",
      async ({ arguments: given }) => ({ ended: await ends.expire(read(several, given).ids) }),
    ],
    [
      "uploads expire all",
      async ({ arguments: given, tell, signal }) => {
        const { isTrial, ...query } = read(waiting, given);
        return { ...(await ends.expireAll(query, isTrial, (it) => tell({ ...it }), signal)) };
      },
    ],
    [
      "uploads verify",
      async ({ arguments: given, tell, signal }) => {
        const { query, ...order } = read(verifying, given);
        const found = await verification.run(
          { ...order, query: queryOf(query) },
          (it) => tell({ ...it }),
          signal,
        );
        return { ...found };
      },
    ],
  ];
}

function queryOf({ name, ...query }: WrittenQuery): UploadQuery {
  if (name === undefined) return query;
  const nameHas = textWithin(name);
  return { ...query, name: readPattern(name), ...(nameHas === null ? {} : { nameHas }) };
}

/** Throws `DyncError` ("usage"). */
export function readPattern(pattern: string): (name: string) => boolean {
  try {
    return namePattern(pattern, true);
  } catch (error) {
    throw new DyncError("usage", `The pattern ${JSON.stringify(pattern)} ${messageOf(error)}`);
  }
}
