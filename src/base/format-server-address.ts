// A server's address as people read it, in every message that names one. Reading one is `config/server-address.ts`.

/** `host:port`; an IPv6 address in brackets. */
export function formatServerAddress({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
