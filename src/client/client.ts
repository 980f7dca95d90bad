// The client of one command. It opens what all uploads share (keys, keys of servers, the transport) once, when that is first
// needed, and takes a batch of jobs, of which a reporter is told.

import type { KeyPair, PublicKey } from "../keys/key.ts";
import { loadKeyPair } from "../keys/key-files.ts";
import { type ServerChoice, serverKeyOf } from "../keys/known-servers.ts";
import type { ClientTransport } from "../transport/transport.ts";
import { cancelUpload } from "./cancel.ts";
import type { ConnectionParty } from "./failure.ts";
import { openFileSource } from "./file-source.ts";
import { type FileUploadParts, type Job, uploadSource } from "./file-upload.ts";
import type { Retry } from "./patience.ts";
import { openStandardInput } from "./standard-input-source.ts";
import type { Receipt } from "./upload.ts";
import { type UnfinishedUpload, UploadStore } from "./upload-store.ts";

/** Is told how a batch gets on. */
export interface Reporter<J extends Job> {
  /** It is the job's turn: what becomes of it is told to what this returns. */
  started(job: J): JobReport;
}

/** Is told how one job gets on, and last how it ended. What it throws then ends the batch. */
export interface JobReport extends Pick<FileUploadParts, "onProgress" | "onNote" | "onWarning"> {
  /** The server confirmed it. */
  readonly onConfirmed: (receipt: Receipt) => Promise<void>;
  /** It was not: a `DyncError` says why, and with anything else nobody can go on. */
  readonly onFailed: (error: unknown) => void;
}

export interface ClientOptions extends Pick<FileUploadParts, "clock" | "random"> {
  /** The folder of keys and state. */
  readonly home: string;
  /** Name and version of this program. */
  readonly name: string;
  readonly openTransport: () => Promise<ClientTransport>;
}

export class Client {
  /** What is unfinished. */
  readonly store: UploadStore;
  readonly #options: ClientOptions;
  readonly #serverKeys = new Map<string, Promise<PublicKey>>();
  #keys: Promise<KeyPair> | null = null;
  #transport: Promise<ClientTransport> | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.store = new UploadStore(options.home);
  }

  /** Sends everything, one after the other; resolves when the end of each was reported. Rejects with what the reporter throws. */
  async send<J extends Job>(
    jobs: Iterable<J>,
    retry: Retry,
    reporter: Reporter<J>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const job of jobs) {
      const report = reporter.started(job);
      await this.#upload(job, retry, report, signal).then(report.onConfirmed, report.onFailed);
    }
  }

  async #upload(job: Job, retry: Retry, report: JobReport, signal: AbortSignal): Promise<Receipt> {
    const { clock, random, name: client } = this.#options;
    const { party, transport } = await this.#reach(job);
    const source = await (job.path === null ? openStandardInput() : openFileSource(job.path));
    try {
      const parts = { ...report, transport, clock, random, store: this.store };
      return await uploadSource({ ...job, ...party, ...retry, source, client }, parts, signal);
    } finally {
      await source.close();
    }
  }

  /**
   * Drops an unfinished upload, on the server unless `isLocal`, and here. Resolves to what became of it: `finished` when the
   * server had stored it already, and keeps it; `being-sent` when another process has it, and nothing was done. Rejects
   * with `DyncError` when the server cannot be asked: then it is kept here as well.
   */
  async cancel(
    upload: UnfinishedUpload,
    isLocal: boolean,
    signal: AbortSignal,
  ): Promise<"dropped" | "forgotten" | "finished" | "being-sent"> {
    const lock = await this.store.lock(upload.identity);
    if (lock === null) return "being-sent";
    try {
      const outcome = isLocal ? "forgotten" : await this.#cancelThere(upload, signal);
      await this.store.remove(upload.identity);
      return outcome;
    } finally {
      lock.release();
    }
  }

  async #cancelThere(upload: UnfinishedUpload, signal: AbortSignal): Promise<"dropped" | "finished"> {
    const { party, transport } = await this.#reach(upload);
    const identity = Buffer.from(upload.identity, "hex");
    return await cancelUpload({ ...party, identity }, { transport, clock: this.#options.clock }, signal);
  }

  /** What it takes to talk to a server. Rejects with `DyncError`, such as "configuration" where a key is missing. */
  async #reach(server: ServerChoice): Promise<{
    readonly party: ConnectionParty;
    readonly transport: ClientTransport;
  }> {
    const { home, openTransport } = this.#options;
    this.#keys ??= loadKeyPair(home, "client");
    const keys = await this.#keys;
    const { host, port, serverKeyFile } = server;
    const which = JSON.stringify([host, port, serverKeyFile]);
    const known = this.#serverKeys.get(which) ?? serverKeyOf(home, server);
    this.#serverKeys.set(which, known);
    const serverKey = await known;
    this.#transport ??= openTransport();
    return { party: { host, port, serverKey, keys }, transport: await this.#transport };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that could not be opened failed those who wanted it.
    const transport = await this.#transport?.catch(() => null);
    await transport?.close();
  }
}
