// The words of a command line that says the same wherever it is run: as services are, in another folder and with other variables.

import { resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { CommandContext, CommandLine, Environment, OptionsDef, OptionValues } from "../command.ts";
import { dyncVariableNames } from "../own-variables.ts";
import { ownVariable, variableOptions, variablesOf } from "../variables.ts";
import { readKnownServers } from "./known-servers.ts";
import { serverOptionsOf, tellApart } from "./server-choice.ts";
import { isUrl } from "./trouble-notices.ts";
import { readWatched, watchOptions } from "./watch-options.ts";
import { isProfileFile } from "./watch-profiles.ts";
import { isThere } from "./what-is-there.ts";

/** Options whose value is a path. */
const paths: readonly string[] = ["meta", "server-key", "also"];
/** Where it lies, what is started and how is said otherwise. */
const ownVariables = /^DYNC_(HOME|LIBZMQ|WIDE_BOX|DEBUG|BUILD.*)$/;
const {
  once: _once,
  explain: _explain,
  profiles: _profiles,
  reasons: _reasons,
  send: _send,
  leave: _leave,
  wait: _wait,
  "retry-for": _patience,
  ...lasting
} = watchOptions;

/** Those of `dync watch`, without what is for somebody who looks. */
export const serviceOptions = lasting;

export interface ServiceWords {
  /** As it was written, or what is the default. */
  readonly server: string;
  /** Absolute and real. */
  readonly folder: string;
  readonly words: readonly string[];
}

/** What `dync watch` is started with, where `values` were given. Throws `DyncError`. */
export function serviceWords(
  values: OptionValues<typeof serviceOptions>,
  { environment, variables }: Pick<CommandContext, "environment" | "variables">,
): ServiceWords {
  const given = [values.server, values.dir];
  const { folder } = readWatched(given, serverOptionsOf(values, variables), environment);
  const known = readKnownServers(environment);
  const apart = tellApart(
    given.filter((it) => it !== undefined),
    known,
    isThere,
  );
  const server = apart.server ?? known.default?.text;
  if (server === undefined) throw new DyncError("usage", "SERVER is missing");
  // What variables say they say when it runs as well: `dyncVariables` has them.
  const written = Object.entries(values).filter(([name]) => !variables.has(name));
  const words = optionWords(serviceOptions, Object.fromEntries(written), resolve);
  return { server, folder, words: [...words, server, folder] };
}

/** The options that were given, each as one word; `absolute` makes a path one that is good anywhere. */
export function optionWords(
  options: OptionsDef,
  values: Readonly<Record<string, unknown>>,
  absolute: (path: string) => string,
): readonly string[] {
  return Object.entries(options).flatMap(([name, { type }]) => {
    const value = values[name];
    if (type === "boolean" && name !== "json") {
      if (value === true) return [`--${name}`];
      return value === false && options[name]?.isThreeWay ? [`--no-${name}`] : [];
    }
    if (type !== "string" || value === undefined) return [];
    const texts = (Array.isArray(value) ? value : [value]) as readonly string[];
    return texts.map((text) => `--${name}=${anywhere(name, text, absolute)}`);
  });
}

/** The value of an option, good in any folder. */
function anywhere(name: string, text: string, absolute: (path: string) => string): string {
  const start = "move=";
  if (name === "after" && text.startsWith(start)) return `${start}${absolute(text.slice(start.length))}`;
  const isProgram = name === "on-trouble" && !isUrl(text);
  const isPath = isProgram || paths.includes(name) || (name === "profile" && isProfileFile(text));
  return isPath ? absolute(text) : text;
}

/**
 * Variables of dync that say something for a service, such as DYNC_PORT, as "dync watch" reads them; `absolute` makes a path one that is
 * good anywhere. What those of "service install" say goes before what those of "dync watch" do.
 */
export function dyncVariables(
  environment: Environment,
  absolute: (path: string) => string = resolve,
): Readonly<Record<string, string>> {
  const said = new Map(
    Object.entries(environment).filter((it): it is [string, string] => isSaid(it[0]) && Boolean(it[1])),
  );
  const watch = { name: "watch", options: serviceOptions };
  const kept = new Map<string, string>();
  for (const [option] of variableOptions(watch)) {
    const [own, ...shared] = variablesOf(dyncNames, watch, option) as [string, ...string[]];
    const installed = ownVariable(dyncNames, { name: "service install" }, option);
    for (const [from, to] of [
      [own, own],
      [installed, own],
      ...shared.map((it) => [it, it] as const),
    ] as const) {
      const lines = said.get(from)?.split("\n");
      if (lines !== undefined) kept.set(to, lines.map((it) => anywhere(option, it, absolute)).join("\n"));
    }
  }
  const others = [...said].filter(([name]) => !kept.has(name) && !/^DYNC_(WATCH|SERVICE)_/.test(name));
  return Object.fromEntries([...others, ...kept]);
}

const dyncNames = { variables: dyncVariableNames };

/** `environment` with these variables of dync and no others. */
export function withDyncVariables(
  environment: Environment,
  variables: Readonly<Record<string, string>>,
): Environment {
  const others = Object.entries(environment).filter(([name]) => !isSaid(name));
  return { ...Object.fromEntries(others), ...variables };
}

/** Whether a variable says something for a command line. */
function isSaid(name: string): boolean {
  return /^DYNC_/.test(name) && !ownVariables.test(name);
}

/** What is given to a service, and means nothing to it. */
export function serviceFaults(values: CommandLine["values"]): readonly DyncError[] {
  if (values.meta?.[0] !== "-") return [];
  const message = "A service has no standard input to read metadata from";
  return [new DyncError("usage", message, { hint: "name a file with the metadata" })];
}
