// A client of the machine-level simulation: the real `ClientUpload`, driven by a model of what `client/upload.ts`
// does around it. It survives crashes of "its process" when its source is a file.

import type { Clock } from "../../src/base/clock.ts";
import { MachineDriver } from "../../src/base/machine-driver.ts";
import type { ClientAction, ClientInput, UploadResult } from "../../src/protocol/client-events.ts";
import { ClientUpload } from "../../src/protocol/client-upload.ts";
import type { ClientMessage, ServerMessage } from "../../src/protocol/message.ts";
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
  /** A source that gives so many bytes and then, for ever, nothing. */
  readonly silentAfter?: number;
}

const everything = new Uint8Array(1 << 16);
const checksum = new Uint8Array(32);

export class ModelClient {
  readonly job: Job;
  readonly #world: MachineWorld;
  #driver: MachineDriver<ClientInput, ClientAction> | null = null;
  #connection: ModelConnection | null = null;
  #isUp = false;
  #asked: { readonly offset: number; readonly lengthMax: number } | null = null;
  #isReadDone = false;
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
  /** Chunks that it knows it has to keep. */
  maxQueueHeard = 0;
  /** The message that told it of more was lost, and it went on. */
  hasMissedTerms = false;
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
    this.#driver = new MachineDriver({
      machine: new ClientUpload({
        name: identity,
        metadataText: JSON.stringify({ identity }),
        size: isFile ? size : null,
        canSeek: isFile,
        client: "simulation",
        resume: this.#crashes > 0,
      }),
      clock: this.#clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
    this.#connect();
  }

  crash(): void {
    if (this.result !== null || this.#driver === null || this.isFrozen) return;
    this.#driver.stop();
    this.#driver = null;
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
    this.#driver.feed({ type: "cancel", keep: false });
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
        onRoom: () => this.#ifCurrent(connection, () => this.#offer(true)),
        onDown: () => this.#ifCurrent(connection, () => this.#down(this.#world.pauseMs())),
      });
      if (connection === null) return this.#later(this.#world.pauseMs(), () => this.#connect());
      this.#connection = connection;
      this.#isUp = true;
      this.#driver.feed({ type: "link-up" });
      this.#offer();
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
      case "read":
        return this.#read(action.offset, action.lengthMax);
      case "send-chunk":
        this.#asked = null;
        this.bytesSent += action.length;
        this.position = action.offset + action.length;
        if (action.offset + action.length > this.#sentMax) {
          [this.#sentMax, this.#malformed] = [action.offset + action.length, 0];
        }
        return this.#send({
          type: "post-chunk",
          seek: action.offset,
          data: everything.subarray(0, action.length),
          checksum: action.checksum,
        });
      case "forget-before":
        this.#forgottenBefore = action.offset;
        return;
      case "reconnect":
        return this.#down(this.#world.pauseMs());
      case "waiting":
        return;
      case "done":
        return this.#end(action.result);
    }
  }

  #send(message: ClientMessage): void {
    this.#world.trace(() => `${this.job.identity} -> ${describe(message)}`);
    this.#connection?.toServer(message);
  }

  #read(offset: number, lengthMax: number): void {
    check(
      this.job.isFile || offset >= this.#forgottenBefore,
      () => `${this.job.identity} reads at ${offset} what it said to forget before ${this.#forgottenBefore}`,
    );
    const asked = { offset, lengthMax };
    this.#asked = asked;
    this.#isReadDone = false;
    if (offset >= (this.job.silentAfter ?? Number.POSITIVE_INFINITY)) return;
    this.#later(this.#world.readMs(), () => {
      if (this.#asked !== asked) return;
      this.#isReadDone = true;
      this.#offer();
    });
  }

  // As the shell: nothing more is offered while the link is behind.
  #offer(wasHeld = false): void {
    const asked = this.#asked;
    if (asked === null || !this.#isReadDone || this.#connection?.isFull === true) return;
    const length = Math.min(asked.lengthMax, this.job.size - asked.offset);
    this.#driver?.feed({
      type: "chunk-read",
      offset: asked.offset,
      length,
      checksum: length === 0 ? checksum : null,
      wasHeld,
    });
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
      return `upload-finished ${message.uploadId}`;
  }
}
