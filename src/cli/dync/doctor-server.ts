// What `dync doctor` asks the server: whether it lets this key in, its time, its room, and a small upload that is dropped again.

import type { Clock } from "../../base/clock.ts";
import { DyncError, type ErrorCode } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import type { Place } from "../../base/server-place.ts";
import { CannotBeAsked, type ServerState } from "../../client/ask.ts";
import type { Client } from "../../client/client.ts";
import { trialBytes } from "../../client/trial.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import { type Finding, fault, findRoom, handOverFileIn, ok, unknown } from "./doctor-steps.ts";

/** What a trial upload is called, and says of itself. */
export interface TrialUpload {
  readonly name: string;
  readonly metadataText: string;
  /** Whether the user said so: else nothing is wrong with rules by which it is refused. */
  readonly isChosen: boolean;
}

export interface ServerStepsOptions {
  readonly client: Pick<Client, "serverState" | "serverStateAt" | "ask" | "tryUpload">;
  readonly server: ServerChoice;
  readonly home: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

// What the difference may be before somebody should look after a clock: times of files and of keys are told to the day, or the minute.
const clockMsMax = 5 * 60_000;
const cannotSay = "it is an older or the original server, which does not say";

/** Of these it is known that there was no handshake. */
const unconnected: readonly ErrorCode[] = ["unreachable", "wrong-server", "configuration"];

/** Asks one server, each thing once. */
export class ServerSteps {
  readonly #options: ServerStepsOptions;
  #first: Promise<ServerState | DyncError> | null = null;

  constructor(options: ServerStepsOptions) {
    this.#options = options;
  }

  /** Whether the server holds its key, at each of `places` where it has several. Throws `DyncError` where it does at none. */
  async handshake(places: readonly Place[] = []): Promise<Finding> {
    const tried = places.length > 1 ? await Promise.all(places.map((at) => this.#tryAt(at))) : [];
    const answer = await this.#answer();
    if (answer instanceof DyncError && unconnected.includes(answer.code)) throw answer;
    if (tried.length === 0) return ok("the server holds its key");
    const reached = tried.map(({ at, error }) => ({ ...at, found: error === null ? "server" : error.code }));
    const there = tried.filter(({ error }) => error === null).map(({ at }) => formatServerAddress(at));
    const faults = tried.flatMap(({ error }) => error ?? []);
    const found = there.length === 0 ? [] : [`the server holds its key at ${there.join(", ")}`];
    const text = [...found, ...faults.map(({ message }) => message)].join("; ");
    const stranger = faults.find(({ code }) => code !== "unreachable");
    if (stranger !== undefined)
      return { state: "fault", text, hint: stranger.hint, error: stranger, facts: { reached } };
    if (faults.length === 0) return ok(text, { reached });
    // One of several may be down on purpose: the others are there for that.
    return { state: "unknown", text, hint: "what is sent goes by the others", facts: { reached } };
  }

  /** Whether the server is at `at`: `error` says why not. */
  async #tryAt(at: Place): Promise<{ readonly at: Place; readonly error: DyncError | null }> {
    const { client, server, signal } = this.#options;
    try {
      await client.serverStateAt(server, at, signal);
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      if (unconnected.includes(error.code)) return { at, error };
    }
    return { at, error: null };
  }

  /** Whether it lets this key in. Throws `DyncError`. */
  async access(): Promise<Finding> {
    const answer = await this.#answer();
    if (answer instanceof CannotBeAsked) return ok("the server accepts this key");
    if (answer instanceof DyncError) throw answer.code === "key-refused" ? this.#refused(answer) : answer;
    const { user, server } = answer;
    const as = user === null ? "" : ` as ${user}`;
    return ok(`the server accepts this key${as}`, {
      ...(user === null ? {} : { user }),
      ...(server === null ? {} : { program: server }),
    });
  }

  #refused({ message }: DyncError): DyncError {
    const file = handOverFileIn(this.#options.home) ?? "the file USER@HOST.key, or client.key,";
    const hint = `send ${file} to the administrator of the server, with this fingerprint by another way; there it is let in with "dync-server clients add"`;
    return new DyncError("key-refused", message, { hint });
  }

  /** Whether this computer's clock goes as the server's does. */
  async time(): Promise<Finding> {
    const { clock } = this.#options;
    // The first question opened the connection: this one shows how long a way takes.
    const [date, since] = [clock.date().getTime(), clock.now()];
    const { time } = await this.#stateNow();
    if (time === null) return unknown(cannotSay);
    const wayMs = clock.now() - since;
    const offsetMs = date + wayMs / 2 - Date.parse(time);
    const facts = { clockAheadSeconds: Math.round(offsetMs / 100) / 10, roundTripMs: Math.round(wayMs) };
    const size = formatDuration(Math.abs(offsetMs));
    const text = `this computer's clock is ${size} ${offsetMs < 0 ? "behind" : "ahead of"} the server's`;
    if (Math.abs(offsetMs) - wayMs / 2 <= clockMsMax)
      return ok(Math.abs(offsetMs) < 1000 ? "as the server's, within a second" : text, facts);
    const hint = "set the clock that is wrong, best by the network (NTP): times of files come from it";
    return fault(new DyncError("failed", capital(text), { hint }), facts);
  }

  /** How much room there is on both sides. */
  async space(): Promise<Finding> {
    const { bytes: here, finding } = findRoom(this.#options.home);
    if (finding.state === "fault") return finding;
    const { free, quota } = await this.#stateNow();
    if (free === null) return unknown(`${finding.text}; there: ${cannotSay}`);
    const known = here === null ? {} : { freeHere: here };
    const facts = { ...known, freeThere: free, ...(quota === null ? {} : { quota }) };
    const left = Math.min(free, quota ?? free);
    if (left < trialBytes) {
      const why = quota !== null && quota < free ? "your quota leaves" : "there are";
      const text = `On the server ${why} ${formatSize(left)} free for one more upload`;
      const hint = "tell its administrator; what is sent until then is kept here, and tried again";
      return fault(new DyncError("no-space", text, { hint }), facts);
    }
    const within = quota === null ? "" : `, of which your quota leaves ${formatSize(Math.min(free, quota))}`;
    return ok(`${finding.text}, ${formatSize(free)} on the server${within}`, facts);
  }

  /** Begins an upload, and drops it when some of it was taken. Throws `DyncError`. */
  async upload({ name, metadataText, isChosen }: TrialUpload): Promise<Finding> {
    const { client, server, signal } = this.#options;
    if ((await this.#answer()) instanceof CannotBeAsked)
      return unknown("an older or original server is sent none for a trial");
    const answer = await client.ask(server, { name, metadataText, size: trialBytes }, signal);
    if (answer.type === "refused") {
      if (isChosen || answer.error.code === "no-space") throw answer.error;
      const hint = "say how one of yours is called and described: -n NAME -k KEY:VALUE";
      return unknown(`the server's rules do not take this trial: ${answer.error.message}`, hint);
    }
    if (answer.type !== "missing") {
      const hint = "try another name with -n";
      throw new DyncError("name-taken", `There is something called "${name}" on the server`, { hint });
    }
    const { bytes, durationMs, notes } = await client.tryUpload(server, { name, metadataText }, signal);
    const facts = { trialBytes: bytes, trialMs: Math.round(durationMs) };
    const took = `${formatSize(bytes)} were taken within ${formatDuration(durationMs)}, and dropped again`;
    return ok([took, ...notes].join("; "), facts);
  }

  /** What the server says first, or why it says nothing. */
  #answer(): Promise<ServerState | DyncError> {
    const { client, server, signal } = this.#options;
    this.#first ??= client.serverState(server, signal).catch((error: unknown) => {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      return error;
    });
    return this.#first;
  }

  async #stateNow(): Promise<ServerState> {
    const first = await this.#answer();
    if (first instanceof DyncError || first.time === null) return silent;
    const { client, server, signal } = this.#options;
    return await client.serverState(server, signal);
  }
}

const silent: ServerState = { user: null, time: null, free: null, quota: null, server: null };

function capital(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}`;
}
