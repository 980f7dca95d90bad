// The options by which uploads are chosen, which several commands have.

import type { DyncError } from "../../base/error.ts";
import { choices } from "../../config/setting.ts";
import { type ShownState, shownStates } from "../../server/shown-states.ts";
import type { CommandLine, OptionsDef, OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap, usageError } from "../option-value.ts";
import { periodFaults, periodOf, periodOptions } from "./period.ts";
import { readPattern, type WrittenQuery } from "./upload-commands.ts";

export const queryOptions = {
  user: { type: "string" },
  state: { type: "string", repeat: true, values: shownStates },
  ...periodOptions,
  name: { type: "string", alias: "n" },
  where: { type: "string", alias: "k", repeat: true },
} as const satisfies OptionsDef;

type QueryValues = Partial<OptionValues<typeof queryOptions>>;

/** What is wrong with these options. */
export function queryFaults(line: CommandLine): readonly DyncError[] {
  const { values } = line;
  return [
    ...(values.state ?? []).flatMap((it) => faultsOf(() => readState(it))),
    ...periodFaults(line),
    ...faultsOf(() => values.name?.[0] !== undefined && readPattern(values.name[0])),
    ...(values.where ?? []).flatMap((it) => faultsOf(() => readField(it))),
  ];
}

/** What they ask for. Throws `DyncError` ("usage"). */
export function queryOf(values: QueryValues, now: Date): WrittenQuery {
  const { user, state = [], name, where = [] } = values;
  return {
    ...(user === undefined ? {} : { user }),
    ...(state.length === 0 ? {} : { states: state.map(readState) }),
    ...periodOf(values, now),
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
