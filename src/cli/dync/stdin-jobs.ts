// `dync send --stdin-jobs`: takes jobs from another program as JSON lines, for as long as they come, and answers each with a JSON
// line as soon as it is over: a library for every language. Both are described in doc/json.md.

import { DyncError } from "../../base/error.ts";
import type { JsonMember } from "../../base/json-text.ts";
import type { Client } from "../../client/client.ts";
import { newIdentity } from "../../client/identity.ts";
import { textLines } from "../../client/input-lines.ts";
import type { Job } from "../../client/job.ts";
import { overlaid } from "../../client/plan/overlay.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { BatchProgress } from "../batch-progress.ts";
import type { CommandContext } from "../command.ts";
import { loadMembers, metadataOf } from "../metadata-file.ts";
import { JsonText } from "../printable.ts";
import type { Conduct } from "./batch.ts";
import { BatchOutcomes } from "./batch-outcomes.ts";
import { batchReporter } from "./batch-reporter.ts";
import { idIn, type JobLine, readJobLine } from "./job-line.ts";
import { datasetNameOnServer, expectTarName, nameOnServer } from "./name-on-server.ts";
import { readSelection } from "./selection-options.ts";
import type { SendValues } from "./send-options.ts";

/** A job, and the line that it came in. */
interface LineJob extends Job {
  /** From 1. */
  readonly line: number;
  /** JSON text, or `null`. */
  readonly id: string | null;
}

/** Where jobs go, and the fields that all else goes over. */
interface Destination {
  readonly server: ServerChoice;
  readonly fields: readonly JsonMember[];
}

/** Sends what standard input asks for, until it ends. Resolves to the exit status. */
export async function sendStdinJobs(
  destination: Destination,
  values: SendValues,
  { retry, ...how }: Conduct,
  { client, context }: { readonly client: Client; readonly context: CommandContext },
): Promise<number> {
  const { signal } = context;
  const progress = new BatchProgress({ ...context, files: null, bytes: null });
  const outcomes = new BatchOutcomes({
    ...context,
    files: null,
    batches: [],
    fieldsOf: (job) => {
      const { line, id } = job as LineJob;
      return { line, ...(id === null ? {} : { id: new JsonText(id) }) };
    },
  });
  const reporter = batchReporter({ ...context, retry, progress, outcomes });
  try {
    await client.send(readJobs(destination, values, signal), { ...retry, ...how }, reporter, signal);
  } finally {
    progress.end();
    outcomes.summarise();
  }
  return outcomes.status;
}

async function* readJobs(
  { server, fields }: Destination,
  values: SendValues,
  signal: AbortSignal,
): AsyncGenerator<LineJob, void, undefined> {
  const shared = overlaid(fields, loadMembers(values.meta, values["key-value"]));
  let number = 0;
  for await (const text of textLines(signal)) {
    number += 1;
    if (text instanceof DyncError) yield { ...server, ...nobody, line: number, id: null, fault: text };
    else if (text.trim() !== "") yield { ...server, ...jobOf(text), line: number };
  }

  function jobOf(text: string): Omit<LineJob, "line" | keyof ServerChoice> {
    let job: JobLine | null = null;
    try {
      job = readJobLine(text);
      const metadataText = metadataOf(overlaid(shared, job.metadata), 'give it some with "metadata"');
      const place = { batch: null, number, identity: newIdentity(), replaces: [] };
      return { ...whatOf(job, values), metadataText, place, id: job.id };
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      const { path = "", name = path } = job ?? {};
      return { ...nobody, origin: { kind: "file", path }, name, id: idIn(text), fault: error };
    }
  }
}

/** Of a line that names nothing. */
const nobody = { origin: { kind: "file", path: "" }, name: "", metadataText: "{}" } as const;

function whatOf(
  { path, name, dataset, unpack }: JobLine,
  values: SendValues,
): Pick<Job, "origin" | "name" | "unpack"> {
  if (dataset) {
    const origin = { kind: "dataset", path, selection: readSelection(values) } as const;
    return { origin, name: datasetNameOnServer(name, path), unpack: "tar" };
  }
  const chosen = nameOnServer(name, path);
  if (!unpack) return { origin: { kind: "file", path }, name: chosen };
  expectTarName(chosen);
  return { origin: { kind: "file", path }, name: chosen, unpack: "tar" };
}
