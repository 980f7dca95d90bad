// How a server says that the uploads of its user are: asked for page by page, each list up to a bound.

import type { Account, StatusQuestion, StatusRow } from "../protocol/wire/status.ts";
import type { Asker, Reply } from "./ask.ts";

/** A list, or as much of it as was wanted. */
export interface StatusList {
  readonly rows: readonly StatusRow[];
  /** Whether the server has more. */
  readonly more: boolean;
}

export interface UserStatus {
  /** Whom the server takes this client for; `null`: it does not say. */
  readonly user: string | null;
  /** The server's calendar time (RFC 3339, UTC); `null`: it does not say. */
  readonly time: string | null;
  readonly account: Account;
  readonly running: StatusList;
  /** Begun, not ended, and nothing is being done with it. */
  readonly waiting: StatusList;
  readonly stored: StatusList;
  /** What was not taken, and what began and came to nothing, the latest first. */
  readonly refused: StatusList;
}

/** What is unfinished is listed up to here: no user has more that anybody reads. */
const unfinishedMax = 200;
// An answer may be without a row, and say that there is more.
const pagesMax = 400;

/** Asks for all of it; of what is stored, and what was refused, the latest `last`. Rejects with `DyncError`. */
export async function userStatus(
  asker: Pick<Asker, "status">,
  last: number,
  signal: AbortSignal,
): Promise<UserStatus> {
  const { user = null, time = null, account = {} } = (await asker.status("account", undefined, signal)).info;
  const list = (question: Exclude<StatusQuestion, "account">, most: number) =>
    listOf(asker, question, most, signal);
  const running = await list("running", unfinishedMax);
  const waiting = await list("waiting", unfinishedMax);
  const stored = await list("stored", last);
  const [refused, failed] = [await list("refused", last), await list("failed", last)];
  const since = ({ since = "" }: StatusRow) => since;
  return {
    ...{ user, time, account, waiting, stored },
    running: { ...running, rows: running.rows.toSorted((a, b) => compare(since(a), since(b))) },
    refused: latest([refused, failed], last),
  };
}

async function listOf(
  asker: Pick<Asker, "status">,
  question: StatusQuestion,
  most: number,
  signal: AbortSignal,
): Promise<StatusList> {
  const rows: StatusRow[] = [];
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const { info }: Reply = await asker.status(question, after, signal);
    rows.push(...(info.rows ?? []));
    after = info.next;
    if (after === undefined || rows.length >= most) break;
  }
  return { rows: rows.slice(0, most), more: after !== undefined || rows.length > most };
}

function latest(lists: readonly StatusList[], most: number): StatusList {
  const rows = lists.flatMap((it) => it.rows).toSorted((a, b) => compare(b.at ?? "", a.at ?? ""));
  return { rows: rows.slice(0, most), more: rows.length > most || lists.some(({ more }) => more) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
