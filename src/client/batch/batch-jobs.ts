// Makes jobs of the lines of a batch.

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { limits } from "../../protocol/limits.ts";
import { identityFrom } from "../identity.ts";
import type { BatchPlace } from "../job.ts";
import type { BatchJob } from "./batch.ts";
import {
  type BatchHead,
  type BatchLine,
  faultOf,
  type OwnPart,
  partsOf,
  type SharedPart,
} from "./batch-lines.ts";

/** The jobs behind `lines`, but for those whose number is in `done`. `placeOf` says where in the batch a number is. */
export async function* jobsOf(
  lines: AsyncIterable<BatchLine>,
  placeOf: (number: number) => BatchPlace,
  done: ReadonlySet<number> = new Set(),
): AsyncGenerator<BatchJob, void, undefined> {
  for await (const { shared, own } of partsOf(lines, done)) yield jobOf(shared, own, placeOf(own.n));
}

function jobOf({ folder, selection, ...shared }: SharedPart, own: OwnPart, place: BatchPlace): BatchJob {
  const { name, size } = own;
  const fault = faultOf(own);
  // As it was written, where that still means the same.
  const path = folder === resolve() ? own.path : resolve(folder, own.path);
  return {
    ...shared,
    origin: selection === undefined ? { kind: "file", path } : { kind: "dataset", path, selection },
    name,
    ...(size === undefined ? {} : { size }),
    ...(fault === undefined ? {} : { fault }),
    place,
  };
}

/**
 * The place of the job `number` in the batch `id`. Its identity is made and not kept: so nothing has to be written down for
 * a small file, and the server still hears which upload the next try takes the place of.
 */
export function placeIn(id: string, { seed, round }: BatchHead, number: number): BatchPlace {
  const earlier = Math.min(round, limits.replacesMax);
  return {
    batch: id,
    number,
    identity: identityOf(seed, round, number),
    replaces: Array.from({ length: earlier }, (_, back) => identityOf(seed, round - 1 - back, number)),
  };
}

function identityOf(seed: string, round: number, number: number): string {
  return identityFrom(createHash("sha256").update(`${seed} ${round} ${number}`).digest());
}
