// `dync servers`: which servers are known here, and by which keys.

import { resolve } from "node:path";
import { formatServerAddress, formatServerAddresses } from "../../base/format-server-address.ts";
import { localTime } from "../../base/local-time.ts";
import { furtherOf, type Places } from "../../base/server-place.ts";
import { defaultPort, parseServerAddress } from "../../config/server-address.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import {
  generalKey,
  type KeyFound,
  type KnownServer,
  knownServer,
  serversWithFiles,
} from "../../keys/list-servers.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand, type Environment } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { type KnownServers, readKnownServers } from "./known-servers.ts";
import { serversUsage } from "./usage-servers.ts";

/** A server, and the name that the user gave it. */
interface Listed extends KnownServer {
  readonly name: string | null;
  readonly isDefault: boolean;
}

export const serversCommand = defineCommand({
  name: "servers",
  usage: serversUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  check: (_line, environment) => ({ misread: null, others: faultsOf(() => readKnownServers(environment)) }),
  async run(_values, { output, environment }) {
    const known = readKnownServers(environment);
    const servers: Listed[] = [];
    for (const { name, isDefault, ...choice } of await knownChoices(known))
      servers.push({ ...(await knownServer(known.home, choice)), name, isDefault });
    const general = await generalKey(known.home);
    output.summarise({ servers: servers.map(told), general: general === null ? null : toldKey(general) });
    const blocks = [...servers.map(linesOf), ...(general === null ? [] : [generalLines(general)])];
    if (blocks.length > 0) output.result(blocks.map((lines) => lines.map(printable).join("\n")).join("\n\n"));
    if (blocks.length === 0)
      output.say('No server is known here: "dync trust SERVER FILE" saves the key of one');
    const faults = [...servers.map(({ key }) => key), general].flatMap((key) => key?.fault ?? []);
    for (const fault of faults) output.warn(fault.message, fault.hint);
    return faults.length === 0 ? 0 : faults[0]!.meaning.exit;
  },
});

/** What stands for SERVER: the names that the user gave, and the addresses of other servers that are known. */
export async function serverNames(environment: Environment): Promise<readonly string[]> {
  const choices = await knownChoices(readKnownServers(environment));
  return choices.map(({ name, host, port }) => {
    if (name !== null) return name;
    return port === defaultPort && !host.includes(":") ? host : formatServerAddress({ host, port });
  });
}

export interface NamedChoice extends ServerChoice {
  readonly name: string | null;
  readonly isDefault: boolean;
}

/** Those with a name first, then the default where it is an address, then those that have files. */
export async function knownChoices({
  home,
  named,
  default: fallback,
}: KnownServers): Promise<readonly NamedChoice[]> {
  const choices: NamedChoice[] = [...named].map(([name, { host, port, serverKey, ...more }]) => ({
    ...{ host, port, ...furtherOf({ host, port, ...more }), name, isDefault: fallback?.text === name },
    serverKeyFile: serverKey === null ? null : resolve(home, serverKey),
  }));
  const add = (places: Places, isDefault: boolean): void => {
    const { host, port } = places;
    if (choices.some((it) => it.host === host && it.port === port)) return;
    choices.push({ host, port, ...furtherOf(places), serverKeyFile: null, name: null, isDefault });
  };
  if (fallback !== null && !named.has(fallback.text)) {
    const address = parseServerAddress(fallback.text);
    if (address.ok) add(address.value, true);
  }
  for (const { host, port } of await serversWithFiles(home)) add({ host, port: port ?? defaultPort }, false);
  return choices;
}

function told({ name, host, port, isDefault, key, others, reached, ...more }: Listed) {
  return {
    ...{ name, host, port, ...furtherOf({ host, port, ...more }), isDefault },
    key: key === null ? null : toldKey(key),
    otherKeys: others.map(toldKey),
    reached: reached === null ? null : { fingerprint: reached.fingerprint, at: reached.at },
  };
}

function toldKey({ file, publicKey, fault }: KeyFound) {
  return {
    file,
    ...(publicKey === null ? {} : { publicKey: publicKey.text, fingerprint: publicKey.fingerprint }),
    ...(fault === null ? {} : { fault: fault.message }),
  };
}

function linesOf(server: Listed): readonly string[] {
  const { name, isDefault, key, others, reached } = server;
  const address = formatServerAddresses(server);
  const marked = isDefault ? " (the default)" : "";
  const head = name === null ? `${address}${marked}` : `${name}${marked}, ${address}`;
  const differs = reached !== null && reached.fingerprint !== key?.publicKey?.fingerprint;
  return [
    head,
    ...(key === null ? ["  Key:          none is known"] : keyLines(key)),
    ...others.flatMap(({ file, publicKey }) => [
      `  Differs:      ${publicKey?.fingerprint ?? "no key"}`,
      `                ${file}`,
    ]),
    ...(reached === null ? [] : [`  Reached last: ${localTime(reached.at).slice(0, 10)}`]),
    ...(differs ? [`  with:         ${reached.fingerprint}`] : []),
  ];
}

function generalLines(general: KeyFound): readonly string[] {
  return ["Any other server", ...keyLines(general)];
}

function keyLines({ file, publicKey }: KeyFound): readonly string[] {
  const fingerprint = publicKey?.fingerprint ?? "none that could be read";
  return [`  Fingerprint:  ${fingerprint}`, `  Key file:     ${file}`];
}
