// The client of one command. It opens what all uploads share (keys, keys of servers, the transport) once, when that is first
// needed, and takes a batch of jobs, some of which it sends at once; a reporter is told of each.

import { resolve } from "node:path";
import { assert } from "../base/assert.ts";
import { jsonDigest } from "../base/json-digest.ts";
import type { Place } from "../base/server-place.ts";
import type { KeyPair } from "../keys/key.ts";
import { loadKeyPair } from "../keys/key-files.ts";
import type { ServerChoice } from "../keys/known-servers.ts";
import type { Priority } from "../protocol/priority.ts";
import type { ClientTransport } from "../transport/transport.ts";
import { type Answer, Asker, CannotBeAsked, type Question, type ServerState } from "./ask.ts";
import { forEachAtOnce } from "./at-once.ts";
import { BatchStore } from "./batch/batch-store.ts";
import { ReadingThreads } from "./beside/reading-threads.ts";
import { cancelUpload } from "./cancel.ts";
import { type Checked, type CheckOptions, type CheckParts, checkJob } from "./check.ts";
import { openCommand } from "./command-source.ts";
import { type DatasetParts, openDataset } from "./dataset/dataset-source.ts";
import type { ConnectionParty } from "./failure.ts";
import { fetchRules } from "./fetch-rules.ts";
import { openFileSource } from "./file-source.ts";
import { type FileUploadParts, uploadSource } from "./file-upload.ts";
import { hasMetadata, type Proof, type ProofParts, prove } from "./free/proof.ts";
import type { SentEntry } from "./free/sent-below.ts";
import { Takings } from "./free/takings.ts";
import type { Base } from "./free/way.ts";
import { History, historyEntry } from "./history.ts";
import { newIdentity } from "./identity.ts";
import type { Job } from "./job.ts";
import { RulesShelf } from "./kept-rules.ts";
import { tarName, withGoodNames } from "./listing/tar-names.ts";
import type { OpenFeed } from "./live/feed.ts";
import { sendRun } from "./live/send-run.ts";
import { OfflineJudge } from "./offline-judge.ts";
import type { Origin, SourceMark } from "./origin.ts";
import type { Retry } from "./patience.ts";
import { ReceiptStore } from "./receipt-store.ts";
import { SendBudget } from "./send-budget.ts";
import { type PartyParts, type Server, Servers } from "./servers.ts";
import { identicalTo } from "./skip-identical.ts";
import type { Source } from "./source.ts";
import { openStandardInput } from "./standard-input-source.ts";
import { type Trial, type TrialOptions, tryUpload } from "./trial.ts";
import type { Receipt } from "./upload.ts";
import { type UnfinishedUpload, UploadStore } from "./upload-store.ts";
import { type UserStatus, userStatus } from "./user-status.ts";

/** Is told how a batch gets on. */
export interface Reporter<J extends Job> {
  /** It is the job's turn: what becomes of it is told to what this returns. */
  started(job: J): JobReport;
}

/** How a batch is sent. */
export interface BatchOptions extends Retry {
  /** So many jobs at once; one unless given. */
  readonly atOnce?: number;
  /** Whether what the server has already, under any name, is looked for before anything is sent. */
  readonly skipsIdentical?: boolean;
  /** How urgent all of it is; what is usual when absent. */
  readonly priority?: Priority | undefined;
  /** Whether a run is sent at its end where the server takes none that grows: so it is unless this is `false`, when it fails with `GrowthRefused`. */
  readonly isSentAtEnd?: boolean;
}

/** Is told how one job gets on, and last how it ended. What it throws then ends the batch, and all jobs that are under way. */
export interface JobReport extends Pick<FileUploadParts, "onProgress" | "onNote" | "onWarning"> {
  /** The server confirmed it. */
  readonly onConfirmed: (receipt: Receipt) => Promise<void>;
  /** It was not: a `DyncError` says why, and with anything else nobody can go on. */
  readonly onFailed: (error: unknown) => void;
}

/** Is told how the check of one job gets on, and last what came of it. What it throws then ends all. */
export interface CheckReport
  extends Pick<FileUploadParts, "onProgress" | "onNote" | "onWarning">,
    Pick<CheckParts, "onRead"> {
  readonly onChecked: (checked: Checked) => void;
  readonly onFailed: (error: unknown) => void;
}

export interface ClientOptions
  extends Pick<FileUploadParts, "clock" | "random">,
    Pick<DatasetParts, "writeAll">,
    Pick<PartyParts, "home" | "onWarning" | "strangers"> {
  /** Name and version of this program. */
  readonly name: string;
  readonly openTransport: () => Promise<ClientTransport>;
  /** Bytes a second that all uploads together may send now, `null` for any; without it any. */
  readonly rate?: (() => number | null) | undefined;
  /** What this one and others may send together, in the place of `rate`. */
  readonly budget?: SendBudget | undefined;
  /** Follows runs that are sent while they are written. */
  readonly openFeed?: OpenFeed;
}

/** What it takes to talk to a server. */
interface Reached {
  readonly party: ConnectionParty;
  readonly transport: ClientTransport;
}

/** Of which server something is proved, and where it lies. */
export interface ProofOptions {
  readonly server: ServerChoice;
  readonly base: Base;
  readonly isMoved?: boolean;
}

/** What the server confirmed, and what was found of its source. */
interface Confirmed {
  readonly receipt: Receipt;
  readonly mark: SourceMark | undefined;
}

const listing = { taken: 0, sent: 0, total: null, skipped: 0, waiting: "listing", pause: null } as const;

type Warned = Pick<PartyParts, "onWarning">;

const once: Retry = { retryForMs: 0, retryFirst: false };

export class Client {
  /** What is unfinished, upload by upload. */
  readonly store: UploadStore;
  /** What is unfinished of batches. */
  readonly batches: BatchStore;
  /** What was confirmed. */
  readonly history: History;
  /** What servers signed of it. */
  readonly receipts: ReceiptStore;
  /** What is being taken away here. */
  readonly takings: Takings;
  readonly #options: ClientOptions;
  readonly #shelf: RulesShelf;
  readonly #budget: SendBudget | undefined;
  readonly #servers = new Servers();
  readonly #askers = new Map<Server, Asker>();
  #keys: Promise<KeyPair> | null = null;
  #transport: Promise<ClientTransport> | null = null;
  readonly #threads = new ReadingThreads();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.store = new UploadStore(options.home);
    this.batches = new BatchStore(options.home);
    this.history = new History(options.home);
    this.receipts = new ReceiptStore(options.home, options.clock);
    this.takings = new Takings(options.home);
    this.#shelf = new RulesShelf(options.home, options.clock);
    const { clock, rate, budget } = options;
    this.#budget = budget ?? (rate === undefined ? undefined : new SendBudget({ clock, rate }));
  }

  /**
   * Sends everything, `atOnce` jobs at a time, in their order; a job is asked for when its turn has come. Resolves when the
   * end of each was reported. Rejects, when nothing is under way any more, with what the reporter or the jobs threw (these
   * end no other job), or with the signal's reason where jobs were left over. Jobs that take long to come watch it themselves.
   */
  async send<J extends Job>(
    jobs: Iterable<J> | AsyncIterable<J>,
    options: BatchOptions,
    reporter: Reporter<J>,
    signal: AbortSignal,
  ): Promise<void> {
    const work = async (job: J, either: AbortSignal): Promise<void> => {
      const report = reporter.started(job);
      const confirmed = async ({ receipt: { signed, ...receipt }, mark }: Confirmed): Promise<void> => {
        this.history.note(historyEntry(job, receipt, this.#options.clock.date(), mark));
        if (signed !== undefined) await this.#keepReceipt(job, receipt, signed, report);
        await report.onConfirmed(receipt);
        // Nothing depends on it but that somebody may look for it one day.
        const { fault } = this.history;
        if (fault !== null) report.onNote(`"dync history" will not show all of this: ${fault}`);
      };
      await this.#upload(job, options, report, either).then(confirmed, report.onFailed);
    };
    try {
      await forEachAtOnce(jobs, options.atOnce ?? 1, work, signal);
    } finally {
      await this.receipts.settle();
    }
  }

  /** Whatever becomes of it, what was confirmed is stored: it is no reason to end anything. */
  async #keepReceipt(
    job: Job,
    { uploadId: upload, bytes: size, sha256, already }: Receipt,
    jws: string,
    { onNote }: Pick<JobReport, "onNote">,
  ): Promise<void> {
    const { host, port } = job;
    const server = (await this.#servers.of(job).keyFrom(this.#options.home)).fingerprint;
    // What was there may have come by another tar, and have a later version's metadata.
    const metadata = jsonDigest(job.metadataText) ?? "";
    const expected = already ? { upload } : { upload, size, sha256, metadata };
    await this.receipts.keep({ jws, server, host, port, expected }, (fault) => {
      if (fault !== null) onNote(fault);
    });
  }

  async #upload(job: Job, options: BatchOptions, report: JobReport, signal: AbortSignal): Promise<Confirmed> {
    if (job.fault !== undefined) throw job.fault;
    const { origin } = job;
    const send = (now: Origin) => this.#uploadNow({ ...job, origin: now }, options, report, signal);
    if (origin.kind !== "live") return await send(origin);
    const { isSentAtEnd = true } = options;
    return await sendRun(origin, { ...report, openFeed: this.#openFeed, send, isSentAtEnd }, signal);
  }

  async #uploadNow(
    job: Job,
    options: BatchOptions,
    report: JobReport,
    signal: AbortSignal,
  ): Promise<Confirmed> {
    const { retryForMs, retryFirst, skipsIdentical = false, priority } = options;
    const server = this.#servers.of(job);
    const { clock, random, name: client } = this.#options;
    return await server.try({ retryForMs, retryFirst }, report.onProgress, async (patience, onProgress) => {
      const { party, transport } = await this.#reach(job, report);
      const source = await this.#open(job, report, signal);
      try {
        const isAsked = skipsIdentical && source.canSeek && source.growth === undefined;
        const there = isAsked ? await this.#identical(job, source, { report, patience }, signal) : null;
        if (there !== null) return { receipt: there, mark: source.mark };
        const kept = { store: this.store, budget: this.#budget, threads: await this.#threads.for(source) };
        const parts = { ...report, onProgress, transport, clock, random, ...kept };
        const request = { ...job, ...party, ...patience, source, client, wantsReceipt: true, priority };
        return { receipt: await uploadSource(request, parts, signal), mark: source.mark };
      } finally {
        await source.close();
      }
    });
  }

  /** The receipt of what is there already. */
  async #identical(
    job: Job,
    source: Source,
    { report, patience }: { readonly report: JobReport; readonly patience: Retry },
    signal: AbortSignal,
  ): Promise<Receipt | null> {
    const nothing = { taken: 0, sent: 0, skipped: 0, total: source.size, pause: null };
    report.onProgress({ ...nothing, waiting: "comparison" });
    try {
      return await identicalTo(job, source, await this.#askerOf(job, patience, report), signal);
    } catch (error) {
      if (!(error instanceof CannotBeAsked)) throw error;
      report.onWarning(error.message, "all of it is sent, and what has its own name there is compared");
      return null;
    }
  }

  async #open(
    job: Job,
    report: Pick<JobReport, "onProgress" | "onNote" | "onWarning">,
    signal: AbortSignal,
  ): Promise<Source> {
    const { origin } = job;
    const { clock, writeAll } = this.#options;
    const parts = { ...report, clock, writeAll };
    switch (origin.kind) {
      case "input":
        return await this.#tar(job, await openStandardInput(), report, signal);
      case "command":
        return await openCommand(origin.argv, parts);
      case "file":
        return await this.#tar(job, await openFileSource(origin.path), report, signal);
      case "dataset": {
        report.onProgress(listing);
        const target = { ...job, origin: { kind: origin.kind, path: resolve(origin.path) } };
        // What is wrong there is said when something is to be written.
        const begun = (await this.store.find(target).catch(() => null))?.origin;
        const known = begun?.kind === "dataset" ? begun.listing : null;
        return await openDataset(origin, known, parts, signal);
      }
      case "live": {
        // Its checksum is by code that nothing else needs.
        const { LiveSource } = await import("./live/live-source.ts");
        return new LiveSource(origin, { ...parts, openFeed: this.#openFeed }, signal);
      }
    }
  }

  /** What is to be unpacked is looked through first. */
  async #tar(
    { origin, unpack }: Job,
    source: Source,
    report: Pick<JobReport, "onProgress">,
    signal: AbortSignal,
  ): Promise<Source> {
    if (unpack === undefined) return source;
    report.onProgress(listing);
    return await withGoodNames(source, tarName(origin), signal);
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
      if (upload.batch !== undefined) this.batches.settle(upload.batch.id, upload.batch.number);
      return outcome;
    } finally {
      lock.release();
    }
  }

  /**
   * Drops what is left of a batch, and of `uploads` those that are its. As `cancel`; where one of these cannot be dropped, the
   * batch stays.
   */
  async cancelBatch(
    id: string,
    uploads: readonly UnfinishedUpload[],
    isLocal: boolean,
    signal: AbortSignal,
  ): Promise<"dropped" | "forgotten" | "being-sent"> {
    const hold = this.batches.hold(id);
    if (hold === null) return "being-sent";
    try {
      for (const upload of uploads.filter(({ batch }) => batch?.id === id))
        if ((await this.cancel(upload, isLocal, signal)) === "being-sent") return "being-sent";
      hold.remove();
      return isLocal ? "forgotten" : "dropped";
    } finally {
      hold.release();
    }
  }

  async #cancelThere(upload: UnfinishedUpload, signal: AbortSignal): Promise<"dropped" | "finished"> {
    const { party, transport } = await this.#reach(upload);
    const identity = Buffer.from(upload.identity, "hex");
    return await cancelUpload({ ...party, identity }, { transport, clock: this.#options.clock }, signal);
  }

  /**
   * Finds out of all `jobs`, `atOnce` at a time, what the server has of them, or what `offline` says of them; as `send`. What ends the
   * whole check is thrown by the reporter.
   */
  async check(
    jobs: Iterable<Job>,
    options: BatchOptions & CheckOptions & { readonly offline?: OfflineJudge | undefined },
    started: (job: Job) => CheckReport,
    signal: AbortSignal,
  ): Promise<void> {
    const work = async (job: Job, either: AbortSignal): Promise<void> => {
      const report = started(job);
      const check = async (): Promise<Checked> => {
        if (job.fault !== undefined) throw job.fault;
        const open = () => this.#open(job, report, either);
        if (options.offline !== undefined) return await options.offline.check(job, open);
        const asker = await this.#askerOf(job, options, report);
        return await checkJob(job, options, { ...report, asker, open }, either);
      };
      await check().then(report.onChecked, report.onFailed);
    };
    await forEachAtOnce(jobs, options.atOnce ?? 1, work, signal);
  }

  /**
   * Proves that `entry`, which was sent to `server`, may be deleted from below `base`, or be moved where it `isMoved`; as `prove`. `onRead` is told how much of it was read
   * here.
   */
  async prove(
    entry: SentEntry,
    { server, base, isMoved = false, ...retry }: Retry & ProofOptions,
    onRead: ProofParts["onRead"],
    signal: AbortSignal,
  ): Promise<Proof> {
    const { clock, writeAll } = this.#options;
    const asker = await this.#askerOf(server, retry);
    const { takings } = this;
    return await prove(entry, { asker, base, takings, isMoved, onRead, clock, writeAll }, signal);
  }

  /** Whether `server` has this metadata, as JSON, with `entry`, which was sent there. Rejects with `DyncError`. */
  async hasMetadata(
    entry: SentEntry,
    metadataText: string,
    { server, ...retry }: Retry & Pick<ProofOptions, "server">,
    signal: AbortSignal,
  ): Promise<boolean> {
    return await hasMetadata(entry, metadataText, await this.#askerOf(server, retry), signal);
  }

  /** Who judges by the copy of the rules of `server`. Rejects with `DyncError`, "cannot-know" where there is none. */
  async offlineJudge(server: ServerChoice): Promise<OfflineJudge> {
    const { publicKey } = await this.#ownKeys();
    return await OfflineJudge.open(await this.#shelf.expect(server, publicKey), this.#options.clock);
  }

  /**
   * Keeps a copy of the rules of `server`, which was asked before, where it has others by now: for `offlineJudge`. Rejects with
   * `DyncError`.
   */
  async keepRules(server: ServerChoice, retry: Retry, signal: AbortSignal): Promise<void> {
    const asker = await this.#askerOf(server, retry);
    const { publicKey } = await this.#ownKeys();
    // It does not say, or was not asked.
    if (asker.rulesDigest === null) return;
    const kept = await this.#shelf.find(server, publicKey);
    const isKept = kept?.digest === asker.rulesDigest;
    const rules = isKept ? kept : await fetchRules(asker, this.#options.clock, signal);
    await this.#shelf.keep(server, publicKey, rules);
  }

  /** How `server` is. Once, without patience; rejects with `DyncError`, such as `CannotBeAsked`. */
  async serverState(server: ServerChoice, signal: AbortSignal): Promise<ServerState> {
    return await (await this.#askerOf(server, once)).state(signal);
  }

  /** As `serverState`, at one address of the server, over a connection of its own. */
  async serverStateAt(server: ServerChoice, at: Place, signal: AbortSignal): Promise<ServerState> {
    const { party, transport } = await this.#reach(server);
    const asker = this.#newAsker({ ...party, ...at, alsoAt: undefined, memory: undefined }, transport, once);
    return await asker.state(signal).finally(() => asker.close());
  }

  /** How the uploads of this user are on `server`, with the `last` of what is stored, and refused, there. As `serverState`. */
  async userStatus(server: ServerChoice, last: number, signal: AbortSignal): Promise<UserStatus> {
    return await userStatus(await this.#askerOf(server, once), last, signal);
  }

  /** Tells `server` how a watched folder does, as `Asker.report`. */
  async report(server: ServerChoice, ...report: Parameters<Asker["report"]>): Promise<void> {
    await (await this.#askerOf(server, once)).report(...report);
  }

  /** What would become of an upload to `server`. As `serverState`. */
  async ask(server: ServerChoice, question: Question, signal: AbortSignal): Promise<Answer> {
    return await (await this.#askerOf(server, once)).ask(question, signal);
  }

  /** Begins a small upload to `server`, and drops it as soon as some of it was taken. Rejects with `DyncError`, as `send`. */
  async tryUpload(
    server: ServerChoice,
    what: Pick<TrialOptions, "name" | "metadataText">,
    signal: AbortSignal,
  ): Promise<Trial> {
    const { clock, random, name: client } = this.#options;
    const { party, transport } = await this.#reach(server);
    return await tryUpload({ ...what, party, client }, { transport, clock, random }, signal);
  }

  get #openFeed(): OpenFeed {
    const { openFeed } = this.#options;
    assert(openFeed !== undefined, "who sends runs that grow follows them");
    return openFeed;
  }

  async #ownKeys(): Promise<KeyPair> {
    this.#keys ??= loadKeyPair(this.#options.home, "client");
    return await this.#keys;
  }

  /** For questions to a server. Rejects with `DyncError`, such as "configuration" where a key is missing. */
  async #askerOf(choice: ServerChoice, { retryForMs, retryFirst }: Retry, warned?: Warned): Promise<Asker> {
    const { party, transport } = await this.#reach(choice, warned);
    const server = this.#servers.of(choice);
    const known = this.#askers.get(server);
    if (known !== undefined) return known;
    const asker = this.#newAsker(party, transport, { retryForMs, retryFirst });
    this.#askers.set(server, asker);
    return asker;
  }

  #newAsker(party: ConnectionParty, transport: ClientTransport, retry: Retry): Asker {
    const { clock, random, name: client } = this.#options;
    return new Asker({ ...retry, party, client }, { transport, clock, random, newIdentity });
  }

  /** What it takes to talk to a server. Rejects with `DyncError`, such as "configuration" where a key is missing. */
  async #reach(server: ServerChoice, { onWarning }: Warned = this.#options): Promise<Reached> {
    const keys = await this.#ownKeys();
    const party = await this.#servers.of(server).partyOf(server, { ...this.#options, keys, onWarning });
    this.#transport ??= this.#options.openTransport();
    return { party, transport: await this.#transport };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const asker of this.#askers.values()) asker.close();
    for (const notes of [this.history, this.receipts]) await notes.settle();
    this.#threads.close();
    // One that could not be opened failed those who wanted it.
    await (await this.#transport?.catch(() => null))?.close();
  }
}
