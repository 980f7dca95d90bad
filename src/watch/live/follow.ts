// How a run is followed: what the sender's command says of it, as a text that is kept with the upload, so that a later process follows
// the run in the same way. Pure.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";

const form = v.object({
  /** How long a file has to be quiet, in ms. */
  settleMs: v.number(),
  /** How long the run has to be quiet where no sign marks its end, in ms. */
  runSettleMs: v.number(),
  /** What is known of the instrument, as `--profile` has it, a file by its absolute path; `null`: nothing. */
  profile: v.nullable(v.string()),
  /** The glob of the sign of the end; `null`: as the profile says. */
  completeOn: v.nullable(v.string()),
  /** Somebody decided that the run is complete as it is. */
  isAsItIs: v.boolean(),
});

export type Follow = v.InferOutput<typeof form>;

/** Throws `DyncError` ("configuration"). */
export function readFollow(text: string): Follow {
  try {
    return v.parse(form, JSON.parse(text));
  } catch (cause) {
    const message = "How the run is followed, as an earlier dync wrote it down, cannot be read";
    throw new DyncError("configuration", message, { cause, hint: "drop the upload with dync cancel" });
  }
}

/** How a run is followed of which somebody decided that it is complete. Throws as `readFollow`. */
export function followedAsItIs(text: string): string {
  return JSON.stringify({ ...readFollow(text), isAsItIs: true } satisfies Follow);
}
