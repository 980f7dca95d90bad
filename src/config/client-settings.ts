// What a user writes into `DYNC_HOME/client.toml`: names for servers, and which one is meant where none is named.
//
//   default_server = "lab"             # an alias, or an address
//
//   [servers.lab]                      # the alias
//   host = "dync.example.org"
//   port = 8889                        # the default
//   server_key = "lab.key"             # in DYNC_HOME; without it the one that is kept for this host

import { closest } from "../base/closest.ts";
import { type Fault, type Parsed, right, wrong } from "./parsed.ts";
import { defaultPort, parseServerAddress, portIn, type ServerAddress } from "./server-address.ts";
import { isTable, type LineFault, readToml, type TomlTable, tomlText } from "./toml.ts";

/** A server with a name of the user's own. */
export interface NamedServer extends ServerAddress {
  /** Path of the file with its key, as it is written, or `null`. */
  readonly serverKey: string | null;
}

export interface ClientSettings {
  /** An alias or an address, or `null`. */
  readonly defaultServer: string | null;
  /** By alias. */
  readonly servers: ReadonlyMap<string, NamedServer>;
}

export const noClientSettings: ClientSettings = { defaultServer: null, servers: new Map() };

/** What `text` says, and all that is wrong with it, in the order of its lines. What is faulty is left out. */
export function readClientSettings(text: string): {
  readonly settings: ClientSettings;
  readonly faults: readonly LineFault[];
} {
  const reading = readToml(text);
  if (!reading.ok) return { settings: noClientSettings, faults: [reading.fault] };
  const reader = new Reader(reading.lineOf);
  const settings = reader.settings(reading.value);
  return { settings, faults: reader.faults.toSorted((a, b) => a.line - b.line) };
}

const aliasForm = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

class Reader {
  readonly faults: LineFault[] = [];
  readonly #lineOf: (path: readonly string[]) => number;

  constructor(lineOf: (path: readonly string[]) => number) {
    this.#lineOf = lineOf;
  }

  settings(file: TomlTable): ClientSettings {
    this.#expectKeys(file, [], ["default_server", "servers"]);
    const aliases = new Set<string>();
    const servers = new Map<string, NamedServer>();
    for (const [alias, value] of Object.entries(this.#tableOf(file, ["servers"]))) {
      aliases.add(alias);
      const server = this.#server(alias, value);
      if (server !== null) servers.set(alias, server);
    }
    const parseDefault = (it: unknown): Parsed<string> =>
      chain(textOf(it), (name) =>
        aliases.has(name) ? right(name) : chain(parseServerAddress(name), () => right(name)),
      );
    return { defaultServer: this.#value(file, ["default_server"], parseDefault), servers };
  }

  #server(alias: string, value: unknown): NamedServer | null {
    const path = ["servers", alias];
    if (!aliasForm.test(alias)) {
      const hint = "use letters, digits, dots, dashes and underscores, 64 at most";
      this.#fault(path, `The alias "${alias}" is not one word`, hint);
    }
    if (!isTable(value)) {
      const hint = `write [servers.${alias}] and, below it, host = "HOST"`;
      this.#fault(path, `"servers.${alias}" needs a table, found ${tomlText(value)}`, hint);
      return null;
    }
    this.#expectKeys(value, path, ["host", "port", "server_key"]);
    const port = this.#value(value, [...path, "port"], portOf);
    const serverKey = this.#value(value, [...path, "server_key"], textOf);
    if (!Object.hasOwn(value, "host")) {
      this.#fault(path, `The server "${alias}" has no host`, 'add host = "HOST" below its name');
      return null;
    }
    const host = this.#value(value, [...path, "host"], hostOf);
    return host === null ? null : { host, port: port ?? defaultPort, serverKey };
  }

  #tableOf(table: TomlTable, path: readonly string[]): TomlTable {
    return this.#value(table, path, (it) => (isTable(it) ? right(it) : wrong("a table", tomlText(it)))) ?? {};
  }

  /** What `parse` makes of the member of `table` that `path` ends in; `null` where it is not there, or faulty. */
  #value<T>(table: TomlTable, path: readonly string[], parse: (value: unknown) => Parsed<T>): T | null {
    const key = path.at(-1) as string;
    if (!Object.hasOwn(table, key)) return null;
    const parsed = parse(table[key]);
    if (parsed.ok) return parsed.value;
    const { subject, wanted, found, hint }: Fault = parsed.fault;
    this.#fault(path, `${subject ?? `"${path.join(".")}"`} needs ${wanted}, found ${found}`, hint);
    return null;
  }

  #expectKeys(table: TomlTable, path: readonly string[], known: readonly string[]): void {
    for (const key of Object.keys(table)) {
      if (known.includes(key)) continue;
      const near = closest(key, known);
      const listed = known.map((it) => `"${it}"`).join(", ");
      const where = path.length === 0 ? "" : ` in "${path.join(".")}"`;
      const hint = near === null ? `known here: ${listed}` : `did you mean "${near}"?`;
      this.#fault([...path, key], `Unknown key "${key}"${where}`, hint);
    }
  }

  #fault(path: readonly string[], text: string, hint?: string): void {
    this.faults.push({ line: this.#lineOf(path), text, hint });
  }
}

function textOf(value: unknown): Parsed<string> {
  return typeof value === "string" && value !== "" ? right(value) : wrong("a text", tomlText(value));
}

function hostOf(value: unknown): Parsed<string> {
  return chain(textOf(value), (text) => {
    const address = parseServerAddress(text);
    if (!address.ok) return address;
    if (portIn(text) === null) return right(address.value.host);
    return wrong("a host name without a port", `"${text}"`, { hint: "write the port as port = NUMBER" });
  });
}

function portOf(value: unknown): Parsed<number> {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535)
    return right(value);
  return wrong("a whole number from 1 to 65535", tomlText(value));
}

function chain<A, B>(parsed: Parsed<A>, then: (value: A) => Parsed<B>): Parsed<B> {
  return parsed.ok ? then(parsed.value) : parsed;
}
