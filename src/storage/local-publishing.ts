// How what lies whole in the folder of partials gets its name in the data folder: one at a time where names clash, and with nothing left
// beside it where somebody else has the name.

import { join } from "node:path";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type Destination, destinationOf, pathOf } from "../upload/destination.ts";
import { takenText } from "../upload/names.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import { treeOf } from "./dataset/tree.ts";
import { readText } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";
import { HeldPlaces } from "./held-places.ts";
import type { NameIndex } from "./name-index.ts";
import type { PartialPlaces } from "./partial-places.ts";
import {
  finalFiles,
  isClaimed,
  type PublishParts,
  type PublishStep,
  removeData,
  rollBack,
} from "./publish.ts";
import { isDataOf } from "./published.ts";
import { type Description, NameTaken, type Obstacle } from "./storage.ts";

type Claim = NonNullable<ReturnType<typeof parseSidecar>>;

export interface LocalPublishingParts {
  readonly parts: PublishParts;
  readonly names: NameIndex;
  readonly places: PartialPlaces;
  readonly log: Logger;
}

/** Throws the system's errors. An upload lies in `folder` (`PartialPlace`). */
export class LocalPublishing {
  readonly #parts: PublishParts;
  readonly #names: NameIndex;
  readonly #places: PartialPlaces;
  readonly #log: Logger;
  // Destinations that are being published at this moment.
  readonly #running = new HeldPlaces();

  constructor({ parts, names, places, log }: LocalPublishingParts) {
    this.#parts = parts;
    this.#names = names;
    this.#places = places;
    this.#log = log;
  }

  /** Does `steps` for upload `id`. Throws `NameTaken`, and "not-ready" while somebody else does it, as well. */
  async publish(
    id: string,
    folder: string,
    destination: Destination,
    description: Description,
    steps: (parts: PublishParts) => readonly PublishStep[],
  ): Promise<void> {
    const parts = this.#partsIn(folder);
    if (this.#running.inTheWayOf(id, destination) !== null) throw await this.#taken(destination);
    this.#running.set(id, destination);
    try {
      // Admission looked already, but that may be days ago; what an earlier attempt left of ours does not count.
      const isTaken = await this.#names.isTakenAsKnown(destination);
      if (isTaken && !(await isClaimed(parts, id, destination, description))) {
        throw await this.#taken(destination);
      }
      await this.#names.publishing(destination, () => this.#perform(id, steps(parts)));
    } catch (error) {
      if (!(error instanceof NameTaken)) throw error;
      // Somebody else has the name for good: nothing of ours may stay beside it.
      await rollBack(parts, id, destination);
      this.#running.delete(id);
      throw await this.#taken(destination);
    } finally {
      this.#running.delete(id);
    }
  }

  /** Does `steps`, the last ones, for upload `id` that has its name; `null`: it lies nowhere any more. */
  async end(
    id: string,
    folder: string | null,
    steps: (parts: PublishParts) => readonly PublishStep[],
  ): Promise<void> {
    await this.#perform(id, steps(folder === null ? this.#parts : this.#partsIn(folder)));
  }

  /** Deletes what lies of upload `id`, and what a publishing that was broken off left of it. */
  async discard(id: string, folder: string): Promise<void> {
    const parts = this.#partsIn(folder);
    await rollBack(parts, id);
    await removeData(parts, id);
    await this.#places.gone(id);
  }

  #partsIn(folder: string): PublishParts {
    return { ...this.#parts, partials: folder, own: folder === this.#parts.partials ? null : folder };
  }

  /** See `Storage.obstacle`. */
  async obstacle(destination: Destination): Promise<Obstacle | null> {
    const other = this.#running.at(destination);
    if (other !== null) return { file: other.name, published: null, claimedBy: other.id };
    if (!(await this.#names.isTaken(destination))) return null;
    const file = await this.#names.whatIsThere(destination);
    const claim = await this.#claimAt(destination);
    const published = file === destination.name && (await this.#isThere(claim)) ? claim : null;
    return { file, published, claimedBy: published === null ? claim?.id : undefined };
  }

  /** Whether upload `id` has its name, with this SHA-256 (hex); what is left of it is in `folder`, unless nothing is. */
  async isPublished(
    id: string,
    folder: string | null,
    destination: Destination,
    sha256: string,
  ): Promise<boolean> {
    const there = await this.#claimAt(destination);
    if (there?.id !== id || there.sha256 !== sha256 || !(await this.#isThere(there))) return false;
    // A folder under the name is somebody else's as long as ours has not moved there.
    return folder === null || there.contents === null || (await lookAt(treeOf(join(folder, id)))) === null;
  }

  /** What says that it lies at `destination`, or will. */
  async #claimAt(destination: Destination): Promise<Claim | null> {
    const text = await readText(finalFiles(this.#parts.root, destination).metadata);
    const there = text === null ? null : parseSidecar(text);
    // Elsewhere it is somebody's copy.
    return there !== null && pathOf(destinationOf(there)) === pathOf(destination) ? there : null;
  }

  async #isThere(claim: Claim | null): Promise<boolean> {
    if (claim === null) return false;
    return isDataOf(await lookAt(finalFiles(this.#parts.root, destinationOf(claim)).content), claim);
  }

  async #perform(id: string, steps: readonly PublishStep[]): Promise<void> {
    for (const step of steps) {
      if (step.isTidying === true) await this.#tidy(id, step);
      else await step.run();
    }
    await this.#tidy(id, { run: () => this.#places.gone(id) });
  }

  // What fails once may be over; what stays is no harm, and goes at the next start.
  async #tidy(id: string, step: Pick<PublishStep, "run">): Promise<void> {
    try {
      await step.run().catch(() => step.run());
    } catch (cause) {
      const message = "What was staged of a published file was not removed; the next start does it";
      this.#log.log("warn", message, { upload: id, reason: messageOf(cause) });
    }
  }

  async #taken(destination: Destination): Promise<NameTaken> {
    const obstacle = (await this.obstacle(destination)) ?? { file: null, published: null };
    return new NameTaken(takenText(destination.name, obstacle.file), obstacle);
  }
}
