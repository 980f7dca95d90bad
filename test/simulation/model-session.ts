// One upload with a session in the machine-level simulation: a real `ServerUpload` and a model of its storage, in
// which writes, syncs and publishing take time and may fail.

import { MachineDriver } from "../../src/base/machine-driver.ts";
import type { ClientMessage, PostFile } from "../../src/protocol/message.ts";
import type { ServerAction, ServerInput } from "../../src/protocol/server-events.ts";
import { ServerUpload } from "../../src/protocol/server-upload.ts";
import type { Heard } from "./model-connection.ts";
import type { ModelRecord, ModelServer } from "./model-server.ts";
import { check } from "./simulation-failure.ts";

export class ModelSession {
  readonly identity: string;
  readonly #server: ModelServer;
  readonly #driver: MachineDriver<ServerInput, ServerAction>;
  #record: ModelRecord | null;
  readonly #writes: { readonly offset: number; readonly length: number }[] = [];
  #isWriting = false;
  #isFinishing = false;
  #isUnreachable = false;

  constructor(identity: string, record: ModelRecord | null, server: ModelServer) {
    this.identity = identity;
    this.#record = record;
    this.#server = server;
    const { chunkBytes, maxQueue, idleMs } = server.options;
    this.#driver = new MachineDriver({
      machine: new ServerUpload({ chunkBytes, maxQueue, idleMs, server: "simulation" }),
      clock: server.world.clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
    server.office.join(identity, server.userOf(identity));
  }

  get unwrittenChunks(): number {
    return this.#writes.length;
  }

  get unwrittenBytes(): number {
    return this.#writes.reduce((sum, { length }) => sum + length, 0);
  }

  restore(): void {
    const record = this.#record;
    if (record === null) return;
    const hashed = record.written === 0;
    const admission = { uploadId: record.id, offset: record.written };
    this.feed({ type: "restored", post: record.post, admission, hashed });
    if (!hashed) this.#later(() => this.feed({ type: "hash-ready" }));
  }

  receive(heard: Heard<ClientMessage>): void {
    if (heard.type === "malformed") return this.feed(heard);
    this.#isUnreachable = false;
    this.feed({ type: "message", message: heard });
  }

  feed(input: ServerInput): void {
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

  #later(callback: () => void): void {
    this.#server.later(this.#server.world.diskMs(), () => {
      if (!this.#driver.isStopped) callback();
    });
  }

  #perform(action: ServerAction): void {
    switch (action.type) {
      case "send": {
        const result = this.#server.send(this.identity, action.message);
        if (result !== "unreachable" || this.#isUnreachable) return;
        this.#isUnreachable = true;
        return this.feed({ type: "unreachable" });
      }
      case "admit":
        return this.#later(() => this.#admit(action.post));
      case "write":
        check(!this.#isFinishing, "nothing is written after the end");
        check(action.data[0] === 0, () => `${this.identity}: other bytes are written than were sent`);
        this.#writes.push({ offset: action.offset, length: action.data.length });
        return this.#write();
      case "finish":
        return this.#finish(action.size);
      case "credit":
        this.#server.office.hear(this.identity, action.report, this.#server.world.clock.now());
        return this.#server.creditChanged();
      case "done":
        return this.#end(action);
    }
  }

  #admit(post: PostFile): void {
    const { identity } = this;
    const id = `upload of ${identity}`;
    const record: ModelRecord = {
      id,
      identity,
      post,
      written: 0,
      durable: 0,
      state: "open",
      errorCode: 0,
    };
    this.#server.records.set(identity, record);
    this.#record = record;
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
      const write = this.#writes.shift()!;
      check(
        write.offset === record.written,
        () => `${this.identity}: bytes from ${write.offset} are written at ${record.written}`,
      );
      record.written += write.length;
      world.checks.onStored(record);
      if (world.random.chance(0.1)) record.durable = record.written;
      this.feed({ type: "written" });
      this.#write();
    });
  }

  #rewind(record: ModelRecord): void {
    const { world } = this.#server;
    world.trace(() => `${this.identity}: a write failed, back to ${record.durable}`);
    world.checks.onBytesLost(record, record.written - record.durable);
    // Until it is cut back nothing is written.
    this.#isWriting = true;
    this.#later(() => {
      this.#isWriting = false;
      this.#writes.length = 0;
      record.written = record.durable;
      this.feed({ type: "rewound", offset: record.durable });
    });
  }

  #finish(size: number): void {
    const record = this.#record!;
    const { world } = this.#server;
    check(!this.#isFinishing, "an upload is finished once");
    check(
      record.written === size && size === world.sizeOf(record),
      () => `${this.identity}: ${record.written} bytes are published as ${size}`,
    );
    this.#isFinishing = true;
    record.state = "publishing";
    this.#later(() => {
      if (world.faults.strikes("sync-error")) {
        record.state = "open";
        return this.feed({ type: "storage-failed", code: 503, text: "Publishing failed", keep: true });
      }
      record.durable = record.written;
      record.state = "finished";
      this.feed({ type: "finished" });
    });
  }

  #end({ outcome, code, text }: Extract<ServerAction, { type: "done" }>): void {
    this.#server.world.trace(() => `${this.identity}: session ends, ${outcome} ${code} ${text}`);
    this.#driver.stop();
    // What its client sends just now has to be sent again.
    if (outcome === "suspended") this.#server.disturb(this.identity);
    this.#server.office.leave(this.identity);
    this.#server.sessions.delete(this.identity);
    if (outcome === "failed" && this.#record !== null) {
      this.#record.state = "failed";
      this.#record.errorCode = code;
    }
    this.#writes.length = 0;
    this.#server.creditChanged();
  }
}
