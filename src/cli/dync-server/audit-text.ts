// What a line of the audit log says, in words for people. A line of a later version may say less here than it holds.

import { localTime } from "../../base/local-time.ts";
import { formatSize } from "../../config/size.ts";

/** A line as it was read: members beside these depend on the event. */
export interface ShownLine {
  readonly schema: 1;
  readonly type: "audit";
  readonly sequence: number;
  readonly time: string;
  readonly event: string;
  readonly [member: string]: unknown;
}

/** The line behind its time and its event. Not printable yet: it has texts that others chose. */
export function auditText(line: ShownLine): string {
  const { times } = line;
  const often = typeof times === "number" ? ` (${times} times)` : "";
  return (texts[line.event] ?? otherText)(line) + often;
}

type Text = (line: ShownLine) => string;

const keyText: Text = ({ user, key, file }) => `${user} ${key} (${file})`;

/** An upload that was not stored, and why. */
const endText: Text = ({ user, name, code, reason, upload }) =>
  `${user}: ${name}${idText(upload)}: ${reason} (${code})`;

const uploadText: Text = ({ user, path, name, held, size, dataset, rule, upload }) => {
  const parts = [
    `${path ?? name}${dataset === undefined ? "" : "/"}`,
    ...(held === undefined ? [] : ["held"]),
    ...(typeof size === "number" ? [formatSize(size)] : []),
    ...(typeof rule === "string" ? [`rule ${rule}`] : []),
  ];
  return `${user}: ${parts.join(", ")}${idText(upload)}`;
};

const texts: Readonly<Record<string, Text>> = {
  started: ({ version, keys }) => `dync-server ${version}, ${keys === 1 ? "1 key" : `${keys} keys`}`,
  stopped: ({ reason }) => (reason === null ? "" : String(reason)),
  admitted: uploadText,
  finished: uploadText,
  refused: endText,
  failed: endText,
  cancelled: endText,
  expired: endText,
  "key-added": keyText,
  "key-approved": keyText,
  "key-removed": keyText,
  "key-ended": keyText,
  "key-expired": keyText,
  "key-renewed": keyText,
  "key-refused": ({ key, address, reason }) =>
    `${key} from ${address}${reason === undefined ? "" : `, ${reason}`}`,
  reloaded: ({ changed, needsRestart }) => {
    const now = changesText(changed);
    const later = changesText(needsRestart);
    const parts = [...(now === "" ? [] : [now]), ...(later === "" ? [] : [`at the next start: ${later}`])];
    return parts.length === 0 ? "nothing changed" : parts.join("; ");
  },
  "reload-refused": ({ faults }) => (Array.isArray(faults) ? faults.join("; ") : ""),
  "receipts-key": ({ receiptsKey, before }) => `${receiptsKey}, in the place of ${before}`,
  command: ({ command, by, arguments: given, outcome, reason }) =>
    `${command} ${JSON.stringify(given)}${by === undefined ? "" : ` by ${by}`}: ${outcome}${reason === undefined ? "" : `, ${reason}`}`,
  gap: ({ lost, since, reason }) => `${lost} events are missing since ${localTime(String(since))}: ${reason}`,
  cut: ({ bytes }) => `a line that ended after ${bytes} bytes`,
  damaged: () => "the line before",
};

const otherText: Text = ({ schema, type, sequence, time, event, previous, sum, ...members }) =>
  JSON.stringify(members);

function changesText(changes: unknown): string {
  if (!Array.isArray(changes)) return "";
  return changes.map(({ setting, from, to }) => `${setting}: ${from} -> ${to}`).join("; ");
}

/** How ids begin in lists. */
function idText(id: unknown): string {
  return typeof id === "string" ? ` [${id.slice(0, 8)}]` : "";
}
