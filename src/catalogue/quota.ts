// What users may have stored and under way together. Pure: a catalogue adds up what they have, and asks here what fits beside it,
// in one step with what it does then.

/** A bound on the bytes of one user, or of several together. */
export interface Quota {
  readonly bytes: number;
  /** Its user, or whether somebody is one of them. */
  readonly of: string | ((user: string) => boolean);
}

/** What counts against a quota. */
export interface QuotaUse {
  /** Bytes that were stored, and not taken away since as far as is known. */
  readonly stored: number;
  /** Bytes that unfinished uploads announced, or were granted as they grew. */
  readonly underWay: number;
}

/** What still fits into some quotas. */
export interface QuotaRoom {
  /** Infinite where there is no quota. */
  readonly bytes: number;
  /** The one that leaves so little, or `null`: there is none. */
  readonly tightest: (QuotaUse & { readonly quota: Quota }) | null;
}

/** What fits into all of `quotas`, of which `useOf` tells what counts already. */
export function roomWithin(quotas: readonly Quota[], useOf: (quota: Quota) => QuotaUse): QuotaRoom {
  let room: QuotaRoom = { bytes: Number.POSITIVE_INFINITY, tightest: null };
  for (const quota of quotas) {
    const use = useOf(quota);
    const bytes = Math.max(0, quota.bytes - use.stored - use.underWay);
    if (bytes < room.bytes) room = { bytes, tightest: { quota, ...use } };
  }
  return room;
}

/** The same, of which `uses` are what all users have whom these quotas are about. */
export function roomOf(
  quotas: readonly Quota[],
  uses: readonly (QuotaUse & { readonly user: string })[],
): QuotaRoom {
  return roomWithin(quotas, ({ of }) => {
    const counted = uses.filter(({ user }) => (typeof of === "string" ? of === user : of(user)));
    const sum = (member: keyof QuotaUse) => counted.reduce((all, use) => all + use[member], 0);
    return { stored: sum("stored"), underWay: sum("underWay") };
  });
}

/** What a user has. */
export interface UserUsage extends QuotaUse {
  readonly user: string;
  /** Uploads that were stored. */
  readonly files: number;
  /** Unfinished uploads. */
  readonly unfinished: number;
  /** When the last one was stored, and when somebody last counted what lies there (ISO 8601, UTC); `null`: never. */
  readonly lastAt: string | null;
  readonly countedAt: string | null;
}

/** Of uploads: how many, with how many bytes. */
export type Counted = Pick<UserUsage, "stored" | "files">;
