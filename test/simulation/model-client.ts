// A client of the machine-level simulation: the real `ClientUpload`, driven by a model of what `client/upload.ts`
// does around it. It survives crashes of "its process" when its source is a file.

import type { Clock } from "../../src/base/clock.ts";
import { MachineDriver } from "../../src/base/machine-driver.ts";
import type { ClientAction, ClientInput, UploadResult } from "../../src/protocol/client/client-events.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import type { Priority } from "../../src/protocol/priority.ts";
import type { ClientMessage, ServerMessage } from "../../src/protocol/wire/message.ts";
import type { MachineWorld } from "./machine-world.ts";
import type { Heard, ModelConnection } from "./model-connection.ts";
import { check } from "./simulation-failure.ts";

/** What is to be uploaded. */
export interface Job {
  readonly identity: string;
  readonly user: string;
  readonly size: number;
  /** A file that can be read anywhere, of known size; otherwise a stream. */
  readonly isFile: boolean;
  readonly startMs: number;
  /** Others are as older programs, which know of none. */
  readonly wantsReceipt: boolean;
  /** A source that gives so many bytes and then, for ever, nothing. */
  readonly silentAfter?: number;
  /** As which the server takes it; normal unless given. */
  readonly priority?: Priority;
}

const everything = new Uint8Array(1 << 16);
const checksum = new Uint8Array(32);

export class ModelClient {
  readonly job: Job;
  readonly #world: MachineWorld;
  #machine: ClientUpload | null = null;
  #driver: MachineDriver<ClientInput, ClientAction> | null = null;
  #connection: ModelConnection | null = null;
  #isUp = false;
  /** The chunk that is made ready. */
  #asked: { readonly offset: number; readonly lengthMax: number; isDone: boolean } | null = null;
  #forgottenBefore = 0;
  #life = 0;
  #crashes = 0;
  #sentMax = 0;
  #malformed = 0;
  result: UploadResult | "abandoned" | null = null;
  isFrozen = false;
  /** It never wakes up again. */
  isSilent = false;
  isCancelled = false;
  bytesSent = 0;
  disturbances = 0;
  /** End of the chunk that it sent last. */
  position = 0;
  /** Where a report that it had not asked for took it back to last. */
  backTo: number | null = null;
  /** Bytes that were accepted when the line damaged a message last. */
  damagedAt: number | null = null;

  constructor(job: Job, world: MachineWorld) {
    this.job = job;
    this.#world = world;
  }

  start(): void {
    const { isFile, size, identity } = this.job;
    this.#life++;
    this.#asked = null;
    this.#sentMax = this.#malformed = 0;
    this.#machine = new ClientUpload({
      name: identity,
      metadataText: JSON.stringify({ identity }),
      size: isFile ? size : null,
      canSeek: isFile,
      client: "simulation",
      wantsReceipt: this.job.wantsReceipt,
      resume: this.#crashes > 0,
    });
    this.#driver = new MachineDriver({
      machine: this.#machine,
      clock: this.#clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
    this.#connect();
  }

  crash(): void {
    if (this.result !== null || this.#driver === null || this.isFrozen) return;
    this.#driver.stop();
    this.#driver = this.#machine = null;
    this.#life++;
    this.#crashes++;
    this.disturbances++;
    this.#isUp = false;
    this.#connection?.closeByClient();
    this.#connection = null;
    if (this.job.isFile) this.#later(this.#world.pauseMs(), () => this.start());
    else this.result = "abandoned";
  }

  cancel(): void {
    if (this.result !== null || this.#driver === null || this.isFrozen) return;
    this.isCancelled = true;
    this.#driver.feed({ type: "give-up", code: "cancelled", text: "Cancelled by the client", keep: false });
  }

  cut(): void {
    this.#connection?.cut();
  }

  mute(): void {
    this.#connection?.mute();
  }

  /** The process stands still for a while, or for good; its connections stay. */
  freeze(forMs: number | null): void {
    if (this.isFrozen || this.result !== null) return;
    this.disturbances++;
    this.isFrozen = true;
    this.isSilent = forMs === null;
    if (forMs !== null) this.#world.clock.after(forMs, () => this.#thaw());
  }

  readonly #frozen: (() => void)[] = [];
  readonly #clock: Clock = {
    now: () => this.#world.clock.now(),
    date: () => this.#world.clock.date(),
    after: (delayMs, callback) => this.#world.clock.after(delayMs, () => this.#whenAwake(callback)),
  };

  #thaw(): void {
    this.isFrozen = false;
    for (const callback of this.#frozen.splice(0)) callback();
  }

  #whenAwake(callback: () => void): void {
    if (this.isFrozen) this.#frozen.push(callback);
    else callback();
  }

  #later(delayMs: number, callback: () => void): void {
    const life = this.#life;
    this.#world.clock.after(delayMs, () =>
      this.#whenAwake(() => {
        if (life === this.#life) callback();
      }),
    );
  }

  #connect(): void {
    this.#later(this.#world.latency(), () => {
      if (this.#driver === null || this.result !== null) return;
      const connection = this.#world.server.accept(this, {
        onClientSide: (message) => this.#ifCurrent(connection, () => this.#receive(message)),
        onRoom: () => this.#ifCurrent(connection, () => this.#pump(true)),
        onDown: () => this.#ifCurrent(connection, () => this.#down(this.#world.pauseMs())),
      });
      if (connection === null) return this.#later(this.#world.pauseMs(), () => this.#connect());
      this.#connection = connection;
      this.#isUp = true;
      this.#driver.feed({ type: "link-up" });
    });
  }

  #ifCurrent(connection: ModelConnection | null, callback: () => void): void {
    this.#whenAwake(() => {
      if (connection !== null && connection === this.#connection) callback();
    });
  }

  #receive(message: Heard<ServerMessage>): void {
    this.#world.trace(() => `${this.job.identity} <- ${describe(message)}`);
    if (message.type === "malformed") {
      // As the shell: nonsense is doubted, once where no sense came before.
      if (this.#malformed++ < (this.#sentMax > 0 ? 3 : 1)) return this.#down(this.#world.pauseMs());
      return void this.#driver?.feed(message);
    }
    this.#world.checks.onServerMessage(this, message);
    this.#driver?.feed({ type: "message", message });
    this.#pump();
  }

  #down(pauseMs: number): void {
    this.#connection?.closeByClient();
    this.#connection = null;
    if (this.#isUp) {
      this.#isUp = false;
      this.#driver?.feed({ type: "link-lost" });
    }
    this.#later(pauseMs, () => this.#connect());
  }

  #perform(action: ClientAction): void {
    switch (action.type) {
      case "send":
        return this.#send(action.message);
      case "reconnect":
        return this.#down(this.#world.pauseMs());
      case "done":
        return this.#end(action.result);
    }
  }

  #send(message: ClientMessage): void {
    this.#world.trace(() => `${this.job.identity} -> ${describe(message)}`);
    this.#connection?.toServer(message);
  }

  // As the shell: what the window names is read, and sent when it may and the link is not behind.
  #pump(wasHeld = false): void {
    const window = this.#machine?.window ?? null;
    const connection = this.#connection;
    if (window === null || connection === null) return;
    const { offset, lengthMax, end, keptFrom } = window;
    this.#forgottenBefore = Math.max(this.#forgottenBefore, keptFrom);
    const asked = this.#asked;
    if (asked?.offset !== offset || asked.lengthMax > lengthMax) return this.#read(offset, lengthMax);
    const length = Math.min(asked.lengthMax, this.job.size - offset);
    if (!asked.isDone || connection.isFull || offset + length > end) return;
    this.#sendChunk(offset, length);
    this.#driver?.feed({ type: "chunk-sent", offset, length, isLast: length === 0, wasHeld });
    this.#pump();
  }

  #read(offset: number, lengthMax: number): void {
    check(
      this.job.isFile || offset >= this.#forgottenBefore,
      () => `${this.job.identity} reads at ${offset} what it said to forget before ${this.#forgottenBefore}`,
    );
    const asked = { offset, lengthMax, isDone: false };
    this.#asked = asked;
    if (offset >= (this.job.silentAfter ?? Number.POSITIVE_INFINITY)) return;
    this.#later(this.#world.readMs(), () => {
      asked.isDone = true;
      this.#pump();
    });
  }

  #sendChunk(offset: number, length: number): void {
    this.#asked = null;
    this.bytesSent += length;
    this.position = offset + length;
    if (this.position > this.#sentMax) [this.#sentMax, this.#malformed] = [this.position, 0];
    const data = everything.subarray(0, length);
    this.#send({ type: "post-chunk", seek: offset, data, checksum: length === 0 ? checksum : null });
  }

  #end(result: UploadResult): void {
    this.#world.trace(() => `${this.job.identity} ends: ${JSON.stringify(result)}`);
    this.result = result;
    this.#driver?.stop();
    this.#connection?.closeByClient();
    this.#connection = null;
    this.#life++;
    this.#world.checks.onResult(this, result);
  }
}

export function describe(message: Heard<ClientMessage | ServerMessage>): string {
  switch (message.type) {
    case "malformed":
      return `malformed: ${message.text}`;
    case "post-chunk": {
      const last = message.checksum === null ? "" : " last";
      return `post-chunk ${message.seek}+${message.data.length}${last}`;
    }
    case "post-file":
      return `post-file ${message.name}`;
    case "query-status":
      return message.type;
    case "error":
      return `error ${message.code} ${message.text}`;
    case "upload-approved":
      return `upload-approved credit ${message.credit}, chunks of ${message.chunkBytes}, maxqueue ${message.maxQueue}`;
    case "transfer-credit":
      return `transfer-credit ${message.amount}`;
    case "status-report":
      return `status-report ${message.seek}, credit ${message.credit}`;
    case "upload-finished":
      return `upload-finished ${message.uploadId} ${message.receipt ?? "without a receipt"}`;
  }
}
