// One upload on the client: opens connections, performs what the machine decides, and keeps at it until the
// upload is confirmed, refused, cancelled or out of time.

import type { CancelTimer, Clock } from "../base/clock.ts";
import { DyncError, type ErrorCode, errorMeanings, messageOf } from "../base/error.ts";
import { MachineDriver } from "../base/machine-driver.ts";
import { sha256Of } from "../base/sha256-of.ts";
import type {
  ClientAction,
  ClientInput,
  ClientUploadTask,
  SendWindow,
  UploadResult,
} from "../protocol/client/client-events.ts";
import { ClientUpload } from "../protocol/client/client-upload.ts";
import type { Priority } from "../protocol/priority.ts";
import type { Wait } from "../protocol/wait.ts";
import { encodeChunkHeader, encodeClientMessage } from "../protocol/wire/encode.ts";
import type { ErrorMessage, ServerMessage } from "../protocol/wire/message.ts";
import type { Block, ClientTransport, LinkFailure } from "../transport/transport.ts";
import { readerBeside } from "./beside/beside.ts";
import type { ReadingThreads } from "./beside/reading-threads.ts";
import type { Chunk } from "./chunk.ts";
import { Connection, type ConnectionEvents, type ConnectionOptions } from "./connection.ts";
import { Farewell } from "./farewell.ts";
import { Patience, type Retry, type Verdict } from "./patience.ts";
import { refusalError } from "./refusal-error.ts";
import { Rest } from "./rest.ts";
import type { SendBudget } from "./send-budget.ts";
import { Sender } from "./sender.ts";
import { GrowthRefused, type Source } from "./source.ts";
import { expectStoredAlready, storedFileOf } from "./stored-already.ts";

/** The identity names the upload, together with the key's user. */
export interface UploadOptions extends ConnectionOptions, Retry {
  readonly task: ClientUploadTask;
  readonly source: Source;
  /** Whether a later process can go on with it: the server shall then keep what it has when this one stops. */
  readonly isResumable: boolean;
}

/** What the upload is doing, for a display. */
export interface UploadProgress {
  /** Bytes that the server is known to have, from the beginning of the file. */
  readonly taken: number;
  /** Bytes handed to the network, from the beginning of the file: what is not `taken` is under way. */
  readonly sent: number;
  readonly total: number | null;
  /** Bytes at the beginning that this process did not send: the server had them. */
  readonly skipped: number;
  readonly waiting:
    | "listing"
    | "connection"
    | "approval"
    | "credit"
    | "confirmation"
    | "comparison"
    | "pause"
    | null;
  /** Why the server lets it wait, as far as it says so. */
  readonly wait?: Wait | null;
  /** With `pause`: why, and when the next try is due (monotonic ms). */
  readonly pause: { readonly code: ErrorCode; readonly reason: string; readonly until: number } | null;
}

export interface UploadParts {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  readonly onProgress: (progress: UploadProgress) => void;
  /** Tells the user something beside the progress. */
  readonly onNote: (text: string) => void;
  /** How fast chunks may go; without it as fast as they can. */
  readonly budget?: SendBudget | undefined;
  /** Read the source beside this thread, where they can. */
  readonly threads?: ReadingThreads | undefined;
}

export interface Receipt {
  readonly uploadId: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** The same file was there, with the same metadata: nothing was sent, or nothing of use. */
  readonly already: boolean;
  /** With `already`, where it is there under another name: that one. */
  readonly storedAs?: string;
  /** What the server signed about it, as it came: nobody has looked whether it is right. */
  readonly signed?: string;
  /** Of what was to be unpacked whether it is, as far as that is known. */
  readonly unpacked?: boolean;
}

// Where it gets lost the server finds out by itself, some seconds later.
const leaveMs = 1_000;
const nothingToSend = {
  type: "error",
  code: errorMeanings["not-ready"].wire,
  text: "There is nothing to send now",
} as const;

/**
 * Sends the source. Resolves when the server confirmed that everything is stored; in every other case rejects with
 * a `DyncError` whose code says why, `GrowthRefused` among them. Aborting `signal` tells the server and rejects with "cancelled".
 */
export function upload(options: UploadOptions, parts: UploadParts, signal: AbortSignal): Promise<Receipt> {
  return new Upload(options, parts).run(signal);
}

class Upload {
  readonly #options: UploadOptions;
  readonly #parts: UploadParts;
  readonly #machine: ClientUpload;
  readonly #driver: MachineDriver<ClientInput, ClientAction>;
  readonly #sender: Sender;
  readonly #patience: Patience;
  /** Set where the source may have nothing for days. */
  readonly #rest: Rest | null;
  readonly #ended = Promise.withResolvers<UploadResult>();
  #connection: Connection | null = null;
  #cancelPause: CancelTimer = () => {};
  #progress: UploadProgress;
  /** Says more than the result, where the client gave up. */
  #error: DyncError | null = null;
  /** What the machine says last. */
  #lastWord: ErrorMessage | null = null;
  #farewell: Farewell | null = null;
  /** The server said that it answers the last word. */
  #answersError = false;
  /** Whether the server unpacks what is sent, as far as it said so. */
  #unpacked: boolean | null = null;
  #isPriorityTold = false;

  constructor(options: UploadOptions, parts: UploadParts) {
    const { transport, clock, random } = parts;
    this.#options = options;
    this.#parts = parts;
    this.#machine = new ClientUpload(options.task);
    this.#driver = new MachineDriver({
      machine: this.#machine,
      clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
    this.#patience = new Patience({ ...options, random }, clock.now());
    const leave = (): boolean => this.#leave();
    const comeBack = (): void => this.#comeBack();
    this.#rest = options.source.growth === undefined ? null : new Rest({ clock, leave, comeBack });
    const { source } = options;
    const allocate = (length: number): Block => transport.allocate(length);
    const { threads, onNote } = parts;
    this.#sender = new Sender({
      source,
      reader: threads === undefined ? null : readerBeside({ source, allocate, threads, onNote }),
      allocate,
      window: () => this.#window(),
      isFree: () => this.#connection?.isBehind === false && this.#isWithinBudget(),
      send: (chunk, wasHeld) => this.#send(chunk, wasHeld),
      onOwed: (isOwed) => {
        this.#patience.awaitsSource(isOwed, clock.now());
        this.#rest?.owed(isOwed);
      },
      // What could not be read now may be readable later, and is the same; what changed is not.
      onFailed: (error) => this.#stop(error, error, options.isResumable && error.code === "source"),
    });
    const { size: total } = options.task;
    this.#progress = { taken: 0, sent: 0, total, skipped: 0, waiting: "connection", pause: null };
  }

  async run(signal: AbortSignal): Promise<Receipt> {
    const onAbort = (): void => {
      const cancelled = new DyncError("cancelled", "Cancelled by the client");
      const error = signal.reason instanceof DyncError ? signal.reason : cancelled;
      this.#stop(error, cancelled, this.#options.isResumable);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal.aborted) onAbort();
      else this.#connect();
      const result = await this.#ended.promise;
      this.#cancelPause();
      this.#rest?.close();
      if (this.#lastWord !== null) await this.#bidFarewell(this.#lastWord);
      return await this.#receiptOf(result, signal);
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#cancelPause();
      this.#rest?.close();
      this.#connection?.close(0);
      this.#sender.close();
      this.#parts.budget?.leave(this.#wake);
    }
  }

  async #bidFarewell(message: ErrorMessage): Promise<void> {
    const { clock, onNote } = this.#parts;
    this.#farewell = new Farewell(message, this.#answersError, {
      clock,
      open: (events) => this.#open(events),
      onSlow: (waitMs) =>
        onNote(
          `Telling the server that this upload stops: ${Math.ceil(waitMs / 1000)} s at most, Ctrl-C leaves at once`,
        ),
    });
    // One that is not up yet would take the identity from the one that is opened for this.
    const isUp = this.#connection?.isUp === true;
    if (!isUp) this.#connection?.close(0);
    const outcome = await this.#farewell.bid(isUp ? this.#connection : null);
    if (outcome === "unheard")
      onNote(
        "The server did not hear that this upload stopped: it may take a while until it frees its place",
      );
  }

  async #receiptOf(result: UploadResult, signal: AbortSignal): Promise<Receipt> {
    if (this.#error !== null) throw this.#error;
    if (result.type === "failed") return await this.#receiptOfStored(result, signal);
    // The server may have known the whole file already: then nothing of it was read.
    const whole = this.#sender.whole ?? this.#options.source.growth?.whole ?? null;
    const checksum = whole?.checksum ?? (await this.#checksumOfSource());
    const bytes = whole?.size ?? this.#options.task.size ?? this.#progress.sent;
    return {
      uploadId: result.uploadId,
      bytes,
      sha256: Buffer.from(checksum).toString("hex"),
      already: false,
      ...(result.receipt === undefined ? {} : { signed: result.receipt }),
      ...(this.#unpacked === null ? {} : { unpacked: this.#unpacked }),
    };
  }

  // Nothing else that fails can mean that all is well.
  async #receiptOfStored(
    { code, text, info }: Extract<UploadResult, { type: "failed" }>,
    signal: AbortSignal,
  ): Promise<Receipt> {
    const { source } = this.#options;
    const stored = code === "name-taken" ? storedFileOf(info) : null;
    // What was read of a stream cannot be read again.
    const { whole, hasBegun } = this.#sender;
    const canRead = source.canSeek && source.growth === undefined;
    const canCompare = canRead || !hasBegun || whole !== null;
    if (stored === null || !canCompare)
      throw refusalError({ code, text, info }, this.#options.task.metadataText);
    this.#report({ waiting: "comparison", wait: null, pause: null });
    await expectStoredAlready(source, whole, stored, text, signal);
    const { size: bytes, sha256, info: found } = stored;
    const unpacked = this.#options.task.unpack === undefined ? {} : { unpacked: found.files !== undefined };
    const signed = found.receipt === undefined ? {} : { signed: found.receipt };
    return { uploadId: found.upload ?? "", bytes, sha256, already: true, ...signed, ...unpacked };
  }

  async #checksumOfSource(): Promise<Uint8Array> {
    const { source } = this.#options;
    const checksum = await sha256Of(source);
    await source.verifyUnchanged(checksum);
    return checksum;
  }

  #connect(): void {
    this.#report({ waiting: "connection", wait: null, pause: null });
    this.#connection = this.#open({
      onUp: () => this.#up(),
      onInput: (input) => (this.#farewell === null ? this.#receive(input) : this.#farewell.hear(input)),
      onDrained: () => this.#sender.pump(true),
      onDown: (failure, error) =>
        this.#farewell === null ? this.#down(failure, error) : this.#farewell.lost(),
    });
  }

  #open(events: ConnectionEvents): Connection {
    return new Connection(this.#parts.transport, this.#options, events);
  }

  #receive(input: Extract<ClientInput, { type: "message" | "malformed" }>): void {
    const isAwaited = this.#machine.waiting === "approval";
    const verdict = this.#patience.heard(input, isAwaited, this.#parts.clock.now());
    if (verdict !== null) return this.#obey(verdict);
    const fault = input.type === "message" ? this.#heed(input.message) : null;
    if (fault !== null) return this.#stop(fault, new DyncError("cancelled", "Its names do not fit"), false);
    this.#feed(input);
    this.#sender.pump();
  }

  /** What a message says beside what the machine hears. Returns why the upload cannot go on by it, else `null`. */
  #heed(message: ServerMessage): DyncError | null {
    if (message.type !== "upload-approved") return null;
    const { farewell, unpack, names, removes } = message.info;
    this.#heedPriority(message.info.priority);
    this.#answersError = farewell === true;
    const { source, task } = this.#options;
    if (source.growth !== undefined && (unpack !== true || removes !== true))
      return new GrowthRefused(task.name);
    if (task.unpack !== undefined) {
      if (unpack !== true && this.#unpacked !== false)
        this.#parts.onNote(
          `This server does not unpack: it stores "${task.name}" as it is sent, as one file`,
        );
      this.#unpacked = unpack === true;
    }
    return names === "bagit" ? (source.bagFault?.() ?? null) : null;
  }

  /** Says, once, what became of the priority that was asked for. */
  #heedPriority(given: Priority | undefined): void {
    const { priority: asked } = this.#options.task;
    if (asked === undefined || given === asked || this.#isPriorityTold) return;
    this.#isPriorityTold = true;
    const text =
      given === undefined
        ? `This server knows no priorities: --priority ${asked} changes nothing`
        : `The server allows no priority above ${given}: that is what uploads have here`;
    this.#parts.onNote(text);
  }

  #up(): void {
    this.#patience.up();
    this.#feed({ type: "link-up" });
  }

  #feed(input: ClientInput): void {
    this.#driver.feed(input);
    const { state, waiting, taken, wait } = this.#machine;
    if (state === "offline" || state === "ended") return;
    if (waiting !== "approval") this.#patience.letIn();
    const before = this.#progress;
    if (taken !== before.taken) this.#options.source.growth?.taken(taken);
    if (waiting !== before.waiting || taken !== before.taken || !isSameWait(wait, before.wait ?? null))
      this.#report({ waiting, taken, wait, pause: null });
  }

  #down(failure: LinkFailure, error: DyncError): void {
    this.#obey(this.#patience.down(failure, error, this.#parts.clock.now()));
  }

  #obey(verdict: Verdict): void {
    this.#disconnect();
    if (verdict.type === "give-up") return this.#giveUp(verdict.error);
    const { pauseMs, error } = verdict;
    const { clock } = this.#parts;
    const pause = { code: error.code, reason: messageOf(error), until: clock.now() + pauseMs };
    this.#report({ waiting: "pause", wait: null, pause });
    this.#cancelPause = clock.after(pauseMs, () => this.#connect());
  }

  #giveUp(error: DyncError): void {
    this.#error = error;
    this.#end({ type: "failed", code: error.code, text: error.message, wire: null });
  }

  // As `#giveUp`, and the server is told, as `told`.
  #stop(error: DyncError, told: DyncError, keep: boolean): void {
    if (this.#driver.isStopped) return;
    this.#error = error;
    this.#feed({ type: "give-up", code: told.code, text: told.message, keep });
  }

  /** Lets the server have its place for others. Returns whether that was possible: not while anything is under way. */
  #leave(): boolean {
    const { window, taken } = this.#machine;
    if (this.#connection?.isUp !== true || window === null || taken < window.offset) return false;
    this.#connection.send(encodeClientMessage(nothingToSend));
    this.#connection.close(leaveMs);
    this.#connection = null;
    this.#feed({ type: "link-lost" });
    this.#report({ waiting: null, pause: null });
    return true;
  }

  #comeBack(): void {
    this.#patience.rested(this.#parts.clock.now());
    this.#connect();
  }

  // Everything under way on this connection is forgotten; the machine is told, and asks the server where to go on.
  #disconnect(): void {
    this.#connection?.close(0);
    this.#connection = null;
    this.#feed({ type: "link-lost" });
  }

  #perform(action: ClientAction): void {
    switch (action.type) {
      case "send":
        // What comes last goes first: see `farewell.ts`.
        if (action.message.type === "error") this.#lastWord = action.message;
        else this.#connection?.send(encodeClientMessage(action.message));
        return;
      case "reconnect": {
        const error = new DyncError(action.code, action.text);
        const now = this.#parts.clock.now();
        return this.#obey(
          action.isLater ? this.#patience.later(error, now) : this.#patience.broken(error, now),
        );
      }
      case "done":
        return this.#end(action.result);
    }
  }

  #window(): SendWindow | null {
    const { window } = this.#machine;
    const { budget } = this.#parts;
    if (window === null || budget === undefined) return window;
    return { ...window, lengthMax: Math.min(window.lengthMax, budget.chunkBytesMax) };
  }

  // What waits for our own limit is not the server's fault.
  #isWithinBudget(): boolean {
    const isWithin = this.#parts.budget?.admits(this.#wake) ?? true;
    if (!isWithin) this.#patience.awaitsSource(true, this.#parts.clock.now());
    return isWithin;
  }

  readonly #wake = (): void => {
    this.#patience.awaitsSource(false, this.#parts.clock.now());
    this.#sender.pump();
  };

  #send({ offset, length, block, checksum, isCaughtUp }: Chunk, wasHeld: boolean): void {
    const isLast = checksum !== null;
    const end = offset + length;
    const verdict = this.#patience.sends({ end, length, isLast }, this.#parts.clock.now());
    if (verdict !== null) {
      block?.release();
      return this.#obey(verdict);
    }
    const frames = [...encodeChunkHeader(offset, isLast), block ?? new Uint8Array(0)];
    this.#connection?.send(isLast ? [...frames, checksum] : frames);
    this.#parts.budget?.sent(length);
    const skipped = this.#progress.sent === 0 ? offset : this.#progress.skipped;
    this.#report({ sent: end, skipped });
    this.#feed({ type: "chunk-sent", offset, length, isLast, wasHeld, isCaughtUp });
  }

  #end(result: UploadResult): void {
    this.#driver.stop();
    this.#ended.resolve(result);
  }

  #report(change: Partial<UploadProgress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#parts.onProgress(this.#progress);
  }
}

function isSameWait(a: Wait | null, b: Wait | null): boolean {
  return a?.cause === b?.cause && a?.ahead === b?.ahead;
}
