// What a running server can be asked about instruments, over its control socket: the server's end of `dync-server instruments …`. What is
// answered is checked by the schemas here on either side.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import type { ControlCall, ControlCommand } from "../../control/control-server.ts";
import type { InstrumentReports } from "../../server/instrument-reports.ts";
import { instrumentFaults, instrumentStates } from "../../server/instrument-states.ts";
import type { Recounts } from "../../server/recounts.ts";
import type { ShownInstrument } from "../../server/shown-instrument.ts";
import { counts, read, texts } from "./command-schemas.ts";

const some = v.nullable(counts);
const seconds = v.nullable(v.number());

/** An instrument in a list; `null`: it is not known, or was not told. */
export const instrumentLines = v.object({
  ...{ user: v.string(), label: texts },
  state: v.picklist(instrumentStates),
  faults: v.array(v.picklist(instrumentFaults)),
  ...{ seenAt: texts, lastAt: texts, rhythmSeconds: seconds },
  ...{ entries: some, bytes: some, oldestSeconds: seconds, troubles: some, uploads: some },
  waiting: v.nullable(v.record(v.string(), counts)),
  lost: texts,
  ...{ clockOffsetSeconds: seconds, clockErrorSeconds: seconds, freeBytes: some, diskBytes: some },
  ...{ client: texts, system: texts, profile: texts, limit: some, priority: texts },
});
export type InstrumentLine = v.InferOutput<typeof instrumentLines>;

const page = v.object({ limit: v.optional(some) });
const one = v.object({ user: v.string(), label: v.string() });

export interface InstrumentCommandParts {
  readonly instruments: Pick<InstrumentReports, "all" | "remove">;
  readonly recounts: Pick<Recounts, "usages">;
}

export function instrumentCommands(
  parts: InstrumentCommandParts,
): readonly (readonly [string, ControlCommand])[] {
  return [
    ["instruments list", (call) => list(call, parts)],
    ["instruments remove", (call) => remove(call, parts)],
  ];
}

async function list(
  { arguments: given, tell, signal }: ControlCall,
  { instruments, recounts }: InstrumentCommandParts,
) {
  const { limit = null } = read(page, given);
  const lines: InstrumentLine[] = [];
  for await (const it of instruments.all(recounts.usages())) {
    signal.throwIfAborted();
    lines.push(lineOf(it));
  }
  // The worst first, as somebody looks for it.
  const rank = ({ state }: InstrumentLine): number => instrumentStates.indexOf(state);
  const name = ({ user, label }: InstrumentLine): string => `${user}\u0000${label ?? ""}`;
  lines.sort((a, b) => rank(a) - rank(b) || (name(a) < name(b) ? -1 : 1));
  for (const line of lines.slice(0, limit ?? lines.length)) await tell({ ...line });
  return { listed: lines.length };
}

async function remove({ arguments: given }: ControlCall, { instruments }: InstrumentCommandParts) {
  const { user, label } = read(one, given);
  if (await instruments.remove(user, label)) return { user, label };
  const name = `${JSON.stringify(label)} of ${JSON.stringify(user)}`;
  throw new DyncError("configuration", `There is no instrument ${name}`, {
    hint: '"dync-server instruments" shows all',
  });
}

function lineOf({ report, ...known }: ShownInstrument): InstrumentLine {
  const { entries = null, bytes = null, oldest = null, troubles = null, uploads = null } = report ?? {};
  const { waiting = null, lost = null, free = null, disk = null } = report ?? {};
  const { client = null, system = null, profile = null, limit = null, priority = null } = report ?? {};
  return {
    ...known,
    faults: [...known.faults],
    ...{ entries, bytes, oldestSeconds: oldest, troubles, uploads, waiting, lost },
    clockOffsetSeconds: report === null ? null : report.offsetMs / 1000,
    clockErrorSeconds: report === null ? null : report.offsetErrorMs / 1000,
    ...{ freeBytes: free, diskBytes: disk, client, system, profile, limit, priority },
  };
}
