// `dync check [SERVER] PATH…`: which of what lies here a server has, without sending anything.

import { DyncError } from "../../base/error.ts";
import type { Client } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import type { Retry } from "../../client/patience.ts";
import { NameTemplate } from "../../client/plan/name-template.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { sharedOptions } from "../args.ts";
import {
  type CommandContext,
  type CommandFaults,
  type CommandLine,
  defineCommand,
  type Environment,
  type OptionsDef,
  type OptionValues,
} from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { metadataFaults } from "../metadata-file.ts";
import { printable } from "../printable.ts";
import { Findings } from "./check-findings.ts";
import { conductFaults, readAtOnce, readRetry } from "./conduct.ts";
import { openClient } from "./open-client.ts";
import { selectionFaults } from "./selection-options.ts";
import { conductOptions, metadataOptions, selectionOptions, serverOptions } from "./send-options.ts";
import { readPaths } from "./send-paths.ts";
import { SendPlan } from "./send-plan.ts";
import { serverOptionsIn, serverOptionsOf } from "./server-choice.ts";
import { readServerWords, type ServerWords } from "./server-words.ts";
import { checkUsage } from "./usage-check.ts";
import { isFolder } from "./what-is-there.ts";

const options = {
  ...sharedOptions,
  ...metadataOptions,
  name: { type: "string", alias: "n" },
  "name-template": { type: "string" },
  ...selectionOptions,
  "by-content": { type: "boolean" },
  offline: { type: "boolean" },
  ...serverOptions,
  ...conductOptions,
  server: { type: "positional", required: false, bytes: true },
  path: { type: "positional", required: false, repeat: true, bytes: true },
} as const satisfies OptionsDef;

type CheckValues = OptionValues<typeof options>;

export const checkCommand = defineCommand({
  name: "check",
  usage: checkUsage,
  options,
  check: checkFaults,
  run: check,
});

async function check(values: CheckValues, context: CommandContext): Promise<number> {
  const { output, signal, environment, variables } = context;
  if (values.quiet) output.beQuiet();
  const said = serverOptionsOf(values, variables);
  const asked = readServerWords([values.server, ...values.path], said, environment);
  const { server, profile } = asked;
  const sources = { options: values, profile };
  const retry = readRetry(sources);
  const jobs = await readJobs(asked, values, context);
  const comparesMetadata = saysMetadata(values);
  await using client: Client = openClient(context);
  const offline = values.offline ? await client.offlineJudge(server) : undefined;
  const findings = new Findings({ jobs, server, isJudged: comparesMetadata, offline }, context);
  const how = {
    ...retry,
    atOnce: readAtOnce(sources),
    comparesMetadata,
    byContent: values["by-content"],
    offline,
  };
  try {
    await client.check(jobs, how, (job) => findings.started(job), signal);
  } finally {
    findings.end();
  }
  if (offline === undefined) await keepRules(client, server, how, context);
  if (findings.areAllMissing && !values.dataset && asked.paths.some(isFolder))
    output.say("A folder that was sent as a dataset is checked with --dataset");
  return findings.status;
}

/** For the next one that is offline. Nothing else depends on it. */
async function keepRules(
  client: Client,
  server: ServerChoice,
  retry: Retry,
  { output, signal }: CommandContext,
): Promise<void> {
  try {
    await client.keepRules(server, retry, signal);
  } catch (error) {
    if (!(error instanceof DyncError) || signal.aborted) throw error;
    output.say(`No copy of the rules is kept for --offline: ${error.message}`);
  }
}

/** What is wrong with the command line, as far as can be seen before anything is asked. */
function checkFaults(line: CommandLine, environment: Environment): CommandFaults {
  const { values, switches, positionals, isUncertain } = line;
  const [meta, pairs = []] = [values.meta?.[0], values["key-value"]];
  const isGiven = meta !== undefined || pairs.length > 0;
  const template = values["name-template"]?.[0];
  const options = serverOptionsIn(line);
  const serverFaults = (): void => {
    const { paths } = readServerWords(positionals, options, environment);
    if (paths.length > 0) return;
    throw new DyncError("usage", "PATH is missing", {
      hint: 'name files or folders after SERVER; run "dync check --help"',
    });
  };
  return {
    misread: null,
    others: [
      ...(isUncertain ? [] : faultsOf(serverFaults)),
      ...(switches.includes("offline") ? offlineFaults({ values, switches }) : []),
      ...(isGiven ? metadataFaults(meta, pairs, false) : []),
      ...(template === undefined ? [] : faultsOf(() => new NameTemplate(template))),
      ...selectionFaults(values, [...switches, "recursive"]),
      ...conductFaults(values),
    ],
  };
}

function offlineFaults({ values, switches }: Pick<CommandLine, "values" | "switches">): readonly DyncError[] {
  const faults: DyncError[] = [];
  if (switches.includes("by-content")) {
    const hint = "only the server knows what is stored there";
    faults.push(new DyncError("usage", 'Options "--offline" and "--by-content" are both given', { hint }));
  }
  const isSaid = metadataNames.some((it) => values[it] !== undefined) || switches.includes("sidecars");
  if (isSaid) return faults;
  const hint = "give some with -m, -k, --metadata-from or --sidecars";
  return [...faults, new DyncError("usage", "There are no metadata that could be judged offline", { hint })];
}

const metadataNames = ["meta", "key-value", "metadata-from"] as const;

function saysMetadata(values: CheckValues): boolean {
  const { meta, "key-value": pairs, "metadata-from": table, sidecars } = values;
  return meta !== undefined || pairs.length > 0 || table !== undefined || sidecars;
}

/** What "dync send" would send, of the same paths and options. */
async function readJobs(
  { server, profile, paths }: ServerWords,
  values: CheckValues,
  context: Pick<CommandContext, "output" | "signal">,
): Promise<readonly Job[]> {
  const sent = {
    ...values,
    file: paths,
    recursive: !values.dataset,
    unpack: false,
    "skip-identical": false,
    null: false,
    "dry-run": false,
    live: false,
    "complete-on": undefined,
    profile: undefined,
    settle: undefined,
    "stdin-from-command": false,
    "stdin-jobs": false,
    command: [],
    "files-from": undefined,
    limit: undefined,
    priority: undefined,
  };
  const all = await readPaths(paths, sent, context);
  const plan = new SendPlan(sent, all.paths.length > 1, {
    isMetadataNeeded: saysMetadata(values),
    fields: profile?.metadata,
  });
  const meant = all.paths.filter((path) => !plan.isSidecar(path));
  plan.expectGood(meant);
  const planned = [
    ...meant.map((path) => plan.file(path)),
    ...all.unreadable.map((one) => plan.unreadable(one)),
  ];
  const jobs = planned.map((one) => ({ ...server, ...one }));
  if (jobs.length > 0) return jobs;
  const listed = paths.map((path) => `"${printable(path)}"`).join(", ");
  throw new DyncError("source", `There is no file to be checked in ${listed}`);
}
