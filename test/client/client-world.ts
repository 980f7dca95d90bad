// A client on the memory transport with a clock of its own, for the tests of uploads.

import { DyncError } from "../../src/base/error.ts";
import {
  type Receipt,
  type UploadOptions,
  type UploadParts,
  type UploadProgress,
  upload,
} from "../../src/client/upload.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../support/memory/network.ts";
import { BytesSource, patternOf } from "./bytes-source.ts";
import { serverKeys } from "./scripted-server.ts";

export const clientKeys = generateKeyPair();
export const identity = new Uint8Array(16).fill(0x81);

export class ClientWorld {
  readonly network: MemoryNetwork;
  readonly clock = new ManualClock();
  stop = new AbortController();
  readonly progress: UploadProgress[] = [];
  readonly notes: string[] = [];
  readonly source = new BytesSource(patternOf(5000));
  /** Connections that were tried. */
  attempts = 0;

  constructor(options: MemoryNetworkOptions = {}) {
    this.network = new MemoryNetwork({
      ...options,
      onConnect: (host, port) => {
        this.attempts++;
        return options.onConnect?.(host, port) ?? null;
      },
    });
  }

  get parts() {
    return {
      transport: this.network.client(),
      clock: this.clock,
      random: () => 0.5,
      onProgress: (progress: UploadProgress) => void this.progress.push(progress),
      onNote: (text: string) => void this.notes.push(text),
    };
  }

  upload(change: Partial<UploadOptions> = {}, parts: Pick<UploadParts, "budget"> = {}): Promise<Receipt> {
    const source = change.source ?? this.source;
    const task = {
      name: "run.raw",
      metadataText: '{"sample":"A1"}',
      size: source.size,
      canSeek: source.canSeek,
      client: "test",
      resume: false,
    };
    const connection = { host: "server", port: 8889, serverKey: serverKeys.publicKey, keys: clientKeys };
    const patience = { retryForMs: 60_000, retryFirst: false, isResumable: source.canSeek };
    const options = { task, source, identity, ...connection, ...patience, ...change };
    return upload(options, { ...this.parts, ...parts }, this.stop.signal);
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Lets `durationMs` pass in steps, with all that happens in between. */
  async pass(durationMs: number, stepMs = 100): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) {
      await this.settle();
      this.clock.advance(Math.min(stepMs, durationMs - passed));
    }
    await this.settle();
  }
}

/** The `DyncError` that `promise` ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<DyncError> {
  const error = await promise.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof DyncError) return error;
  throw error;
}
