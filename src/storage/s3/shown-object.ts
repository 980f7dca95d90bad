// An upload whose object is there, and not what describes it: whoever took it over from a server that was frozen took that away, and then that one made the
// object. Nothing of its bytes is to come; publishing it describes it again.

import { assert } from "../../base/assert.ts";
import type { Destination } from "../../upload/destination.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import type { Description, OwnedChunk, Remainder, Sink, StoredNote } from "../storage.ts";
import { explained } from "./client/s3-error.ts";
import { type S3Home, soon } from "./home.ts";
import { describe, endPublishing, isOf } from "./publish-object.ts";
import { readDataset } from "./upload-state.ts";

/** What its record says. */
interface RecordedObject {
  readonly id: string;
  readonly note: StoredNote;
  readonly destination: Destination;
  /** Of what was sent, lower-case hex. */
  readonly sha256: string;
}

/** What is left of an upload whose object is there; `null`: it is not. */
export async function whatIsShown(home: S3Home, recorded: RecordedObject): Promise<Remainder | null> {
  const { id, destination } = recorded;
  const { content, checksum } = home.keys.of(destination);
  const there = await home.client.head(content, soon);
  if (there === null || !isOf(id, there)) return null;
  const isDescribed =
    (await isClaimed(home, id, destination)) && (await home.client.head(checksum, soon)) !== null;
  if (!isDescribed)
    return { type: "complete", sink: new ShownObject({ home, ...recorded, size: there.size }) };
  await endPublishing(home, id, destination, soon);
  return { type: "published" };
}

/** Whether something says that `destination` is that of upload `id`, though it may not be there yet. */
export async function isClaimed(home: S3Home, id: string, destination: Destination): Promise<boolean> {
  const { client, keys } = home;
  const sidecar = await client.read(keys.of(destination).metadata, soon);
  if (sidecar !== null && parseSidecar(sidecar.bytes.toString("utf8"))?.id === id) return true;
  return (await readDataset(home, id))?.target === keys.members(destination);
}

interface ShownObjectParts extends Omit<RecordedObject, "destination"> {
  readonly home: S3Home;
  /** Bytes of the object. */
  readonly size: number;
}

class ShownObject implements Sink {
  readonly #parts: ShownObjectParts;

  constructor(parts: ShownObjectParts) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#parts.size;
  }

  get isReady(): boolean {
    return true;
  }

  async prepare(): Promise<void> {}

  write(_chunk: OwnedChunk): void {
    assert(false, "nothing is written to what is complete");
  }

  async rewind(): Promise<StoredNote> {
    return this.#parts.note;
  }

  async digest(): Promise<string> {
    return this.#parts.sha256;
  }

  async contents(): Promise<null> {
    return null;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    const { home, id } = this.#parts;
    await explained("published", async () => {
      await describe({ home, id, destination, description, patience: soon });
      home.names.add(destination);
      await endPublishing(home, id, destination, soon);
    });
  }

  async close(): Promise<StoredNote> {
    return this.#parts.note;
  }

  /** What is there was stored: only what described it is given up. */
  async discard(): Promise<void> {}
}
