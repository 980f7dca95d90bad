// A user of the simulation with one thing to send: runs the real `client/` in a simulated process, gives the command
// again when the process was killed or gave up, until the upload is confirmed or cannot be any more.

import { DyncError } from "../../src/base/error.ts";
import { type FileUploadParts, uploadSource } from "../../src/client/file-upload.ts";
import type { Source } from "../../src/client/source.ts";
import { type Receipt, upload } from "../../src/client/upload.ts";
import type { UnfinishedUpload } from "../../src/client/upload-store.ts";
import { decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import type { ShellWorld } from "./shell-world.ts";
import { keyOfUser, serverKeys } from "./simulated-keys.ts";
import { nothingHeld } from "./simulated-network.ts";
import { SimulatedProcess } from "./simulated-process.ts";

/** What is to be uploaded. */
export interface ShellJob {
  readonly label: string;
  /** Index of the user. */
  readonly user: number;
  readonly name: string;
  readonly content: Uint8Array;
  /** A file that can be read again; otherwise a stream. */
  readonly isFile: boolean;
  readonly startMs: number;
  readonly retryForMs: number;
  /** Another job sends something else under the same name. */
  readonly hasRival: boolean;
}

export class SimulatedClient {
  readonly job: ShellJob;
  readonly #world: ShellWorld;
  /** What the client's home folder remembers. */
  #saved: UnfinishedUpload | null = null;
  #process: SimulatedProcess | null = null;
  #abort = new AbortController();
  identity = "";
  held = nothingHeld();
  receipt: Receipt | null = null;
  /** It will not be tried again. */
  isOver = false;
  isCancelled = false;
  /** Somebody else used its identity. */
  wasImpersonated = false;
  /** Uploads under an identity of their own. */
  beginnings = 0;
  disturbances = 0;
  /** End of the chunk that it sent last. */
  position = 0;
  /** Where a report that it had not asked for took it back to last. */
  backTo: number | null = null;
  bytesSent = 0;

  constructor(job: ShellJob, world: ShellWorld) {
    this.job = job;
    this.#world = world;
  }

  start(): void {
    if (this.isOver) return;
    const world = this.#world;
    const process = new SimulatedProcess(world.clock);
    this.#process = process;
    this.#abort = new AbortController();
    this.held = nothingHeld();
    world.trace(() => `${this.job.label}: the command is given`);
    this.#run(process, this.#abort.signal)
      .then(
        (receipt) => process.run(() => this.#onReceipt(receipt)),
        (error) => process.run(() => this.#onError(error)),
      )
      .catch((error) => world.fail(error));
  }

  #run(process: SimulatedProcess, signal: AbortSignal): Promise<Receipt> {
    const { job } = this;
    const world = this.#world;
    const transport = world.network.client(process, this.held, (frames) => {
      const decoded = decodeServerMessage(frames);
      world.checks.onServerMessage(this, decoded);
    });
    const { clock } = process;
    const silent = { onProgress: () => {}, onNote: () => {}, onWarning: () => {} };
    const parts = { transport, clock, random: () => world.random.next(), ...silent };
    const connection = {
      host: "server",
      port: world.port,
      serverKey: serverKeys.publicKey,
      keys: keyOfUser(job.user),
      retryForMs: job.retryForMs,
      retryFirst: true,
    };
    const { name } = job;
    const metadataText = JSON.stringify({ label: job.label });
    const client = "simulation";
    const source = sourceOf(job, process, world);
    if (job.isFile) {
      const origin = { kind: "file", path: job.label } as const;
      const wantsReceipt = true;
      const file = { source, origin, name, metadataText, serverKeyFile: null, client, wantsReceipt };
      return uploadSource({ ...connection, ...file }, { ...parts, store: this.#memory() }, signal);
    }
    const identity = world.newIdentity();
    this.#begin(identity);
    const about = { name, metadataText, size: null, canSeek: false, client, resume: false };
    const task = { ...about, wantsReceipt: true };
    const once = { task, source, identity: Buffer.from(identity, "hex"), isResumable: false };
    return upload({ ...connection, ...once }, parts, signal);
  }

  #begin(identity: string): void {
    if (identity === this.identity) return;
    this.identity = identity;
    this.beginnings++;
    this.#world.byIdentity.set(identity, this);
  }

  #memory(): FileUploadParts["store"] {
    return {
      find: async () => this.#saved,
      save: async (state) => {
        this.#saved = state;
        this.#begin(state.identity);
      },
      remove: async () => {
        this.#saved = null;
      },
      lock: async () => ({ release: () => {} }),
      folderOf: (identity) => identity,
    };
  }

  #onReceipt(receipt: Receipt): void {
    this.#world.trace(() => `${this.job.label}: confirmed as ${receipt.uploadId}`);
    this.receipt = receipt;
    this.isOver = true;
    this.#world.checks.onReceipt(this, receipt);
  }

  #onError(error: unknown): void {
    const world = this.#world;
    if (!(error instanceof DyncError)) return world.fail(error);
    this.#process = null;
    world.trace(() => `${this.job.label}: fails, ${error.code}: ${error.message}`);
    const isTryable = world.checks.onFailure(this, error);
    if (isTryable && this.job.isFile)
      world.clock.after(world.random.between(1000, 20_000), () => this.start());
    else this.isOver = true;
  }

  /** As `kill -9`, or a flat battery. */
  crash(): void {
    const process = this.#process;
    if (process === null || !process.isAlive || this.isOver) return;
    const world = this.#world;
    world.trace(() => `${this.job.label}: crash`);
    this.disturbances++;
    process.kill();
    world.network.strike(this.identity, world.random.chance(0.7) ? "cut" : "half-open");
    if (this.job.isFile) world.clock.after(world.random.magnitude(10, 20_000), () => this.start());
    else this.isOver = true;
  }

  freeze(forMs: number): void {
    this.disturbances++;
    this.#process?.freeze(forMs);
  }

  cancel(): void {
    if (this.isOver || this.#process?.isAlive !== true || this.#process.isFrozen) return;
    this.isCancelled = true;
    this.#abort.abort();
  }
}

function sourceOf(job: ShellJob, process: SimulatedProcess, world: ShellWorld): Source {
  const { content, isFile } = job;
  return {
    size: isFile ? content.length : null,
    canSeek: isFile,
    modified: null,
    mark: {
      kind: "file",
      version: { size: content.length, modified: "1", changed: "1", fileId: job.label },
    },
    async read(offset, into) {
      await process.wait(world.readMs());
      const part = content.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    verifyUnchanged: async () => {},
    close: async () => {},
  };
}
