// The quotas of a user, and what is said of an upload that would pass one.

import { DyncError } from "../base/error.ts";
import { formatSize, formatSizes } from "../base/size-text.ts";
import type { Quota, QuotaRoom } from "../catalogue/catalogue.ts";
import { asking, type Limits } from "../rules/user-limits.ts";

/** What an upload of `user` has to fit into. */
export function quotasOf(user: string, { quotaBytes, shared }: Limits): readonly Quota[] {
  return [
    ...(quotaBytes === undefined ? [] : [{ bytes: quotaBytes, of: user }]),
    ...(shared === undefined ? [] : [{ bytes: shared.bytes, of: shared.isOf }]),
  ];
}

/** What counts already, for who reads a refusal: "9.5 TiB of 10 TiB are used (1.0 TiB of it by unfinished uploads)". */
function useText({ tightest }: QuotaRoom, { shared }: Limits): string {
  if (tightest === null) return "";
  const { quota, stored, underWay } = tightest;
  const whose =
    typeof quota.of === "string" ? "Your quota" : `The quota of ${JSON.stringify(shared?.name ?? "")}`;
  const [used, all] = formatSizes(stored + underWay, quota.bytes);
  const part = underWay === 0 ? "" : `, ${formatSize(underWay)} of that for unfinished uploads`;
  return `${whose} is ${all}, of which ${used} ${used === "1 B" ? "is" : "are"} used${part}`;
}

/**
 * The refusal of an upload of `bytes`, before its first one. It is kept on the client, as by a full disk: somebody may make room, or
 * raise the quota.
 */
export function quotaRefusal(room: QuotaRoom, bytes: number, limits: Limits): DyncError {
  const text = `${useText(room, limits)}; this upload of ${formatSize(bytes)} does not fit`;
  return new DyncError("no-space", text + asking(limits.contact));
}

/** Why an upload of unknown size, of which `bytes` have come, is ended. */
export function streamRefusal(room: QuotaRoom, bytes: number, limits: Limits): DyncError {
  const text = `${useText(room, limits)}; this upload, of which ${formatSize(bytes)} have come, does not fit`;
  return new DyncError("too-large", text + asking(limits.contact));
}
