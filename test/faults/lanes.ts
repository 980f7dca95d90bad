// A balancer with an entrance of its own for each client, so that it can be told what each of them sent, whatever becomes of lines and of the
// balancer itself.

import { Semaphore } from "../../src/base/semaphore.ts";
import { lastingPort } from "../support/ports.ts";
import type { Balancer, ServerPair } from "../support/server-pair.ts";

export class Lanes {
  readonly #pair: ServerPair;
  #balancer: Balancer;
  /** What came in through balancers that are gone, by the number of the lane. */
  readonly #before: number[];
  /** Nobody asks one that is just being ended. */
  readonly #turn = new Semaphore();

  private constructor(pair: ServerPair, balancer: Balancer) {
    this.#pair = pair;
    this.#balancer = balancer;
    this.#before = balancer.ports.map(() => 0);
  }

  /** Lanes 0 to `count` - 1, in front of the servers of `pair`. */
  static async open(pair: ServerPair, count: number): Promise<Lanes> {
    const ports: number[] = [];
    while (ports.length < count) ports.push(await lastingPort());
    return new Lanes(pair, await pair.startBalancer(ports));
  }

  /** Where a client comes in. */
  address(lane: number): string {
    return `127.0.0.1:${this.#balancer.ports[lane]}`;
  }

  /** How many bytes came in by it so far. */
  async bytesIn(lane: number): Promise<number> {
    return (await this.#sums())[lane] as number;
  }

  async #sums(): Promise<readonly number[]> {
    await this.#turn.take(1);
    try {
      const now = await this.#balancer.bytesIn();
      return now.map((bytes, lane) => bytes + (this.#before[lane] as number));
    } finally {
      this.#turn.release();
    }
  }

  /** Ends all connections at once, and lets clients in again. */
  async cut(): Promise<void> {
    await this.#turn.take(1);
    try {
      for (const [lane, bytes] of (await this.#balancer.bytesIn()).entries())
        this.#before[lane] = (this.#before[lane] as number) + bytes;
      await this.#balancer.program.kill();
      this.#balancer = await this.#pair.startBalancer(this.#balancer.ports);
    } finally {
      this.#turn.release();
    }
  }
}
