// Where a server's catalogue is, as people write it. The password in such an address is never written again.

import { type Parsed, right, wrong } from "./parsed.ts";
import type { Kind } from "./setting.ts";

/** A database of PostgreSQL. */
export interface CatalogueAddress {
  readonly url: string;
}

const wanted = '"sqlite", or postgres://USER@HOST/DATABASE';
const hint = "what the address does not say comes from PGHOST, PGUSER and so on";

/** `null` for "sqlite": in a file beside the data. */
export const catalogueAddresses: Kind<CatalogueAddress | null> = {
  ...{ placeholder: "ADDRESS", inFile: "text", isPath: false },
  parse: (text): Parsed<CatalogueAddress | null> => {
    if (text === "sqlite") return right(null);
    const isUrl = /^postgres(?:ql)?:\/\/\S*$/.test(text) && isReadable(text);
    return isUrl ? right({ url: text }) : wrong(wanted, JSON.stringify(withoutPassword(text)), { hint });
  },
  write: (address) => (address === null ? "sqlite" : withoutPassword(address.url)),
};

/** Without a host it is on this machine, or where PGHOST says: so URLs may be of databases. */
function isReadable(text: string): boolean {
  const isEncoded = !/%(?![0-9A-Fa-f]{2})/.test(text);
  return isEncoded && URL.canParse(text.replace(/^(\w+:\/\/(?:[^/?@]*@)?)(?=[/?]|$)/, "$1localhost"));
}

/** `url` with stars where it has a password. */
export function withoutPassword(url: string): string {
  return url
    .replace(/^(\w+:\/\/[^/?#@:]*:)[^/?#]*@/, "$1***@")
    .replace(/([?&](?:password|sslpassword)=)[^&#]*/gi, "$1***");
}
