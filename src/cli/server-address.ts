// SERVER on the command line: where `dync` connects to.

import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { DyncError } from "../base/error.ts";
import { printable } from "./printable.ts";
import { parsePort } from "./whole-number.ts";

export const defaultPort = 8889;

const addressForms = "write HOST, HOST:PORT or [IPV6]:PORT, for example dync.example.org";

export interface ServerAddress {
  /** A host name in its ASCII form, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address. `portOption` is the value of `--port`, if there is one.
 * Throws `DyncError` ("usage"). The host is safe as part of a file name.
 */
export function parseServerAddress(text: string, portOption: string | undefined): ServerAddress {
  // A drive of Windows is no host.
  if (/^[a-z]:[\\/]/i.test(text)) throw noServer(`"${printable(text)}"`, addressForms);
  const meant = addressIn(text);
  if (meant !== text) throw noServer(`"${printable(text)}"`, `write ${printable(meant)}`);
  const { host, port } = splitPort(text);
  if (port !== null && portOption !== undefined && port !== portOption) {
    throw new DyncError(
      "usage",
      `Two ports are given, "${printable(port)}" with SERVER and "${printable(portOption)}"`,
      {
        hint: "write the port once, either as SERVER:PORT or with --port",
      },
    );
  }
  const shown = `"${printable(text)}"`;
  const chosen = portOption === undefined ? port : portOption;
  return {
    host: checkedHost(host, shown),
    port:
      chosen === null
        ? defaultPort
        : parsePort(chosen, portOption === undefined ? `The port in ${shown}` : 'Option "--port"'),
  };
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

function checkedHost(host: string, shown: string): string {
  if (isIPv6(host)) return host;
  // An international name is looked up, and its key file is found, under its ASCII form.
  const ascii = /[^\0-\x7f]/.test(host) ? domainToASCII(host) : host.toLowerCase();
  const isName =
    ascii.length <= 253 &&
    /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/.test(ascii);
  if (isName) return ascii;
  throw noServer(shown, addressForms);
}

function noServer(shown: string, hint: string): DyncError {
  return new DyncError("usage", `SERVER needs a host name or an address, found ${shown}`, { hint });
}
