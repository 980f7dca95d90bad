// An upload that another server works on, and whose client is here now: that one is asked to let go of it, which takes a moment; where it
// is gone its lease runs out.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import type { Catalogue, Owner, Taken } from "../catalogue/catalogue.ts";
import type { News, Servers } from "../catalogue/servers.ts";

export interface TakeOverParts {
  readonly catalogue: Pick<Catalogue, "take">;
  /** This server. */
  readonly owner: Owner;
  readonly clock: Clock;
  /** Those that share the catalogue; nobody unless given. */
  readonly fellows?: Fellows | undefined;
}

// Its client waits meanwhile; it is told to come again before it thinks that nobody is there.
const waitMs = 5_000;
const askAgainMs = 1_000;

/** Takes the upload; where another server works on it, that one is asked to let go. */
export async function takeOver(id: string, isClientHere: boolean, parts: TakeOverParts): Promise<Taken> {
  const { catalogue, owner, clock, fellows } = parts;
  const since = clock.now();
  for (;;) {
    const taken = await catalogue.take(id, owner);
    if (taken.type !== "held" || fellows === undefined || clock.now() - since >= waitMs) return taken;
    await fellows.askFor(id, isClientHere, clock);
  }
}

/** Another server has it, and did not let go of it: it lives, or its lease is not over. */
export function heldElsewhere(): DyncError {
  return new DyncError("not-ready", "Another server still works on this upload");
}

/** The other servers, for one upload at a time. */
export class Fellows {
  readonly #servers: Servers;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  get leads(): boolean {
    return this.#servers.leads;
  }

  tell(news: News): void {
    this.#servers.tell(news);
  }

  /** Nobody works on upload `id` any more. */
  putAway(id: string): void {
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }

  /** Asks the server that works on upload `id` to let go of it; resolves when it did, or after a while: whether it did. */
  async askFor(id: string, isClientHere: boolean, clock: Clock): Promise<boolean> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(wake));
    this.tell({ kind: "let-go", id, isClientHere });
    await sleep(clock, askAgainMs, woken.signal).catch(() => {});
    waiting.delete(wake);
    if (waiting.size === 0) this.#waiting.delete(id);
    return woken.signal.aborted;
  }
}
