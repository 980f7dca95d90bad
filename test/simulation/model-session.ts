// One upload in the machine-level simulation: the real machine of its life, and a model of what the server does for it: a
// catalogue and a storage in which everything takes time, and writes, syncs and publishing may fail.

import { MachineDriver } from "../../src/base/machine-driver.ts";
import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import { withWait } from "../../src/protocol/server/told-waits.ts";
import { type LifeAction, type LifeInput, UploadLife } from "../../src/protocol/server/upload-life.ts";
import type { Wait } from "../../src/protocol/wait.ts";
import type { ClientMessage, PostFile } from "../../src/protocol/wire/message.ts";
import type { Heard } from "./model-connection.ts";
import type { ModelRecord, ModelServer } from "./model-server.ts";
import { check } from "./simulation-failure.ts";

export class ModelSession {
  readonly identity: string;
  readonly #server: ModelServer;
  readonly #driver: MachineDriver<LifeInput, LifeAction>;
  #record: ModelRecord | null = null;
  readonly #writes: { readonly offset: number; readonly length: number }[] = [];
  #isWriting = false;
  /** Being admitted, or published. */
  #isBusy = false;
  /** Its client wants to be told why it waits. */
  #tellsWaits = false;
  /** Counts how often it was put away. */
  #stint = 0;

  constructor(identity: string, server: ModelServer) {
    this.identity = identity;
    this.#server = server;
    const { chunkBytes, maxQueue, longQueue = maxQueue, idleMs } = server.options;
    this.#driver = new MachineDriver({
      machine: new UploadLife({ chunkBytes, maxQueue, longQueue, idleMs, server: "simulation" }),
      clock: server.world.clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
  }

  get unstoredChunks(): number {
    return this.#writes.length;
  }

  get #wait(): Wait | null {
    if (this.#isBusy) return { cause: this.#record?.state === "publishing" ? "publishing" : "name" };
    return this.#record === null ? null : this.#server.office.waitOf(this.identity);
  }

  get unstoredBytes(): number {
    return this.#writes.reduce((sum, { length }) => sum + length, 0);
  }

  receive(heard: Heard<ClientMessage>): void {
    if (heard.type === "malformed") return this.feed(heard);
    if (heard.type === "post-file" || (heard.type === "query-status" && heard.info !== undefined))
      this.#tellsWaits = heard.info?.waits === true;
    this.feed({ type: "message", message: heard });
  }

  feed(input: LifeInput): void {
    this.#driver.feed(input);
  }

  grant(amount: number): void {
    this.feed({ type: "granted", amount });
  }

  reclaim(): void {
    this.#server.disturb(this.identity);
    this.feed({ type: "reclaim" });
  }

  kill(): void {
    this.#driver.stop();
  }

  // What was begun for an upload that was put away meanwhile concerns nobody.
  #later(callback: () => void, delayMs = this.#server.world.diskMs()): void {
    const stint = this.#stint;
    this.#server.later(delayMs, () => {
      if (!this.#driver.isStopped && stint === this.#stint) callback();
    });
  }

  #perform(action: LifeAction): void {
    switch (action.type) {
      case "send": {
        const said = this.#tellsWaits ? withWait(action.message, () => this.#wait) : action.message;
        const result = this.#server.send(this.identity, said);
        return result === "unreachable" ? this.feed({ type: "unreachable" }) : undefined;
      }
      case "look-up":
        return this.#later(() => this.#lookUp());
      case "restore":
        return this.#later(() => this.#restore());
      case "publish":
        // What an earlier process left is published in the background, see `ModelServer.start`.
        return this.feed({ type: "publishing" });
      case "inquire":
        return this.#later(() => this.feed({ type: "refused", code: 404, text: "Nothing is stored" }));
      case "admit":
        this.#join(action.post);
        this.#isBusy = true;
        return this.#later(() => this.#admit(action.post));
      case "write":
        check(!this.#isBusy, "nothing is written after the end");
        check(
          nearBytes(action.data)[0] === 0,
          () => `${this.identity}: other bytes are written than were sent`,
        );
        this.#writes.push({ offset: action.offset, length: action.data.length });
        return this.#write();
      case "finish":
        return this.#finish(action.size, action.wantsReceipt === true);
      case "credit":
        this.#server.office.hear(this.identity, action.report, this.#server.world.clock.now());
        return this.#server.creditChanged();
      case "done":
        return this.#end(action);
      case "over":
        this.#driver.stop();
        return this.#server.forget(this);
    }
  }

  #join({ info: { size } }: PostFile): void {
    this.#server.office.join(this.identity, this.#server.userOf(this.identity));
    if (size !== undefined) this.#server.office.announce(this.identity, size);
    this.#server.office.prioritise(this.identity, this.#server.priorityOf(this.identity));
  }

  #lookUp(): void {
    const record = this.#server.records.get(this.identity) ?? null;
    this.#record = record;
    const { world } = this.#server;
    if (world.faults.strikes("write-error")) return this.feed({ type: "refused", code: 503, text: "Busy" });
    const found = record === null ? null : { ...record, ...recorded(record) };
    this.feed({ type: "found", record: found });
  }

  #restore(): void {
    const { id, post, stored } = this.#record!;
    const hashed = stored === 0;
    this.#join(post);
    this.feed({ type: "restored", post, admission: { uploadId: id, offset: stored }, hashed });
    if (!hashed) this.#later(() => this.feed({ type: "hash-ready" }));
  }

  #admit(post: PostFile): void {
    const { identity } = this;
    const id = `upload of ${identity}`;
    const record: ModelRecord = {
      id,
      identity,
      post,
      stored: 0,
      durable: 0,
      state: "open",
      errorCode: 0,
    };
    this.#server.records.set(identity, record);
    this.#record = record;
    this.#isBusy = false;
    this.feed({ type: "admitted", admission: { uploadId: id, offset: 0 }, hashed: true });
  }

  #write(): void {
    const { world } = this.#server;
    if (this.#isWriting || this.#writes[0] === undefined) return;
    this.#isWriting = true;
    this.#later(() => {
      this.#isWriting = false;
      const record = this.#record!;
      if (world.faults.strikes("write-error")) return this.#rewind(record);
      // As a storage does that holds some: it answers for several.
      const held = world.random.chance(0.2) ? this.#writes.length : 1;
      for (const write of this.#writes.splice(0, held)) {
        check(
          write.offset === record.stored,
          () => `${this.identity}: bytes from ${write.offset} are stored at ${record.stored}`,
        );
        record.stored += write.length;
      }
      world.checks.onStored(record);
      if (world.random.chance(0.1)) record.durable = record.stored;
      this.feed({ type: "stored", offset: record.stored });
      this.#write();
    }, world.writeMs());
  }

  #rewind(record: ModelRecord): void {
    const { world } = this.#server;
    world.trace(() => `${this.identity}: a write failed, back to ${record.durable}`);
    world.checks.onBytesLost(record, record.stored - record.durable);
    // Until it is cut back nothing is written.
    this.#isWriting = true;
    this.#later(() => {
      this.#isWriting = false;
      this.#writes.length = 0;
      record.stored = record.durable;
      this.feed({ type: "rewound", offset: record.durable });
    });
  }

  #finish(size: number, wantsReceipt: boolean): void {
    const record = this.#record!;
    const { world } = this.#server;
    check(!this.#isBusy, "an upload is finished once");
    check(
      record.stored === size && size === world.sizeOf(record),
      () => `${this.identity}: ${record.stored} bytes are published as ${size}`,
    );
    this.#isBusy = true;
    record.state = "publishing";
    this.#later(() => {
      this.#isBusy = false;
      if (world.faults.strikes("sync-error")) {
        record.state = "open";
        return this.feed({ type: "storage-failed", code: 503, text: "Publishing failed", keep: true });
      }
      record.durable = record.stored;
      record.state = "finished";
      this.feed({ type: "finished", ...(wantsReceipt ? { receipt: receiptOf(record) } : {}) });
    });
  }

  #end(done: Extract<LifeAction, { type: "done" }>): void {
    const { outcome, code, text } = done;
    this.#server.world.trace(() => `${this.identity}: session ends, ${outcome} ${code} ${text}`);
    // What its client sends just now has to be sent again.
    if (outcome === "suspended") this.#server.disturb(this.identity);
    this.#server.office.end(this.identity);
    this.#writes.length = this.#isWriting ? 1 : 0;
    this.#server.creditChanged();
    this.#later(() => this.#putAway(done));
  }

  #putAway(done: Extract<LifeAction, { type: "done" }>): void {
    if (this.#isWriting || this.#isBusy) return this.#later(() => this.#putAway(done));
    const record = this.#record;
    if (done.outcome === "failed" && record !== null && record.state !== "finished") {
      record.state = "failed";
      record.errorCode = done.code;
    }
    this.#stint++;
    this.#server.office.leave(this.identity);
    this.#server.creditChanged();
    this.feed({ type: "put-away" });
  }
}

function recorded(record: ModelRecord) {
  const wantsReceipt = record.post.info.receipt === true;
  return { reason: "It failed", isSame: () => true, wantsReceipt, receipt: () => receiptOf(record) };
}

/** What stands for a receipt of that upload and of no other: longer than any id, in whose place it may come where a frame is lost. */
export function receiptOf({ id }: Pick<ModelRecord, "id">): string {
  return `e30.${Buffer.from(id).toString("base64url")}.${"A".repeat(300)}`;
}
