// The tables that simulated servers share: who is alive, and who leads; and what one tells the others, a tenth of which is lost.

import type { KnownServer, News, Servers } from "../../src/catalogue/servers.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** For how long a server is alive that said so. */
export const leaseMs = 15_000;

/** Until when each server that says so is alive, and which one leads: the tables that they share. */
export class SharedTables {
  readonly aliveUntil = new Map<string, number>();
  leader: { readonly id: string; readonly until: number } | null = null;
  readonly heeds = new Map<
    string,
    { readonly process: SimulatedProcess; heed: (news: News | null) => void }
  >();
}

/** What they stand in. */
export interface SharedWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly tables: SharedTables;
  readonly isDatabaseAway: boolean;
}

/** What one simulated server knows of the others. */
export class SimulatedServers implements Servers {
  readonly #world: SharedWorld;
  readonly #process: SimulatedProcess;
  readonly #id: string;
  #leadsUntil = Number.NEGATIVE_INFINITY;
  #hasLeft = false;

  constructor(world: SharedWorld, process: SimulatedProcess, id: string) {
    this.#world = world;
    this.#process = process;
    this.#id = id;
    world.tables.heeds.set(id, { process, heed: () => {} });
    this.#say();
  }

  get leads(): boolean {
    return this.#process.clock.now() < this.#leadsUntil;
  }

  #say(): void {
    if (this.#hasLeft) return;
    const { tables, clock, random } = this.#world;
    const now = clock.now();
    const led = this.leads;
    if (!this.#world.isDatabaseAway) {
      tables.aliveUntil.set(this.#id, clock.date().getTime() + leaseMs);
      const isFree = tables.leader === null || tables.leader.until < now || tables.leader.id === this.#id;
      if (isFree) tables.leader = { id: this.#id, until: now + leaseMs };
      this.#leadsUntil = isFree ? now + leaseMs : Number.NEGATIVE_INFINITY;
      if (this.leads && !led) tables.heeds.get(this.#id)?.heed(null);
    }
    this.#process.clock.after((leaseMs / 3) * (0.9 + random.next() / 5), () => this.#say());
  }

  tell(news: News): void {
    if (this.#hasLeft || this.#world.isDatabaseAway) return;
    const { tables, clock, random } = this.#world;
    for (const [id, { process, heed }] of tables.heeds) {
      if (id === this.#id || random.chance(0.1)) continue;
      clock.after(random.magnitude(1, 100), () => process.run(() => heed(news)));
    }
  }

  observe(heed: (news: News | null) => void): void {
    const own = this.#world.tables.heeds.get(this.#id);
    if (own !== undefined) own.heed = heed;
    if (this.leads) heed(null);
  }

  async list(): Promise<readonly KnownServer[]> {
    return [];
  }

  async leave(): Promise<void> {
    const { tables } = this.#world;
    this.#hasLeft = true;
    this.#leadsUntil = Number.NEGATIVE_INFINITY;
    tables.aliveUntil.set(this.#id, 0);
    tables.heeds.delete(this.#id);
    if (tables.leader?.id === this.#id) tables.leader = null;
  }
}
