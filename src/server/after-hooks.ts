// Hooks that are told of what was stored. What they are to be told is written down with the end of the upload, in one step, and
// told in the background: no upload waits for it.

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Delivery, NewDelivery, OutboxCount } from "../catalogue/outbox.ts";
import type { RulesOf } from "../config/server-settings.ts";
import { type Hook, hooksFor } from "../hooks/hook.ts";
import type { RunHook } from "../hooks/runner.ts";
import { type ToldPaths, type ToldUpload, toldBody } from "../hooks/told.ts";
import { fingerprintOf } from "../keys/key.ts";
import { ruleNameFor } from "../rules/upload-rules.ts";
import type { Storage } from "../storage/storage.ts";
import type { Destination } from "../upload/destination.ts";
import { checksumSuffix, metadataSuffix } from "../upload/names.ts";
import { type CompleteUpload, isAskedToUnpack } from "../upload/upload.ts";
import { HookQueue } from "./hook-queue.ts";
import type { DeliveryState } from "./shown-states.ts";
import type { Fellows } from "./take-over.ts";

/** One that was stored; its size is not always known again after a crash. */
export type StoredUpload = Omit<CompleteUpload, "size"> & { readonly size: number | null };

/** Where a server has its hooks from, and what runs them. */
export interface HookParts {
  /** Those that are configured now. */
  readonly hooksOf: () => readonly Hook[];
  readonly run: RunHook;
  /** From 0 to 1. */
  readonly random: () => number;
}

export type ShownDelivery = Delivery & { readonly state: DeliveryState };

/** Some deliveries: these, or all to a hook, or to any (`null`). */
export type ChosenDeliveries = { readonly ids: readonly number[] } | { readonly hook: string | null };

export interface ChosenCount {
  readonly deliveries: number;
  /** Ids of which there is no delivery, any more. */
  readonly unknown: readonly number[];
}

const pageDeliveries = 200;

export interface AfterHooksParts extends HookParts {
  readonly catalogue: Catalogue;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rulesOf: RulesOf;
  /** Other servers that share the catalogue: one of them tells hooks. Nobody unless given. */
  readonly fellows?: Pick<Fellows, "leads" | "tell"> | undefined;
}

export class AfterHooks {
  readonly #parts: AfterHooksParts;
  readonly #queues = new Map<string, HookQueue>();
  readonly #stop = new AbortController();

  constructor(parts: AfterHooksParts) {
    this.#parts = parts;
  }

  /** What is to be told of `upload`, which was published at `destination`. */
  async deliveriesOf(upload: StoredUpload, destination: Destination): Promise<readonly NewDelivery[]> {
    const hooks = this.#hooksFor(upload);
    if (hooks.length === 0) return [];
    const { catalogue, storage } = this.#parts;
    const { id, user, name, size, sha256, contents, modified, client, receivedAt, metadataText } = upload;
    const record = await catalogue.get(id);
    const key = record?.origin == null ? null : fingerprintOf(record.origin);
    const told: ToldUpload = {
      ...{ id, user, key, name, form: contents?.layout ?? "file", size, sha256 },
      ...{ files: contents?.files ?? null, list: contents?.list ?? null },
      ...{ modified, client, startedAt: record?.createdAt ?? receivedAt, receivedAt },
    };
    const body = toldBody(told, pathsAt(destination, storage), metadataText);
    return hooks.map((hook) => ({ hook: hook.name, body }));
  }

  #hooksFor({ user, name, contents, place, metadataText }: StoredUpload): readonly Hook[] {
    const hooks = this.#parts.hooksOf();
    if (hooks.length === 0) return hooks;
    let rule: string | null | undefined;
    return hooksFor(hooks, "after", user, () => {
      const isDataset = isAskedToUnpack({ form: contents?.layout ?? "file", place });
      if (rule === undefined) {
        const { uploads } = this.#parts.rulesOf(user);
        rule = ruleNameFor(uploads, { user, name, isDataset }, metadataText);
      }
      return rule;
    });
  }

  /** Something was written down for these hooks. */
  look(deliveries: readonly NewDelivery[]): void {
    for (const { hook } of deliveries) this.#look(hook);
  }

  /**
   * Goes on with whatever waits, also from an earlier process, and says in the log what waits for hooks that are not there. To be called
   * at the start, and when other hooks are configured.
   */
  changed(): void {
    if (this.#stop.signal.aborted) return;
    for (const { name } of this.#parts.hooksOf()) this.#look(name);
    this.#tellStuck().catch((error) => {
      this.#parts.logger.log("error", "What waits for hooks cannot be looked up", {
        reason: messageOf(error),
      });
    });
  }

  /**
   * Tells of what waits, in the order in which it came: of at most `limit`, to `hook` or all (`null`). Returns how many, and whether
   * there are more.
   */
  async list(
    hook: string | null,
    limit: number,
    tell: (delivery: ShownDelivery) => Promise<void>,
    signal: AbortSignal,
  ): Promise<{ readonly listed: number; readonly more: boolean }> {
    let listed = 0;
    for await (const delivery of this.#chosen({ hook }, signal)) {
      if (listed === limit) return { listed, more: true };
      await tell({ ...delivery, state: this.stateOf(delivery) });
      listed++;
    }
    return { listed, more: false };
  }

  /** What waits for each hook. */
  async counts(): Promise<readonly (OutboxCount & { readonly isConfigured: boolean })[]> {
    const counts = await this.#parts.catalogue.outbox.counts();
    return counts.map((it) => ({ ...it, isConfigured: this.#hookOf(it.hook) !== null }));
  }

  /** Has these told now, however long they would wait. */
  async retry(which: ChosenDeliveries, signal: AbortSignal): Promise<ChosenCount> {
    const { catalogue, clock, logger } = this.#parts;
    const now = clock.date().getTime();
    const count = await this.#forEach(which, signal, (it) => catalogue.outbox.retry(it.id, now));
    logger.log("info", "Hooks are told again by command", { deliveries: count.deliveries });
    this.changed();
    return count;
  }

  /** Forgets these: their hooks never hear of them. */
  async drop(which: ChosenDeliveries, signal: AbortSignal): Promise<ChosenCount> {
    const { catalogue, logger } = this.#parts;
    const message = "What a hook was to be told is dropped by command";
    const count = await this.#forEach(which, signal, async ({ id, hook, upload, name }) => {
      await catalogue.outbox.dropped(id);
      if ("ids" in which) logger.log("warn", message, { hook, upload, name });
    });
    // Of all that there are one line is enough.
    if ("hook" in which)
      logger.log("warn", message, { hook: which.hook ?? "all", deliveries: count.deliveries });
    return count;
  }

  async #forEach(
    which: ChosenDeliveries,
    signal: AbortSignal,
    act: (delivery: Delivery) => Promise<void>,
  ): Promise<ChosenCount> {
    let deliveries = 0;
    const found = new Set<number>();
    let acting: Promise<void>[] = [];
    for await (const delivery of this.#chosen(which, signal)) {
      if ("ids" in which) found.add(delivery.id);
      deliveries++;
      acting.push(act(delivery));
      if (acting.length < pageDeliveries) continue;
      // Together they are one commit.
      await Promise.all(acting);
      acting = [];
    }
    await Promise.all(acting);
    return { deliveries, unknown: "ids" in which ? which.ids.filter((id) => !found.has(id)) : [] };
  }

  async *#chosen(which: ChosenDeliveries, signal: AbortSignal): AsyncGenerator<Delivery> {
    const { outbox } = this.#parts.catalogue;
    if ("ids" in which) {
      for (const id of new Set(which.ids)) {
        signal.throwIfAborted();
        const delivery = await outbox.get(id);
        if (delivery !== null) yield delivery;
      }
      return;
    }
    for (let after = 0; ; ) {
      signal.throwIfAborted();
      const page = await outbox.page(after, pageDeliveries, which.hook);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageDeliveries) return;
      after = last.id;
    }
  }

  /** What becomes of it just now. */
  stateOf({ id, hook }: Delivery): DeliveryState {
    if (this.#queues.get(hook)?.isRunning(id) === true) return "running";
    return this.#hookOf(hook) === null ? "stuck" : "waiting";
  }

  /** Ends what runs: it is told again by the next process. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#queues.values()].map((queue) => queue.stopped()));
  }

  get #leads(): boolean {
    return this.#parts.fellows?.leads ?? true;
  }

  #look(name: string): void {
    if (!this.#leads) return this.#parts.fellows?.tell({ kind: "outbox" });
    const { outbox } = this.#parts.catalogue;
    // Who does not lead any more begins nothing.
    const hookOf = (hook: string): Hook | null => (this.#leads ? this.#hookOf(hook) : null);
    const own = { outbox, hookOf, signal: this.#stop.signal };
    const queue = this.#queues.get(name) ?? new HookQueue(name, { ...this.#parts, ...own });
    this.#queues.set(name, queue);
    queue.look();
  }

  readonly #hookOf = (name: string): Hook | null =>
    this.#parts.hooksOf().find((it) => it.name === name && it.event !== "before") ?? null;

  async #tellStuck(): Promise<void> {
    for (const { hook, deliveries } of await this.#parts.catalogue.outbox.counts()) {
      if (this.#hookOf(hook) !== null) continue;
      this.#parts.logger.log("warn", "Deliveries wait for a hook that is not configured", {
        hook,
        deliveries,
      });
    }
  }
}

function pathsAt(destination: Destination, storage: Pick<Storage, "pathOf">): ToldPaths | null {
  const { folder, name } = destination;
  // The data may lie in a folder of that name, beside which all else lies.
  const [data, named] = [storage.pathOf(destination), storage.pathOf({ folder, name })];
  if (data === null || named === null) return null;
  return { data, checksum: named + checksumSuffix, metadata: named + metadataSuffix };
}
