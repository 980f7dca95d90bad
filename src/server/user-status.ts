// What a user is told of the own uploads and what may be had: answers to questions with `status` (doc/protocol.md, section 3.8). Each is
// one look at the catalogue along an index, and one small page.

import { cutText } from "../base/cut-text.ts";
import { DyncError, errorMeanings } from "../base/error.ts";
import type { Catalogue, UploadRecord } from "../catalogue/catalogue.ts";
import type { RulesOf } from "../config/server-settings.ts";
import { fingerprintOf } from "../keys/key.ts";
import { limits } from "../protocol/limits.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { ErrorInfo } from "../protocol/wire/message.ts";
import type { Account, RestingState, StatusQuestion, StatusRow } from "../protocol/wire/status.ts";
import type { ClientDirectory } from "./client-directory.ts";
import { quotasOf } from "./quotas.ts";
import type { Session } from "./session.ts";
import { nameBytesMax, reasonBytesMax, type UserRefusals } from "./user-refusals.ts";

export interface UserStatusParts {
  readonly catalogue: Pick<Catalogue, "endedOf" | "unfinishedOf" | "storedSince" | "usageOf" | "room">;
  readonly clock: { date(): Date; now(): number };
  readonly rulesOf: RulesOf;
  readonly clients: Pick<ClientDirectory, "endOf">;
  /** Names of the groups that a user is in; none unless given. */
  readonly groupsOf?: ((user: string) => readonly string[]) | undefined;
  readonly refusals: UserRefusals;
  /** Sessions of a user. */
  readonly sessionsOf: (user: string) => readonly Session[];
  /** How many uploads of a user other servers work on. */
  readonly heldElsewhere: (user: string) => Promise<number>;
}

/** Who asks: the key, and whose it is. */
export interface StatusAsker {
  readonly user: string;
  /** Key text. */
  readonly origin: string;
}

interface Page {
  readonly rows: readonly StatusRow[];
  readonly next: string | null;
}

/** A row, and by what the list goes on behind it. */
interface Placed {
  readonly row: StatusRow;
  readonly cursor: string;
}

const dayMs = 86_400_000;
const countedMax = 10_000;

/** The answer to `question` of `asker`, from `after` on where it is a list. Rejects with `DyncError`. */
export async function statusFor(
  question: StatusQuestion,
  after: string | undefined,
  asker: StatusAsker,
  parts: UserStatusParts,
): Promise<Refusal> {
  const code = errorMeanings["unknown-upload"].wire;
  const text = "What is known of your uploads";
  const about = { user: asker.user, time: parts.clock.date().toISOString(), status: question };
  if (question === "account")
    return { code, text, info: { ...about, account: await accountOf(asker, parts) } };
  const { rows, next } = packed(await listFor(question, readCursor(after), asker.user, parts));
  const info: ErrorInfo = { ...about, rows, ...(next === null ? {} : { next }) };
  return { code, text, info };
}

async function accountOf({ user, origin }: StatusAsker, parts: UserStatusParts): Promise<Account> {
  const { catalogue, clock, rulesOf, clients, groupsOf, sessionsOf, heldElsewhere } = parts;
  const { limits: granted, uploadsPerUser, unfinishedPerUser } = rulesOf(user);
  const now = clock.date().getTime();
  const since = (days: number) =>
    catalogue.storedSince(user, new Date(now - days * dayMs).toISOString(), countedMax);
  const usage = await catalogue.usageOf(user);
  const expires = clients.endOf(origin);
  const groups = groupsOf?.(user) ?? [];
  return {
    ...{ unfinished: usage.unfinished, unfinishedMax: unfinishedPerUser },
    // As they are counted for who begins one more.
    ...{ running: sessionsOf(user).length + (await heldElsewhere(user)), runningMax: uploadsPerUser },
    ...{ stored: usage.files, storedBytes: usage.stored, day: await since(1), week: await since(7) },
    quotas: await quotasFor(user, parts),
    ...(expires === null ? {} : { expires: expires.toISOString() }),
    ...(groups.length === 0 ? {} : { groups: shortened(groups) }),
    priority: granted.priority ?? "normal",
  };
}

async function quotasFor(
  user: string,
  { catalogue, rulesOf }: UserStatusParts,
): Promise<NonNullable<Account["quotas"]>> {
  const granted = rulesOf(user).limits;
  const each = quotasOf(user, granted).map(async (quota) => {
    // By itself the one that leaves least is this one.
    const { tightest } = await catalogue.room([quota]);
    const { stored = 0, underWay = 0 } = tightest ?? {};
    const group = typeof quota.of === "string" ? {} : { group: cutText(granted.shared?.name ?? "", 200) };
    return { bytes: quota.bytes, used: stored + underWay, underWay, ...group };
  });
  return await Promise.all(each);
}

/** As many of these names as an answer has room for. */
function shortened(names: readonly string[]): readonly string[] {
  const cut = names.map((name) => cutText(name, 200));
  let bytes = 0;
  return cut.filter((name) => {
    bytes += Buffer.byteLength(JSON.stringify(name)) + 1;
    return bytes <= limits.rowsBytesMax / 2;
  });
}

async function listFor(
  question: Exclude<StatusQuestion, "account">,
  after: Cursor | null,
  user: string,
  parts: UserStatusParts,
): Promise<readonly Placed[]> {
  const { catalogue, refusals } = parts;
  // One more than a page has, for whether there is more.
  const limit = limits.rowsMax + 1;
  const from = after === null ? null : { id: after.id, updatedAt: after.at };
  switch (question) {
    case "running":
      return runningOf(user, after, parts);
    case "waiting": {
      const running = new Set(parts.sessionsOf(user).map(({ key }) => key.id));
      const records = await catalogue.unfinishedOf(user, after?.id ?? null, limit + running.size);
      return records
        .filter(({ id }) => !running.has(id))
        .map((record) => ({ row: restingRow(record), cursor: `- ${record.id}` }));
    }
    case "stored":
      return (await catalogue.endedOf(user, "finished", from, limit)).map((record) =>
        placed(record, storedRow(record)),
      );
    case "failed":
      return (await catalogue.endedOf(user, "failed", from, limit)).map((record) =>
        placed(record, failedRow(record)),
      );
    case "refused": {
      const all = refusals.of(user).map(({ name, code, reason, at, times }, index) => ({
        row: { name, code, reason, at, times },
        // There are few, and who asks for the rest gets it by how many there were.
        cursor: `- ${(index + 1).toString(16)}`,
      }));
      return after === null ? all : all.slice(Number.parseInt(after.id, 16));
    }
  }
}

function placed({ id, updatedAt }: UploadRecord, row: StatusRow): Placed {
  return { row, cursor: `${updatedAt} ${id}` };
}

/** In the order of their ids: that does not change while pages are asked for. */
function runningOf(user: string, after: Cursor | null, { sessionsOf, clock }: UserStatusParts) {
  const sessions = sessionsOf(user).filter(({ key }) => after === null || key.id > after.id);
  return sessions
    .toSorted((a, b) => (a.key.id < b.key.id ? -1 : 1))
    .slice(0, limits.rowsMax + 1)
    .map((session) => ({ row: runningRow(session, clock), cursor: `- ${session.key.id}` }));
}

function runningRow(session: Session, clock: UserStatusParts["clock"]): StatusRow {
  const { shown, client, startedAt, origin } = session;
  const { id, name, size, bytes, bytesPerSecond, wait } = shown;
  const since = new Date(clock.date().getTime() - (clock.now() - startedAt)).toISOString();
  return {
    ...{ id, name: cutText(name, nameBytesMax), bytes, since, key: fingerprintOf(origin) },
    ...(size === null ? {} : { size }),
    ...(bytesPerSecond === null ? {} : { rate: Math.max(0, Math.round(bytesPerSecond)) }),
    ...(wait === null ? {} : { waits: wait.cause }),
    ...(wait?.ahead === undefined ? {} : { ahead: wait.ahead }),
    ...(client === null ? {} : { client: cutText(client, 200) }),
  };
}

function restingRow(record: UploadRecord): StatusRow {
  const { size, durable, held, state, sha256, client, updatedAt: at, createdAt: since } = record;
  const resting: RestingState = state === "publishing" ? "publishing" : held === null ? "waiting" : "held";
  // One that is held and complete has its size by its bytes.
  const bytes = sha256 === null ? durable : record.bytes;
  return {
    ...{ ...nameOf(record), state: resting, bytes, since, at },
    ...(size === null ? {} : { size }),
    ...(held === null ? {} : { reason: cutText(held, reasonBytesMax) }),
    ...(client === null ? {} : { client: cutText(client, 200) }),
  };
}

function storedRow(record: UploadRecord): StatusRow {
  const { size, sha256, receivedAt, updatedAt } = record;
  return {
    ...{ ...nameOf(record), at: receivedAt ?? updatedAt },
    ...(size === null ? {} : { size }),
    ...(sha256 === null ? {} : { sha256 }),
  };
}

function failedRow(record: UploadRecord): StatusRow {
  const { errorCode, reason, updatedAt: at } = record;
  return {
    ...{ ...nameOf(record), at },
    ...(errorCode === null ? {} : { code: errorCode }),
    ...(reason === null ? {} : { reason: cutText(reason, reasonBytesMax) }),
  };
}

function nameOf({ id, name, form }: UploadRecord): StatusRow {
  return { id, name: cutText(name, nameBytesMax), ...(form === "file" ? {} : { dataset: true }) };
}

/** As many as one answer has room for, and at least one. */
function packed(all: readonly Placed[]): Page {
  const rows: StatusRow[] = [];
  let bytes = 0;
  for (const { row } of all) {
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (rows.length > 0 && (rows.length === limits.rowsMax || bytes > limits.rowsBytesMax)) break;
    rows.push(row);
  }
  return { rows, next: rows.length === all.length ? null : (all[rows.length - 1]?.cursor ?? null) };
}

interface Cursor {
  /** ISO 8601. */
  readonly at: string;
  readonly id: string;
}

function readCursor(text: string | undefined): Cursor | null {
  if (text === undefined) return null;
  const [, at, id] = /^(-|[-0-9:.TZ]{1,40}) ([0-9a-f]{1,64})$/.exec(text) ?? [];
  if (at !== undefined && id !== undefined) return { at, id };
  throw new DyncError("malformed", "No answer ended a list there: give what was in its next, unchanged");
}
