// How the variables of both programs are called, beside those that follow from their options.

import type { ProgramVariables } from "./command.ts";

/** What both read wherever they are, what installers and builds read, and what is told to programs that they run, which may be theirs again. */
const others = [
  ...(["DYNC_HOME", "DYNC_LIBZMQ", "DYNC_WIDE_BOX", "DYNC_DEBUG", "DYNC_BASE_URL"] as const),
  ...(["DYNC_HOOK", "DYNC_EVENT", "DYNC_UPLOAD", "DYNC_ATTEMPT", "DYNC_IDEMPOTENCY_KEY"] as const),
  ...(["DYNC_NOTICE_TITLE", "DYNC_NOTICE_TEXT"] as const),
];

const serverPrefix = "DYNC_SERVER_";
/** What containers are told of a service that is called "dync" or "dync-server". */
const ofContainers = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?$/;

/** Of `dync`. */
export const dyncVariableNames: ProgramVariables = {
  prefix: "DYNC_",
  shared: ["port", "server-key", "limit", "priority", "jobs", "retry-for", "quiet", "json"],
  ofArguments: ["DYNC_SERVER"],
  others,
  // Both programs may have their variables in one environment.
  isForeign: (name) => name.startsWith(serverPrefix) || /^DYNC_BUILD/.test(name) || ofContainers.test(name),
  noneNamed: { server: "DYNC_SERVER names the server where the command line does not." },
  below: { ifHas: "server", text: "client.toml" },
};

/** Of `dync-server`, whose settings are named `settings`. */
export function serverVariableNames(settings: readonly string[]): ProgramVariables {
  return {
    prefix: serverPrefix,
    shared: [...settings, "config", "json"],
    ofArguments: [],
    others,
    // Of "dync" it is the key of a server.
    isForeign: (name) => name === "DYNC_SERVER_KEY" || ofContainers.test(name),
    noneNamed: {},
    below: { ifHas: "config", text: "the file" },
  };
}
