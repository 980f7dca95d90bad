// What may happen to a record, the same in every catalogue. Pure: a catalogue reads a record, asks here what becomes of it,
// and writes that, in one step.

import type {
  Amendment,
  Grown,
  Hold,
  NewUpload,
  Owner,
  UploadChange,
  UploadRecord,
  UploadState,
} from "./catalogue.ts";
import type { QuotaRoom } from "./quota.ts";

/** `upload` as it is recorded: open, with nothing durable, held by `owner`. Its metadata is kept beside it. */
export function newRecord(
  { metadataText: _, ...upload }: NewUpload,
  owner: Owner,
  now: number,
): UploadRecord {
  return {
    ...upload,
    added: upload.added ?? null,
    wantsReceipt: upload.wantsReceipt ?? false,
    metadataDigest: null,
    state: "open",
    durable: 0,
    bytes: upload.size ?? 0,
    sha256: null,
    content: null,
    receivedAt: null,
    storedAt: null,
    releasedAt: null,
    amendedAt: null,
    resumes: 0,
    resumedAt: null,
    errorCode: null,
    reason: null,
    owner: owner.id,
    fence: 1,
    leaseUntil: now + owner.leaseMs,
    updatedAt: upload.createdAt,
  };
}

/** `record` when `owner` takes it at `now` (ms since 1970, by the catalogue); "held" when another owner's lease is not over. */
export function taken(record: UploadRecord, owner: Owner, now: number): UploadRecord | "held" | "ended" {
  if (record.state === "finished" || record.state === "failed") return "ended";
  if (record.owner !== owner.id && record.leaseUntil > now) return "held";
  return { ...record, owner: owner.id, fence: record.fence + 1, leaseUntil: now + owner.leaseMs };
}

/** In which states what may happen. One that leads where the record is already changes nothing more. */
const allowedIn: Readonly<Record<UploadChange["verb"], readonly UploadState[]>> = {
  progress: ["open", "publishing"],
  hear: ["open"],
  resume: ["open"],
  "begin-publish": ["open", "publishing"],
  wait: ["open"],
  reopen: ["publishing"],
  finish: ["publishing", "finished"],
  fail: ["open", "publishing", "failed"],
};

/** `record` after `change` by who has `hold`, at `now` (ms since 1970, by the catalogue), or `null`: it may not happen. */
export function changed(
  record: UploadRecord,
  { fence, owner }: Hold,
  change: UploadChange,
  now: number,
): UploadRecord | null {
  if (!allowedIn[change.verb].includes(record.state)) return null;
  const lease = leaseOf(record, { id: record.id, fence, owner }, now);
  if (lease === null) return null;
  const leaseUntil = isLetGo(change) ? 0 : lease.leaseUntil;
  return { ...record, ...partsOf(record, change), ...lease, leaseUntil, updatedAt: change.at };
}

/** Whether nobody works on what `change` happened to. */
function isLetGo(change: UploadChange): boolean {
  if (change.verb === "progress") return change.isPutAway === true;
  return ["wait", "reopen", "finish", "fail"].includes(change.verb);
}

/** `record` with other metadata, by who has `hold`, or `null`: it can have none now. */
export function amended(
  record: UploadRecord,
  hold: Hold,
  { at, place }: Amendment,
  now: number,
): UploadRecord | null {
  const lease = leaseOf(record, hold, now);
  if (lease === null) return null;
  // All of them are what somebody wrote now: nothing of these was added by a hook.
  if (record.state === "finished")
    return { ...record, ...lease, leaseUntil: 0, added: null, amendedAt: at, updatedAt: at };
  if (record.state !== "open" || record.held === null) return null;
  const state = record.sha256 === null ? "open" : "publishing";
  return { ...record, ...lease, added: null, held: null, releasedAt: at, place, state, updatedAt: at };
}

/** What its record says of who works on it when who has `hold` changes it, or `null`: that is not theirs to do. */
function leaseOf(
  record: UploadRecord,
  { fence, owner }: Hold,
  now: number,
): Pick<UploadRecord, "owner" | "leaseUntil"> | null {
  if (record.fence !== fence || (record.owner !== owner.id && record.leaseUntil > now)) return null;
  return { owner: owner.id, leaseUntil: now + owner.leaseMs };
}

function partsOf(record: UploadRecord, change: UploadChange): Partial<UploadRecord> {
  switch (change.verb) {
    case "progress":
      return { durable: change.durable, mark: change.mark };
    case "hear":
      return {};
    case "resume":
      return { resumes: record.resumes === null ? null : record.resumes + 1, resumedAt: change.at };
    case "begin-publish": {
      const { sha256, content, receivedAt, bytes } = change;
      return { state: "publishing", sha256, content, receivedAt, ...(bytes === undefined ? {} : { bytes }) };
    }
    case "wait": {
      const { sha256, content, receivedAt, bytes } = change;
      return { sha256, content, receivedAt, bytes };
    }
    case "reopen":
      return { state: "open", durable: change.durable, sha256: null, content: null };
    case "finish":
      return {
        state: "finished",
        // Once more, it was stored before; of one that an earlier version stored that is not known.
        storedAt: record.state === "finished" ? record.storedAt : change.at,
        ...(change.size === undefined ? {} : { size: change.size, bytes: change.size }),
      };
    case "fail":
      return { state: "failed", errorCode: change.errorCode, reason: change.reason };
  }
}

/** What becomes of `record` when who has `hold` wants it to count for more, and `room` is free: see `Catalogue.grow`. */
export function grown(
  record: UploadRecord | null,
  { fence, owner }: Hold,
  {
    need,
    wish,
    room,
    now,
  }: { readonly need: number; readonly wish: number; readonly room: QuotaRoom; readonly now: number },
): { readonly record: UploadRecord | null; readonly answer: Grown } {
  const isTheirs = record?.fence === fence && (record.owner === owner.id || record.leaseUntil <= now);
  if (record === null || record.state !== "open" || !isTheirs)
    return { record: null, answer: { type: "not-open" } };
  if (need - record.bytes > room.bytes) return { record: null, answer: { type: "quota-passed", room } };
  const bytes = Math.max(record.bytes, need, Math.min(wish, record.bytes + room.bytes));
  return { record: { ...record, bytes }, answer: { type: "grown", bytes } };
}
