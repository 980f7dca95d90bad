// A server's address as people write it: where `dync` connects to.

import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { formatServerAddress } from "../base/format-server-address.ts";
import { furtherOf, isServiceName, type Place, type Places, placesOf } from "../base/server-place.ts";
import { parsePort } from "./count.ts";
import { type Parsed, right, wrong } from "./parsed.ts";

export const defaultPort = 8889;

/** Most addresses that a server may be given. */
export const addressesMax = 16;

const addressForms = "write HOST, HOST:PORT or [IPV6]:PORT, for example dync.example.org";

/** Hosts are names in their ASCII form, IPv4 addresses, IPv6 addresses without brackets, or names of SRV records. */
export type ServerAddress = Places;

/** A port that was given beside an address. */
export interface OtherPort {
  readonly text: string;
  /** What a sentence about it begins with. */
  readonly subject: string;
  /** Whether it is for addresses that name none; else it goes over all. */
  readonly yields?: boolean;
}

/**
 * Reads `host`, `host:port`, `[v6]`, `[v6]:port`, a bare IPv6 address or `_dync._tcp.domain`, the name of SRV records; or several of
 * these with commas between them, of which the first is what the server is known by. `otherPort` was given elsewhere. A host is safe as part of a file name.
 */
export function parseServerAddress(text: string, otherPort: OtherPort | null = null): Parsed<ServerAddress> {
  const written = text.split(",");
  if (written.length > addressesMax)
    return wrong(`at most ${addressesMax} addresses of one server`, String(written.length));
  const places: Place[] = [];
  for (const one of written) {
    const place = parsePlace(one, otherPort);
    if (place.ok) places.push(place.value);
    else return written.length === 1 ? place : oneOfSeveral(place);
  }
  const [first, ...others] = places as [Place, ...Place[]];
  return right(distinct({ ...first, alsoAt: others }));
}

/** `address` with `port` for each of its addresses; names of SRV records have their own. */
export function withPort(address: ServerAddress, port: number): ServerAddress {
  const [first, ...others] = placesOf(address).map(({ host, port: own }) => ({
    host,
    port: isServiceName(host) ? own : port,
  })) as [Place, ...Place[]];
  return distinct({ ...first, alsoAt: others });
}

/** Whether no port can be said of it: all of its addresses are names of SRV records. */
export function hasOwnPorts(address: ServerAddress): boolean {
  return placesOf(address).every(({ host }) => isServiceName(host));
}

/** Each address once. */
function distinct({ host, port, alsoAt = [] }: ServerAddress): ServerAddress {
  const known = new Set([formatServerAddress({ host, port })]);
  const others = alsoAt.filter((place) => {
    const text = formatServerAddress(place);
    return !known.has(text) && known.add(text);
  });
  return { host, port, ...furtherOf({ host, port, alsoAt: others }) };
}

function parsePlace(text: string, otherPort: OtherPort | null): Parsed<Place> {
  if (isForeign(text)) return noServer(text, addressForms);
  const meant = addressIn(text);
  if (meant !== text) return noServer(text, `write ${meant}`);
  const written = splitPort(text);
  const host = asciiHost(written.host);
  if (host === null) return noServer(text, addressForms);
  if (isServiceName(host)) {
    if (written.port === null) return right({ host, port: defaultPort });
    return wrong("no port behind the name of SRV records", `"${text}"`, { hint: `write ${written.host}` });
  }
  const isOther = otherPort !== null && (written.port === null || !otherPort.yields);
  const chosen = isOther ? otherPort.text : written.port;
  if (chosen === null) return right({ host, port: defaultPort });
  const port = parsePort(chosen);
  if (port.ok) return right({ host, port: port.value });
  const subject = isOther ? otherPort.subject : `The port in "${text}"`;
  return { ok: false, fault: { subject, ...port.fault } };
}

function oneOfSeveral({ fault }: Extract<Parsed<never>, { ok: false }>): Parsed<never> {
  const { hint, subject } = fault;
  // A port is told of by itself.
  if (hint === undefined || subject !== undefined) return { ok: false, fault };
  return { ok: false, fault: { ...fault, hint: `${hint}; between several commas alone` } };
}

/** The ports that `text` names, as they are written there, one for each address; `null` where it names none. */
export function portsIn(text: string): readonly (string | null)[] {
  return text
    .split(",")
    .map((one) => (isForeign(one) || addressIn(one) !== one ? null : splitPort(one).port));
}

/** A drive of Windows is no host. */
function isForeign(text: string): boolean {
  return /^[a-z]:[\\/]/i.test(text);
}

/** What in `text` is our kind of address, where other programs have a scheme, a user and a path around it. */
function addressIn(text: string): string {
  if (!/[@/]/.test(text)) return text;
  const withoutPath = text
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, "")
    .replace(/^[^@/]*@/, "")
    .replace(/[/?#].*$/s, "");
  const address = withoutPath.replace(/:(?!\d).*$/s, "");
  return /^[\w.-]*\w(:\d+)?$/.test(address) ? address : text;
}

function splitPort(text: string): { readonly host: string; readonly port: string | null } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed) return { host: bracketed[1]!, port: bracketed[2] ?? null };
  if (isIPv6(text)) return { host: text, port: null };
  const colon = text.indexOf(":");
  return colon < 0 ? { host: text, port: null } : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function asciiHost(host: string): string | null {
  if (isIPv6(host)) return host;
  // An international name is looked up, and its key file is found, under its ASCII form.
  const ascii = /[^\0-\x7f]/.test(host) ? domainToASCII(host) : host.toLowerCase();
  const isName =
    ascii.length <= 253 &&
    /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/.test(ascii);
  return isName ? ascii : null;
}

function noServer(text: string, hint: string): Parsed<never> {
  return wrong("a host name or an address", `"${text}"`, { hint });
}
