// `dync history [PATH…]`: what was sent from this computer, and confirmed.

import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { localTime } from "../../base/local-time.ts";
import { isAtOrBelow } from "../../base/path-place.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { HistoryEntry } from "../../client/history.ts";
import { formatSize } from "../../config/size.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { readMoment } from "../moment.ts";
import { printable } from "../printable.ts";
import { openClient } from "./open-client.ts";
import { historyUsage } from "./usage-history.ts";

export const historyCommand = defineCommand({
  name: "history",
  usage: historyUsage,
  options: {
    ...sharedOptions,
    since: { type: "string" },
    json: { type: "boolean" },
    path: { type: "positional", required: false, repeat: true, bytes: true },
  },
  check: ({ values }) => ({
    misread: null,
    others: faultsOf(() => readMoment("since", values.since?.[0], new Date())),
  }),
  async run(values, context) {
    const { output, clock } = context;
    await using client = openClient(context);
    const since = readMoment("since", values.since, clock.date());
    const paths = values.path.map((path) => resolve(path));
    let entries = 0;
    try {
      for await (const entry of client.history.entries()) {
        if (since !== null && Date.parse(entry.at) < since) continue;
        if (paths.length > 0 && !paths.some((path) => entry.path !== null && isAtOrBelow(entry.path, path)))
          continue;
        entries += 1;
        const { schema: _, mark: __, ...fields } = entry;
        output.record("upload", fields);
        output.result(lineOf(entry));
      }
    } catch (error) {
      if (error instanceof DyncError) throw error;
      throw new DyncError("configuration", `Cannot read the history: ${whyUnreadable(error)}`, {
        cause: error,
      });
    }
    output.summarise({ entries });
    if (entries === 0) output.say("Nothing of that kind was sent from here");
    return 0;
  },
});

function lineOf({ at, bytes, sha256, id, path, name, host, port, already }: HistoryEntry): string {
  const source = path === null ? "standard input" : `"${printable(path)}"`;
  const renamed = path?.split(/[/\\]/).at(-1) === name ? "" : ` as "${printable(name)}"`;
  const to = printable(formatServerAddress({ host, port }));
  const was = already ? ", where it was already" : "";
  // What people look for comes first: the rest is as long as a line.
  const what = `${source}${renamed} to ${to}${was}`;
  return `${localTime(at)}  ${formatSize(bytes)}  ${what}  ${sha256}  ${printable(id)}`;
}
