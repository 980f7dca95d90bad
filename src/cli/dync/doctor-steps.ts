// The steps of `dync doctor` on this computer and on the way to a server: home folder, keys, names, port. Each finds out one thing, with
// the code that a command uses which sends. What is asked of the server is in `doctor-server.ts`.

import { accessSync, constants, readdirSync, type Stats, statfsSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { DyncError, systemCode } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import { isServiceName, type Place, placesOf } from "../../base/server-place.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { connectionError } from "../../client/failure.ts";
import { formatSize } from "../../config/size.ts";
import type { KeyPair } from "../../keys/key.ts";
import { loadKeyPair } from "../../keys/key-files.ts";
import { type ServerChoice, serverKeyOf } from "../../keys/known-servers.ts";
import { knownServer } from "../../keys/list-servers.ts";
import type { LinkFailure } from "../../transport/transport.ts";
import type { Probed } from "../../transport/zmq/probe.ts";
import type { VariablesFound } from "../command.ts";
import { unknownText } from "../variables.ts";

/** In the order in which they are taken. */
export const stepNames = [
  "home",
  "variables",
  "keys",
  "trust",
  "name",
  "port",
  "handshake",
  "access",
  "clock",
  "space",
  "upload",
] as const;

export type StepName = (typeof stepNames)[number];

/** What a step found. */
export interface Finding {
  /** `unknown`: it cannot be found out, which is nobody's fault. `fault`: something has to be mended, and what comes next can be tried all the same. */
  readonly state: "ok" | "unknown" | "fault";
  /** One line. */
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** Of a fault. */
  readonly error?: DyncError;
  /** For programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** One thing to be found out. Throws `DyncError` where something has to be mended before the next one can be tried. */
export interface Step {
  readonly name: StepName;
  find(): Promise<Finding>;
}

export function ok(text: string, facts: Finding["facts"] = {}): Finding {
  return { state: "ok", text, facts };
}

export function unknown(text: string, hint?: string): Finding {
  return { state: "unknown", text, hint };
}

/** Something is wrong, and the next step can be tried all the same. */
export function fault(error: DyncError, facts: Finding["facts"] = {}): Finding {
  return { state: "fault", text: error.message, hint: error.hint, error, facts };
}

const isWindows = process.platform === "win32";

/** Whether the home folder is there, belongs to this user, and can be written. Throws `DyncError`. */
export function findHome(home: string): Finding {
  const facts = { home };
  const properties = statsOf(home);
  const configuration = (text: string, hint: string): DyncError =>
    new DyncError("configuration", text, { hint });
  if (properties === null)
    throw configuration(`There is no folder ${home}`, 'make it, and the keys in it, with "dync keygen"');
  if (!properties.isDirectory())
    throw configuration(`${home} is no folder`, "move it away, or name another one in DYNC_HOME");
  const mode = (properties.mode & 0o777).toString(8).padStart(4, "0");
  const user = process.getuid?.();
  if (user !== undefined && properties.uid !== user && user !== 0)
    return fault(
      configuration(`${home} belongs to another user`, `have it given to you: chown ${user} '${home}'`),
      facts,
    );
  if (!isWindows && (properties.mode & 0o022) !== 0)
    return fault(
      configuration(
        `Others may write to ${home} (mode ${mode}), and so replace keys in it`,
        `chmod 700 '${home}'`,
      ),
      facts,
    );
  try {
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const text = `${home} cannot be written: ${whyUnreadable(cause)}`;
    return fault(configuration(text, "without it what is interrupted begins anew"), facts);
  }
  return ok(isWindows ? home : `${home}, mode ${mode}`, facts);
}

function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(cause) ?? "")) return null;
    throw new DyncError("configuration", `Cannot look at ${path}: ${whyUnreadable(cause)}`, { cause });
  }
}

/** What variables say, of whichever command. One without a meaning may be somebody else's. */
export function findVariablesSet({ known, unknown: strange }: VariablesFound): Finding {
  const text = known.map(({ name, text }) => `${name}=${text}`).join(", ") || "none is set";
  const facts = {
    variables: Object.fromEntries(known.map(({ name, text }) => [name, text])),
    unknownVariables: strange.map(({ name }) => name),
  };
  const hint = strange.length === 0 ? {} : { hint: strange.map(unknownText).join("; ") };
  return { ...ok(text, facts), ...hint };
}

/** The keys of this user. Throws `DyncError`. */
export async function findKeys(home: string): Promise<{ readonly keys: KeyPair; readonly finding: Finding }> {
  const keys = await loadKeyPair(home, "client");
  const { fingerprint } = keys.publicKey;
  return { keys, finding: ok(fingerprint, { fingerprint }) };
}

// Less is what a full disk has.
const roomBytesMin = 1024 * 1024;

/** How much room this user has on the disk of the home folder; `null`: its file system does not say. */
export function findRoom(home: string): { readonly bytes: number | null; readonly finding: Finding } {
  const { bavail, bsize, blocks } = statfsSync(home);
  // As network file systems say that do not know: that is no full one.
  if (blocks === 0) return { bytes: null, finding: ok("nobody says how much is free here") };
  const bytes = bavail * bsize;
  const facts = { freeHere: bytes };
  if (bytes >= roomBytesMin) return { bytes, finding: ok(`${formatSize(bytes)} are free here`, facts) };
  const hint = "make room: what is interrupted could not be resumed, and nothing be written down";
  const text = `Only ${formatSize(bytes)} are free on the disk of ${home}`;
  return { bytes, finding: fault(new DyncError("failed", text, { hint }), facts) };
}

/** The file that is to be sent to the administrator of a server, of those that `dync keygen` made; `null`: it is not there any more. */
export function handOverFileIn(home: string): string | null {
  try {
    const name = readdirSync(home).find((it) => /^[^.].*@.*\.key$/.test(it));
    return name === undefined ? null : join(home, name);
  } catch {
    return null;
  }
}

/** The key that the server must have. Throws `DyncError`. */
export async function findTrust(home: string, server: ServerChoice): Promise<Finding> {
  const { fingerprint } = await serverKeyOf(home, server);
  const { key, others, reached } = await knownServer(home, server);
  const facts = { serverFingerprint: fingerprint, file: key?.file, reachedAt: reached?.at };
  const [other] = others;
  const differs = other === undefined ? "" : `; ${other.file} has another one, which does not count`;
  return ok(`${fingerprint} (${key?.file})${differs}`, facts);
}

/** Where the server is. */
export interface Way {
  readonly server: ServerChoice;
  readonly keys: KeyPair;
  readonly home: string;
  readonly clock: Clock;
}

/** One address of a server, and the IP addresses of its host. */
export interface Target {
  readonly place: Place;
  readonly addresses: readonly string[];
}

/** Where the names of the server lead. Throws `DyncError` where none of them leads anywhere. */
export async function findName(
  way: Way,
): Promise<{ readonly targets: readonly Target[]; readonly finding: Finding }> {
  // As in open-client.ts: no other command begins with what asks for names.
  const { Addresses } = await import("../../transport/zmq/addresses.ts");
  const names = new Addresses(way.clock);
  const targets: Target[] = [];
  const texts: string[] = [];
  const faults: DyncError[] = [];
  const add = async (place: Place): Promise<void> => {
    const { host } = place;
    const addresses = isIP(host) === 0 ? await names.of(host) : [host];
    if (addresses.length === 0) return void faults.push(await failed("unknown-host", way, place));
    texts.push(isIP(host) === 0 ? `${host} is ${addresses.join(", ")}` : `${host} is an address`);
    targets.push({ place, addresses });
  };
  for (const place of placesOf(way.server)) {
    const found = isServiceName(place.host) ? await names.ofService(place.host) : [place];
    if (typeof found === "string") {
      faults.push(await failed(found, way, place));
      continue;
    }
    if (isServiceName(place.host))
      texts.push(`${place.host} leads to ${found.map(formatServerAddress).join(", ")}`);
    for (const one of found) await add(one);
  }
  const [fault] = faults;
  if (targets.length === 0 && fault !== undefined) throw fault;
  const addresses = targets.flatMap((it) => it.addresses);
  const places = targets.map(({ place, addresses }) => ({ ...place, addresses }));
  const facts = places.length > 1 ? { addresses, places } : { addresses };
  const text = [...texts, ...faults.map(({ message }) => message)].join("; ");
  if (fault === undefined) return { targets, finding: ok(text, facts) };
  // Who has more than one address goes on with the others.
  return { targets, finding: { state: "fault", text, hint: fault.hint, error: fault, facts } };
}

const probeMs = 5_000;

/** Whether something listens there. Throws `DyncError` where nothing does at any address of `targets`. */
export async function findPort(way: Way, targets: readonly Target[]): Promise<Finding> {
  const { probe } = await import("../../transport/zmq/probe.ts");
  const all = targets.flatMap(({ place, addresses }) =>
    addresses.map((host) => ({ host, port: place.port })),
  );
  const found = await Promise.all(
    all.map(async ({ host, port }) => ({ host, port, result: await probe(host, port, way.clock, probeMs) })),
  );
  const isThere = (result: Probed): boolean => result !== "refused" && result !== "unreachable";
  if (!found.some(({ result }) => isThere(result))) {
    const failure = found.some(({ result }) => result === "refused") ? "refused" : "unreachable";
    const first = targets[0]?.place ?? way.server;
    throw await failed(failure, way, first, targets.length - 1);
  }
  const said = found.map(({ result, ...place }) => `${formatServerAddress(place)} ${wordsOf[result]}`);
  const ports = found.map(({ host, port, result }) => ({ address: host, port, found: result }));
  return ok(said.join(", "), { ports });
}

const wordsOf: Readonly<Record<Probed, string>> = {
  curve: "takes connections",
  other: "takes connections, and is no dync server",
  silent: "takes connections, and says nothing",
  refused: "refuses connections",
  unreachable: "cannot be reached",
};

/** The error that a command would end with which sends, of the address `at`, with `others` at which nobody is either. */
async function failed(
  failure: LinkFailure,
  { server, keys, home }: Way,
  { host, port }: Place,
  others = 0,
): Promise<DyncError> {
  const party = { host: server.host, port: server.port, keys, serverKey: await serverKeyOf(home, server) };
  return connectionError(failure, party, { host, port, others });
}
