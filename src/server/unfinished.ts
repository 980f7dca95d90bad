// What a user may have unfinished: so many uploads, with so much metadata. Without a bound a client that only ever
// begins would fill the catalogue, which no announced size counts.

import { DyncError, errorMeanings } from "../base/error.ts";
import type { Admitted, NewUpload, QuotaPassed } from "../catalogue/catalogue.ts";
import type { RulesOf, UserRules } from "../config/server-settings.ts";
import { quotaRefusal, quotasOf } from "./quotas.ts";
import { giveUp, type RecoveryParts } from "./recovery.ts";

export interface UnfinishedParts extends RecoveryParts {
  readonly rulesOf: RulesOf;
  /** Whether something is being done with this upload. */
  readonly isActive: (id: string) => boolean;
}

// Uploads that one new one may drive out: as large metadata may take the place of many small ones.
const droppedMax = 64;
const pageRecords = 64;
const trimmedMax = 64;

/**
 * Adds `upload` to the catalogue; returns the hold on it, or who holds its name. Where its user has too much unfinished,
 * the oldest suspended uploads of which nothing arrived make way first.
 *
 * @throws DyncError "too-many-uploads" when that is not enough.
 */
export async function addWithinBounds(upload: NewUpload, parts: UnfinishedParts): Promise<NamedOrTaken> {
  const { catalogue, owner } = parts;
  const rules = parts.rulesOf(upload.user);
  const trimmed = catalogue.trim(upload.user, "failed", rules.failedPerUser, trimmedMax);
  const quotas = quotasOf(upload.user, rules.limits);
  const bounds = { uploads: rules.unfinishedPerUser, metadataBytes: rules.metadataBytesPerUser, quotas };
  for (let dropped = 0; ; dropped++) {
    const [result] = await Promise.all([catalogue.admit(upload, owner, bounds), trimmed]);
    if (result.type === "admitted" || result.type === "name-taken") return result;
    const isHopeless = result.type === "quota-passed" && !wouldFit(upload, result);
    if (isHopeless || dropped >= droppedMax || !(await dropOldestEmpty(upload.user, parts)))
      throw refusal(upload, result, rules);
  }
}

type NamedOrTaken = Extract<Admitted, { type: "admitted" | "name-taken" }>;
type TooMuch = Exclude<Admitted, NamedOrTaken>;

/** Whether it would fit if nothing else of its user, or of those who share the quota, was under way. */
function wouldFit({ size }: NewUpload, { room: { tightest } }: QuotaPassed): boolean {
  return tightest !== null && tightest.stored + (size ?? 0) <= tightest.quota.bytes;
}

function refusal({ size }: NewUpload, result: TooMuch, rules: UserRules): DyncError {
  if (result.type === "quota-passed") return quotaRefusal(result.room, size ?? 0, rules.limits);
  const { unfinishedPerUser, metadataBytesPerUser } = rules;
  const text =
    result.type === "too-many-uploads"
      ? `You have ${countText(unfinishedPerUser)} on the server, the most that one user may have`
      : `The metadata of your unfinished uploads would pass the ${metadataBytesPerUser} bytes that one user may have`;
  return new DyncError("too-many-uploads", `${text}: finish or cancel some, or wait until they expire`);
}

function countText(uploads: number): string {
  return uploads === 1 ? "1 unfinished upload" : `${uploads} unfinished uploads`;
}

async function dropOldestEmpty(user: string, parts: UnfinishedParts): Promise<boolean> {
  const { catalogue, isActive } = parts;
  for (let after: string | null = null; ; ) {
    const page = await catalogue.emptyOf(user, after, pageRecords);
    for (const record of page) {
      // What is not known to be durable may be there all the same.
      if (isActive(record.id) || !(await isEmpty(record.id, parts))) continue;
      // Its client may have come back meanwhile, or it made way for another one.
      if (isActive(record.id)) continue;
      // This lets its client begin anew.
      const code = errorMeanings["unknown-upload"].wire;
      if (await giveUp(record, code, "Made way for a newer upload: nothing of it had arrived", parts))
        return true;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageRecords) return false;
    after = last.id;
  }
}

async function isEmpty(id: string, { storage }: UnfinishedParts): Promise<boolean> {
  // One that resists must not keep the others from being dealt with: it counts as something.
  const found = await storage.lookAt(id).catch(() => undefined);
  return found === null || found?.bytes === 0;
}
