// Gives an upload other metadata than it was sent with: one that is stored, or one that is held because of them. The rules judge these
// as they judge a new upload's; those of before stay beside the file.

import { DyncError, errorCodeFromWire } from "../base/error.ts";
import { type Hold, holdOf, type UploadRecord } from "../catalogue/catalogue.ts";
import { judge } from "../rules/judge.ts";
import type { Terms } from "../rules/upload-rules.ts";
import { NameTaken } from "../storage/storage.ts";
import { type Destination, destinationOf, pathOf } from "../upload/destination.ts";
import { busyText } from "../upload/names.ts";
import { sidecarText } from "../upload/sidecar.ts";
import type { AdmissionParts } from "./admission.ts";
import { placed } from "./placing.ts";
import { publishedAs } from "./publication.ts";
import { postOf } from "./session.ts";
import type { UploadRecords } from "./upload-records.ts";

export interface AmendParts extends Omit<AdmissionParts, "room"> {
  readonly records: Pick<UploadRecords, "find">;
  /** Resolves when an upload whose handles are being closed is not active any more. */
  readonly closed: (id: string) => Promise<void>;
  /** Publishes an upload that is recorded as being published. Resolves when that is done, or rejects with why it could not be. */
  readonly publish: (id: string) => Promise<void>;
}

/** What came of it. */
export interface AmendedUpload {
  readonly id: string;
  /** It is stored with them, or waits for the rest of its bytes. */
  readonly state: "stored" | "waiting";
  /** Where it lies, or will, below the data folder. */
  readonly path: string;
  /** The file that has the metadata of before, in the same folder; `null`: it was not published with them. */
  readonly kept: string | null;
}

export class Amendments {
  readonly #parts: AmendParts;
  readonly #running = new Set<string>();

  constructor(parts: AmendParts) {
    this.#parts = parts;
  }

  /**
   * Gives the upload whose id is `idStart`, or begins so, these metadata.
   *
   * @throws DyncError with what the rules say against them, or why it cannot have any now.
   */
  async amend(idStart: string, metadataText: string): Promise<AmendedUpload> {
    const record = await this.#parts.records.find(idStart);
    const { id } = record;
    if (this.#running.has(id)) throw new DyncError("not-ready", "It is being amended just now");
    this.#running.add(id);
    try {
      return await this.#amend(record, metadataText);
    } finally {
      this.#running.delete(id);
    }
  }

  async #amend(record: UploadRecord, metadataText: string): Promise<AmendedUpload> {
    switch (record.state) {
      case "finished":
        return await this.#amendStored(record, this.#judged(record, metadataText));
      case "open":
        if (record.held === null)
          throw new DyncError("usage", "It is not complete yet: metadata can be put right when it is stored");
        return await this.#release(record, this.#judged(record, metadataText));
      case "publishing":
        throw new DyncError("not-ready", "It is being published just now");
      case "failed":
        throw new DyncError("usage", `It failed, and nothing is left of it: ${record.reason}`);
    }
  }

  #judged(record: UploadRecord, metadataText: string) {
    const { user, id, createdAt } = record;
    const post = postOf(record, metadataText);
    const judgement = judge(user, post, this.#parts.rulesOf(user), { upload: id, at: new Date(createdAt) });
    const refusal = judgement.type === "refused" ? judgement.refusal : judgement.held;
    if (refusal !== null) throw new DyncError(errorCodeFromWire(refusal.code), refusal.text);
    const accepted = judgement as Extract<typeof judgement, { type: "accepted" }>;
    return { metadataText: accepted.post.metadataText, terms: accepted.terms, place: accepted.place };
  }

  // It stays where it is: whoever waits for files has seen it there.
  async #amendStored(record: UploadRecord, { metadataText }: Judged): Promise<AmendedUpload> {
    const { storage, catalogue, clock, owner, logger } = this.#parts;
    const { id, user, name } = record;
    const destination = destinationOf(record);
    const published = await publishedAs(record, storage);
    if (published === null)
      throw new DyncError(
        "unknown-upload",
        "It does not lie where it was stored: it was moved, removed or replaced",
      );
    const at = clock.date().toISOString();
    const { size, sha256, contents } = published;
    const receivedAt = record.receivedAt ?? record.updatedAt;
    const text = sidecarText({
      ...record,
      size,
      sha256,
      contents,
      receivedAt,
      metadataText,
      added: null,
      amended: at,
    });
    const kept = await storage.amend(id, destination, text);
    const amended = await catalogue.amend(holdOf(record, owner), { at, metadataText, place: null });
    // What lies beside the file counts; the record is a memory aid.
    if (amended.type !== "amended")
      logger.log("warn", "The catalogue was not updated", {
        upload: id,
        reason: "its record changed meanwhile",
      });
    logger.log("info", "Metadata amended", { upload: id, user, name, kept });
    return { id, state: "stored", path: pathOf(destination), kept };
  }

  async #release(record: UploadRecord, { metadataText, terms, place }: Judged): Promise<AmendedUpload> {
    const { catalogue, owner, closed, isActive, logger } = this.#parts;
    const { id, user, name } = record;
    // Its client may have heard a moment ago that it is held.
    await closed(id);
    if (isActive(id)) throw new DyncError("not-ready", "Its client is sending it just now");
    const taken = await catalogue.take(id, owner);
    if (taken.type !== "taken") throw new DyncError("not-ready", "Something else is being done with it");
    const released = await placed(
      { ...taken.record, metadataText, place },
      terms.existing,
      async ([holder]) => {
        throw heldBy(name, holder);
      },
      this.#parts,
      (at) => this.#give(taken.hold, { ...at, metadataText }),
    );
    logger.log("info", "Metadata amended: it is held no more", { upload: id, user, name });
    if (released.state === "publishing") await this.#parts.publish(id);
    const state = released.state === "publishing" ? "stored" : "waiting";
    return { id, state, path: pathOf(destinationOf(released)), kept: null };
  }

  async #give(
    hold: Hold,
    {
      name,
      place,
      metadataText,
    }: { readonly name: string; readonly place: Destination | null; readonly metadataText: string },
  ): Promise<UploadRecord> {
    const at = this.#parts.clock.date().toISOString();
    const amended = await this.#parts.catalogue.amend(hold, { at, metadataText, place });
    if (amended.type === "amended") return amended.record;
    if (amended.type === "name-taken") throw heldBy(name, amended.holders[0]);
    throw new DyncError("not-ready", "Something else is being done with it");
  }
}

interface Judged {
  readonly metadataText: string;
  readonly terms: Terms;
  readonly place: Destination | null;
}

function heldBy(name: string, holder: UploadRecord | undefined): NameTaken {
  return new NameTaken(busyText(name, holder?.name ?? name), { file: holder?.name ?? null, published: null });
}
