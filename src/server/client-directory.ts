// Who may send: the server's view of the authorised keys. `keys/authorized-clients.ts` reads them from a folder.

export interface ClientDirectory {
  /** The user of this public key (Z85 text), or `null` when it is not authorised (any more). */
  userOf(keyText: string): string | null;
  /** When this key expired, where it would be authorised but for that; else `null`. */
  expiryOf(keyText: string): Date | null;
  /** Until when this key, which is authorised, is good; `null`: nobody said. */
  endOf(keyText: string): Date | null;
  /** Whether this key, which is not authorised, was until a moment ago and may be again in another one. */
  isLeaving(keyText: string): boolean;
  /** Whether what this key began as `user` may go on: it is authorised, or was until a moment ago. */
  mayGoOn(keyText: string, user: string): boolean;
}
