// Whether a new upload may have a name that others hold, decided from what is known about these. Pure. The newest upload of
// a name wins over one of the same key whose client is gone, or that this client says it replaces; never over another
// whose client is there.

import { DyncError } from "../base/error.ts";
import { busyText } from "../upload/names.ts";

/** An upload that has not ended and holds something that the name needs. */
export interface NameHolder {
  readonly name: string;
  /** It began a moment ago, gets its name just now, or may still get it: that cannot be taken from it. */
  readonly isBusy: boolean;
  /** The client of the new upload says that this one is what it replaces. */
  readonly isReplaced: boolean;
  /** Its client has a connection. */
  readonly hasClient: boolean;
  /** The user of the new upload began it. */
  readonly isOfUser: boolean;
  /** The key of the new upload began it, or a key that is not its user's any more. */
  readonly isOfKey: boolean;
}

/** Why an upload may not have `name`, of which `holders`, one at least, hold something; `null`: these make way. */
export function claimRefusal(name: string, holders: readonly NameHolder[]): DyncError | null {
  const busy = holders.find((it) => it.isBusy || (it.hasClient && !it.isReplaced));
  if (busy !== undefined) {
    // It ends one day, and may fail: then the name is free.
    const text = `${busyText(name, busy.name)}; this one waits until it has ended`;
    return new DyncError("not-ready", text);
  }
  if (holders.some((it) => !it.isOfUser)) {
    const text = `Another user began an upload that gets the place of ${JSON.stringify(name)}, which is not finished`;
    return new DyncError("name-taken", text);
  }
  if (holders.some((it) => !it.isOfKey)) {
    const text = `Another key of this user began an upload of ${JSON.stringify(name)}, which is not finished`;
    return new DyncError("name-taken", text);
  }
  return null;
}
