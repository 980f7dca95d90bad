// What a running server can be asked about users, over its control socket: the server's end of `dync-server users …`. What they are
// asked for and answer is checked by the schemas here on either side.

import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Catalogue, UserUsage } from "../../catalogue/catalogue.ts";
import type { RulesOf } from "../../config/server-settings.ts";
import type { ControlCall, ControlCommand } from "../../control/control-server.ts";
import type { AuthorizedClients, AuthorizedKey } from "../../keys/authorized-clients.ts";
import { priorities } from "../../protocol/priority.ts";
import type { SharedQuota } from "../../rules/user-limits.ts";
import type { Recounts } from "../../server/recounts.ts";
import type { Server } from "../../server/server.ts";
import { stateOf, toldExpiry } from "./client-expiry.ts";
import { counts, read, texts } from "./command-schemas.ts";

const bounds = v.nullable(counts);

/** A user in a list. */
export const shownUsers = v.object({
  ...{ user: v.string(), keys: counts, files: counts, stored: counts, unfinished: counts, underWay: counts },
  quota: bounds,
  groupQuota: v.nullable(v.object({ name: v.string(), bytes: counts, used: counts })),
  ...{ lastAt: texts, countedAt: texts },
  /** Uploads whose client is there. */
  running: counts,
  /** When a client was heard last, since the server started: ISO 8601, UTC. */
  seenAt: texts,
});
export type ShownUser = v.InferOutput<typeof shownUsers>;

const shownKeys = v.object({
  ...{ fingerprint: v.string(), file: v.string(), expires: v.optional(v.string()) },
  state: v.optional(v.picklist(["valid", "soon", "expired"])),
});

/** All about one. */
export const detailedUsers = v.object({
  ...shownUsers.entries,
  clients: v.array(shownKeys),
  ...{ maxOpen: counts, maxUnfinished: counts, maxUploadBytes: bounds },
  names: v.nullable(v.array(v.string())),
  priority: v.picklist(priorities),
  contact: texts,
  groups: v.array(v.string()),
});
export type DetailedUser = v.InferOutput<typeof detailedUsers>;

const ofUploads = v.object({ stored: counts, files: counts });
export const recountLines = v.object({ uploads: counts });
export const recountAnswers = v.object({
  users: v.array(v.object({ user: v.string(), before: ofUploads, now: ofUploads })),
});

const one = v.object({ user: v.string() });
const some = v.object({ user: v.nullable(v.string()) });

export interface UserCommandParts {
  readonly catalogue: Pick<Catalogue, "usageOf" | "room" | "instruments">;
  readonly clients: Pick<AuthorizedClients, "list">;
  readonly recounts: Pick<Recounts, "count" | "usages">;
  readonly rulesOf: RulesOf;
  /** Names of the groups of a user. */
  readonly groupsOf: (user: string) => readonly string[];
  readonly server: Pick<Server, "heardOf" | "runningByUser">;
  readonly clock: Clock;
}

// Who asks must not take a long walk for silence.
const tellEvery = 500;

export function userCommands(parts: UserCommandParts): readonly (readonly [string, ControlCommand])[] {
  return [
    ["users list", (call) => list(call, parts)],
    ["users show", (call) => show(call, parts)],
    ["users recount", (call) => recount(call, parts)],
  ];
}

async function list({ tell, signal }: ControlCall, parts: UserCommandParts) {
  const keys = Map.groupBy(parts.clients.list(), ({ user }) => user);
  const shown = new Shown(parts);
  const left = new Set(keys.keys());
  let listed = 0;
  const tellOne = async (usage: Pick<UserUsage, "user"> & Partial<UserUsage>): Promise<void> => {
    signal.throwIfAborted();
    left.delete(usage.user);
    listed++;
    await tell({ ...(await shown.of(usage, keys.get(usage.user)?.length ?? 0)) });
  };
  for await (const usage of parts.recounts.usages()) await tellOne(usage);
  for (const user of [...left].sort()) await tellOne({ user });
  return { listed };
}

async function show({ arguments: given }: ControlCall, parts: UserCommandParts) {
  const { user } = read(one, given);
  const keys = parts.clients.list().filter((it) => it.user === user);
  const usage = await parts.catalogue.usageOf(user);
  const isKnown = keys.length > 0 || usage.files + usage.unfinished > 0 || usage.countedAt !== null;
  if (!isKnown)
    throw new DyncError("configuration", `There is no user ${JSON.stringify(user)}`, {
      hint: '"dync-server users list" shows all',
    });
  const { limits, uploadsPerUser: maxOpen, unfinishedPerUser: maxUnfinished } = parts.rulesOf(user);
  const now = parts.clock.date();
  const shown = await new Shown(parts).of(usage, keys.length);
  return {
    ...shown,
    ...{ clients: keys.map((key) => toldKey(key, now)), maxOpen, maxUnfinished },
    maxUploadBytes: limits.uploadBytes ?? null,
    names: limits.files?.map(({ text }) => text) ?? null,
    priority: limits.priority ?? ("normal" as const),
    contact: limits.contact ?? null,
    groups: parts.groupsOf(user),
  };
}

async function recount({ arguments: given, signal, tell }: ControlCall, { recounts }: UserCommandParts) {
  const { user } = read(some, given);
  const onCounted = (uploads: number): void => {
    // Nobody who reads slowly holds the count up; who is gone ends it.
    if (uploads % tellEvery === 0) tell({ uploads }).catch(() => {});
  };
  const users = await recounts.count(user, signal, onCounted);
  return { users: users.map(({ user: name, before, now }) => ({ user: name, before, now })) };
}

/** Makes lines of what users have; what those of a group have together is added up once. */
class Shown {
  readonly #parts: UserCommandParts;
  readonly #used = new Map<SharedQuota, number>();
  readonly #running: ReadonlyMap<string, number>;

  constructor(parts: UserCommandParts) {
    this.#parts = parts;
    this.#running = parts.server.runningByUser();
  }

  async of(usage: Pick<UserUsage, "user"> & Partial<UserUsage>, keys: number): Promise<ShownUser> {
    const {
      user,
      files = 0,
      stored = 0,
      unfinished = 0,
      underWay = 0,
      lastAt = null,
      countedAt = null,
    } = usage;
    const { quotaBytes: quota = null, shared } = this.#parts.rulesOf(user).limits;
    const groupQuota =
      shared === undefined
        ? null
        : { name: shared.name, bytes: shared.bytes, used: await this.#usedOf(shared) };
    const seenAt = this.#parts.server.heardOf(user)?.toISOString() ?? null;
    const running = this.#running.get(user) ?? 0;
    const has = { user, keys, files, stored, unfinished, underWay, running };
    return { ...has, quota, groupQuota, lastAt, countedAt, seenAt };
  }

  async #usedOf(shared: SharedQuota): Promise<number> {
    const known = this.#used.get(shared);
    if (known !== undefined) return known;
    const { tightest } = await this.#parts.catalogue.room([{ bytes: shared.bytes, of: shared.isOf }]);
    const used = (tightest?.stored ?? 0) + (tightest?.underWay ?? 0);
    this.#used.set(shared, used);
    return used;
  }
}

function toldKey(key: AuthorizedKey, now: Date) {
  const { fingerprint, file } = key;
  return { fingerprint, file, ...toldExpiry(key), ...stateOf(key, now) };
}
