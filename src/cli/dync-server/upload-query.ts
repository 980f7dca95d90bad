// The options by which uploads are chosen, which several commands have.

import type { DyncError } from "../../base/error.ts";
import { choices } from "../../config/setting.ts";
import { type ShownState, shownStates } from "../../server/shown-states.ts";
import type { CommandLine, OptionsDef, OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { readMoment } from "../moment.ts";
import { optionText, unwrap, usageError } from "../option-value.ts";
import { readPattern, type WrittenQuery } from "./upload-commands.ts";

export const queryOptions = {
  user: { type: "string" },
  state: { type: "string", repeat: true },
  since: { type: "string" },
  until: { type: "string" },
  name: { type: "string", alias: "n" },
  where: { type: "string", alias: "k", repeat: true },
} as const satisfies OptionsDef;

type QueryValues = Partial<OptionValues<typeof queryOptions>>;

/** What is wrong with these options. */
export function queryFaults({ values }: CommandLine): readonly DyncError[] {
  const now = new Date();
  return [
    ...(values.state ?? []).flatMap((it) => faultsOf(() => readState(it))),
    ...faultsOf(() => readMoment("since", values.since?.[0], now)),
    ...faultsOf(() => readMoment("until", values.until?.[0], now)),
    ...faultsOf(() => values.name?.[0] !== undefined && readPattern(values.name[0])),
    ...(values.where ?? []).flatMap((it) => faultsOf(() => readField(it))),
  ];
}

/** What they ask for. Throws `DyncError` ("usage"). */
export function queryOf(values: QueryValues, now: Date): WrittenQuery {
  const { user, state = [], name, where = [] } = values;
  const since = readMoment("since", values.since, now);
  const until = readMoment("until", values.until, now);
  return {
    ...(user === undefined ? {} : { user }),
    ...(state.length === 0 ? {} : { states: state.map(readState) }),
    ...(since === null ? {} : { since: new Date(since).toISOString() }),
    ...(until === null ? {} : { until: new Date(until).toISOString() }),
    ...(name === undefined ? {} : { name }),
    ...(where.length === 0 ? {} : { fields: where.map(readField) }),
  };
}

const states = choices("STATE", shownStates);

function readState(text: string): ShownState {
  return unwrap(states.parse(text), optionText("state"));
}

/** `instrument.kind=ms`; as `dync send -k` has it, a colon does as well. */
function readField(text: string): { readonly path: string; readonly value: string } {
  const found = /^([^=]+)=(.*)$/s.exec(text) ?? /^([^:]+):(.*)$/s.exec(text);
  const [, path, value] = found ?? [];
  if (path !== undefined && value !== undefined) return { path, value };
  throw usageError(
    { wanted: "a field with its value, FIELD=VALUE", found: `"${text}"` },
    optionText("where"),
  );
}
