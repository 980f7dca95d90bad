// Which addresses of this machine itself tests may use.

import { networkInterfaces } from "node:os";

const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);

/** Why nothing can listen at ::1 here, for the name of a skipped test; `null` when it can. */
export const ipv6Missing: string | null = own.some(({ address }) => address === "::1") ? null : "no ::1 here";

/** Why 127.0.0.2 and those behind it are no addresses here, for the name of a skipped test; `null` when they are. */
export const moreLoopbackMissing: string | null =
  process.platform === "darwin" ? "127.0.0.1 alone is here" : null;
