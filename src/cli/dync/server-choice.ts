// Which of the words of a command line is SERVER, and which server that is. Pure but for what it is told to look at.

import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { furtherOf, isServiceName, placesOf } from "../../base/server-place.ts";
import type { NamedServer } from "../../config/client-settings.ts";
import { parsePort } from "../../config/count.ts";
import {
  hasOwnPorts,
  parseServerAddress,
  portsIn,
  type ServerAddress,
  withPort,
} from "../../config/server-address.ts";
import { type ServerChoice, serverKeyFiles } from "../../keys/known-servers.ts";
import type { CommandLine, SaidByVariables } from "../command.ts";
import { optionText, unwrap, variableText } from "../option-value.ts";
import { printable } from "../printable.ts";
import { serverArgument } from "../server-argument.ts";
import type { KnownServers } from "./known-servers.ts";

/** The words of a command line, told apart. */
export interface ToldApart {
  /** As it was written; `null`: the default is meant, or there is none and SERVER is missing. */
  readonly server: string | null;
  readonly paths: readonly string[];
}

/**
 * Tells SERVER, which comes first, from the paths behind it. Without a default it always is there. With one it may be left
 * out, and a word that might be a path is SERVER only where something says so: it is an alias, has a port, is an IP address
 * or `localhost`, the name of SRV records, or the host of a server with a name or a key file of its own; or one of several addresses is.
 *
 * @throws DyncError "usage" when the first word may be both.
 */
export function tellApart(
  words: readonly string[],
  known: KnownServers,
  isThere: (path: string) => boolean,
): ToldApart {
  const [first, ...rest] = words;
  if (first === undefined) return { server: null, paths: [] };
  if (known.default === null) return { server: first, paths: rest };
  if (!isKnown(first, known)) return { server: null, paths: words };
  if (!isThere(first)) return { server: first, paths: rest };
  throw new DyncError("usage", `"${printable(first)}" is a server, and here also a file or folder`, {
    hint: `write ./${printable(first)} where that is meant; to send to the server, be in another folder`,
  });
}

function isKnown(word: string, { named, home, default: fallback }: KnownServers): boolean {
  if (named.has(word) || word === fallback?.text) return true;
  const address = parseServerAddress(word);
  if (!address.ok) return false;
  if (portsIn(word).some((port) => port !== null)) return true;
  const standard = [...named.values()].flatMap(hostsOf);
  if (fallback !== null && !named.has(fallback.text)) {
    const meant = parseServerAddress(fallback.text);
    if (meant.ok) standard.push(...hostsOf(meant.value));
  }
  return placesOf(address.value).some(
    ({ host, port }) =>
      isIP(host) !== 0 ||
      host === "localhost" ||
      isServiceName(host) ||
      standard.includes(host) ||
      serverKeyFiles(home, host, port)
        .slice(0, -1)
        .some((it) => existsSync(it)),
  );
}

function hostsOf(address: ServerAddress): readonly string[] {
  return placesOf(address).map(({ host }) => host);
}

/** What the options say of the server. */
export interface ServerOptions {
  readonly port: string | undefined;
  readonly serverKey: string | undefined;
  /** The variable that says the port, where no option does: it goes over the port of an alias, and yields to one with SERVER. */
  readonly portVariable?: string | undefined;
}

/** These options among those that were given to a command. */
export function serverOptionsOf(
  {
    port,
    "server-key": serverKey,
  }: { readonly port: string | undefined; readonly "server-key": string | undefined },
  variables: SaidByVariables,
): ServerOptions {
  return { port, serverKey, portVariable: variables.get("port")?.name };
}

/** The same on a command line; the file of the key is looked at when it is needed. */
export function serverOptionsIn({
  values,
  variables,
}: Pick<CommandLine, "values" | "variables">): ServerOptions {
  return serverOptionsOf({ port: values.port?.[0], "server-key": undefined }, variables);
}

/** The server behind `server`, which `tellApart` found. Throws `DyncError` ("usage"), also where there is none. */
export function chosenServer(
  server: string | null,
  options: ServerOptions,
  known: KnownServers,
): ServerChoice {
  const choice = choiceOf(server, options, known);
  // A variable is for other servers as well.
  if (options.port === undefined || options.portVariable !== undefined || !hasOwnPorts(choice)) return choice;
  throw new DyncError("usage", `${portText(options)} is of no use with a name of SRV records`, {
    hint: "leave it away: the records have the port",
  });
}

function choiceOf(server: string | null, options: ServerOptions, known: KnownServers): ServerChoice {
  const { port, serverKey } = options;
  const text = server ?? known.default?.text;
  // Where a key lies is said for other commands as well, which may be given elsewhere.
  const given = serverKey === undefined ? null : resolve(serverKey);
  if (text === undefined) throw serverMissing();
  const named = known.named.get(text);
  if (named !== undefined) {
    const { host, serverKey: own } = named;
    const serverKeyFile = given ?? (own === null ? null : resolve(known.home, own));
    const address = { host, port: named.port, ...furtherOf(named) };
    if (port === undefined) return { ...address, serverKeyFile };
    return { ...withPort(address, unwrap(parsePort(port), portText(options))), serverKeyFile };
  }
  return { ...addressOf(server, text, options, known), serverKeyFile: given };
}

function portText({ portVariable }: ServerOptions): string {
  return portVariable === undefined ? optionText("port") : variableText(portVariable);
}

function addressOf(
  server: string | null,
  text: string,
  options: ServerOptions,
  known: KnownServers,
): ServerAddress {
  const isVariable = options.portVariable !== undefined;
  // Two on one line contradict each other; one that stands with the server is meant for this one.
  if (server !== null && !isVariable && options.port !== undefined) return serverArgument(text, options.port);
  const saidBy = server === null ? (known.default?.saidBy ?? "SERVER") : "SERVER";
  const { port } = options;
  const said = port === undefined ? null : { text: port, subject: portText(options), yields: isVariable };
  return unwrap(parseServerAddress(text, said), saidBy);
}

/** What `client.toml` says of the server behind `server`, which `tellApart` found; `null` where that has no name there. */
export function profileOf(
  server: string | null,
  { named, default: fallback }: KnownServers,
): NamedServer | null {
  return named.get(server ?? fallback?.text ?? "") ?? null;
}

function serverMissing(): DyncError {
  return new DyncError("usage", "SERVER is missing", {
    hint: "name it before the files, or a default in DYNC_SERVER or DYNC_HOME/client.toml",
  });
}
