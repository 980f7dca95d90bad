// `dync check [SERVER] PATH…`: which of what lies here a server has, without sending anything.

import { DyncError } from "../../base/error.ts";
import { CannotBeAsked } from "../../client/ask.ts";
import type { Checked } from "../../client/check.ts";
import type { CheckReport, Client } from "../../client/client.ts";
import type { Job } from "../../client/job.ts";
import { pathOf } from "../../client/origin.ts";
import { NameTemplate } from "../../client/plan/name-template.ts";
import { isOfServer } from "../../client/servers.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { sharedOptions } from "../args.ts";
import { BatchProgress } from "../batch-progress.ts";
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
import { readAtOnce } from "./batch.ts";
import { readKnownServers } from "./known-servers.ts";
import { openClient } from "./open-client.ts";
import { readRetry } from "./patience-notes.ts";
import { progressState, shownName } from "./reporter.ts";
import { selectionFaults } from "./selection-options.ts";
import { conductOptions, metadataOptions, selectionOptions, serverOptions } from "./send-options.ts";
import { readPaths } from "./send-paths.ts";
import { SendPlan } from "./send-plan.ts";
import { chosenServer, tellApart } from "./server-choice.ts";
import { checkUsage } from "./usage-check.ts";
import { isFolder, isThere } from "./what-is-there.ts";

const options = {
  ...sharedOptions,
  ...metadataOptions,
  name: { type: "string", alias: "n" },
  "name-template": { type: "string" },
  ...selectionOptions,
  "by-content": { type: "boolean" },
  ...serverOptions,
  ...conductOptions,
  server: { type: "positional", required: false, bytes: true },
  path: { type: "positional", required: false, repeat: true, bytes: true },
} as const satisfies OptionsDef;

type CheckValues = OptionValues<typeof options>;

const exitNotAll = 3;

export const checkCommand = defineCommand({
  name: "check",
  usage: checkUsage,
  options,
  check: checkFaults,
  run: check,
});

async function check(values: CheckValues, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  if (values.quiet) output.beQuiet();
  const retry = readRetry(values["retry-for"]);
  const { server, paths } = wordsOf(values, context.environment);
  const jobs = await readJobs(server, paths, values, context);
  const comparesMetadata = saysMetadata(values);
  await using client: Client = openClient(context);
  const findings = new Findings(jobs, server, context);
  const how = {
    ...retry,
    atOnce: readAtOnce(values.jobs),
    comparesMetadata,
    byContent: values["by-content"],
  };
  try {
    await client.check(jobs, how, (job) => findings.started(job), signal);
  } finally {
    findings.end();
  }
  if (findings.areAllMissing && !values.dataset && paths.some(isFolder))
    output.say("A folder that was sent as a dataset is checked with --dataset");
  return findings.status;
}

/** What is wrong with the command line, as far as can be seen before anything is asked. */
function checkFaults(
  { values, switches, positionals, isUncertain }: CommandLine,
  environment: Environment,
): CommandFaults {
  const [meta, pairs = []] = [values.meta?.[0], values["key-value"]];
  const isGiven = meta !== undefined || pairs.length > 0;
  const template = values["name-template"]?.[0];
  const options = { port: values.port?.[0], serverKey: undefined };
  const serverFaults = (): void => {
    const known = readKnownServers(environment);
    const { server, paths } = tellApart(positionals, known, isThere);
    chosenServer(server, options, known);
    if (paths.length > 0) return;
    throw new DyncError("usage", "PATH is missing", {
      hint: 'name files or folders after SERVER; run "dync check --help"',
    });
  };
  return {
    misread: null,
    others: [
      ...(isUncertain ? [] : faultsOf(serverFaults)),
      ...(isGiven ? metadataFaults(meta, pairs, false) : []),
      ...(template === undefined ? [] : faultsOf(() => new NameTemplate(template))),
      ...selectionFaults(values, [...switches, "recursive"]),
      ...faultsOf(() => readRetry(values["retry-for"]?.[0])),
      ...faultsOf(() => readAtOnce(values.jobs?.[0])),
    ],
  };
}

function wordsOf(
  values: CheckValues,
  environment: Environment,
): { readonly server: ServerChoice; readonly paths: readonly string[] } {
  const known = readKnownServers(environment);
  const words = [values.server, ...values.path].filter((it) => it !== undefined);
  const { server, paths } = tellApart(words, known, isThere);
  return {
    server: chosenServer(server, { port: values.port, serverKey: values["server-key"] }, known),
    paths,
  };
}

function saysMetadata(values: CheckValues): boolean {
  const { meta, "key-value": pairs, "metadata-from": table, sidecars } = values;
  return meta !== undefined || pairs.length > 0 || table !== undefined || sidecars;
}

/** What "dync send" would send, of the same paths and options. */
async function readJobs(
  server: ServerChoice,
  paths: readonly string[],
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
    "stdin-from-command": false,
    "stdin-jobs": false,
    command: [],
    "files-from": undefined,
  };
  const all = await readPaths(paths, sent, context);
  const plan = new SendPlan(sent, all.paths.length > 1, saysMetadata(values));
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

/** What came of all, counted and shown. */
class Findings {
  readonly #context: CommandContext;
  readonly #progress: BatchProgress;
  readonly #server: ServerChoice;
  readonly #files: number;
  /** What they are called, one of them. */
  readonly #things: string;
  readonly #counts = { stored: 0, differ: 0, missing: 0, failed: 0 };

  constructor(jobs: readonly Job[], server: ServerChoice, context: CommandContext) {
    const files = jobs.length;
    this.#files = files;
    this.#things = jobs[0]?.unpack === undefined ? "file" : "dataset";
    this.#server = server;
    this.#context = context;
    this.#progress = new BatchProgress({ ...context, files, bytes: null, linesEveryMs: null });
  }

  started(job: Job): CheckReport {
    const { output } = this.#context;
    const view = this.#progress.open(shownName(job), null);
    let read = 0;
    return {
      onProgress: (state) => view.update(progressState(state)),
      onRead: (taken, total) => {
        read = taken;
        view.update({ taken, underWay: 0, total, waiting: null });
      },
      onNote: (text) => this.#progress.above(() => output.say(text)),
      onWarning: (text, hint) => this.#progress.above(() => output.warn(text, hint)),
      onChecked: (checked) => {
        // It was checked, whatever came of it.
        view.stored(read, false);
        this.#tell(job, checked);
      },
      onFailed: (error) => {
        view.failed();
        // What is wrong with the server is the same for all of them.
        if (!(error instanceof DyncError) || error instanceof CannotBeAsked || isOfServer(error)) throw error;
        if (this.#context.signal.aborted) throw error;
        this.#counts.failed += 1;
        const { code, message, hint } = error;
        output.record("file", { ...whichOf(job), outcome: "failed", code, message, hint });
        this.#progress.above(() => output.error(error));
      },
    };
  }

  #tell(job: Job, checked: Checked): void {
    const { output } = this.#context;
    const path = printable(whichOf(job).path);
    const record = (fields: object): void =>
      output.record("file", { ...whichOf(job), outcome: checked.type, ...fields });
    switch (checked.type) {
      case "stored": {
        this.#counts.stored += 1;
        const { upload, otherName } = checked.stored;
        const { kind: _, ...content } = checked.content;
        record({ ...content, upload, storedAs: otherName ?? undefined });
        if (otherName === null) return;
        return this.#progress.above(() => output.say(`"${path}" is stored as "${otherName}"`));
      }
      case "differs":
        this.#counts.differ += 1;
        record({ reason: checked.why });
        return this.#progress.above(() => output.result(`differs  ${path}: ${printable(checked.why)}`));
      case "missing": {
        this.#counts.missing += 1;
        record({ reason: checked.why ?? undefined });
        const why = checked.why === null ? "" : `: ${printable(checked.why)}`;
        return this.#progress.above(() => output.result(`missing  ${path}${why}`));
      }
    }
  }

  end(): void {
    this.#progress.end();
    const { output } = this.#context;
    const { stored, differ, missing, failed } = this.#counts;
    const { host: server, port } = this.#server;
    const notChecked = this.#files - stored - differ - missing - failed;
    output.summarise({ server, port, files: this.#files, stored, differ, missing, failed, notChecked });
    const parts = [
      ...(stored > 0 || this.#files === notChecked ? [`${stored} stored`] : []),
      ...(differ > 0 ? [`${differ} ${differ === 1 ? "differs" : "differ"}`] : []),
      ...(missing > 0 ? [`${missing} missing`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(notChecked > 0 ? [`${notChecked} not checked`] : []),
    ];
    output.say(`${this.#files} ${this.#things}${this.#files === 1 ? "" : "s"}: ${parts.join(", ")}`);
  }

  get areAllMissing(): boolean {
    return this.#counts.missing === this.#files;
  }

  get status(): number {
    return this.#counts.stored === this.#files ? 0 : exitNotAll;
  }
}

function whichOf({ origin, name }: Job): { readonly path: string; readonly name: string } {
  return { path: pathOf(origin) ?? "-", name };
}
