// Asks a server what is stored, without sending anything: over connections that are kept, one question at a time on each. Used
// by `client.ts`.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError, type ErrorCode, errorCodeFromWire, errorMeanings } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import { placesOf } from "../base/server-place.ts";
import { encodeClientMessage } from "../protocol/wire/encode.ts";
import type { ErrorInfo, ErrorMessage, PostFile, ServerMessage } from "../protocol/wire/message.ts";
import type { InstrumentReport } from "../protocol/wire/report.ts";
import type { StatusQuestion } from "../protocol/wire/status.ts";
import type { ClientTransport } from "../transport/transport.ts";
import { Connection } from "./connection.ts";
import type { ConnectionParty } from "./failure.ts";
import type { Retry } from "./patience.ts";
import { refusalError } from "./refusal-error.ts";

/** What is asked: about a name, and with `sha256` or `files` also about content, under any name. */
export interface Question {
  /** On the wire: that of a dataset ends in ".tar". */
  readonly name: string;
  /** A JSON object; `{}` where nobody wants to know of metadata. */
  readonly metadataText: string;
  readonly unpack?: "tar";
  /** Lower-case hex, of a file. */
  readonly sha256?: string;
  /** Lower-case hex: the digest of a dataset's list of files. */
  readonly files?: string;
  /** Bytes that would be sent, where that is known. */
  readonly size?: number;
  /** Whether a receipt of what is there is wanted. */
  readonly receipt?: true;
  /** The rules are wanted instead, from this byte of their compressed text on. */
  readonly rulesFrom?: number;
  /** Id of an upload that the server shall read again, and compare with `sha256` or `files`. */
  readonly readAgain?: string;
  /** How the server is is wanted instead. */
  readonly state?: true;
  /** How the user's uploads are is wanted instead; of a list what comes behind `after`, which an answer gave. */
  readonly status?: StatusQuestion;
  readonly after?: string;
  /** How a watched folder does is told instead. */
  readonly report?: InstrumentReport;
}

/** How a server is; `null`: it does not say. */
export interface ServerState {
  /** Whom it takes this client for. */
  readonly user: string | null;
  /** Its calendar time: RFC 3339, UTC. */
  readonly time: string | null;
  /** Bytes that one more upload could have. */
  readonly free: number | null;
  /** Bytes that a quota leaves; also where there is none. */
  readonly quota: number | null;
  /** Name and version of its program. */
  readonly server: string | null;
}

/** What a client may believe of an upload that the server was to read again. */
export type ReadAgain =
  /** All of it was read just now, and has the checksum that was asked about. */
  | { readonly type: "proved" }
  /** It is not that, or not there; `text` says what the server found. */
  | { readonly type: "damaged" | "missing" | "refused"; readonly text: string };

/** A server's answer as it came. */
export interface Reply {
  readonly code: ErrorCode;
  readonly text: string;
  readonly info: ErrorInfo;
}

/** What the server has. */
export interface StoredThing {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Of a dataset. */
  readonly files: string | null;
  /** Id of the upload that it came by. */
  readonly upload: string | null;
  readonly hasSameMetadata: boolean;
  /** Where it was found by its content. */
  readonly otherName: string | null;
  /** As it came, where one was wanted. */
  readonly receipt?: string;
}

export type Answer =
  | { readonly type: "stored"; readonly stored: StoredThing }
  /** Something else has the name; `text` says what. */
  | { readonly type: "taken"; readonly text: string }
  /** It would be taken: by `rule`, and be stored at `place` there, where the server says so. */
  | { readonly type: "missing"; readonly rule?: string; readonly place?: string }
  /** Nothing is stored, and it would not be taken. */
  | { readonly type: "refused"; readonly error: DyncError };

/** The server does not know how to be asked. */
export class CannotBeAsked extends DyncError {
  constructor(party: ConnectionParty) {
    super(
      "cannot-know",
      `The server at ${formatServerAddress(party)} cannot be asked what it has or would take`,
      {
        hint: 'it is an older or the original one: only "dync send" shows that; given again, it says what is stored already',
      },
    );
  }
}

/** The server does not know how to read again what is stored. */
export class CannotProve extends DyncError {
  constructor(party: ConnectionParty) {
    super(
      "cannot-know",
      `The server at ${formatServerAddress(party)} cannot prove what it has: it does not read stored files again when it is asked`,
      { hint: "it is an older or the original one; nothing is deleted that is not proved" },
    );
  }
}

/** The server does not know how to tell of a user's uploads. */
export class CannotTellStatus extends DyncError {
  constructor(party: ConnectionParty) {
    super("cannot-know", `The server at ${formatServerAddress(party)} does not tell how one's uploads are`, {
      hint: 'it is an older or the original one: "dync uploads" and "dync history" show what is known here',
    });
  }
}

/** The server takes no reports of watched folders. */
export class CannotReport extends DyncError {
  constructor(party: ConnectionParty) {
    super("cannot-know", `The server at ${formatServerAddress(party)} takes no reports of watched folders`, {
      hint: "it is an older one",
    });
  }
}

export interface AskerOptions extends Retry {
  readonly party: ConnectionParty;
  /** Name and version of this program. */
  readonly client: string;
}

export interface AskerParts {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** 32 hex digits that nobody else has, for a connection. */
  readonly newIdentity: () => string;
}

// For each address: as long as it may take to find out that the server is at none of them.
const answerMs = 30_000;
const flushMs = 1_000;
const pauseMsFirst = 500;
const pauseMsMax = 30_000;

export class Asker {
  readonly #options: AskerOptions;
  readonly #parts: AskerParts;
  readonly #idle: Line[] = [];
  readonly #lines = new Set<Line>();
  /** Whether it can be asked; a promise while that is found out. */
  #isAble: Promise<unknown> | null = null;
  #isKnown = false;
  #asked = 0;
  #wasReached = false;
  #rulesDigest: string | null = null;
  #readsAgain = false;
  /** How long the last question took that was answered. */
  #roundTripMs = 0;

  constructor(options: AskerOptions, parts: AskerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * Several may be asked at once, each over a connection of its own. Rejects with `DyncError`: `CannotBeAsked`, or why there is
   * no answer.
   */
  async ask(question: Question, signal: AbortSignal): Promise<Answer> {
    await this.#expectAble(signal);
    return answerOf(await this.#try(question, signal), question.metadataText);
  }

  /**
   * Has the server read the upload `id` again, which may take it as long as it needs: it shows meanwhile that it is there. Rejects with
   * `DyncError`: `CannotProve`, or why there is no answer.
   */
  async readAgain(id: string, about: Question, signal: AbortSignal): Promise<ReadAgain> {
    const { party } = this.#options;
    try {
      await this.#expectAble(signal);
    } catch (error) {
      throw error instanceof CannotBeAsked ? new CannotProve(party) : error;
    }
    // One that does not know the question would answer another one.
    if (!this.#readsAgain) throw new CannotProve(party);
    const reply = await this.#try({ ...about, readAgain: id }, signal);
    if (reply.info.readsAgain !== true) throw new CannotProve(party);
    return provedBy(reply, id, about);
  }

  async #expectAble(signal: AbortSignal): Promise<void> {
    // A server that takes a question for an upload may let go of an unfinished one of that name: no name of ours is risked.
    this.#isAble ??= this.#askOfNothing(signal);
    try {
      await this.#isAble;
    } catch (error) {
      if (!(error instanceof CannotBeAsked)) this.#isAble = null;
      throw error;
    }
  }

  /** SHA-256 (lower-case hex) of the rules by which the last answer was given; `null`: the server does not say. */
  get rulesDigest(): string | null {
    return this.#rulesDigest;
  }

  /** The reply to who wants the rules from byte `from` on. Once, without patience; rejects with `DyncError`. */
  async rulesFrom(from: number, signal: AbortSignal): Promise<Reply> {
    return await this.#once({ ...this.#nothing(), rulesFrom: from }, signal);
  }

  /** How the server is: `null` members where it does not say. Once, without patience; rejects with `DyncError`. */
  async state(signal: AbortSignal): Promise<ServerState> {
    const { info } = await this.#once({ ...this.#nothing(), state: true }, signal);
    const { user = null, time = null, free = null, quota = null, server = null } = info;
    return { user, time, free, quota, server };
  }

  /**
   * The reply to who wants to know how the user's uploads are; of a list the page behind `after`. Once, without patience; rejects with
   * `DyncError`, such as `CannotTellStatus`.
   */
  async status(question: StatusQuestion, after: string | undefined, signal: AbortSignal): Promise<Reply> {
    const behind = after === undefined ? {} : { after };
    try {
      const reply = await this.#once({ ...this.#nothing(), status: question, ...behind }, signal);
      if (reply.info.status === question) return reply;
      // These are about whatever was asked. With others one that does not know the question answers another one.
      const { code, text } = reply;
      if (code === "internal" || code === "malformed") throw new DyncError(code, text);
    } catch (error) {
      if (!(error instanceof CannotBeAsked)) throw error;
    }
    throw new CannotTellStatus(this.#options.party);
  }

  /**
   * Tells the server how a watched folder does: what `make` makes of how long a message takes there and back, in ms, just before
   * it goes. Once, without patience; rejects with `DyncError`, such as `CannotBeAsked` or `CannotReport`.
   */
  async report(make: (roundTripMs: number) => InstrumentReport, signal: AbortSignal): Promise<void> {
    const { info } = await this.#once({ ...this.#nothing(), state: true }, signal);
    // One that does not know it would answer another question.
    if (info.reports !== true) throw new CannotReport(this.#options.party);
    const reply = await this.#once({ ...this.#nothing(), report: make(this.#roundTripMs) }, signal);
    if (reply.info.reported !== true) throw new DyncError(reply.code, reply.text);
  }

  close(): void {
    for (const line of this.#lines) line.close();
  }

  async #askOfNothing(signal: AbortSignal): Promise<void> {
    await this.#try(this.#nothing(), signal);
    this.#isKnown = true;
  }

  /** What nobody has. */
  #nothing(): Question {
    const name = `dync-${this.#parts.newIdentity().slice(0, 16)}.ask`;
    return { name, metadataText: '{"dync":"a question"}' };
  }

  async #try(question: Question, signal: AbortSignal): Promise<Reply> {
    const { clock, random } = this.#parts;
    const { retryForMs, retryFirst } = this.#options;
    const since = clock.now();
    for (let pauseMs = pauseMsFirst; ; pauseMs = Math.min(2 * pauseMs, pauseMsMax)) {
      try {
        return await this.#once(question, signal);
      } catch (thrown) {
        // It answered one: this one was damaged on its way, and looked like an upload.
        const isDamage = thrown instanceof CannotBeAsked && this.#isKnown;
        const error = isDamage ? new DyncError("unreachable", "A question was damaged on its way") : thrown;
        const mayPass = error instanceof DyncError && error.meaning.retry && (this.#wasReached || retryFirst);
        if (!mayPass || clock.now() + pauseMs - since > retryForMs) throw error;
        await sleep(clock, pauseMs * (0.5 + random() / 2), signal);
      }
    }
  }

  async #once(question: Question, signal: AbortSignal): Promise<Reply> {
    for (const idle of this.#idle.splice(0)) {
      if (idle.isDown) this.#lines.delete(idle);
      else this.#idle.push(idle);
    }
    const line = this.#idle.pop() ?? this.#open();
    try {
      const reply = await line.ask(this.#postOf(question), signal);
      this.#idle.push(line);
      this.#rulesDigest = reply.info.rules ?? null;
      this.#readsAgain = reply.info.readsAgain ?? false;
      this.#roundTripMs = line.roundTripMs;
      return reply;
    } catch (error) {
      this.#lines.delete(line);
      line.close();
      throw error;
    }
  }

  #open(): Line {
    const onReached = (): void => {
      this.#wasReached = true;
    };
    const line = new Line(this.#options.party, this.#parts, onReached);
    this.#lines.add(line);
    return line;
  }

  #postOf({ name, metadataText, ...about }: Question): PostFile {
    this.#asked += 1;
    return {
      type: "post-file",
      name,
      metadataText,
      info: { client: this.#options.client, ask: true, tag: this.#asked, ...about },
    };
  }
}

/** What `reply` says to a question about an upload with the metadata `metadataText`. */
function answerOf({ code, text, info }: Reply, metadataText: string): Answer {
  const { rule, place, size, sha256, upload = null, files = null, metadata, name: otherName = null } = info;
  if (code === "unknown-upload")
    return {
      type: "missing",
      ...(rule === undefined ? {} : { rule }),
      ...(place === undefined ? {} : { place }),
    };
  if (code !== "name-taken")
    return { type: "refused", error: refusalError({ code, text, info }, metadataText) };
  if (size === undefined || sha256 === undefined) return { type: "taken", text };
  const known = { size, sha256, files, upload, hasSameMetadata: metadata === "same", otherName };
  const stored = { ...known, ...(info.receipt === undefined ? {} : { receipt: info.receipt }) };
  return { type: "stored", stored };
}

/** What `reply` proves of the upload `id`, which was to be what `about` says. Nothing but all that is wanted is a proof. */
function provedBy({ code, text, info }: Reply, id: string, { sha256, files }: Question): ReadAgain {
  if (code === "unknown-upload") return { type: "missing", text };
  if (code === "checksum-mismatch") return { type: "damaged", text };
  if (code !== "name-taken") return { type: "refused", text };
  const isIt = info.readAgain === id && info.upload === id;
  const hasContent =
    files === undefined ? sha256 !== undefined && info.sha256 === sha256 : info.files === files;
  if (isIt && hasContent) return { type: "proved" };
  return { type: "damaged", text: "The server read something else than it was asked about" };
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

/** One connection. After an error of `ask` it is good for nothing. */
class Line {
  readonly #party: ConnectionParty;
  readonly #clock: Clock;
  readonly #connection: Connection;
  /** The server was heard. */
  #onHeard: () => void = () => {};
  /** Nothing comes over it any more. */
  isDown = false;
  #post: PostFile | null = null;
  #tag: number | undefined;
  /** When the question went. */
  #saidAt = 0;
  /** How long the last one took, in ms. */
  roundTripMs = 0;
  #waiting: Waiting | null = null;

  constructor(party: ConnectionParty, { transport, clock, newIdentity }: AskerParts, onReached: () => void) {
    this.#party = party;
    this.#clock = clock;
    const identity = Buffer.from(newIdentity(), "hex");
    this.#connection = new Connection(
      transport,
      { ...party, identity },
      {
        onUp: () => {
          onReached();
          this.#say();
        },
        onInput: (input) => {
          if (input.type === "message") this.#hear(input.message);
          else
            this.#waiting?.reject(
              new DyncError("unreachable", `What the server says is damaged: ${input.text}`),
            );
        },
        onDrained: () => {},
        onDown: (_, error) => {
          this.isDown = true;
          this.#waiting?.reject(error);
        },
      },
    );
  }

  async ask(post: PostFile, signal: AbortSignal): Promise<Reply> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting = { resolve, reject };
    this.#post = post;
    this.#tag = post.info.tag;
    if (this.#connection.isUp) this.#say();
    const late = new DyncError("timed-out", "The server does not answer a question");
    const answerMsMax = answerMs * placesOf(this.#party).length;
    const wait = () => this.#clock.after(answerMsMax, () => reject(late));
    let stopWaiting = wait();
    // Takes as long as it needs, and the server shows meanwhile that it is there.
    if (post.info.readAgain !== undefined)
      this.#onHeard = () => {
        stopWaiting();
        stopWaiting = wait();
      };
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      stopWaiting();
      signal.removeEventListener("abort", onAbort);
      this.#waiting = null;
      this.#onHeard = () => {};
    }
  }

  #say(): void {
    const post = this.#post;
    this.#post = null;
    if (post === null) return;
    this.#saidAt = this.#clock.now();
    this.#connection.send(encodeClientMessage(post));
  }

  #hear(message: ServerMessage): void {
    this.#onHeard();
    if (message.type === "error") return this.#onError(message);
    if (message.type !== "upload-approved") return;
    // It has begun an upload.
    const code = errorMeanings.cancelled.wire;
    this.#connection.send(encodeClientMessage({ type: "error", code, text: "This was only a question" }));
    this.#waiting?.reject(new CannotBeAsked(this.#party));
  }

  #onError({ code: wire, text, info = {} }: ErrorMessage): void {
    const code = errorCodeFromWire(wire);
    // Of an earlier question, once more.
    if (info.tag !== undefined && info.tag !== this.#tag) return;
    // Whatever it is about, it answers no question: such as a server that is just stopping.
    const isAnswer = info.ask !== undefined && !errorMeanings[code].retry;
    this.roundTripMs = Math.ceil(this.#clock.now() - this.#saidAt);
    if (isAnswer) this.#waiting?.resolve({ code, text, info });
    else this.#waiting?.reject(new DyncError(code, text));
  }

  close(): void {
    this.#connection.close(flushMs);
  }
}
