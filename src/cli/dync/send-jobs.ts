// What `dync send` sends: the jobs that a command line stands for, with which `sendFaults` found nothing wrong.

import { DyncError } from "../../base/error.ts";
import type { Job } from "../../client/job.ts";
import type { CommandContext } from "../command.ts";
import type { SendValues } from "./send-options.ts";
import { readPaths } from "./send-paths.ts";
import { SendPlan } from "./send-plan.ts";
import { serverOptionsOf } from "./server-choice.ts";
import { readServerWords, type ServerWords } from "./server-words.ts";

/** What is to be sent, as it was written. */
export interface Sending extends Omit<ServerWords, "paths"> {
  readonly files: readonly string[];
  /** Whether several files are meant, which are told of one by one, and summed up. */
  readonly isBatch: boolean;
}

/** Tells the server from the files. Throws `DyncError`. */
export function readSending(
  values: SendValues,
  { environment, variables }: Pick<CommandContext, "environment" | "variables">,
): Sending {
  const { server: first, file } = values;
  const said = serverOptionsOf(values, variables);
  const { paths, ...chosen } = readServerWords([first, ...file], said, environment);
  return {
    ...chosen,
    files: paths,
    isBatch: paths.length > 1 || values.recursive || values["files-from"] !== undefined,
  };
}

/**
 * The jobs in the order in which they are sent; of those that cannot be sent, `fault` says why. Throws `DyncError`, before any of
 * them, where they cannot be sent together.
 */
export async function readJobs(
  { server, profile, files, isBatch }: Sending,
  values: SendValues,
  context: Pick<CommandContext, "output" | "signal">,
): Promise<Iterable<Job>> {
  const plan = new SendPlan(values, isBatch, { fields: profile?.metadata });
  const shared = { ...server, ...(values.unpack ? { unpack: "tar" as const } : {}) };
  const [file] = files;
  const isInput = !isBatch && (file === undefined || file === "-");
  const [program, ...args] = values.command;
  const all = await readPaths(files, values, context);
  const paths = all.paths.filter((path) => !plan.isSidecar(path));
  if (isBatch && paths.length === 0 && all.unreadable.length === 0) throw nothingToSend();
  if (!isInput) plan.expectGood(paths);
  const jobs = function* (): Iterable<Job> {
    if (program !== undefined)
      return yield { ...shared, ...plan.input(), origin: { kind: "command", argv: [program, ...args] } };
    if (isInput) return yield { ...shared, ...plan.input() };
    for (const path of paths) yield { ...shared, ...plan.file(path) };
    for (const one of all.unreadable) yield { ...shared, ...plan.unreadable(one) };
  };
  return jobs();
}

function nothingToSend(): DyncError {
  const hint = "is the list empty, or the folder another one? --help tells of patterns";
  return new DyncError("source", "There is nothing to send", { hint });
}
