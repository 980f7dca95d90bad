// `dync doctor [SERVER]`: goes the way of an upload step by step, and says at the first one that fails what to do.

import { randomBytes } from "node:crypto";
import { DyncError } from "../../base/error.ts";
import { jsonMember } from "../../base/json-text.ts";
import type { Place } from "../../base/server-place.ts";
import { overlaid } from "../../client/plan/overlay.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef, type OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { loadMembers, metadataFaults, metadataOf } from "../metadata-file.ts";
import { DoctorReport } from "./doctor-report.ts";
import { ServerSteps, type TrialUpload } from "./doctor-server.ts";
import {
  findHome,
  findKeys,
  findName,
  findPort,
  findRoom,
  findTrust,
  findVariablesSet,
  type Step,
  type Target,
  type Way,
} from "./doctor-steps.ts";
import { type KnownServers, readKnownServers } from "./known-servers.ts";
import { nameOnServer } from "./name-on-server.ts";
import { openClient } from "./open-client.ts";
import { metadataOptions, serverOptions } from "./send-options.ts";
import { chosenServer, profileOf, serverOptionsIn, serverOptionsOf } from "./server-choice.ts";
import { doctorUsage } from "./usage-doctor.ts";

const options = {
  ...sharedOptions,
  meta: metadataOptions.meta,
  "key-value": metadataOptions["key-value"],
  name: { type: "string", alias: "n" },
  ...serverOptions,
  json: { type: "boolean" },
  server: { type: "positional", required: false },
} as const satisfies OptionsDef;

type DoctorValues = OptionValues<typeof options>;

export const doctorCommand = defineCommand({
  name: "doctor",
  usage: doctorUsage,
  options,
  check: (line, environment) => {
    const {
      values,
      positionals: [server],
    } = line;
    const [meta, pairs = []] = [values.meta?.[0], values["key-value"]];
    const name = values.name?.[0];
    const serverFaults = (): void => {
      const known = readKnownServers(environment);
      if (server === undefined && known.default === null) return;
      chosenServer(server ?? null, serverOptionsIn(line), known);
    };
    return {
      misread: null,
      others: [
        ...faultsOf(serverFaults),
        ...faultsOf(() => name !== undefined && nameOnServer(name, null)),
        ...metadataFaults(meta, pairs, false),
      ],
    };
  },
  run: doctor,
});

async function doctor(values: DoctorValues, context: CommandContext): Promise<number> {
  const known = readKnownServers(context.environment);
  const isNamed = values.server !== undefined || known.default !== null;
  const server = isNamed
    ? chosenServer(values.server ?? null, serverOptionsOf(values, context.variables), known)
    : null;
  const report = new DoctorReport(context.output, server);
  // Who is at which of the server's addresses is what its steps are about.
  await using client = openClient(context, { onWarning: () => {} });
  const { home } = known;
  const here: Step[] = [
    { name: "home", find: async () => findHome(home) },
    { name: "variables", find: async () => findVariablesSet(context.variablesFound) },
  ];
  if (server === null) {
    const keys = async () => (await findKeys(home)).finding;
    here.push({ name: "keys", find: keys }, { name: "space", find: async () => findRoom(home).finding });
    await report.walk(here);
    return report.end('no server is named: "dync doctor SERVER" tries one');
  }
  const { clock, signal } = context;
  const asked = new ServerSteps({ client, server, home, clock, signal });
  const trial = trialOf(values, known);
  const way = wayTo(server, home, context);
  await report.walk([
    ...here,
    ...way.steps,
    { name: "handshake", find: () => asked.handshake(way.places()) },
    { name: "access", find: () => asked.access() },
    { name: "clock", find: () => asked.time() },
    { name: "space", find: () => asked.space() },
    { name: "upload", find: () => asked.upload(trial) },
  ]);
  return report.end();
}

/** The steps to what listens at the server's addresses, and which these are, when they were taken. */
function wayTo(
  server: ServerChoice,
  home: string,
  { clock }: CommandContext,
): { readonly steps: readonly Step[]; readonly places: () => readonly Place[] } {
  let way: Way | null = null;
  let found: readonly Target[] = [];
  const wayThere = (): Way => {
    if (way === null) throw new DyncError("configuration", "There are no keys");
    return way;
  };
  const steps: readonly Step[] = [
    {
      name: "keys",
      async find() {
        const { keys, finding } = await findKeys(home);
        way = { server, keys, home, clock };
        return finding;
      },
    },
    { name: "trust", find: () => findTrust(home, server) },
    {
      name: "name",
      async find() {
        const { targets, finding } = await findName(wayThere());
        found = targets;
        return finding;
      },
    },
    { name: "port", find: () => findPort(wayThere(), found) },
  ];
  return { steps, places: () => found.map(({ place }) => place) };
}

function trialOf(values: DoctorValues, known: KnownServers): TrialUpload {
  const { meta, "key-value": pairs, name, server } = values;
  const own = loadMembers(meta, pairs);
  const members = overlaid(profileOf(server ?? null, known)?.metadata ?? [], own);
  const isChosen = own.length > 0 || name !== undefined;
  return {
    name: name ?? `dync-doctor-${randomBytes(8).toString("hex")}.tmp`,
    metadataText: metadataOf(members.length > 0 ? members : [jsonMember("dync", '"doctor"')]),
    isChosen,
  };
}
