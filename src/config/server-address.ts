// A server's address as people write it: where `dync` connects to.

import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { parsePort } from "./count.ts";
import { type Parsed, right, wrong } from "./parsed.ts";

export const defaultPort = 8889;

const addressForms = "write HOST, HOST:PORT or [IPV6]:PORT, for example dync.example.org";

export interface ServerAddress {
  /** A host name in its ASCII form, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address. `otherPort` was given elsewhere and goes over the
 * one in `text`, with what a sentence about it begins with. The host is safe as part of a file name.
 */
export function parseServerAddress(
  text: string,
  otherPort: { readonly text: string; readonly subject: string } | null = null,
): Parsed<ServerAddress> {
  if (isForeign(text)) return noServer(text, addressForms);
  const meant = addressIn(text);
  if (meant !== text) return noServer(text, `write ${meant}`);
  const written = splitPort(text);
  const host = asciiHost(written.host);
  if (host === null) return noServer(text, addressForms);
  const chosen = otherPort?.text ?? written.port;
  if (chosen === null) return right({ host, port: defaultPort });
  const port = parsePort(chosen);
  if (port.ok) return right({ host, port: port.value });
  return { ok: false, fault: { subject: otherPort?.subject ?? `The port in "${text}"`, ...port.fault } };
}

/** The port that `text` names, as it is written there, or `null`. */
export function portIn(text: string): string | null {
  return isForeign(text) || addressIn(text) !== text ? null : splitPort(text).port;
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
