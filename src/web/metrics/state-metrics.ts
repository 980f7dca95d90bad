// How a server is, looked up whenever somebody asks: what is open, what is free, what waits, and what each user has.

import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../../base/clock.ts";
import type { UserUsage } from "../../catalogue/catalogue.ts";
import type { RulesOf } from "../../config/server-settings.ts";
import { waitCauses } from "../../protocol/wait.ts";
import type { AfterHooks } from "../../server/after-hooks.ts";
import type { InstrumentReports } from "../../server/instrument-reports.ts";
import type { Server } from "../../server/server.ts";
import { instrumentLook } from "./instrument-metrics.ts";
import { type UserGroups, userLabels } from "./user-labels.ts";

export interface StateParts {
  readonly version: string;
  readonly clock: Clock;
  readonly server: Pick<Server, "openUploads" | "pendingKeys" | "credit" | "waits"> & {
    readonly afterHooks: Pick<AfterHooks, "counts"> | undefined;
  };
  readonly clients: { list(): readonly { readonly expiresAt?: Date }[] };
  /** All who have anything. */
  readonly usages: () => AsyncIterable<UserUsage>;
  /** What watched folders told. */
  readonly instruments: Pick<InstrumentReports, "kept">;
  readonly rulesOf: RulesOf;
  /** Names of the groups of a user. */
  readonly groupsOf: UserGroups;
  /** Alarms that were told and are not over, and those that are configured, by name. */
  readonly alarms: AlarmLook;
  /** Bytes that are free where uploads are stored, or `null`: nobody can tell. */
  readonly freeBytes: () => Promise<number | null>;
}

/** Metrics whose values are those of the moment in which `look` was called last. */
export interface StateMetrics {
  /** Never rejects for one part of it: what cannot be looked up just now is left out. */
  look(): Promise<void>;
}

export function stateMetrics(registry: Registry, parts: StateParts): StateMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name: `dync_server_${name}`, help, registers });
  new Gauge({
    ...{ name: "dync_server_build_info", help: "Version of the program; always 1.", registers },
    labelNames: ["version"],
  }).set({ version: parts.version }, 1);
  const open = gauge("open_uploads", "Uploads whose client is there and that have a place.");
  const capacity = gauge("memory_budget_bytes", "Bytes that may be on their way to the disk, in all.");
  const held = gauge("memory_used_bytes", "Bytes of that which are granted to clients, or not written yet.");
  const free = gauge("storage_free_bytes", "Bytes that are free where uploads are stored.");
  const keys = gauge("authorized_keys", "Keys that may send.");
  const pending = gauge("pending_keys", "Keys that were refused lately, and nobody approved.");
  const expiry = gauge("next_key_expiry_timestamp_seconds", "When the next key expires that is good now.");
  const looks = [
    () => open.set(parts.server.openUploads),
    () => {
      capacity.set(parts.server.credit.budgetBytes);
      held.set(parts.server.credit.heldBytes);
    },
    async () => setOrNone(free, await parts.freeBytes()),
    () => {
      keys.set(parts.clients.list().length);
      pending.set(parts.server.pendingKeys.length);
      setOrNone(expiry, nextExpiry(parts));
    },
    deliveryLook(registry, parts),
    alarmLook(registry, parts.alarms),
    waitLook(registry, parts),
    userLook(registry, parts),
    instrumentLook(registry, parts.instruments, parts.groupsOf),
  ];
  return {
    async look() {
      await Promise.allSettled(looks.map(async (look) => await look()));
    },
  };
}

function setOrNone(gauge: Gauge, value: number | null): void {
  if (value === null) gauge.remove();
  else gauge.set(value);
}

/** In seconds since 1970, or `null`: none of those that are good now expires. */
function nextExpiry({ clients, clock }: StateParts): number | null {
  const now = clock.date().getTime();
  const times = clients.list().flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : [+expiresAt]));
  const next = Math.min(...times.filter((time) => time > now));
  return next === Number.POSITIVE_INFINITY ? null : next / 1000;
}

function deliveryLook(registry: Registry, { server: { afterHooks } }: StateParts): () => Promise<void> {
  const waiting = new Gauge({
    name: "dync_server_hook_deliveries",
    help: 'What hooks are still to be told, by hook; "failing": of which an attempt failed, "stuck": whose hook is not configured.',
    labelNames: ["hook", "state"],
    registers: [registry],
  });
  return async () => {
    const counts = (await afterHooks?.counts()) ?? [];
    waiting.reset();
    for (const { hook, deliveries, failing, isConfigured } of counts) {
      if (!isConfigured) waiting.set({ hook, state: "stuck" }, deliveries);
      else {
        waiting.set({ hook, state: "waiting" }, deliveries - failing);
        waiting.set({ hook, state: "failing" }, failing);
      }
    }
  };
}

function waitLook(registry: Registry, { server }: StateParts): () => void {
  const waiting = new Gauge({
    name: "dync_server_uploads_waiting",
    help: "Open uploads that the server lets wait, by what for.",
    labelNames: ["reason"],
    registers: [registry],
  });
  return () => {
    const waits = server.waits();
    for (const reason of waitCauses) waiting.set({ reason }, waits.get(reason) ?? 0);
  };
}

/** What is asked about alarms. */
export interface AlarmLook {
  firing(): Promise<readonly { readonly alarm: string }[]>;
  readonly configured: () => readonly { readonly name: string }[];
}

function alarmLook(registry: Registry, alarms: AlarmLook): () => Promise<void> {
  const metric = new Gauge({
    name: "dync_server_alarms_firing",
    help: "Of how many things an alarm was told that are not over, by alarm.",
    labelNames: ["alarm"],
    registers: [registry],
  });
  return async () => {
    const firing = await alarms.firing();
    metric.reset();
    for (const { name } of alarms.configured())
      metric.set({ alarm: name }, firing.filter(({ alarm }) => alarm === name).length);
  };
}

interface UserSums {
  stored: number;
  files: number;
  unfinished: number;
  quota: number;
  lastAt: number;
}

function userLook(registry: Registry, { usages, rulesOf, groupsOf }: StateParts): () => Promise<void> {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `dync_server_${name}`, help, labelNames: ["user"], registers: [registry] });
  const stored = gauge("user_stored_bytes", "Bytes that a user has stored.");
  const files = gauge("user_stored_uploads", "Uploads that a user has stored.");
  const unfinished = gauge("user_unfinished_uploads", "Uploads of a user that have not ended.");
  const quota = gauge("user_quota_bytes", "Bytes that a user may have; absent where there is no quota.");
  const last = gauge(
    "user_last_arrival_timestamp_seconds",
    "When the last upload of a user was stored, in seconds since 1970.",
  );
  const all = [stored, files, unfinished, quota, last];
  return async () => {
    const users = await Array.fromAsync(usages());
    const labelOf = userLabels(
      users.map(({ user }) => user),
      groupsOf,
    );
    const sums = new Map<string, UserSums>();
    for (const usage of users) {
      const user = labelOf(usage.user);
      const sum = sums.get(user) ?? { stored: 0, files: 0, unfinished: 0, quota: 0, lastAt: 0 };
      sums.set(user, sum);
      sum.stored += usage.stored;
      sum.files += usage.files;
      sum.unfinished += usage.unfinished;
      sum.quota += rulesOf(usage.user).limits.quotaBytes ?? 0;
      sum.lastAt = Math.max(sum.lastAt, usage.lastAt === null ? 0 : Date.parse(usage.lastAt) / 1000);
    }
    for (const metric of all) metric.reset();
    for (const [user, sum] of sums) {
      stored.set({ user }, sum.stored);
      files.set({ user }, sum.files);
      unfinished.set({ user }, sum.unfinished);
      if (sum.quota > 0) quota.set({ user }, sum.quota);
      if (sum.lastAt > 0) last.set({ user }, sum.lastAt);
    }
  };
}
