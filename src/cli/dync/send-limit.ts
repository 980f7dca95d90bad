// How fast this command may send: `--limit`, else `DYNC_LIMIT`, else `DYNC_HOME/limit` (which `dync limit` writes), else
// `limit` in `client.toml`, of the server or of all; and what is said in `DYNC_HOME/limit` while it runs, over all of these.

import { join } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { NamedServer } from "../../config/client-settings.ts";
import { parseRateLimit, type RateLimit } from "../../config/rate-limit.ts";
import type { CommandContext, Environment } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap, variableText } from "../option-value.ts";
import { readSettingsFile } from "../settings-file.ts";
import { CurrentLimit, limitFile } from "./current-limit.ts";
import { readKnownServers } from "./known-servers.ts";

const fileBytesMax = 4096;

/** The variable of `--limit`, in every command that sends. */
export const limitVariable = "DYNC_LIMIT";

/** What was said of how fast to send, each where it was said. */
export interface SaidLimits {
  /** The folder of keys and state. */
  readonly home: string;
  readonly option: RateLimit | null;
  readonly variable: RateLimit | null;
  /** What the file says, with its text, `null` where there is none. */
  readonly file: { readonly text: string; readonly limit: RateLimit } | null;
  readonly settings: RateLimit | null;
}

/**
 * Reads all of them; `variable` where that is asked about by itself: elsewhere it counts as the option. Throws `DyncError` ("usage",
 * "configuration").
 */
export function readLimits(
  { option, variable }: { readonly option?: string | undefined; readonly variable?: string | undefined },
  environment: Environment,
): SaidLimits {
  const { home, limit: settings = null } = readKnownServers(environment);
  const file = limitFile(home);
  const text = readSettingsFile(file, fileBytesMax)?.text ?? null;
  const parsed = text === null ? null : parseRateLimit(text);
  if (parsed?.ok === false) {
    const { wanted, found } = parsed.fault;
    throw new DyncError("configuration", `${file} needs ${wanted}, found ${found}`, {
      hint: 'write it with "dync limit", or remove it with "dync limit --clear"',
    });
  }
  return {
    home,
    option: option === undefined ? null : unwrap(parseRateLimit(option), optionText("limit")),
    variable: variable ? unwrap(parseRateLimit(variable), variableText(limitVariable)) : null,
    file: text === null || parsed === null ? null : { text, limit: parsed.value },
    settings,
  };
}

/** What counts, and where it was said. */
export interface CountingLimit {
  readonly limit: RateLimit;
  readonly saidBy: string;
}

/** Of what was said that which counts; `null` where nothing was. */
export function countingLimit({ home, option, variable, file, settings }: SaidLimits): CountingLimit | null {
  const rows: readonly (readonly [RateLimit | null | undefined, string])[] = [
    [option, "--limit"],
    [variable, limitVariable],
    [file?.limit, limitFile(home)],
    [settings, join(home, "client.toml")],
  ];
  for (const [limit, saidBy] of rows) if (limit != null) return { limit, saidBy };
  return null;
}

/** What is wrong with that on a command line. */
export function limitFaults(option: string | undefined): readonly DyncError[] {
  return faultsOf(() => option !== undefined && unwrap(parseRateLimit(option), optionText("limit")));
}

/** How fast the command may send at each moment; `profile` is what `client.toml` says of the server. Throws as `readLimits`. */
export function readRateSource(
  option: string | undefined,
  { environment, clock }: Pick<CommandContext, "environment" | "clock">,
  profile: Pick<NamedServer, "limit"> | null,
): () => number | null {
  const read = readLimits({ option }, environment);
  const said = { ...read, settings: profile?.limit ?? read.settings };
  const current = new CurrentLimit({
    clock,
    home: said.home,
    given: countingLimit(said)?.limit ?? null,
    text: said.file?.text ?? null,
    withoutFile: countingLimit({ ...said, file: null })?.limit ?? null,
  });
  return () => current.rate();
}
