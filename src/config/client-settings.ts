// What a user writes into `DYNC_HOME/client.toml`: servers with names, what holds for what is sent to each, and which one is meant
// where none is named.
//
//   default_server = "lab"             # an alias, or an address
//   limit = "20MB/s"                   # how fast all is sent, or a timetable
//
//   [servers.lab]                      # the alias
//   host = "dync.example.org"
//   port = 8889                        # the default
//   server_key = "lab.key"             # in DYNC_HOME; without it the one that is kept for this host
//   jobs = 2                           # as --jobs, and so on
//   retry_for = "24h"
//   limit = "5MB/s"                    # in place of the one for all
//   profile = "illumina"               # of "dync watch": a name, or a file in DYNC_HOME
//   metadata = { operator = "Meyer" }  # fields that -m, -k and others go over

import * as v from "valibot";
import { assert } from "../base/assert.ts";
import { type JsonMember, jsonMember, objectText } from "../base/json-text.ts";
import { metadataFault } from "../protocol/wire/metadata.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { type RateLimit, rateLimits } from "./rate-limit.ts";
import { hasOwnPorts, parseServerAddress, portsIn, type ServerAddress } from "./server-address.ts";
import { counts, durations } from "./setting.ts";
import {
  checkFile,
  type FileReading,
  type MemberFault,
  member,
  memberFault,
  ofKind,
  table,
} from "./table.ts";
import { isTable, readToml, tomlText } from "./toml.ts";

/** How many uploads of a command may run at once: each may have its window in memory, and a server gives one user so many places. */
export const jobsKind = counts(1, 64);

/** A server with a name of the user's own. */
export interface NamedServer extends ServerAddress {
  /** Path of the file with its key, as it is written, or `null`. */
  readonly serverKey: string | null;
  /** What is sent with each upload, unless something else is said. */
  readonly metadata: readonly JsonMember[];
  /** Uploads at once, or `null`. */
  readonly jobs: number | null;
  /** How long to keep trying, in ms, or `null`. */
  readonly retryForMs: number | null;
  /** How fast is sent there, in place of what is said for all, or `null`. */
  readonly limit: RateLimit | null;
  /** What is known of the instrument whose folder is watched: a name, or the path of a file, as it is written; or `null`. */
  readonly instrument: string | null;
}

export interface ClientSettings {
  /** An alias or an address, or `null`. */
  readonly defaultServer: string | null;
  /** How fast everything is sent, or `null`. */
  readonly limit: RateLimit | null;
  /** By alias. */
  readonly servers: ReadonlyMap<string, NamedServer>;
}

export const noClientSettings: ClientSettings = { defaultServer: null, limit: null, servers: new Map() };

/** What `text` says, or all that is wrong with it, in the order of its lines. */
export function readClientSettings(text: string): FileReading<ClientSettings> {
  const reading = checkFile(readToml(text), fileSchema);
  if (!reading.ok) return reading;
  const { default_server: defaultServer = null, limit = null, servers = {} } = reading.value;
  const faults = [
    ...aliasFaults(servers, reading),
    ...portFaults(servers, reading),
    ...defaultFaults(defaultServer, servers, reading),
  ];
  if (faults.length > 0) return { ok: false, faults: faults.toSorted((a, b) => a.line - b.line) };
  const named = Object.entries(servers).map(([alias, row]) => [alias, namedServer(row)] as const);
  return { ...reading, value: { defaultServer, limit, servers: new Map(named) } };
}

const everything = '"dync --help" has all that are known';

const serverSchema = table(
  {
    host: member(readHost),
    port: v.optional(ofKind(counts(1, 65535))),
    server_key: v.optional(member(readText)),
    jobs: v.optional(ofKind(jobsKind)),
    retry_for: v.optional(ofKind(durations(0))),
    limit: v.optional(ofKind(rateLimits)),
    profile: v.optional(member(readText)),
    metadata: v.optional(member(readMetadata)),
  },
  everything,
);

const fileSchema = table(
  {
    default_server: v.optional(member(readText)),
    limit: v.optional(ofKind(rateLimits)),
    servers: v.optional(v.pipe(member(readServers), v.record(v.string(), serverSchema))),
  },
  everything,
);

type ServerRow = v.InferOutput<typeof serverSchema>;
type Servers = Readonly<Record<string, ServerRow>>;
type Read = Extract<FileReading<unknown>, { ok: true }>;

function namedServer(row: ServerRow): NamedServer {
  return {
    ...addressOf(row),
    serverKey: row.server_key ?? null,
    jobs: row.jobs ?? null,
    retryForMs: row.retry_for ?? null,
    limit: row.limit ?? null,
    instrument: row.profile ?? null,
    metadata: row.metadata ?? [],
  };
}

/** Its port is for those of its addresses that name none. */
function addressOf({ host, port }: ServerRow): ServerAddress {
  const said = port === undefined ? null : { text: String(port), subject: "port", yields: true };
  const address = parseServerAddress(host, said);
  assert(address.ok, "what the schema let pass is an address");
  return address.value;
}

const aliasForm = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

function aliasFaults(servers: Servers, reading: Read): readonly MemberFault[] {
  const hint = "use letters, digits, dots, dashes and underscores, 64 at most";
  return Object.keys(servers)
    .filter((alias) => !aliasForm.test(alias))
    .map((alias) => ({ ...memberFault(reading, ["servers", alias], "the alias is not one word"), hint }));
}

function portFaults(servers: Servers, reading: Read): readonly MemberFault[] {
  const hint = "leave it away: SRV records have the port";
  return Object.entries(servers)
    .filter(([, row]) => row.port !== undefined && hasOwnPorts(addressOf(row)))
    .map(([alias]) => ({ ...memberFault(reading, ["servers", alias, "port"], "is of no use"), hint }));
}

function defaultFaults(name: string | null, servers: Servers, reading: Read): readonly MemberFault[] {
  if (name === null || Object.hasOwn(servers, name)) return [];
  const address = parseServerAddress(name);
  if (address.ok) return [];
  const { wanted, found, hint } = address.fault;
  const text = `needs the name of a server below, or ${wanted}, found ${found}`;
  return [{ ...memberFault(reading, ["default_server"], text), hint }];
}

function readServers(value: unknown): Parsed<object> {
  const hint = 'write [servers.ALIAS] and, below it, host = "HOST"';
  if (!isTable(value)) return wrong("tables", tomlText(value), { hint });
  const [other] = Object.entries(value).filter(([, server]) => !isTable(server));
  if (other === undefined) return right(value);
  return wrong("tables", `${other[0]} = ${tomlText(other[1])}`, { hint });
}

function readText(value: unknown): Parsed<string> {
  return typeof value === "string" && value !== "" ? right(value) : wrong("a text", tomlText(value));
}

function readHost(value: unknown): Parsed<string> {
  const text = readText(value);
  if (!text.ok) return text;
  const address = parseServerAddress(text.value);
  if (!address.ok) return address;
  const ports = portsIn(text.value);
  if (ports.length > 1 || ports[0] === null) return text;
  const hint = "write the port as port = NUMBER";
  return wrong("a host name without a port", `"${text.value}"`, { hint });
}

function readMetadata(value: unknown): Parsed<readonly JsonMember[]> {
  if (!isTable(value)) return wrong("a table of fields", tomlText(value));
  const members: JsonMember[] = [];
  for (const [name, field] of Object.entries(value)) {
    const json = jsonOf(field);
    if (json === null) {
      const hint = "write it as a text, or give it with -m or -k, where every digit stays";
      const wanted = "texts, whole numbers, true, false, and lists and tables of these";
      return wrong(wanted, `${name} = ${tomlText(field)}`, { hint });
    }
    members.push(jsonMember(name, json));
  }
  const fault = members.length === 0 ? null : metadataFault(objectText(members));
  return fault === null ? right(members) : wrong("good metadata", `this: ${fault.text}`);
}

/** A value of a TOML file as JSON text; `null` for what would not be the same there, as `1.0` and dates. */
function jsonOf(value: unknown): string | null {
  if (typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value))
    return JSON.stringify(value);
  if (Array.isArray(value)) {
    const items = value.map(jsonOf);
    return items.includes(null) ? null : `[${items.join(",")}]`;
  }
  if (!isTable(value)) return null;
  const fields = Object.entries(value).map(([name, field]) => [name, jsonOf(field)] as const);
  if (fields.some(([, json]) => json === null)) return null;
  return objectText(fields.map(([name, json]) => jsonMember(name, json as string)));
}
