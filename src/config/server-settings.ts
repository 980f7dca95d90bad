// Everything that can be decided about a server from outside, each with its default and the reason for it. What the
// process is given once stands apart from the rules that apply to a user's uploads.

import { resolve } from "node:path";
import { logFormats, logLevels } from "../base/log.ts";
import { limits } from "../protocol/limits.ts";
import type { PostRules } from "../rules/judge.ts";
import { type LimitEntry, limitsOf, noLimits } from "../rules/user-limits.ts";
import { layouts } from "../upload/upload.ts";
import { catalogueAddresses } from "./catalogue-address.ts";
import { httpAddresses, isLoopback, writeHttpAddress } from "./http-address.ts";
import { endpoints, isBucket, regions, type SharedFolder, storages } from "./object-store.ts";
import type { Fault } from "./parsed.ts";
import { publicAddresses, publicUrls } from "./public-address.ts";
import {
  choices,
  counts,
  durations,
  ofProcess,
  ofProcessLive,
  ofUser,
  orAuto,
  ownAddresses,
  paths,
  pathsOrNone,
  type Scope,
  type Setting,
  sizes,
  switches,
} from "./setting.ts";

const MiB = 1024 * 1024;
const dayMs = 24 * 3_600_000;
const { chunkBytesMin, chunkBytesMax, metadataBytesMax, maxQueueMax } = limits;

// More open uploads need more file descriptors and connections than a process gets.
const uploadsMaxMax = 100_000;
// A question about a user's unfinished uploads looks at each of them.
const unfinishedMaxMax = 100_000;
// What a file system has inodes for, as a rule.
const membersMaxMax = 100_000_000;
// Sockets tell theirs by a bit in 64, and nobody has a network that keeps so many busy.
const ioThreadsMax = 64;
const windows = counts(1, maxQueueMax, "CHUNKS");
const chunkSizes = sizes(`from ${chunkBytesMin} to ${chunkBytesMax} bytes`, chunkBytesMin, chunkBytesMax);
const metadataSizes = sizes(`at least what one upload may have, ${metadataBytesMax} bytes`, metadataBytesMax);

/** What can be chosen, in the order of the help; by the name that the program has for the value. */
export const serverSettings = {
  /** The default is in the folder of keys and state. */
  dataFolder: ofProcess("data", paths("FOLDER"), "data", "where files go (default DYNC_HOME/data)"),
  /** `null`: the data folder, which else has what a server keeps beside. */
  storage: ofProcess(
    "storage",
    storages,
    null,
    'where uploads are published: "disk", in the data folder; s3://BUCKET/PREFIX, in an object store; or a folder that several servers share',
  ),
  /** `null`: AWS's own of the region. */
  s3Endpoint: ofProcess("s3-endpoint", endpoints, null, 'address of the object store, or "aws"'),
  s3Region: ofProcess(
    "s3-region",
    regions,
    "us-east-1",
    "region of the bucket, as requests are signed for it",
  ),
  s3Addressing: ofProcess(
    "s3-addressing",
    choices("STYLE", ["auto", "path", "host"]),
    "auto",
    'where the bucket is named: in the "path", or in the "host" name as AWS wants it; "auto": path but for AWS',
  ),
  s3Credentials: ofProcess(
    "s3-credentials",
    pathsOrNone("FILE"),
    null,
    "keys of the object store, as ~/.aws/credentials has them; without it AWS_ACCESS_KEY_ID and so on count, then that file",
  ),
  s3Ca: ofProcess(
    "s3-ca",
    pathsOrNone("FILE"),
    null,
    "certificates (PEM) from which that of the object store has to follow (default: the system's)",
  ),
  // Two parts of the length that a terabyte needs, and those of two hundred small uploads beside them.
  s3MemoryBytes: ofProcess(
    "s3-memory",
    sizes("at least 64MiB", 64 * MiB),
    512 * MiB,
    "bytes that wait for the object store, of all uploads together; a part is a quarter of it at most",
  ),
  /** `null`: in a file beside the data. */
  catalogue: ofProcess(
    "catalogue",
    catalogueAddresses,
    null,
    'what the server remembers is there: "sqlite", in the data folder, or postgres://USER@HOST/DATABASE',
  ),
  /** `null`: the address has the password, or PGPASSWORD, or ~/.pgpass. */
  cataloguePasswordFile: ofProcess(
    "catalogue-password-file",
    pathsOrNone("FILE"),
    null,
    "file with the password for that database, and nothing else",
  ),
  // A restart of the database takes a minute at most, a switch to a standby some.
  catalogueWaitMs: ofProcess(
    "catalogue-timeout",
    durations(1000),
    5 * 60_000,
    "uploads wait so long for a database that does not answer",
  ),
  // Changes take one at a time, all that wait together; the others answer questions.
  catalogueConnections: ofProcess(
    "catalogue-connections",
    counts(1, 1000),
    8,
    "connections to that database at once",
  ),
  address: ofProcess("bind", ownAddresses, "*", "address to listen on (default: all)"),
  /** 0 lets the system choose. */
  port: ofProcess("port", counts(0, 65535), 8889, "port to listen on (default {default}; 0: any free one)"),
  /** `null`: one for every two cores, since what stores the bytes takes as much as what decrypts them; eight at most. */
  ioThreads: ofProcess(
    "io-threads",
    orAuto(counts(1, ioThreadsMax)),
    null,
    'threads that decrypt and talk to the network, a connection with one: "auto" for one for every two cores',
  ),
  /** `null`: by the memory of the machine. */
  memoryBytes: ofProcess(
    "memory",
    orAuto(sizes()),
    null,
    'bytes received and not yet written, of all uploads together; "auto": a sixteenth of the memory, at least 64MiB',
  ),
  /** `null`: one for each core beyond two, which the main thread and that of libzmq take. Without one to spare they cost more than they give. */
  threads: ofProcess(
    "threads",
    orAuto(counts(0, 256)),
    null,
    'threads that hash and store what arrives: "auto" for one for each core beyond two, 0 for none beside the main one',
  ),
  /** Largest chunk that clients are asked to send. */
  chunkBytes: ofProcess("chunk", chunkSizes, limits.chunkBytesDefault, "size of the pieces that are sent"),
  /** `maxqueue` on the wire. */
  windowChunks: ofProcess(
    "window",
    windows,
    limits.maxQueueDefault,
    "pieces that one upload may have under way on a short line",
  ),
  /** As many more as a long line takes in a round trip, up to this; see `server/budget.ts`. */
  windowBytesMax: ofProcess(
    "window-max",
    sizes(),
    limits.windowBytesDefault,
    "bytes that one upload may have under way on a long line",
  ),
  uploadsMax: ofProcessLive(
    "max-uploads",
    counts(1, uploadsMaxMax),
    1000,
    "uploads that may be open at once",
  ),
  // More than any laboratory sends side by side; an upload that waits for its place is kept.
  uploadsPerUser: ofUser(
    "uploads-per-user",
    counts(1, uploadsMaxMax),
    250,
    "uploads that one user may have open at once",
  ),
  // A week's unfinished uploads of a busy laboratory, at some 500 bytes of the catalogue and a file on the disk each.
  unfinishedPerUser: ofUser(
    "max-unfinished",
    counts(1, unfinishedMaxMax),
    1000,
    "uploads that one user may have unfinished, with a client or suspended",
  ),
  // 128 uploads with the most that one may have, or 32 KiB for each of a thousand. It is space on the disk.
  metadataBytesPerUser: ofUser(
    "max-metadata",
    metadataSizes,
    32 * MiB,
    "metadata of one user's unfinished uploads together",
  ),
  datasets: ofUser(
    "datasets",
    choices("LAYOUT", layouts),
    "plain",
    'what a folder is published as: "plain", as it was sent, or "bagit", a bag with manifests',
  ),
  // Each is a file on the disk, and one line of the list; a million takes minutes to delete.
  datasetMembersMax: ofProcess(
    "max-files",
    counts(1, membersMaxMax),
    1_000_000,
    "files and folders that one dataset may have",
  ),
  // No wait of the server can be nothing at all: it would end every upload at its start.
  idleMs: ofProcessLive(
    "idle-timeout",
    durations(limits.idleMsMin),
    limits.idleMs,
    "an upload whose client says nothing for so long gives up its place until it is back",
  ),
  expireMs: ofProcessLive("expire", durations(1000), 7 * dayMs, "delete a suspended upload after so long"),
  // The work of more than a year is found again; at some 1 KiB for each upload with a few lines of metadata, 17 KiB with the most
  // that is kept.
  rememberMs: ofProcessLive(
    "remember",
    durations(1000),
    400 * dayMs,
    "what is known of an upload that is stored, or failed, is forgotten after so long",
  ),
  // Longer than any holiday, and a repair.
  instrumentsForgottenMs: ofProcessLive(
    "forget-instruments",
    durations(1000),
    90 * dayMs,
    "a watched folder that reported nothing for so long is forgotten",
  ),
  trustsUserIds: ofProcess(
    "trust-user-ids",
    switches,
    false,
    'the "user_id" inside a client\'s key names the user; else it is the name of the file',
  ),
  /** `null`: nothing is answered over HTTP. */
  http: ofProcess(
    "http",
    httpAddresses,
    null,
    "answer over HTTP there: a status page, metrics, and whether the server is well",
  ),
  /** `null`: without TLS. */
  httpCertificate: ofProcess(
    "http-certificate",
    pathsOrNone("FILE"),
    null,
    "certificates for HTTPS (PEM), the server's own first",
  ),
  httpKey: ofProcess("http-key", pathsOrNone("FILE"), null, "secret key of that certificate (PEM)"),
  httpMetricsToken: ofProcess(
    "http-metrics-token",
    pathsOrNone("FILE"),
    null,
    "who shows what this file holds reads metrics from anywhere; without it only this machine does",
  ),
  // What is said without TLS is heard by whoever is on the way.
  httpPlain: ofProcess(
    "http-plain",
    switches,
    false,
    "other machines may ask without TLS: a proxy before the server has it",
  ),
  /** `null`: nothing is handed out. */
  downloads: ofProcessLive(
    "downloads",
    pathsOrNone("FOLDER"),
    null,
    'hand out the client over HTTP, with a page that says how to install it: what "bun run release" made is there',
  ),
  publicUrl: ofProcessLive(
    "public-url",
    publicUrls,
    null,
    "address of the status page as others reach it, as https://NAME (default: the one that they ask for)",
  ),
  publicAddress: ofProcessLive(
    "public-address",
    publicAddresses,
    null,
    "host at which clients reach this server, with :PORT where that is not its own (default: that of the page)",
  ),
  logFormat: ofProcessLive(
    "log-format",
    choices("FORMAT", logFormats),
    "text",
    'log on standard error: "text" for people, in local time, or "json", one object a line',
  ),
  logFile: ofProcessLive(
    "log-file",
    pathsOrNone("FILE"),
    null,
    'add the log to this file as well, as "json" for programs; a reload opens it anew',
  ),
  logLevel: ofProcessLive(
    "log-level",
    choices("LEVEL", logLevels),
    "info",
    '"debug", "info", "warn" or "error"',
  ),
  /** `null`: nobody measures. */
  profile: ofProcess(
    "profile",
    pathsOrNone("FILE"),
    null,
    "write there, every minute and at the end, where the server's time goes, as JSON",
  ),
};

/** What nobody chooses, but tests. */
const fixedSettings = {
  /**
   * An upload is made durable whenever so many bytes were written since the last time. Bounds what the final sync has to
   * wait for, and what a power cut takes back. Windows does not tell whether it was restarted (catalogue/boot-id.ts):
   * there a server that was only killed trusts no more than what was synced, either.
   */
  syncEveryBytes: (process.platform === "win32" ? 8 : 128) * MiB,
};

/** What a server takes whose steward says nothing: any upload that has metadata, under any name that every system can store. */
const anyUpload: PostRules = { uploads: null, limits: noLimits };

// A client asks within the seconds after it lost its connection; people ask for longer. A record costs 800 bytes, and its metadata.
const fixedRules = {
  ...anyUpload,
  /** Failed uploads whose reason is remembered; the newest are. */
  failedPerUser: 1000,
  /** Finished uploads that are remembered; the newest are. */
  finishedPerUser: 1_000_000,
};

type Schema = typeof serverSettings;
type ValuesOf<S extends Scope> = {
  readonly [Key in keyof Schema as Schema[Key]["scope"] extends S ? Key : never]: Schema[Key]["default"];
};

/** What the process is given once. */
export type ProcessSettings = ValuesOf<"process"> & Readonly<typeof fixedSettings>;

/** What applies to the uploads of one user. */
export type UserRules = ValuesOf<"user"> & Readonly<typeof fixedRules>;

/** What applies to `user` now: the same object as long as the configuration is the same. */
export type RulesOf = (user: string) => UserRules;

/** `rules`, which are everybody's, as they are for `user` with what `entries` grant. */
export function rulesFor(rules: UserRules, entries: readonly LimitEntry[], user: string): UserRules {
  const limits = limitsOf(entries, user);
  const { uploads = rules.uploadsPerUser, unfinished = rules.unfinishedPerUser } = limits;
  return { ...rules, limits, uploadsPerUser: uploads, unfinishedPerUser: unfinished };
}

/** What says how a setting is, the strongest first. */
const origins = ["option", "variable", "file"] as const;
export type Origin = (typeof origins)[number] | "default";

/** Values of settings, by their names. */
export type SettingValues = Readonly<Record<string, unknown>>;

/** What is said of settings, by their names. */
export interface SaidSettings {
  readonly option?: Readonly<Record<string, string>>;
  readonly variable?: Readonly<Record<string, string>>;
  /** What `server-file.ts` read. */
  readonly file?: SettingValues;
}

export interface SettingFault {
  readonly name: string;
  readonly origin: Origin;
  readonly fault: Fault;
}

export interface ServerSettings {
  readonly process: ProcessSettings;
  readonly rules: UserRules;
  /** What decided about each setting, by its name. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** All that is wrong, also where something stronger says it right. */
  readonly faults: readonly SettingFault[];
}

/** The settings as the strongest that says something has them; what nobody says, or says wrongly, has its default. */
export function readServerSettings(said: SaidSettings): ServerSettings {
  const read: Record<Scope, Record<string, unknown>> = {
    process: { ...fixedSettings },
    user: { ...fixedRules },
  };
  const chosen = new Map<string, Origin>();
  const faults: SettingFault[] = [];
  for (const [key, row] of Object.entries(serverSettings as Readonly<Record<string, Setting<unknown>>>)) {
    const { name, scope, kind } = row;
    read[scope][key] = row.default;
    chosen.set(name, "default");
    for (const origin of origins.toReversed()) {
      const value = said[origin]?.[name];
      if (value === undefined) continue;
      const parsed = origin === "file" ? { ok: true as const, value } : kind.parse(value as string);
      if (!parsed.ok) faults.push({ name, origin, fault: parsed.fault });
      else {
        read[scope][key] = parsed.value;
        chosen.set(name, origin);
      }
    }
  }
  const values = { process: read.process as ProcessSettings, rules: read.user as UserRules };
  if (faults.length === 0)
    for (const { name, fault } of betweenSettings(values.process))
      faults.push({ name, origin: chosen.get(name) ?? "default", fault });
  return { ...values, origins: chosen, faults };
}

/** What settings have to be beside each other: while one is wrong by itself, nothing is said of that. */
function betweenSettings(settings: ProcessSettings): readonly Omit<SettingFault, "origin">[] {
  const all = [memoryFaults, storageFaults, httpFaults, downloadFaults];
  return all.flatMap((faults) => faults(settings));
}

function memoryFaults({ memoryBytes, chunkBytes }: ProcessSettings): readonly Omit<SettingFault, "origin">[] {
  if (memoryBytes === null || memoryBytes >= chunkBytes) return [];
  const fault = { wanted: `at least one chunk, ${chunkBytes} bytes`, found: String(memoryBytes) };
  return [{ name: "memory", fault }];
}

/** What is said of an object store where nothing goes to one is somebody's mistake. */
function storageFaults(settings: ProcessSettings): readonly Omit<SettingFault, "origin">[] {
  const { storage, s3Endpoint, s3Credentials, s3Ca } = settings;
  if (storage !== null && isBucket(storage)) {
    if (s3Ca === null || s3Endpoint?.startsWith("https:") !== false) return [];
    const fault = { wanted: '"none", as s3-endpoint is without TLS', found: JSON.stringify(s3Ca) };
    return [{ name: "s3-ca", fault }];
  }
  const said = [
    ["s3-endpoint", s3Endpoint],
    ["s3-credentials", s3Credentials],
    ["s3-ca", s3Ca],
  ] as const;
  const shared = storage === null ? [] : sharedFaults(storage, settings);
  const unused = said.flatMap(([name, value]) => {
    const hint = 'set storage as well, for example storage = "s3://archive/instruments"';
    const fault = { wanted: 'storage = "s3://…" beside it', found: JSON.stringify(value), hint };
    return value === null ? [] : [{ name, fault }];
  });
  return [...shared, ...unused];
}

/** Who has which upload there, several servers know by a catalogue that they share; and each keeps things of its own. */
function sharedFaults(
  { folder }: SharedFolder,
  { catalogue, dataFolder }: ProcessSettings,
): readonly Omit<SettingFault, "origin">[] {
  const found = JSON.stringify(folder);
  if (catalogue === null) {
    const hint = `for one server alone, data = ${found} and no storage`;
    return [
      { name: "storage", fault: { wanted: 'catalogue = "postgres://…" beside a folder', found, hint } },
    ];
  }
  if (resolve(dataFolder) !== folder) return [];
  const hint = "a folder of this machine, for its audit log";
  return [
    { name: "data", fault: { wanted: "another folder than storage, which all servers share", found, hint } },
  ];
}

function httpFaults(settings: ProcessSettings): readonly Omit<SettingFault, "origin">[] {
  const { http, httpCertificate, httpKey, httpPlain } = settings;
  if ((httpCertificate === null) !== (httpKey === null)) {
    const [name, other] =
      httpKey === null ? ["http-key", "http-certificate"] : ["http-certificate", "http-key"];
    return [{ name, fault: { wanted: `a file, as ${other} names one`, found: '"none"' } }];
  }
  if (http === null || isLoopback(http.host) || httpCertificate !== null || httpPlain) return [];
  const hint = "give http-certificate and http-key; or http-plain, where a proxy before the server has TLS";
  const wanted = "an address that only this machine hears, as there is no TLS";
  return [{ name: "http", fault: { wanted, found: `"${writeHttpAddress(http)}"`, hint } }];
}

/** Programs go to other machines by TLS alone: whoever is on the way could exchange them, and the key of the server. */
function downloadFaults(settings: ProcessSettings): readonly Omit<SettingFault, "origin">[] {
  const { downloads, http, httpCertificate, publicUrl } = settings;
  if (downloads === null) return [];
  const fault = (name: string, wanted: string, found: string, hint: string) => [
    { name, fault: { wanted, found: JSON.stringify(found), hint } },
  ];
  if (http === null) {
    const hint = 'set http as well, for example http = "*:8890" with http-certificate and http-key';
    return fault("downloads", '"none", as nothing is answered over HTTP', downloads, hint);
  }
  if (isLoopback(http.host) || httpCertificate !== null || publicUrl?.startsWith("https:")) return [];
  const hint =
    "give http-certificate and http-key; or public-url, the https address of the proxy before the server";
  return fault("downloads", '"none", as there is no TLS', downloads, hint);
}

export const { process: defaultProcessSettings, rules: defaultUserRules } = readServerSettings({});
