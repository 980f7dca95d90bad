// A server's address as people read it, in every message that names one. Reading one is `config/server-address.ts`.

import { isServiceName, type Place, type Places, placesOf } from "./server-place.ts";

/** `host:port`; an IPv6 address in brackets, and the name of SRV records without a port. */
export function formatServerAddress({ host, port }: Place): string {
  if (isServiceName(host)) return host;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** All addresses of a server, as they are written for one. */
export function formatServerAddresses(places: Places): string {
  return placesOf(places).map(formatServerAddress).join(",");
}
