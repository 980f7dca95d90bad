// What must hold in every run of the shell-level simulation, and which faults excuse which failures.

import { createHash } from "node:crypto";
import type { DyncError, ErrorCode } from "../../src/base/error.ts";
import type { Receipt } from "../../src/client/upload.ts";
import type { Decoded } from "../../src/protocol/wire/decode.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";
import { factsOf } from "../../src/receipts/statement.ts";
import { budgetOf } from "../../src/server/budget.ts";
import { parseSidecar } from "../../src/upload/sidecar.ts";
import type { PublishedFile } from "../support/memory/storage.ts";
import { noteCrossedAnswer } from "./crossed-answer.ts";
import type { FaultKind } from "./fault-plan.ts";
import type { ShellWorld } from "./shell-world.ts";
import type { SimulatedClient } from "./simulated-client.ts";
import { receipts } from "./simulated-keys.ts";
import { check } from "./simulation-failure.ts";

/** Faults without which an upload never ends this way; those that end so can be tried again. */
const excuses: { readonly [code in ErrorCode]?: readonly FaultKind[] } = {
  internal: ["write-error", "short-write", "sync-error", "read-error", "crash-at-step"],
  "no-space": ["disk-full"],
  forbidden: ["key-removed"],
  "key-refused": ["key-removed"],
};

export class ShellChecks {
  readonly #world: ShellWorld;
  readonly #confirmed = new Map<string, SimulatedClient>();
  readonly #seen = new Set<string>();

  constructor(world: ShellWorld) {
    this.#world = world;
  }

  /** An honest client is never told that it broke the protocol. */
  onServerMessage(client: SimulatedClient, decoded: Decoded<ServerMessage>): void {
    const wasDamaged = this.#world.network.wasDamaged(client.identity);
    check(decoded.ok || wasDamaged, () => `${client.job.label} got a malformed message`);
    if (!decoded.ok) return;
    const { message } = decoded;
    if (message.type === "status-report") {
      noteCrossedAnswer(client, message);
      // Its credit was taken back, or it gave up its place: what it has under way may not be taken.
      if (message.credit === 0 && message.tag === undefined) client.disturbances++;
    }
    check(
      message.type !== "error" || message.code !== 400 || wasDamaged,
      () => `${client.job.label} got 400: ${textOf(message)}`,
    );
  }

  onReceipt(client: SimulatedClient, receipt: Receipt): void {
    const { label, content } = client.job;
    const file = this.#world.disk.storage.published().find(({ id }) => id === receipt.uploadId);
    check(file !== undefined, () => `${label} is confirmed, but not there`);
    check(receipt.sha256 === sha256Of(content), () => `${label} is confirmed with another checksum`);
    check(receipt.bytes === content.length, () => `${label} is confirmed with ${receipt.bytes} bytes`);
    this.#checkSigned(client, receipt, file);
    this.#confirmed.set(receipt.uploadId, client);
    this.#compare(file);
  }

  /** What the server signed is about what lies there, however often it crashed since; only a damaged line may have dropped it. */
  #checkSigned(client: SimulatedClient, { signed, already }: Receipt, file: PublishedFile): void {
    const { label } = client.job;
    const there = parseSidecar(file.metadataText);
    const facts = there === null ? null : factsOf(there);
    const wanted = facts === null ? null : receipts.receiptFor(facts);
    const isLost = signed === undefined && (already || this.#world.network.wasDamaged(client.identity));
    check(signed === wanted || isLost, () => `${label} is confirmed with the receipt ${signed}`);
  }

  /** Returns whether giving the command again makes sense. */
  onFailure(client: SimulatedClient, error: DyncError): boolean {
    const { job } = client;
    const { faults } = this.#world;
    const isExcused = excuses[error.code]?.some((kind) => faults.includes(kind)) === true;
    if (isExcused || error.code === "timed-out" || error.code === "unreachable" || error.code === "not-ready")
      return true;
    // Its patience ended before its turn came.
    const { uploadsMax, uploadsPerUser } = this.#world.options;
    if (error.code === "too-many-uploads" && Math.min(uploadsMax, uploadsPerUser) < 10) return true;
    // The answer to somebody else.
    if (error.code === "unknown-upload" && client.wasImpersonated) return true;
    if (error.code === "cancelled") {
      check(client.isCancelled, () => `${job.label} ends as cancelled, and nobody did that`);
      return false;
    }
    if (error.code === "name-taken") {
      // What was told to have failed may have been published after all; the second try finds it.
      const isOwn = client.beginnings > 1;
      check(job.hasRival || isOwn, () => `${job.label}: its name is taken, and nobody else uses it`);
      return false;
    }
    const isStreamLost = error.code === "failed" && !job.isFile && this.#world.lost.has(client);
    check(isStreamLost, () => `${job.label} fails: ${error.code}: ${error.message}`);
    return false;
  }

  /** After every event. */
  onStep(): void {
    const { disk, server, options } = this.#world;
    if (disk.isTouched) {
      disk.isTouched = false;
      this.#comparePublished(disk.storage.published());
    }
    const { bytes } = server.held;
    check(
      bytes <= budgetOf({ options }),
      () => `${bytes} bytes of chunks are held, ${options.memoryBytes} are allowed`,
    );
  }

  #comparePublished(published: readonly PublishedFile[]): void {
    for (const file of published) {
      if (this.#seen.has(file.id)) continue;
      this.#seen.add(file.id);
      this.#compare(file);
    }
    const ids = new Set(published.map(({ id }) => id));
    for (const [id, client] of this.#confirmed) {
      check(ids.has(id), () => `${client.job.label} was confirmed as ${id}, and is gone`);
    }
  }

  /** After every crash, and at the end: everything under a final name is what it should be. */
  compareAll(): void {
    const published = this.#world.disk.storage.published();
    const places = new Set<string>();
    for (const file of published) {
      const place = `${file.folder}/${file.name.toLowerCase()}`;
      check(!places.has(place), () => `${place} is there twice`);
      places.add(place);
      this.#compare(file);
    }
  }

  /** A file under its final name is exactly what somebody sent, as long as its upload can still be told apart. */
  #compare(file: PublishedFile): void {
    const record = this.#world.disk.catalogue.peek(file.id);
    const client = record === null ? undefined : this.#world.byIdentity.get(record.identity);
    check(client !== undefined, () => `${file.folder}/${file.name} is of an upload that nobody made`);
    const { label, name, user, content } = client.job;
    const place = `${file.folder}/${file.name}`;
    check(file.name === name && file.folder === `user-${user}`, () => `${label} lies at ${place}`);
    check(file.sha256 === sha256Of(content), () => `${place} has another checksum than ${label}`);
    check(Buffer.compare(file.bytes, content) === 0, () => `${place} is not what ${label} sent`);
  }

  /** When all is over and the server stopped. */
  onEnd(clients: readonly SimulatedClient[]): void {
    this.compareAll();
    const { held } = this.#world.server;
    check(held.messages === 0, () => `the server still holds ${held.messages} messages`);
    for (const client of clients) {
      const { label } = client.job;
      if (client.receipt !== null || client.isCancelled) {
        check(client.held.messages === 0, () => `${label} still holds ${client.held.messages} messages`);
        check(client.held.blocks === 0, () => `${label} still holds ${client.held.blocks} blocks`);
      }
      this.#checkSent(client);
    }
  }

  // Nothing is sent twice without reason: one window for each disturbance. A disk that loses bytes is a reason too.
  #checkSent(client: SimulatedClient): void {
    const { job, bytesSent, disturbances, beginnings } = client;
    if (this.#world.lost.has(client)) return;
    const allowed = job.content.length * beginnings + disturbances * this.#world.windowBytes;
    check(
      bytesSent <= allowed,
      () =>
        `${job.label} sent ${bytesSent} bytes of ${job.content.length}; after ${disturbances} disturbances and ${beginnings} beginnings at most ${allowed} are right`,
    );
  }
}

const checksums = new WeakMap<Uint8Array, string>();

function sha256Of(content: Uint8Array): string {
  let checksum = checksums.get(content);
  if (checksum === undefined) {
    checksum = createHash("sha256").update(content).digest("hex");
    checksums.set(content, checksum);
  }
  return checksum;
}

function textOf(message: ServerMessage): string {
  return message.type === "error" ? message.text : message.type;
}
