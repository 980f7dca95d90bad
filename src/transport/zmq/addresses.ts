// The addresses of hosts, and the hosts behind SRV records (RFC 2782), as the system tells them. A batch connects to one host thousands of
// times within seconds: it is looked up once for all of them, and again as soon as a connection there could not be made.

import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { Place } from "../../base/server-place.ts";

const knownForMs = 10_000;
// One server has no more.
const recordsMax = 16;
// The resolver's own are half a minute.
const recordTimes = { timeout: 2_000, tries: 3 };

/** What an SRV record says. */
export interface ServiceRecord {
  /** The host; empty where the service is not there. */
  readonly name: string;
  readonly port: number;
  /** Lower ones first. */
  readonly priority: number;
  /** Of those with the same priority, in which proportion they are chosen. */
  readonly weight: number;
}

/** How names are looked up. */
export interface LookUps {
  /** All addresses of a host, in the system's order; none when the name is unknown. */
  readonly lookUp: (host: string) => Promise<readonly string[]>;
  /** The SRV records of a name; none where there are none. */
  readonly lookUpService: (name: string) => Promise<readonly ServiceRecord[]>;
  /** Numbers in [0, 1), for the weights of SRV records. */
  readonly random: () => number;
}

/** Where the records of a service lead, first to the place to try first, or that they lead nowhere. */
export type ServicePlaces = readonly Place[] | "unknown-host" | "not-offered";

export class Addresses {
  readonly #lookUps: LookUps;
  readonly #hosts: Memory<readonly string[]>;
  readonly #services: Memory<ServicePlaces>;

  constructor(clock: Clock, lookUps: Partial<LookUps> = {}) {
    const { lookUp = addressesOf, lookUpService = recordsOf, random = Math.random } = lookUps;
    this.#lookUps = { lookUp, lookUpService, random };
    this.#hosts = new Memory(clock);
    this.#services = new Memory(clock);
  }

  /** All addresses of a host, in the system's order; none when the name is unknown. */
  async of(host: string): Promise<readonly string[]> {
    const literal = host.replace(/^\[(.*)\]$/, "$1");
    if (isIP(literal) !== 0) return [literal];
    return await this.#hosts.get(host, () => this.#lookUps.lookUp(host));
  }

  /** Where the SRV records of `name` lead. */
  async ofService(name: string): Promise<ServicePlaces> {
    const { lookUpService, random } = this.#lookUps;
    return await this.#services.get(name, async () => placesIn(await lookUpService(name), random));
  }

  /** Nobody answered at the addresses that are known of a host, or a service: they may have changed. */
  forget(name: string): void {
    this.#hosts.forget(name);
    this.#services.forget(name);
  }
}

/** What was found for names within the last seconds. */
class Memory<Found> {
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly found: Promise<Found>; readonly since: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(name: string, find: () => Promise<Found>): Promise<Found> {
    const now = this.#clock.now();
    const known = this.#known.get(name);
    if (known !== undefined && now - known.since < knownForMs) return await known.found;
    const found = find();
    this.#known.set(name, { found, since: now });
    return await found;
  }

  forget(name: string): void {
    this.#known.delete(name);
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

/** The SRV records of `name`; none where there are none, or none can be had. `servers`: other name servers than the system's. */
export async function recordsOf(
  name: string,
  servers: readonly string[] = [],
): Promise<readonly ServiceRecord[]> {
  const resolver = new Resolver(recordTimes);
  if (servers.length > 0) resolver.setServers(servers);
  try {
    return await resolver.resolveSrv(name);
  } catch {
    return [];
  }
}

/** Where `records` lead. One of the root, alone, says that the service is not there. */
export function placesIn(records: readonly ServiceRecord[], random: () => number): ServicePlaces {
  const isNowhere = records.length === 1 && /^\.?$/.test(records[0]!.name);
  if (isNowhere) return "not-offered";
  // What the network says is shown to people, and asked for.
  const good = records.filter(({ name, port }) => port > 0 && /^[A-Za-z0-9_.:-]*[A-Za-z0-9_]\.?$/.test(name));
  if (good.length === 0) return "unknown-host";
  const priorities = [...new Set(good.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities
    .flatMap((priority) =>
      drawn(
        good.filter((it) => it.priority === priority),
        random,
      ),
    )
    .slice(0, recordsMax)
    .map(({ name, port }) => ({ host: name.replace(/\.$/, "").toLowerCase(), port }));
}

/** In an order that is drawn: each is next with a probability in proportion to its weight, and those without one come last, nearly always. */
function drawn(records: readonly ServiceRecord[], random: () => number): readonly ServiceRecord[] {
  const left = records.toSorted((a, b) => a.weight - b.weight);
  const order: ServiceRecord[] = [];
  while (left.length > 0) {
    const sum = left.reduce((total, { weight }) => total + weight, 0);
    let mark = Math.floor(random() * (sum + 1));
    const at = left.findIndex(({ weight }) => {
      mark -= weight;
      return mark <= 0;
    });
    order.push(...left.splice(at, 1));
  }
  return order;
}
