// What a steward grants some users: an ordered list, of which the first entry that fits a user and says something of a
// matter decides about that matter, as in ssh_config. Pure.

import { quotedText } from "../base/cut-text.ts";
import { formatSizes } from "../base/size-text.ts";
import type { Priority } from "../protocol/priority.ts";
import type { Matches } from "./linear-pattern.ts";

/** A pattern with its text, which is shown to who has to keep to it. */
export interface ShownPattern {
  readonly text: string;
  readonly matches: Matches;
}

/** What an entry may say; each is a matter of its own. */
export interface Limits {
  /** Uploads open at once. */
  readonly uploads?: number | undefined;
  /** Uploads that have not ended. */
  readonly unfinished?: number | undefined;
  /** Bytes of one upload, as they are sent. */
  readonly uploadBytes?: number | undefined;
  /** Bytes that one user may have stored and under way. */
  readonly quotaBytes?: number | undefined;
  /** Names that uploads may get. */
  readonly files?: readonly ShownPattern[] | undefined;
  /** The highest that one may ask for. */
  readonly priority?: Priority | undefined;
  /** Whom to ask for more. */
  readonly contact?: string | undefined;
  /** What its user may have together with others. */
  readonly shared?: SharedQuota | undefined;
}

/** Bytes that all may have together for whom an entry says so. */
export interface SharedQuota {
  /** Of the entry. */
  readonly name: string;
  readonly bytes: number;
  readonly isOf: (user: string) => boolean;
}

export interface LimitEntry extends Omit<Limits, "shared"> {
  readonly name: string;
  /** `undefined`: everybody. */
  readonly users?: readonly Matches[] | undefined;
  /** Bytes of all together for whom this is the first that says so. */
  readonly groupQuotaBytes?: number | undefined;
}

export const noLimits: Limits = {};

/** Of each matter what the first of `entries` says that fits `user` and says anything of it. */
export function limitsOf(entries: readonly LimitEntry[], user: string): Limits {
  const shared = sharedQuotaOf(entries, user);
  const limits: Record<string, unknown> = shared === null ? {} : { shared };
  for (const { name: _, users, groupQuotaBytes: __, ...said } of entries) {
    if (!isFor(users, user)) continue;
    for (const [matter, value] of Object.entries(said)) if (value !== undefined) limits[matter] ??= value;
  }
  return limits as Limits;
}

function isFor(users: LimitEntry["users"], user: string): boolean {
  return users === undefined || users.some((matches) => matches(user));
}

/** One for each entry: who is one of its users is asked for every upload of each of them. */
const sharedQuotas = new WeakMap<LimitEntry, SharedQuota>();

function sharedQuotaOf(entries: readonly LimitEntry[], user: string): SharedQuota | null {
  const entry = groupEntryOf(entries, user);
  if (entry?.groupQuotaBytes === undefined) return null;
  const known = sharedQuotas.get(entry);
  if (known !== undefined) return known;
  const users = new Map<string, boolean>();
  const isOf = (it: string): boolean => {
    const answer = users.get(it) ?? groupEntryOf(entries, it) === entry;
    users.set(it, answer);
    return answer;
  };
  const shared = { name: entry.name, bytes: entry.groupQuotaBytes, isOf };
  sharedQuotas.set(entry, shared);
  return shared;
}

function groupEntryOf(entries: readonly LimitEntry[], user: string): LimitEntry | undefined {
  return entries.find(({ users, groupQuotaBytes }) => groupQuotaBytes !== undefined && isFor(users, user));
}

/** Why an upload may not have this name, for its sender; `null`: it may. */
export function namingFault({ files, contact }: Limits, name: string): string | null {
  if (files === undefined || files.some(({ matches }) => matches(name))) return null;
  const shown = files.slice(0, patternsMax).map(({ text }) => text);
  const rest = files.length > patternsMax ? ` and ${files.length - patternsMax} more patterns` : "";
  const allowed = shown.join(", ") + rest;
  const what = `${quotedText(name, 80)} is no name that your uploads may have (${allowed})`;
  return what + asking(contact, "it has to be another");
}

const patternsMax = 5;

/** Why an upload of `bytes`, which are announced, is too large for its sender; `null`: it is not, or no size is known. */
export function sizeFault({ uploadBytes, contact }: Limits, bytes: number | undefined): string | null {
  if (uploadBytes === undefined || bytes === undefined || bytes <= uploadBytes) return null;
  const [has, may] = formatSizes(bytes, uploadBytes);
  return `This upload has ${has}, and one of yours may have ${may} at most${asking(contact)}`;
}

/** Why an upload of unknown size is not taken any further when `bytes` of it have come; `null`: it is. */
export function growthFault({ uploadBytes, contact }: Limits, bytes: number): string | null {
  if (uploadBytes === undefined || bytes <= uploadBytes) return null;
  const [may] = formatSizes(uploadBytes);
  return `This upload has more than the ${may} that one of yours may have${asking(contact)}`;
}

/** The end of a refusal: whom its reader can ask, and when. */
export function asking(contact: string | undefined, when = "you need more"): string {
  return `; ask ${contact ?? "the administrator of the server"} if ${when}`;
}
