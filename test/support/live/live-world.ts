// One run that is sent while it is written, in simulated time: the client's own code from the looks at the folder to the connection, the server with its
// storage and its catalogue on a real disk, and a line of a certain speed between them. Each side is a process that ends as by a
// signal, or is killed: the next one finds the disk as it was in that moment.

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CancelTimer, Clock } from "../../../src/base/clock.ts";
import { DyncError } from "../../../src/base/error.ts";
import { openSqliteCatalogue } from "../../../src/catalogue/sqlite.ts";
import { openDataset } from "../../../src/client/dataset/dataset-source.ts";
import { uploadSource } from "../../../src/client/file-upload.ts";
import type { LiveFeed, LiveStep } from "../../../src/client/live/feed.ts";
import { LiveSource } from "../../../src/client/live/live-source.ts";
import type { Origin } from "../../../src/client/origin.ts";
import type { Source } from "../../../src/client/source.ts";
import type { Receipt } from "../../../src/client/upload.ts";
import { UploadStore } from "../../../src/client/upload-store.ts";
import { defaultProcessSettings, defaultUserRules } from "../../../src/config/server-settings.ts";
import { decodeClientMessage } from "../../../src/protocol/wire/decode.ts";
import { Server } from "../../../src/server/server.ts";
import { FilesystemStorage } from "../../../src/storage/filesystem.ts";
import { stateFolder } from "../../../src/storage/state-folder.ts";
import type { ClientTransport, ServerTransport } from "../../../src/transport/transport.ts";
import type { Completion, EntryView } from "../../../src/watch/completion.ts";
import { completeOn } from "../../../src/watch/live/complete-on.ts";
import { LiveFolder } from "../../../src/watch/live/live-folder.ts";
import { keyOfUser, serverKeys } from "../../simulation/simulated-keys.ts";
import { SimulatedProcess } from "../../simulation/simulated-process.ts";
import { VirtualClock } from "../../simulation/virtual-clock.ts";
import { MemoryNetwork } from "../memory/network.ts";
import { silentLogger } from "../silent-logger.ts";
import { afterTurns, atRest, expectWorkers } from "./at-rest.ts";

export interface LiveWorldOptions {
  /** An empty folder, for all of both sides. */
  readonly folder: string;
  /** The run. */
  readonly run: string;
  readonly completeOn: string;
  readonly settleMs: number;
  readonly lineBytesPerSecond: number;
  readonly chunkBytes: number;
  readonly windowChunks: number;
  /** Processor time that one look at the whole run takes. */
  readonly lookCpuMs: number;
}

const port = 8889;
const latencyMs = 5;
const idleTurnsMax = 10_000;
const selection = { include: [], exclude: [], links: "skip", all: false } as const;

interface ServerLife {
  readonly process: SimulatedProcess;
  readonly transport: ServerTransport;
  readonly server: Server;
  readonly close: () => Promise<void>;
}

interface ClientLife {
  readonly process: SimulatedProcess;
  readonly transport: ClientTransport;
  readonly abort: AbortController;
  readonly looks: Looks;
  /** Resolves when it ended, however. */
  readonly ended: Promise<void>;
}

/** Tells whether a folder is being looked at: who looks at it sleeps in between, by its clock. */
class Looks {
  readonly #onWoken: () => void;
  #opened = false;
  #sleeping = 0;

  /** `onWoken` is told when who looks slept for as long as it wanted. */
  constructor(onWoken: () => void) {
    this.#onWoken = onWoken;
  }

  get isLooking(): boolean {
    return this.#opened && this.#sleeping === 0;
  }

  of(clock: Clock): Clock {
    this.#opened = true;
    const after = (delayMs: number, callback: () => void): CancelTimer => {
      this.#sleeping += 1;
      let isOver = false;
      const end = (): void => {
        if (!isOver) this.#sleeping -= 1;
        isOver = true;
      };
      const cancel = clock.after(delayMs, () => {
        end();
        this.#onWoken();
        callback();
      });
      return () => {
        end();
        cancel();
      };
    };
    return { now: () => clock.now(), date: () => clock.date(), after };
  }

  /** Nobody looks any more. */
  close(): void {
    this.#opened = false;
  }
}

export class LiveWorld {
  readonly clock = new VirtualClock();
  readonly #options: LiveWorldOptions;
  readonly #network: MemoryNetwork;
  #lives = 0;
  /** Whether either side hears of what happens just now. */
  #isHeard = true;
  /** Whether nothing was done since all came to rest. */
  #isAtRest = false;
  /** So often in a row nothing was planned. */
  #idleTurns = 0;
  #home: string;
  #data: string;
  #server: ServerLife | null = null;
  #client: ClientLife | null = null;
  /** What was handed over last, and is not on its way yet. */
  #frames: readonly Uint8Array[] = [];
  /** Whether the server was asked something that it answers at once. */
  #isOwed = false;
  /** 0: no cut is due. */
  #chunksUntilCut = 0;
  /** Whether it is the sign that a look is at just now. */
  #isAsking = false;
  /** Whether what happens just now is that somebody looks. */
  #isLook = false;
  /** How often somebody looked at all. */
  #looks = 0;
  /** Simulated, in microseconds. */
  #user = 0;
  #lineFreeAt = 0;
  #failure: unknown = null;
  /** Bytes of chunks that clients handed over to the line. */
  bytesSent = 0;
  /** Bytes of files that were given to be sent, some of them again. */
  bytesGiven = 0;
  /** What the upload of the last client came to, and when. */
  receipt: Receipt | null = null;
  receiptAt = Number.NaN;
  readonly notes: string[] = [];

  constructor(options: LiveWorldOptions) {
    this.#options = options;
    this.#network = new MemoryNetwork({
      schedule: (task, { to }) => this.#carry(task, to),
      onMessage: ({ to, frames }) => {
        this.#frames = frames;
        if (to === "client") this.#isOwed = false;
        const isChunk = to === "server" && frames.length >= 4;
        if (!isChunk || this.#chunksUntilCut === 0 || --this.#chunksUntilCut > 0) return "deliver";
        return "cut";
      },
    });
    this.#home = join(options.folder, "home");
    this.#data = join(options.folder, "data");
    for (const folder of [this.#home, this.#data]) mkdirSync(folder, { mode: 0o700 });
  }

  /** Called behind `onMessage`, and for what is no message. */
  #carry(task: () => void, to: "client" | "server"): void {
    const frames = this.#frames;
    this.#frames = [];
    if (to === "client") return void this.clock.after(latencyMs, task);
    const decoded = frames.length === 0 ? null : decodeClientMessage(frames);
    const message = decoded?.ok ? decoded.message : null;
    if (message?.type === "post-chunk") this.bytesSent += message.data.length;
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    const now = this.clock.now();
    this.#lineFreeAt = Math.max(now, this.#lineFreeAt) + (bytes / this.#options.lineBytesPerSecond) * 1000;
    this.clock.after(this.#lineFreeAt - now + latencyMs, () => {
      this.#isOwed = message?.type === "query-status" || message?.type === "post-file";
      task();
    });
  }

  /** Where the server stores what is sent under this name. */
  stored(name: string): string {
    return join(this.#data, "user-0", name);
  }

  get isClientRunning(): boolean {
    return this.#client !== null;
  }

  get isServerRunning(): boolean {
    return this.#server !== null;
  }

  async startServer(): Promise<void> {
    const process = new SimulatedProcess(this.clock);
    const { clock } = process;
    const folder = this.#data;
    const { chunkBytes, windowChunks } = this.#options;
    const settings = { ...defaultProcessSettings, chunkBytes, windowChunks, memoryBytes: 1 << 22 };
    const disk = { folder, syncEveryBytes: settings.syncEveryBytes, bootId: "boot" };
    const storage = await FilesystemStorage.open({ ...disk, clock, log: silentLogger });
    const file = join(stateFolder(folder), "catalogue.sqlite");
    const catalogue = await openSqliteCatalogue({ file, log: silentLogger, clock });
    const transport = this.#network.server();
    const life = ++this.#lives;
    let ids = 0;
    const server = new Server({
      ...{ transport, storage, catalogue, clock, keys: serverKeys, logger: silentLogger, program: "test" },
      clients: {
        userOf: () => "user-0",
        expiryOf: () => null,
        endOf: () => null,
        isLeaving: () => false,
        mayGoOn: () => true,
      },
      owner: { id: "server", leaseMs: 0 },
      options: { ...settings, port },
      rulesOf: () => ({ ...defaultUserRules, chunkBytes, windowChunks }),
      newId: () => `${life}`.padStart(16, "0") + `${++ids}`.padStart(16, "0"),
    });
    server.failed.catch((error: unknown) => process.run(() => this.#fail(error)));
    await server.start();
    const close = async (): Promise<void> => {
      catalogue.close();
      await storage.close();
    };
    this.#server = { process, transport, server, close };
    this.#isAtRest = false;
  }

  /** As SIGTERM does. */
  async stopServer(): Promise<void> {
    const { server, transport, process, close } = this.#server!;
    this.#server = null;
    await this.until(server.stop());
    await transport.close();
    await close();
    process.kill();
  }

  /** As `kill -9`. */
  async killServer(): Promise<void> {
    const { transport, process } = this.#server!;
    this.#isOwed = false;
    this.#server = null;
    process.kill();
    this.#data = this.#copy(this.#data);
    await transport.close();
    this.#isAtRest = false;
  }

  /** What a killed process still writes does not count. */
  #copy(folder: string): string {
    const copy = `${folder.replace(/ \d+$/, "")} ${++this.#lives}`;
    // With times to the nanosecond, which the runtime's own does not keep.
    execFileSync("cp", ["-a", folder, copy]);
    return copy;
  }

  startClient(): void {
    const { run, completeOn: sign, settleMs } = this.#options;
    const origin = { kind: "live", path: run, selection, follow: "" } as const;
    const asked = completeOn(sign);
    this.#startClient("run", origin, async ({ clock, looks, onNote, signal }) => {
      const openFeed = async (_: unknown, steps: Iterable<LiveStep>): Promise<LiveFeed> => {
        const rule = {
          complete: async (view: EntryView): Promise<Completion> => {
            this.#isAsking = true;
            return await asked.complete(view);
          },
        };
        const parts = {
          ...{ clock: looks.of(clock), onNote, selection, rule, settleMs, runSettleMs: settleMs },
          ...{ folder: run, openForWriting: () => new Set<string>(), onChange: () => () => {} },
        };
        const feed = await LiveFolder.open(parts, steps, signal);
        const close = async (): Promise<void> => {
          await feed.close();
          looks.close();
        };
        return {
          next: () => this.#given(feed.next()),
          more: (until) => feed.more(until),
          changed: (path) => feed.changed(path),
          stored: (count) => feed.stored(count),
          close,
        };
      };
      return new LiveSource(origin, { clock, onNote, openFeed, writeAll: async () => true }, signal);
    });
  }

  #given(step: LiveStep | undefined): LiveStep | undefined {
    if (step?.kind === "member" && step.entry.type === "file") this.bytesGiven += step.entry.size;
    return step;
  }

  #startClient(
    name: string,
    origin: Origin,
    open: (parts: {
      readonly clock: Clock;
      readonly looks: Looks;
      readonly onNote: (text: string) => void;
      readonly signal: AbortSignal;
    }) => Promise<Source>,
  ): void {
    const process = new SimulatedProcess(this.clock);
    const transport = this.#network.client();
    const abort = new AbortController();
    const looks = new Looks(() => {
      this.#isLook = true;
    });
    const { clock } = process;
    const onNote = (text: string): void => void this.notes.push(text);
    const parts = {
      ...{ transport, clock, onNote, random: () => 0.5, onProgress: () => {}, onWarning: onNote },
      store: new UploadStore(this.#home),
    };
    const send = async (): Promise<void> => {
      const source = await open({ clock, looks, onNote, signal: abort.signal });
      const request = {
        ...{ origin, source, name: `${name}.tar`, metadataText: '{"sample":"S-17"}', unpack: "tar" as const },
        ...{ host: "server", port, serverKeyFile: null, client: "test" },
        ...{ serverKey: serverKeys.publicKey, keys: keyOfUser(0) },
        ...{ retryForMs: 24 * 3600_000, retryFirst: true },
      };
      const receipt = await uploadSource(request, parts, abort.signal);
      process.run(() => {
        this.receipt = receipt;
        this.receiptAt = this.clock.now();
      });
      await source.close();
    };
    const ended = send().catch((error: unknown) => {
      if (!abort.signal.aborted) process.run(() => this.#fail(error));
    });
    this.#client = { process, transport, abort, looks, ended };
    this.#isAtRest = false;
  }

  /** As SIGTERM does. */
  async stopClient(): Promise<void> {
    const { abort, ended, transport, process } = this.#client!;
    this.#client = null;
    abort.abort(new DyncError("cancelled", "Stopped"));
    await this.until(ended);
    await transport.close();
    process.kill();
  }

  /** As `kill -9`. */
  async killClient(): Promise<void> {
    const { transport, process } = this.#client!;
    this.#client = null;
    process.kill();
    this.#home = this.#copy(this.#home);
    await transport.close();
    this.#isAtRest = false;
  }

  /** Sends the run as it is now, under another name. */
  async sendAfterwards(name: string): Promise<Receipt> {
    await this.#client?.ended;
    const origin = { kind: "dataset", path: this.#options.run, selection } as const;
    this.receipt = null;
    this.#startClient(name, origin, async ({ clock, onNote, signal }) => {
      const parts = { clock, onNote, onWarning: onNote, writeAll: async () => true };
      return await openDataset(origin, null, parts, signal);
    });
    await this.until(this.#client!.ended);
    return this.receipt!;
  }

  /** Cuts the line when chunks are on it. */
  cut(): void {
    this.#chunksUntilCut = 3;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Does `work` then; none of both sides hears of it. */
  at(timeMs: number, work: () => void): void {
    this.clock.after(timeMs - this.clock.now(), () => {
      this.#isHeard = false;
      work();
    });
  }

  /** Lets the next thing happen, with all that follows from it at once. Throws what a side failed of. */
  async step(): Promise<void> {
    await this.#rest();
    if (this.#failure !== null) throw this.#failure;
    this.#isHeard = true;
    this.#isLook = false;
    const looks = this.#looks;
    if (this.clock.step()) {
      this.#isAtRest = !this.#isHeard || (this.#isLook && (await this.#onlyAsked(looks)));
      this.#idleTurns = 0;
      return;
    }
    // A disk, or a machine that is busy, took longer than it looked.
    if (++this.#idleTurns > idleTurnsMax) throw new Error("Nothing happens any more");
    await Bun.sleep(1);
    this.#isAtRest = false;
  }

  /** Whether who looks asked for the sign alone, which takes some turns and no thread. */
  async #onlyAsked(looks: number): Promise<boolean> {
    const isOver = await afterTurns(() => this.#looks === looks && this.#client?.looks.isLooking === true);
    return isOver && this.#looks === looks && this.#client?.looks.isLooking === false;
  }

  async #rest(): Promise<void> {
    if (!this.#isAtRest) await atRest(() => this.#isOwed || this.#client?.looks.isLooking === true);
  }

  /** Lets time pass until `work` is done. */
  async until(work: Promise<unknown>): Promise<void> {
    let isDone = false;
    const settled = work.finally(() => {
      isDone = true;
    });
    this.#isAtRest = false;
    await this.#rest();
    while (!isDone) await this.step();
    await settled;
  }

  /** In place of `process.cpuUsage`, by which looks are paced: as if there were more files than there are. */
  cpuUsage = (before?: NodeJS.CpuUsage): NodeJS.CpuUsage => {
    if (before === undefined) this.#isAsking = false;
    else if (!this.#isAsking) this.#looks += 1;
    if (before !== undefined) this.#user += (this.#isAsking ? 1 : this.#options.lookCpuMs) * 1000;
    return { user: this.#user - (before?.user ?? 0), system: 0 };
  };

  async close(): Promise<void> {
    if (this.#client !== null) await this.stopClient();
    if (this.#server !== null) await this.stopServer();
    expectWorkers();
  }
}
