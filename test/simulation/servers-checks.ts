// What must hold in every run of several servers: what is confirmed is in the store as it was sent, a published object is made once, and a name
// that several want is one upload's.

import type { DyncError } from "../../src/base/error.ts";
import type { Receipt } from "../../src/client/upload.ts";
import { checksumSuffix, metadataSuffix } from "../../src/upload/names.ts";
import { parseSidecar } from "../../src/upload/sidecar.ts";
import { type ModelStore, md5Of, type StoredObject } from "./model-store.ts";
import { type Job, keyOf, sharedFolder } from "./servers-jobs.ts";
import { check, SimulationFailure } from "./simulation-failure.ts";

/** What is said to whose upload was gone when another one of the same key began: the newest one has the name. */
const replaced = /^Replaced by a newer upload of the same name$/;
/** What is said of a name that is somebody else's, or becomes so: by `upload/names.ts`, `server/claim.ts` and the client. */
const refusals = [
  replaced,
  /^There is a file "wanted(\.meta\.json|\.sha256)?" on the server already/,
  /^Another user began an upload that gets the place of "wanted", which is not finished$/,
];

/** An object at a final name, as it was made. */
interface Making {
  /** Id of the upload that it is of. */
  readonly by: string | undefined;
  readonly md5: string;
}

export class ServersChecks {
  readonly #store: () => ModelStore;
  readonly #makings = new Map<string, Making[]>();
  /** Datasets that are published, by the key below which their members lie: id of each. */
  readonly #datasets = new Map<string, string>();
  readonly #receipts = new Map<Job, Receipt>();
  readonly #refused = new Map<Job, string>();

  constructor(store: () => ModelStore) {
    this.#store = store;
  }

  /** How many uploads have ended. */
  get ended(): number {
    return this.#receipts.size + this.#refused.size;
  }

  get confirmed(): number {
    return this.#receipts.size;
  }

  /**
   * An object is made. No file is ever replaced, so what is published is made once; a store that heeds no conditions may be asked again by who was
   * frozen meanwhile, for the same upload and with the same bytes.
   */
  onMade(key: string, { bytes, facts }: StoredObject): void {
    if (key.startsWith(".dync/")) return;
    if (key.endsWith(metadataSuffix)) return this.#onDescribed(key, bytes);
    if (key.endsWith(checksumSuffix)) return;
    const making = { by: facts.about["dync-upload"], md5: md5Of(bytes) };
    const dataset = this.#datasetOf(key);
    const before = this.#makings.get(key);
    check(making.by !== undefined, () => `${key} does not say which upload it is of`);
    // Members that are not published yet may be stored anew, by the same upload.
    if (isMember(key) && dataset === undefined) return void this.#makings.set(key, [making]);
    this.#makings.set(key, [...(before ?? []), making]);
    const [first] = before ?? [];
    if (first === undefined)
      return check(dataset === undefined, () => `${key} appears in a dataset that is published`);
    check(making.by === first.by, () => `${key} is published by ${first.by}, and again by ${making.by}`);
    check(making.md5 === first.md5, () => `${key} is published, and then with another content`);
    const isHeeded = this.#store().options.heedsConditions && !isMember(key);
    check(!isHeeded, () => `${key} is published twice by ${making.by}`);
  }

  /** What describes a dataset is its last object. */
  #onDescribed(key: string, bytes: Uint8Array): void {
    const upload = parseSidecar(Buffer.from(bytes).toString("utf8"));
    if (upload === null || upload.contents === null) return;
    const root = `${key.slice(0, -metadataSuffix.length)}/`;
    const before = this.#datasets.get(root);
    const { id } = upload;
    check(
      before === undefined || before === id,
      () => `${root} is published by ${before}, and again by ${id}`,
    );
    this.#datasets.set(root, id);
  }

  onRemoved(key: string): void {
    const isPublished = this.#makings.has(key) && (!isMember(key) || this.#datasetOf(key) !== undefined);
    check(!isPublished, () => `${key} is published, and then removed`);
    this.#makings.delete(key);
  }

  #datasetOf(key: string): string | undefined {
    return this.#datasets.get(key.split("/").slice(0, 2).join("/").concat("/"));
  }

  onReceipt(job: Job, receipt: Receipt): void {
    this.#receipts.set(job, receipt);
    this.#expectThere(job);
  }

  /** Throws where nobody else wants its name. */
  onFailure(job: Job, error: unknown): void {
    const { code, message } = error as DyncError;
    if (!job.hasRivals || code !== "name-taken") throw error;
    const isSaid = refusals.some((refusal) => refusal.test(message));
    check(isSaid, () => `the words of a name that is taken are others: ${message}`);
    this.#refused.set(job, message);
  }

  /** When all uploads have ended: nothing else is there than what was confirmed. */
  onEnd(): void {
    const wanted = new Set<string>();
    for (const job of this.#receipts.keys()) {
      this.#expectThere(job);
      for (const [key] of objectsOf(job)) wanted.add(key);
      for (const suffix of [metadataSuffix, checksumSuffix]) wanted.add(keyOf(job) + suffix);
    }
    const there = this.#store()
      .keys("")
      .filter((key) => !key.startsWith(".dync/"));
    for (const key of there) check(wanted.has(key), () => `${key} is there, and nobody heard that it is`);
    check(there.length === wanted.size, () => `${there.length} objects are there of ${wanted.size}`);
    this.#expectOneWinner();
  }

  #expectThere(job: Job): void {
    const name = keyOf(job);
    const upload = this.#receipts.get(job)?.uploadId;
    for (const [key, bytes] of objectsOf(job)) {
      const there = this.#store().get(key);
      check(there !== null, () => `${key} is confirmed, and not there`);
      check(Buffer.compare(there.bytes, bytes) === 0, () => `${key} is there with other bytes`);
      const { "dync-upload": by } = there.facts.about;
      check(by === upload, () => `${key} is confirmed as ${upload}, and is of ${by}`);
    }
    const sidecar = this.#store().get(name + metadataSuffix);
    check(sidecar !== null, () => `${name} is confirmed, and nothing says what it is`);
    const described = parseSidecar(Buffer.from(sidecar.bytes).toString("utf8"));
    check(
      described?.id === upload,
      () => `${name} is confirmed as ${upload}, and described as ${described?.id}`,
    );
  }

  /** Of those that want one name one upload has it; who is refused is not who has sent the same as the same user. */
  #expectOneWinner(): void {
    const rivals = [...this.#receipts.keys(), ...this.#refused.keys()].filter((it) => it.hasRivals);
    if (rivals.length === 0) return;
    const winners = rivals.filter((it) => this.#receipts.has(it));
    const ids = new Set(winners.map((it) => this.#receipts.get(it)?.uploadId));
    check(ids.size === 1, () => `${ids.size} uploads have the name that ${rivals.length} want`);
    const [winner] = winners as [Job];
    const isSame = (it: Job): boolean =>
      it.content === winner.content && it.user === winner.user && it.metadataText === winner.metadataText;
    for (const it of winners) check(isSame(it), () => `${sharedFolder} has what another one sent`);
    const isOfOneUser = rivals.every(({ user }) => user === winner.user);
    for (const [job, message] of this.#refused) {
      // Whoever came while another user's was under way heard of that; and who was away when a newer one came does not know what that is.
      if (isOfOneUser && isSame(job) && !replaced.test(message))
        throw new SimulationFailure(`What is stored is refused to who sends the same: ${message}`);
    }
  }
}

/** Whether it lies below a name, and not at one. */
function isMember(key: string): boolean {
  return key.split("/").length > 2;
}

/** The objects that a file or a dataset becomes. */
function objectsOf(job: Job): readonly (readonly [key: string, bytes: Uint8Array])[] {
  const key = keyOf(job);
  if (job.members === null) return [[key, job.content]];
  return [...job.members].map(([path, bytes]) => [`${key}/${path}`, bytes]);
}
