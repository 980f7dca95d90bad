// Under which addresses others reach a server: they may differ from where it listens, behind a proxy or a router.

import { isServiceName } from "../base/server-place.ts";
import { parsePort } from "./count.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { defaultPort, parseServerAddress, portsIn, type ServerAddress } from "./server-address.ts";
import type { Kind } from "./setting.ts";

/**
 * An http(s) address that may become a word of shell scripts and of PowerShell, which find nothing to obey in it: without user, query
 * and fragment, and without a slash at its end. `null`: `text` is none.
 */
export function plainUrl(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) return null;
  return /^[\w./:%+~@,[\]-]+$/.test(url.href) ? url.href.replace(/\/+$/, "") : null;
}

/** `null` for "none": it is the one that is asked for. */
export const publicUrls: Kind<string | null> = {
  ...{ placeholder: "URL", inFile: "text", isPath: false },
  parse: (text) => {
    if (text === "none") return right(null);
    const url = plainUrl(text);
    const hint = "for example https://dync.example.org, or https://lab.example.org/dync";
    return url === null
      ? wrong('an http(s) address without query, or "none"', JSON.stringify(text), { hint })
      : right(url);
  },
  write: (value) => value ?? "none",
};

/** Where clients send to; a port that is `null` is the one on which the server listens. */
export interface PublicAddress extends Pick<ServerAddress, "host"> {
  readonly port: number | null;
}

/** `null` for "none": it is the host of the page, and the port on which the server listens. */
export const publicAddresses: Kind<PublicAddress | null> = {
  ...{ placeholder: "HOST", inFile: "text", isPath: false },
  parse: (text) => (text === "none" ? right(null) : parseAddress(text)),
  write: (value) => (value === null ? "none" : writePublicAddress(value)),
};

function parseAddress(text: string): Parsed<PublicAddress> {
  const parsed = parseServerAddress(text);
  if (!parsed.ok) return parsed;
  const { host, alsoAt } = parsed.value;
  const hint = "clients may be told of several; the one here stands in what is made for all of them";
  if (alsoAt !== undefined || isServiceName(host))
    return wrong("one host, with a port where needed", JSON.stringify(text), { hint });
  const [port = null] = portsIn(text);
  const said = port === null ? null : parsePort(port);
  return right({ host, port: said?.ok ? said.value : null });
}

/** As clients read it: without the port where that is the usual one, or is not said. */
export function writePublicAddress({ host, port }: PublicAddress): string {
  const isBracketed = host.includes(":");
  if (port === null || (port === defaultPort && !isBracketed)) return isBracketed ? `[${host}]` : host;
  return isBracketed ? `[${host}]:${port}` : `${host}:${port}`;
}
