// What a service of this user is: a watched folder, and the words of the command line that watches it. It lies in
// `DYNC_HOME/services/NAME.json`; what the system's own files hold is only that this one is to be run.

import { basename, dirname, join } from "node:path";
import * as v from "valibot";

export interface ServiceDefinition {
  readonly name: string;
  /** As it was written. */
  readonly server: string;
  /** Absolute and real. */
  readonly folder: string;
  /** Of `dync watch`: options and positional arguments, with absolute paths. */
  readonly words: readonly string[];
  /** What variables of dync said when it was installed. */
  readonly variables: Readonly<Record<string, string>>;
  /** ISO 8601, UTC. */
  readonly installedAt: string;
}

/** The files of one service. */
export interface ServiceFiles {
  readonly name: string;
  /** `DYNC_HOME`. */
  readonly home: string;
  readonly definition: string;
  readonly log: string;
  /** When it was started, and how often in vain. */
  readonly runState: string;
  /** Held by the process that runs it. */
  readonly lock: string;
}

const nameForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/;

export const serviceNameHint = "letters, digits, - and _ make a name, at most 48 of them";

export function isServiceName(text: string): boolean {
  return nameForm.test(text);
}

/** A name for the service of a folder: its own, as far as it has characters of which names are made. */
export function serviceNameFor(folder: string): string {
  const words = basename(folder)
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[-_]+|[-_]+$/g, "");
  return words === "" ? "watch" : words.slice(0, 48).replace(/[-_]+$/, "");
}

export function servicesFolder(home: string): string {
  return join(home, "services");
}

export function filesOf(home: string, name: string): ServiceFiles {
  const at = (ending: string): string => join(servicesFolder(home), `${name}${ending}`);
  return {
    name,
    home,
    definition: at(".json"),
    log: at(".log"),
    runState: at(".run.json"),
    lock: at(".lock"),
  };
}

/** The files of the service whose definition is `file`. */
export function filesOfDefinition(file: string): ServiceFiles {
  return filesOf(dirname(dirname(file)), basename(file, ".json"));
}

export function definitionText({ name: _, ...rest }: ServiceDefinition): string {
  return `${JSON.stringify({ schema: 1, ...rest }, null, 2)}\n`;
}

const form = v.object({
  schema: v.literal(1),
  server: v.string(),
  folder: v.string(),
  installedAt: v.string(),
  words: v.array(v.string()),
  variables: v.record(v.string(), v.string()),
});

/** What such a file says, `null` where it was not written by `definitionText`. */
export function readDefinition(name: string, text: string): ServiceDefinition | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = v.safeParse(form, value);
  if (!parsed.success) return null;
  const { schema: _, ...rest } = parsed.output;
  return { name, ...rest };
}
