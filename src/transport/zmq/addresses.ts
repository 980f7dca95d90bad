// The addresses of hosts, as the system tells them. A batch connects to one host thousands of times within seconds: it is looked up
// once for all of them, and again as soon as a connection there could not be made.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";

const knownForMs = 10_000;

interface Known {
  readonly addresses: Promise<readonly string[]>;
  /** Monotonic milliseconds. */
  readonly since: number;
}

export class Addresses {
  readonly #clock: Clock;
  readonly #lookUp: (host: string) => Promise<readonly string[]>;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock, lookUp = addressesOf) {
    this.#clock = clock;
    this.#lookUp = lookUp;
  }

  /** All addresses of a host, in the system's order; none when the name is unknown. */
  async of(host: string): Promise<readonly string[]> {
    const literal = host.replace(/^\[(.*)\]$/, "$1");
    if (isIP(literal) !== 0) return [literal];
    const now = this.#clock.now();
    const known = this.#known.get(host);
    if (known !== undefined && now - known.since < knownForMs) return await known.addresses;
    const addresses = this.#lookUp(host);
    this.#known.set(host, { addresses, since: now });
    return await addresses;
  }

  /** Nobody answered at the addresses that are known: they may have changed. */
  forget(host: string): void {
    this.#known.delete(host);
  }
}

/** All addresses of `host`, in the system's order; none when the name is unknown. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch {
    return [];
  }
}
