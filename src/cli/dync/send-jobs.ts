// What `dync send` sends: the jobs that a command line stands for, with which `sendFaults` found nothing wrong.

import { DyncError } from "../../base/error.ts";
import type { Job } from "../../client/file-upload.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import type { Environment } from "../command.ts";
import { loadMetadata } from "../metadata-file.ts";
import { readKnownServers } from "./known-servers.ts";
import { nameOnServer } from "./name-on-server.ts";
import { isThere } from "./send-faults.ts";
import type { SendValues } from "./send-options.ts";
import { chosenServer, tellApart } from "./server-choice.ts";

/** What is to be sent, as it was written. */
export interface Sending {
  readonly server: ServerChoice;
  readonly files: readonly string[];
  /** Whether several files are meant, which are told of one by one, and summed up. */
  readonly isBatch: boolean;
}

/** Tells the server from the files. Throws `DyncError`. */
export function readSending(values: SendValues, environment: Environment): Sending {
  const { server: first, file, port, "server-key": serverKey } = values;
  const known = readKnownServers(environment);
  const { server, paths } = tellApart([...(first === undefined ? [] : [first]), ...file], known, isThere);
  return {
    server: chosenServer(server, { port, serverKey }, known),
    files: paths,
    isBatch: paths.length > 1,
  };
}

/** The jobs in the order in which they are sent; of those that cannot be sent, `fault` says why. Throws `DyncError`. */
export async function* readJobs(
  { server, files, isBatch }: Sending,
  values: SendValues,
): AsyncGenerator<Job, void, undefined> {
  const shared = {
    ...server,
    metadataText: loadMetadata(values.meta, values["key-value"]),
    ...(values.unpack ? { unpack: "tar" as const } : {}),
  };
  if (!isBatch) return yield { ...shared, ...fileArgument(files[0], values.name) };
  for (const path of files) yield { ...shared, ...fileOfMany(path) };
}

function fileArgument(file: string | undefined, name: string | undefined): Pick<Job, "path" | "name"> {
  const path = file === undefined || file === "-" ? null : file;
  return { path, name: nameOnServer(name, path) };
}

/** A name that cannot be sent is that file's trouble. */
function fileOfMany(path: string): Pick<Job, "path" | "name" | "fault"> {
  try {
    return { path, name: nameOnServer(undefined, path) };
  } catch (error) {
    if (error instanceof DyncError) return { path, name: path, fault: error };
    throw error;
  }
}
