// What must hold in every run of the machine-level simulation, and the account of what excuses what.

import type { UploadResult } from "../../src/protocol/client/client-events.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";
import { noteCrossedAnswer } from "./crossed-answer.ts";
import type { MachineWorld } from "./machine-world.ts";
import type { ModelClient } from "./model-client.ts";
import type { ModelRecord } from "./model-server.ts";
import { receiptOf } from "./model-session.ts";
import { check } from "./simulation-failure.ts";

export class MachineChecks {
  readonly #world: MachineWorld;
  /** Bytes that a fault of the disk took back, by upload: they have to be sent again. */
  readonly #lost = new Map<string, number>();

  constructor(world: MachineWorld) {
    this.#world = world;
  }

  onBytesLost(record: ModelRecord, bytes: number): void {
    this.#world.clientOf(record).disturbances++;
    if (bytes > 0) this.#lost.set(record.identity, (this.#lost.get(record.identity) ?? 0) + bytes);
  }

  /** An honest client is never told that it broke the protocol. */
  onServerMessage(client: ModelClient, message: ServerMessage): void {
    if (message.type === "transfer-credit" || message.type === "status-report") checkWait(client, message);
    if (message.type === "status-report") noteCrossedAnswer(client, message);
    // One that was damaged on the way is answered so where there is no upload; the client is not to believe it.
    check(
      message.type !== "error" || message.code !== 400 || client.damagedAt !== null,
      () => `${client.job.identity} got 400: ${message.type === "error" ? message.text : ""}`,
    );
  }

  onStored(record: ModelRecord): void {
    check(
      record.stored <= this.#world.sizeOf(record),
      () => `${record.identity}: ${record.stored} bytes are stored of ${this.#world.sizeOf(record)}`,
    );
  }

  onResult(client: ModelClient, result: UploadResult): void {
    const { identity } = client.job;
    const record = this.#world.server.records.get(identity);
    if (result.type === "finished") {
      check(
        record !== undefined && result.uploadId === record.id,
        `${identity} is confirmed under its own id`,
      );
      check(record.state === "finished", `${identity} is confirmed after it was published`);
      const { receipt } = result;
      const wanted = client.job.wantsReceipt ? receiptOf(record) : undefined;
      // A damaged line may have dropped it.
      const isLost = receipt === undefined && client.damagedAt !== null;
      check(receipt === wanted || isLost, () => `${identity} is confirmed with the receipt ${receipt}`);
      return;
    }
    check(this.#isExcused(client, result), `${identity} fails: ${result.code} ${result.text}`);
  }

  #isExcused(client: ModelClient, result: Extract<UploadResult, { type: "failed" }>): boolean {
    if (result.code === "cancelled") return client.isCancelled;
    // A stream cannot give again what the disk lost.
    const { identity, isFile } = client.job;
    const isLost = (this.#lost.get(identity) ?? 0) > 0;
    // Messages are damaged faster than the upload moves: where the disk takes it back again and again, nothing is sent for the first time.
    if (result.code === "malformed") return isLost && client.damagedAt !== null;
    return result.code === "failed" && !isFile && isLost;
  }

  /** Nothing is sent twice without reason: one window for each disturbance, and what the disk lost. */
  onEnd(client: ModelClient): void {
    const { job, bytesSent, disturbances } = client;
    const { windowBytesMax } = this.#world;
    const allowed = job.size + disturbances * windowBytesMax + (this.#lost.get(job.identity) ?? 0);
    check(
      bytesSent <= allowed,
      () =>
        `${job.identity} sent ${bytesSent} bytes of a file of ${job.size}, after ${disturbances} disturbances at most ${allowed} are right`,
    );
  }
}

/** Who is told that it waits has nothing to send, as far as the server knows, and asked for it. */
function checkWait(
  { job }: ModelClient,
  message: Extract<ServerMessage, { type: "transfer-credit" | "status-report" }>,
): void {
  if (message.info?.waits === undefined) return;
  const credit = message.type === "status-report" ? message.credit : message.amount;
  check(credit === 0, () => `${job.identity} gets ${credit} chunks and is told that it waits`);
  const { ahead = 0 } = message.info;
  check(ahead < 1000, () => `${job.identity} waits behind ${ahead} uploads`);
}
