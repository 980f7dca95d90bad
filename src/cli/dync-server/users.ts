// `dync-server users list | show | recount`: what users have stored, and what they may have, asked of the running server.

import * as v from "valibot";
import { localTime } from "../../base/local-time.ts";
import { formatSize } from "../../config/size.ts";
import type { JsonObject } from "../../control/control-lines.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { shownState } from "./client-expiry.ts";
import { uploadsText } from "./upload-text.ts";
import { usersListUsage, usersRecountUsage, usersShowUsage } from "./usage-users.ts";
import {
  type DetailedUser,
  detailedUsers,
  recountAnswers,
  recountLines,
  type ShownUser,
  shownUsers,
} from "./user-commands.ts";

const head = ["USER", "KEYS", "UPLOADS", "STORED", "UNFINISHED", "QUOTA", "LAST STORED"];

export const usersListCommand = defineCommand({
  name: "users list",
  usage: usersListUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output } = context;
    const rows: (readonly string[])[] = [];
    const onLine = (line: JsonObject): void => {
      const user = v.parse(shownUsers, line);
      output.record("user", { ...user });
      rows.push(rowOf(user));
    };
    const { listed } = await ask(context, "users list", {}, v.object({ listed: v.number() }), onLine);
    output.summarise({ listed });
    if (rows.length > 0) for (const line of inColumns([head, ...rows])) output.result(line);
    else output.say('There is no user yet: "dync-server clients add" authorises one');
    return 0;
  },
});

export const usersShowCommand = defineCommand({
  name: "users show",
  usage: usersShowUsage,
  options: { ...sharedOptions, json: { type: "boolean" }, user: { type: "positional", required: true } },
  async run(values, context) {
    const { output, clock } = context;
    const user = await ask(context, "users show", { user: values.user }, detailedUsers);
    output.summarise({ ...user });
    for (const [name, text] of linesOf(user, clock.date()))
      output.result(`${(name === "" ? "" : `${name}:`).padEnd(14)}${printable(text)}`);
    return 0;
  },
});

export const usersRecountCommand = defineCommand({
  name: "users recount",
  usage: usersRecountUsage,
  options: { ...sharedOptions, json: { type: "boolean" }, user: { type: "positional" } },
  async run(values, context) {
    const { output } = context;
    const given = { user: values.user ?? null };
    // Only to show that something is done: what is said in the end counts.
    const onLine = (line: JsonObject): void => void v.parse(recountLines, line);
    const { users } = await ask(context, "users recount", given, recountAnswers, onLine);
    output.summarise({ users });
    const changed = users.filter(
      ({ before, now }) => before.stored !== now.stored || before.files !== now.files,
    );
    for (const { user, before, now } of changed)
      output.result(printable(`${user}: ${haveText(now)}, before that ${haveText(before)}`));
    if (changed.length === 0) output.say("Counted: all is as it was known");
    return 0;
  },
});

function haveText({ files, stored }: { readonly files: number; readonly stored: number }): string {
  return `${uploadsText(files)} with ${formatSize(stored)}`;
}

function rowOf(it: ShownUser): readonly string[] {
  const unfinished = it.unfinished === 0 ? "" : `${it.unfinished} (${formatSize(it.underWay)})`;
  return [
    ...[printable(it.user), String(it.keys), String(it.files), formatSize(it.stored), unfinished],
    ...[quotaText(it), it.lastAt === null ? "" : localTime(it.lastAt).slice(0, 10)],
  ];
}

/** The one of which a larger share is used. */
function quotaText({ quota, groupQuota, stored, underWay }: ShownUser): string {
  const own = quota === null ? [] : [{ used: stored + underWay, bytes: quota, of: "" }];
  const group = groupQuota === null ? [] : [{ ...groupQuota, of: " (group)" }];
  const [first] = [...own, ...group].toSorted((a, b) => shareOf(b) - shareOf(a));
  return first === undefined ? "" : `${shareText(first)} of ${formatSize(first.bytes)}${first.of}`;
}

interface Use {
  readonly used: number;
  readonly bytes: number;
}

function shareOf({ used, bytes }: Use): number {
  return bytes === 0 ? 1 : used / bytes;
}

/** Rounded down: 100 % is full. */
function shareText(use: Use): string {
  return `${Math.floor(100 * shareOf(use))}%`;
}

function linesOf(it: DetailedUser, now: Date): readonly (readonly [string, string])[] {
  const { quota, groupQuota, stored, underWay } = it;
  const lines: [string, string][] = [["User", it.user]];
  if (it.groups.length > 0) lines.push(["Groups", it.groups.join(", ")]);
  for (const [index, { fingerprint, file, expires }] of it.clients.entries()) {
    const key = { key: "", user: it.user, fingerprint, file };
    const state = shownState(expires === undefined ? key : { ...key, expiresAt: new Date(expires) }, now);
    lines.push([index === 0 ? "Keys" : "", `${fingerprint} (${file})${state === "" ? "" : `, ${state}`}`]);
  }
  if (it.clients.length === 0) lines.push(["Keys", "none: this user may not send"]);
  lines.push(["Stored", `${formatSize(stored)} in ${uploadsText(it.files)}`]);
  lines.push([
    "Unfinished",
    it.unfinished === 0 ? "none" : `${it.unfinished}, which may take ${formatSize(underWay)}`,
  ]);
  const own = quota === null ? null : { used: stored + underWay, bytes: quota };
  lines.push([
    "Quota",
    own === null ? "none" : `${formatSize(own.bytes)}, of which ${shareText(own)} is used`,
  ]);
  if (groupQuota !== null)
    lines.push([
      "Group quota",
      `${formatSize(groupQuota.bytes)} of "${groupQuota.name}", of which ${shareText(groupQuota)} is used`,
    ]);
  lines.push([
    "One upload",
    it.maxUploadBytes === null ? "of any size" : `at most ${formatSize(it.maxUploadBytes)}`,
  ]);
  if (it.names !== null) lines.push(["Names", it.names.join(", ")]);
  lines.push(["Uploads", `at most ${it.maxOpen} open at once, ${it.maxUnfinished} unfinished`]);
  if (it.priority !== "normal") lines.push(["Priority", `${it.priority} at most`]);
  if (it.contact !== null) lines.push(["Contact", it.contact]);
  lines.push(["Last stored", it.lastAt === null ? "not known" : localTime(it.lastAt)]);
  if (it.seenAt !== null) lines.push(["Last heard", localTime(it.seenAt)]);
  lines.push(["Last counted", it.countedAt === null ? "never" : localTime(it.countedAt)]);
  return lines;
}
