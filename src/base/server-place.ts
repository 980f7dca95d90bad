// Where a server is: a host and a port, and what else leads to the same server. What people write is read in `config/server-address.ts`.

/** One address of a server. */
export interface Place {
  /** A host name, an IP address, or the name of SRV records. */
  readonly host: string;
  /** Where `host` is the name of SRV records, a number without a meaning. */
  readonly port: number;
}

/** A server, by the address by which it is known everywhere. */
export interface Places extends Place {
  /** Further addresses of the same server, which holds the same key there: for connections alone. */
  readonly alsoAt?: readonly Place[] | undefined;
}

/** All addresses of a server, the one by which it is known first. */
export function placesOf({ host, port, alsoAt = [] }: Places): readonly Place[] {
  return [{ host, port }, ...alsoAt];
}

/** For a record of a server: what of it is about further addresses. */
export function furtherOf({ alsoAt = [] }: Places): { readonly alsoAt?: readonly Place[] } {
  return alsoAt.length === 0 ? {} : { alsoAt: alsoAt.map(({ host, port }) => ({ host, port })) };
}

/** Whether `host` is the name of SRV records (RFC 2782), which say by which hosts and ports the service is provided. */
export function isServiceName(host: string): boolean {
  return host.startsWith("_dync._tcp.");
}
