// The ways to a server: each of its addresses with each IP address of its host, in the order in which they are tried. The one that led
// to the server last is the first of the next connection: who found a way past what is down keeps to it.

import type { Clock } from "../../base/clock.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { isServiceName, type Place, type Places, placesOf } from "../../base/server-place.ts";
import type { LinkFailure } from "../transport.ts";
import type { Addresses } from "./addresses.ts";

// A resolver that does not answer holds up the addresses behind it for so long, and whoever has no other for longer.
const lookUpMsHurried = 3_000;
const lookUpMsMax = 20_000;

/** One way to a server. */
export interface Way {
  /** The address that was given. */
  readonly given: Place;
  /** Where that leads: another one where it is the name of SRV records. */
  readonly place: Place;
  /** The IP address of its host. */
  readonly address: string;
}

/** The ways that led to servers last, each by the first address of its server. */
export type LastWays = Map<string, Way>;

/** Why an address leads nowhere. */
export interface NoWay extends Place {
  readonly failure: Extract<LinkFailure, "unknown-host" | "not-offered">;
  /** Nobody said so: looking it up took too long. */
  readonly isLate?: boolean;
}

export class Ways {
  readonly #addresses: Addresses;
  readonly #clock: Clock;
  readonly #last: LastWays;

  constructor(addresses: Addresses, clock: Clock, last: LastWays = new Map()) {
    this.#addresses = addresses;
    this.#clock = clock;
    this.#last = last;
  }

  /** The addresses of `server` in the order in which they are tried. */
  inOrder(server: Places): readonly Place[] {
    const last = this.#last.get(formatServerAddress(server));
    return firstOf(placesOf(server), (given) => last !== undefined && isSame(given, last.given));
  }

  /**
   * The ways by `given`, one of the addresses of `server`. Where there are others beside it, or behind it, a name that is not found soon
   * counts as unknown; not so in the second round.
   */
  async by(
    given: Place,
    server: Places,
    {
      areOthersLeft,
      isSecondRound = false,
    }: { readonly areOthersLeft: boolean; readonly isSecondRound?: boolean },
  ): Promise<readonly (Way | NoWay)[]> {
    const limitMs = areOthersLeft ? lookUpMsHurried : lookUpMsMax;
    const last = this.#last.get(formatServerAddress(server));
    if (!isServiceName(given.host)) return await this.#to(given, given, last, limitMs);
    const places = await this.#within(limitMs, this.#addresses.ofService(given.host));
    if (typeof places === "string") return [{ ...given, failure: places }];
    if (places === null) return [{ ...given, failure: "unknown-host", isLate: true }];
    const order = firstOf(places, (place) => last !== undefined && isSame(place, last.place));
    const eachMs = order.length > 1 && !isSecondRound ? lookUpMsHurried : limitMs;
    return (await Promise.all(order.map((place) => this.#to(place, given, last, eachMs)))).flat();
  }

  async #to(
    place: Place,
    given: Place,
    last: Way | undefined,
    limitMs: number,
  ): Promise<readonly (Way | NoWay)[]> {
    const addresses = await this.#within(limitMs, this.#addresses.of(place.host));
    if (addresses === null || addresses.length === 0)
      return [{ ...place, failure: "unknown-host", isLate: addresses === null }];
    const isLast = (address: string): boolean => address === last?.address && isSame(place, last.place);
    return firstOf(addresses, isLast).map((address) => ({ given, place, address }));
  }

  /** `null`: it took too long. */
  async #within<T>(limitMs: number, found: Promise<T>): Promise<T | null> {
    const { promise, resolve } = Promise.withResolvers<null>();
    const stop = this.#clock.after(limitMs, () => resolve(null));
    return await Promise.race([found, promise]).finally(stop);
  }

  /** `way` led to `server`. */
  led(server: Places, way: Way): void {
    this.#last.set(formatServerAddress(server), way);
  }

  /** The server was at none of these: names may lead elsewhere by now. */
  forget(tried: Iterable<Place>): void {
    for (const { host } of tried) this.#addresses.forget(host);
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.host === other.host && one.port === other.port;
}

function firstOf<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly T[] {
  return [...all.filter(isFirst), ...all.filter((one) => !isFirst(one))];
}
