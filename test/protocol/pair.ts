// Both machines of one upload over a fake link with a virtual clock: messages take time, get lost, connections break
// and come back, the storage forgets. The full simulator, with the real shells, is in test/simulation/.

import type {
  ClientAction,
  ClientInput,
  ClientUploadTask,
  UploadResult,
} from "../../src/protocol/client/client-events.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";
import type { Admission, ServerAction, ServerInput } from "../../src/protocol/server/server-events.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";
import type { ClientMessage, ServerMessage } from "../../src/protocol/wire/message.ts";
import type { PairOptions } from "./pair-options.ts";

type Event = () => void;
const id = "upload";
const checksum = new Uint8Array(32).fill(7);

export class Pair {
  readonly #options: PairOptions;
  readonly #task: ClientUploadTask;
  readonly #client: ClientUpload;
  #server: ServerUpload;
  #office: CreditOffice;
  #events: { at: number; order: number; run: Event }[] = [];
  #order = 0;
  #now = 0;
  #connection = 0;
  #life = 0;
  #arrivesAt = 0;
  #calm = false;
  #pendingWrites: number[] = [];
  #durable = 0;
  #written = 0;
  #posted = false;
  /** The chunk that the client makes ready. */
  #read: { readonly offset: number; isDone: boolean } = { offset: -1, isDone: false };
  /** The client was silent for too long, and gave up its place: its next message takes the upload up again. */
  #isSuspended = false;

  result: UploadResult | null = null;
  published = false;
  chunkBytesSent = 0;
  steps = 0;
  readonly serverErrors: number[] = [];
  /** Types of all messages in the order in which they were sent. */
  readonly messages: (ClientMessage | ServerMessage)["type"][] = [];
  /** What both machines did, for the message of a failing test. */
  readonly log: (readonly [number, "client" | "server", object])[] = [];

  constructor(options: PairOptions) {
    this.#options = options;
    const size = options.announced ? options.size : null;
    this.#task = {
      name: "f",
      metadataText: '{"a":1}',
      size,
      canSeek: options.canSeek,
      client: "t",
      resume: false,
    };
    this.#client = new ClientUpload(this.#task);
    this.#office = new CreditOffice({ capacity: options.capacity });
    this.#office.join(id, "user");
    this.#server = this.#newServer();
  }

  /** Runs until the client is done; faults stop after `faultySteps`. Returns whether it ended within `stepsMax`. */
  run(faultySteps: number, stepsMax: number): boolean {
    this.#after(1, () => this.#connect());
    while (this.result === null && this.steps < stepsMax) {
      this.steps += 1;
      this.#calm = this.steps > faultySteps;
      this.#inject();
      this.#advance();
    }
    return this.result !== null;
  }

  #inject(): void {
    const { faults } = this.#options;
    if (this.#chance(faults.cut)) this.#cut();
    if (this.#chance(faults.rewind)) this.#rewind();
    if (this.#chance(faults.restart)) this.#restartServer();
    if (this.#chance(faults.reclaim) && this.#server.state !== "new") this.#feedServer({ type: "reclaim" });
  }

  get durationMs(): number {
    return this.#now;
  }

  #isLost({ type }: ClientMessage | ServerMessage): boolean {
    this.messages.push(type);
    const isChosen = this.messages.length - 1 === this.#options.lostMessage;
    return isChosen || this.#chance(this.#options.faults.loss);
  }

  get #latencyMs(): number {
    return this.#options.latencyMs ?? 5;
  }

  #chance(perMille: number): boolean {
    return !this.#calm && perMille > 0 && this.#options.random(1000) < perMille;
  }

  /** Jumps to the next event or wake-up. */
  #advance(): void {
    const next = this.#nextEvent();
    const clientAt = this.#client.wakeAt ?? Number.POSITIVE_INFINITY;
    const serverAt = this.#server.wakeAt ?? Number.POSITIVE_INFINITY;
    const at = Math.min(next?.at ?? Number.POSITIVE_INFINITY, clientAt, serverAt);
    if (at === Number.POSITIVE_INFINITY) return;
    this.#now = Math.max(this.#now, at);
    if (next !== undefined && next.at === at) {
      this.#events.splice(this.#events.indexOf(next), 1);
      next.run();
    } else if (clientAt === at) this.#feedClient({ type: "tick" });
    else this.#feedServer({ type: "tick" });
  }

  #nextEvent(): { at: number; order: number; run: Event } | undefined {
    let next = this.#events[0];
    for (const event of this.#events) {
      if (next === undefined || event.at < next.at || (event.at === next.at && event.order < next.order))
        next = event;
    }
    return next;
  }

  #after(delay: number, run: Event): void {
    this.#order += 1;
    this.#events.push({ at: this.#now + delay, order: this.#order, run });
  }

  #connect(): void {
    this.#connection += 1;
    this.#arrivesAt = this.#now;
    this.#feedClient({ type: "link-up" });
  }

  #cut(): void {
    if (this.#client.state === "offline" || this.#client.state === "ended") return;
    this.#connection += 1;
    this.#feedClient({ type: "link-lost" });
    this.#after(1 + this.#options.random(500), () => this.#connect());
  }

  #feedClient(input: ClientInput): void {
    for (const action of this.#client.step(input, this.#now)) this.#performClient(action);
    this.#pump();
  }

  // As client/sender.ts: the chunk that is next is made ready, and sent as soon as it may.
  #pump(): void {
    const { window } = this.#client;
    if (window === null) return;
    const { offset } = window;
    if (this.#read.offset !== offset) {
      const read = { offset, isDone: false };
      this.#read = read;
      return this.#after(this.#options.random(3), () => {
        read.isDone = true;
        this.#pump();
      });
    }
    const length = Math.min(window.lengthMax, this.#options.size - offset);
    if (!this.#read.isDone || offset + length > window.end) return;
    this.#read = { offset: -1, isDone: false };
    this.chunkBytesSent += length;
    const isLast = length === 0;
    const data = new Uint8Array(length);
    this.#toServer({ type: "post-chunk", seek: offset, data, checksum: isLast ? checksum : null });
    this.#feedClient({ type: "chunk-sent", offset, length, isLast, wasHeld: false });
  }

  #performClient(action: ClientAction): void {
    this.log.push([this.#now, "client", action]);
    switch (action.type) {
      case "send":
        return this.#toServer(action.message);
      case "reconnect":
        this.#connection += 1;
        return this.#after(1000, () => this.#connect());
      case "done":
        this.result = action.result;
    }
  }

  // In order on one connection; what a broken one still delivers comes at any time.
  #toServer(message: ClientMessage): void {
    if (this.#isLost(message)) return;
    const earliest = this.#now + this.#latencyMs + this.#options.random(10);
    this.#arrivesAt = Math.max(this.#arrivesAt, earliest);
    this.#after(this.#arrivesAt - this.#now, () => this.#serverHears(message));
  }

  #serverHears(message: ClientMessage): void {
    // As in server/: only a post-file makes an upload.
    if (this.#server.state === "new" && message.type !== "post-file") {
      return this.#toClient({ type: "error", code: 404, text: "Unknown upload" });
    }
    if (this.published) return this.#toClient({ type: "upload-finished", uploadId: id });
    if (this.#isSuspended) this.#restartServer();
    this.#posted = true;
    this.#feedServer({ type: "message", message });
  }

  #feedServer(input: ServerInput): void {
    for (const action of this.#server.step(input, this.#now)) this.#performServer(action);
    this.#distribute();
  }

  #distribute(): void {
    const { grants } = this.#office.distribute(this.#now);
    for (const { amount } of grants) this.#feedServer({ type: "granted", amount });
  }

  #performServer(action: ServerAction): void {
    this.log.push([this.#now, "server", action]);
    const life = this.#life;
    const later = (input: () => ServerInput | null): void =>
      this.#after(1 + this.#options.random(20), () => {
        const made = life === this.#life ? input() : null;
        if (made !== null) this.#feedServer(made);
      });
    switch (action.type) {
      case "send":
        return this.#toClient(action.message);
      case "admit":
        return later(() => ({ type: "admitted", admission: this.#admission(), hashed: true }));
      case "write":
        this.#pendingWrites.push(action.offset + action.data.length);
        return later(() => this.#write());
      case "finish":
        return later(() => this.#publish(action.size));
      case "credit":
        return this.#office.hear(id, action.report, this.#now);
      case "done":
        this.#isSuspended = action.outcome === "suspended";
    }
  }

  #admission(): Admission {
    return { uploadId: id, offset: this.#written };
  }

  #write(): ServerInput | null {
    // As a storage does that holds some: it answers for several.
    const held = this.#options.random(4) === 0 ? this.#pendingWrites.length : 1;
    const end = this.#pendingWrites.splice(0, held).at(-1);
    if (end === undefined) return null;
    this.#written = end;
    if (this.#options.random(4) === 0) this.#durable = end;
    return { type: "stored", offset: end };
  }

  #publish(size: number): ServerInput | null {
    if (this.#server.state !== "finishing") return null;
    if (size !== this.#options.size || this.#written !== size)
      throw new Error(`published at ${this.#written}`);
    this.published = true;
    return { type: "finished" };
  }

  #toClient(said: ServerMessage): void {
    const message = this.#options.isServerOld === true ? withoutStored(said) : said;
    if (message.type === "error") this.serverErrors.push(message.code);
    if (this.#isLost(message)) return;
    const connection = this.#connection;
    this.#after(this.#latencyMs, () => {
      if (connection === this.#connection) this.#feedClient({ type: "message", message });
    });
  }

  #rewind(): void {
    if (!["receiving", "draining", "finishing"].includes(this.#server.state)) return;
    // Only seekable sources survive the loss of what was written long ago.
    if (this.#options.canSeek) this.#written = this.#durable;
    this.#pendingWrites = [];
    this.#feedServer({ type: "rewound", offset: this.#written });
  }

  #restartServer(): void {
    if (!this.#posted || this.published || this.#server.state === "admitting") return;
    this.#life += 1;
    this.#isSuspended = false;
    this.#pendingWrites = [];
    this.#office = new CreditOffice({ capacity: this.#options.capacity });
    this.#office.join(id, "user");
    this.#server = this.#newServer();
    const { name, metadataText } = this.#task;
    const info = this.#options.announced ? { size: this.#options.size } : {};
    const hashed = this.#options.random(2) === 0;
    const post = { type: "post-file", name, metadataText, info } as const;
    this.#feedServer({ type: "restored", post, admission: this.#admission(), hashed });
    const life = this.#life;
    if (hashed) return;
    this.#after(this.#options.random(5000), () => {
      if (life === this.#life && this.#server.state === "hashing") this.#feedServer({ type: "hash-ready" });
    });
  }

  #newServer(): ServerUpload {
    const { chunkBytes, maxQueue, longQueue = maxQueue } = this.#options;
    return new ServerUpload({ chunkBytes, maxQueue, longQueue, server: "s" });
  }
}

function withoutStored(message: ServerMessage): ServerMessage {
  if (!("info" in message) || message.info === undefined || !("stored" in message.info)) return message;
  const { stored: _, ...info } = message.info;
  return { ...message, info } as ServerMessage;
}
