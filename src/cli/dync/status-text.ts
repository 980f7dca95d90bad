// How the uploads of a user are on a server, for people: lines of which the longest word, a name or a reason, stands last.

import { shownDeadline } from "../../base/deadline.ts";
import type { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { localTime } from "../../base/local-time.ts";
import { wrapText } from "../../base/wrap-text.ts";
import type { StatusList, UserStatus } from "../../client/user-status.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import type { Account, StatusRow } from "../../protocol/wire/status.ts";
import { inColumns } from "../columns.ts";
import { printable } from "../printable.ts";
import type { NamedChoice } from "./servers.ts";
import { waitText } from "./wait-words.ts";

/** What is known of one server. */
export interface ServerStatus {
  readonly server: NamedChoice;
  /** What it told, or why it did not. */
  readonly told: UserStatus | DyncError;
  /** What was begun here for it and is unfinished: uploads, and batches of which some are left. */
  readonly uploadsHere: number;
  readonly batchesHere: number;
}

// A key that is good for no longer than this is to be renewed: as the server's log has it.
const soonMs = 14 * 86_400_000;
const hashShown = 8;
const deeper = " ".repeat(6);

/** Lines about one server. Names and texts of others are printable. */
export function statusLines(status: ServerStatus, now: Date): readonly string[] {
  const { told } = status;
  const head = headOf(status);
  if (told instanceof Error) return [`${head}: ${printable(told.message)}`, ...hereLines(status)];
  const { user, account, running, waiting, stored, refused } = told;
  return [
    user === null ? head : `${head}, as ${printable(user)}`,
    ...accountLines(account, now),
    ...section("Running", running, runningLines),
    ...section("Not finished", waiting, waitingLines),
    ...section("Arrived last", stored, storedLines),
    ...section("Refused last", refused, refusedLines),
    ...hereLines(status),
  ];
}

function headOf({ server }: ServerStatus): string {
  const { name, isDefault } = server;
  const address = printable(formatServerAddress(server));
  const marked = isDefault ? " (the default)" : "";
  return name === null ? `${address}${marked}` : `${printable(name)}${marked}, ${address}`;
}

/** What is said of a key that is to be renewed soon, or `null`. */
export function expiryText({ expires }: Account, now: Date): string | null {
  if (expires === undefined) return null;
  const leftMs = Date.parse(expires) - now.getTime();
  if (leftMs > soonMs) return null;
  return goodUntil(expires, now);
}

function accountLines(account: Account, now: Date): readonly string[] {
  const { expires, groups = [], priority, quotas = [] } = account;
  const rows: (readonly [string, string | null])[] = [
    ["Stored:", storedText(account)],
    ...quotas.map((it): [string, string | null] => ["Quota:", quotaText(it)]),
    ["Uploads:", uploadsText(account)],
    ["Key:", expires === undefined ? null : goodUntil(expires, now)],
    ["Groups:", groups.length === 0 ? null : groups.map(printable).join(", ")],
    ["Priority:", priorityText(priority)],
  ];
  return rows.flatMap(([label, text]) => (text === null ? [] : labelled(label, text)));
}

function goodUntil(expires: string, now: Date): string {
  const leftMs = Math.max(0, Date.parse(expires) - now.getTime());
  return `good until ${shownDeadline(new Date(expires))}, ${formatDuration(leftMs)} from now`;
}

function labelled(label: string, text: string): readonly string[] {
  const indent = " ".repeat(13);
  const [first = "", ...rest] = wrapText(text, indent, indent);
  return [`  ${label}`.padEnd(indent.length) + first.slice(indent.length), ...rest];
}

function storedText({ stored, storedBytes, day, week }: Account): string | null {
  if (stored === undefined) return null;
  const size = storedBytes === undefined ? "" : `, ${formatSize(storedBytes)}`;
  const lately = [
    ...(day === undefined ? [] : [`${countText(day)} in the last 24 hours`]),
    ...(week === undefined ? [] : [`${countText(week)} in 7 days`]),
  ];
  return `${stored} ${stored === 1 ? "upload" : "uploads"}${size}${lately.length === 0 ? "" : `; ${lately.join(", ")}`}`;
}

// A server does not count any further.
function countText(uploads: number): string {
  return uploads >= 10_000 ? "10000 or more" : String(uploads);
}

function quotaText({ bytes, used, underWay, group }: NonNullable<Account["quotas"]>[number]): string | null {
  if (bytes === undefined || used === undefined) return null;
  const part = underWay ? `, ${formatSize(underWay)} of that by unfinished uploads` : "";
  const whose = group === undefined ? "" : `, of all of ${printable(group)} together`;
  return `${formatSize(used)} of ${formatSize(bytes)} used${part}${whose}`;
}

function uploadsText({ running, runningMax, unfinished, unfinishedMax }: Account): string | null {
  const texts = [
    ...(running === undefined ? [] : [ofMost(running, runningMax, "running")]),
    ...(unfinished === undefined ? [] : [ofMost(unfinished, unfinishedMax, "unfinished")]),
  ];
  return texts.length === 0 ? null : texts.join(", ");
}

function ofMost(count: number, most: number | undefined, what: string): string {
  return most === undefined ? `${count} ${what}` : `${count} of at most ${most} ${what}`;
}

function priorityText(priority: Account["priority"]): string | null {
  if (priority === undefined || priority === "normal") return null;
  return priority === "high" ? "uploads may be urgent: --priority high" : "uploads make way for all others";
}

function section(
  title: string,
  { rows, more }: StatusList,
  linesOf: (rows: readonly StatusRow[]) => readonly string[],
): readonly string[] {
  if (rows.length === 0) return [];
  return [`  ${title}`, ...linesOf(rows), ...(more ? ["    … and more"] : [])];
}

/** Rows of short words in columns, and behind them what has any length. */
function table(rows: readonly (readonly [readonly string[], string])[]): readonly string[] {
  const shown = rows[0]?.[0].map((_, column) => rows.some(([cells]) => cells[column] !== "")) ?? [];
  const short = inColumns(rows.map(([cells]) => [...cells.filter((_, column) => shown[column]), "|"]));
  return rows.map(([, last], at) => `    ${short[at]!.slice(0, -1)}${last}`.trimEnd());
}

function runningLines(rows: readonly StatusRow[]): readonly string[] {
  const lines = table(rows.map((row) => [[shareOf(row), rateOf(row), leftOf(row)], nameOf(row)]));
  return rows.flatMap((row, at) => [lines[at]!, ...indented(aboutRunning(row))]);
}

function aboutRunning({ since, client, waits, ahead }: StatusRow): string {
  const begun = since === undefined ? "" : `since ${localTime(since)}`;
  const by = client === undefined ? "" : ` by ${printable(client)}`;
  const waiting =
    waits === undefined ? "" : waitText(ahead === undefined ? { cause: waits } : { cause: waits, ahead });
  return [`${begun}${by}`.trim(), waiting].filter((it) => it !== "").join("; ");
}

function waitingLines(rows: readonly StatusRow[]): readonly string[] {
  const lines = table(rows.map((row) => [[timeOf(row.since), shareOf(row), stateOf(row)], nameOf(row)]));
  return rows.flatMap((row, at) => [lines[at]!, ...indented(printable(row.reason ?? ""))]);
}

function stateOf({ state }: StatusRow): string {
  if (state === "held") return "held";
  return state === "publishing" ? "being published" : "not being sent";
}

function storedLines(rows: readonly StatusRow[]): readonly string[] {
  return table(
    rows.map((row) => [
      [
        timeOf(row.at),
        row.size === undefined ? "?" : formatSize(row.size),
        row.sha256?.slice(0, hashShown) ?? "",
      ],
      nameOf(row),
    ]),
  );
}

function refusedLines(rows: readonly StatusRow[]): readonly string[] {
  return rows.flatMap((row) => {
    const { at, code, times = 1 } = row;
    const often = times > 1 ? ` (${times} times)` : "";
    const number = code === undefined ? "" : `  ${code}`;
    return [`    ${timeOf(at)}${number}  ${nameOf(row)}${often}`, ...indented(printable(row.reason ?? ""))];
  });
}

function indented(text: string): readonly string[] {
  return text === "" ? [] : wrapText(text, deeper, deeper);
}

function nameOf({ name = "?", dataset }: StatusRow): string {
  return `${printable(name)}${dataset ? "/" : ""}`;
}

function timeOf(moment: string | undefined): string {
  return moment === undefined ? "?" : localTime(moment);
}

function shareOf({ size, bytes }: StatusRow): string {
  const done = bytes === undefined ? "?" : formatSize(bytes);
  return size === undefined ? `${done} so far` : `${done} of ${formatSize(size)}`;
}

function rateOf({ rate }: StatusRow): string {
  return rate === undefined ? "" : `${formatSize(rate)}/s`;
}

function leftOf({ size, bytes, rate }: StatusRow): string {
  if (size === undefined || bytes === undefined || !rate || bytes >= size) return "";
  return `${formatDuration(((size - bytes) * 1000) / rate)} left`;
}

function hereLines({ uploadsHere, batchesHere }: ServerStatus): readonly string[] {
  const parts = [
    ...(uploadsHere === 0 ? [] : [`${uploadsHere} ${uploadsHere === 1 ? "upload" : "uploads"}`]),
    ...(batchesHere === 0 ? [] : [`${batchesHere} ${batchesHere === 1 ? "batch" : "batches"}`]),
  ];
  if (parts.length === 0) return [];
  return [`  Unfinished here: ${parts.join(" and ")} ("dync uploads", "dync resume")`];
}
