// Many uploads on a budget that admits only some of them, with one that lets its credit lie: all others finish.

import { expect, test } from "bun:test";
import type { ClientAction, ClientInput } from "../../src/protocol/client/client-events.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";
import type { ServerAction, ServerInput } from "../../src/protocol/server/server-events.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";

const chunkBytes = 4;
const size = 60;

/** One client and its upload, without any delay between them. */
class Lane {
  readonly id: string;
  readonly client: ClientUpload;
  readonly server = new ServerUpload({ chunkBytes, maxQueue: 8, server: "s" });
  readonly #office: CreditOffice;
  readonly #isIdle: boolean;
  readonly #queue: (() => void)[] = [];
  /** Where what was written ends, and is not stored. */
  #end: number | null = null;
  finished = false;

  /** `isIdle`: the source never has a byte. */
  constructor(id: string, office: CreditOffice, isIdle: boolean) {
    this.id = id;
    this.#office = office;
    this.#isIdle = isIdle;
    const task = {
      name: id,
      metadataText: JSON.stringify({ id }),
      size: null,
      canSeek: true,
      client: "c",
      resume: false,
    };
    this.client = new ClientUpload(task);
    office.join(id, `user of ${id}`);
  }

  feedClient(input: ClientInput, now: number): void {
    for (const action of this.client.step(input, now)) this.#queue.push(() => this.#onClient(action, now));
    this.#queue.push(() => this.#pump(now));
  }

  #pump(now: number): void {
    const { window } = this.client;
    if (window === null || this.#isIdle) return;
    const { offset, lengthMax, end } = window;
    const length = Math.min(lengthMax, size - offset);
    if (offset + length > end) return;
    const isLast = length === 0;
    const checksum = isLast ? new Uint8Array(32) : null;
    const message = { type: "post-chunk", seek: offset, data: new Uint8Array(length), checksum } as const;
    this.feedServer({ type: "message", message }, now);
    this.feedClient({ type: "chunk-sent", offset, length, isLast, wasHeld: false }, now);
  }

  feedServer(input: ServerInput, now: number): void {
    for (const action of this.server.step(input, now)) this.#queue.push(() => this.#onServer(action, now));
  }

  /** One action, or all writes. Returns whether there was something to do. */
  work(now: number): boolean {
    const next = this.#queue.shift();
    if (next !== undefined) next();
    else if (this.#end !== null) {
      const offset = this.#end;
      this.#end = null;
      this.feedServer({ type: "stored", offset }, now);
    } else return false;
    return true;
  }

  #onClient(action: ClientAction, now: number): void {
    if (action.type === "send") this.feedServer({ type: "message", message: action.message }, now);
    else if (action.type === "done") this.finished = action.result.type === "finished";
  }

  #onServer(action: ServerAction, now: number): void {
    if (action.type === "send") this.feedClient({ type: "message", message: action.message }, now);
    else if (action.type === "admit") {
      this.feedServer({ type: "admitted", admission: { uploadId: this.id, offset: 0 }, hashed: true }, now);
    } else if (action.type === "write") this.#end = action.offset + action.data.length;
    else if (action.type === "finish") this.feedServer({ type: "finished" }, now);
    else if (action.type === "credit") this.#office.hear(this.id, action.report, now);
    else if (action.type === "done") this.#office.leave(this.id);
  }
}

test.each([1, 3, 7, 100])("ten uploads on a budget of %d chunks, and one that is idle", (capacity) => {
  const office = new CreditOffice({ capacity });
  const idle = new Lane("idle", office, true);
  const lanes = [idle, ...Array.from({ length: 10 }, (_, index) => new Lane(`u${index}`, office, false))];
  let now = 0;
  for (const lane of lanes) lane.feedClient({ type: "link-up" }, now);
  for (let second = 0; second < 3600 && lanes.some((lane) => lane !== idle && !lane.finished); second += 1) {
    settle(lanes, office, now);
    now += 1000;
    for (const lane of lanes) {
      lane.feedClient({ type: "tick" }, now);
      lane.feedServer({ type: "tick" }, now);
    }
  }
  expect(lanes.filter((lane) => !lane.finished)).toEqual([idle]);
  expect(now).toBeLessThan(600_000);
});

function settle(lanes: readonly Lane[], office: CreditOffice, now: number): void {
  let isBusy = true;
  while (isBusy) {
    isBusy = false;
    for (const lane of lanes) if (lane.work(now)) isBusy = true;
    expect(office.held).toBeLessThanOrEqual(office.capacity);
    const { grants, reclaims } = office.distribute(now);
    const laneOf = (id: string): Lane | undefined => lanes.find((lane) => lane.id === id);
    for (const { id, amount } of grants) laneOf(id)?.feedServer({ type: "granted", amount }, now);
    for (const id of reclaims) laneOf(id)?.feedServer({ type: "reclaim" }, now);
    if (grants.length + reclaims.length > 0) isBusy = true;
  }
}
