// Where a server answers over HTTP, as people write it.

import { isIP } from "node:net";
import { parseCount } from "./count.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import type { Kind } from "./setting.ts";

export interface HttpAddress {
  /** "*" for all addresses of this machine, or one IP address, without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const wanted = 'ADDRESS:PORT, a port alone, or "none"';
const hint = "for example 127.0.0.1:8890, [::1]:8890, *:8890, or 8890, which is heard on this machine alone";

/** `null` for "none": nothing is answered. A port alone is one of the loopback address. */
export const httpAddresses: Kind<HttpAddress | null> = {
  ...{ placeholder: "ADDRESS:PORT", inFile: "number or text", isPath: false },
  parse: (text) => (text === "none" ? right(null) : parseAddress(text)),
  write: (value) => (value === null ? "none" : writeHttpAddress(value)),
};

function parseAddress(text: string): Parsed<HttpAddress> {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]*)\]|([^:]*)):)?(\d+)$/.exec(text) ?? [];
  const port = digits === undefined ? null : parseCount(digits, 0, 65535);
  const host = hostOf(bracketed, plain);
  if (port?.ok !== true || host === null) return wrong(wanted, JSON.stringify(text), { hint });
  return right({ host, port: port.value });
}

function hostOf(bracketed: string | undefined, plain: string | undefined): string | null {
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed : null;
  if (plain === undefined || plain === "localhost") return "127.0.0.1";
  return plain === "*" || isIP(plain) === 4 ? plain : null;
}

/** As `httpAddresses` reads it. */
export function writeHttpAddress({ host, port }: HttpAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine hears it. */
export function isLoopback(host: string): boolean {
  return host === "::1" || /^127\./.test(host);
}
