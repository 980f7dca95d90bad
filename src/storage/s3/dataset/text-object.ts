// A text that may be longer than memory, as an object: what fits into a part is one request, what is longer goes in parts.

import { createHash } from "node:crypto";
import type { Part } from "../client/s3-client.ts";
import type { Patience } from "../client/s3-request.ts";
import type { S3Home } from "../home.ts";
import { abort } from "../upload-state.ts";

export interface TextPlace {
  readonly home: S3Home;
  /** Of the upload that it belongs to. */
  readonly id: string;
  readonly key: string;
  readonly patience: Patience;
}

/** Stores `pieces`, each of some ten KiB, over what is there; resolves to the SHA-256 (hex) of all of it. */
export async function putText(place: TextPlace, pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const { budget, plan } = place.home;
  const hash = createHash("sha256");
  // What it is lent it gives back whatever happens: nobody waits for it who has some.
  const lent = plan.partBytesOf(undefined, 0);
  await budget.take(lent, place.patience.signal ?? neverAborted);
  const writing = new Writing(place);
  try {
    let [body, length]: [Uint8Array[], number] = [[], 0];
    for await (const piece of pieces) {
      hash.update(piece);
      body.push(piece);
      length += piece.length;
      if (length < lent) continue;
      await writing.part(body, length);
      [body, length] = [[], 0];
    }
    await writing.end(body, length);
  } catch (error) {
    await writing.giveUp();
    throw error;
  } finally {
    budget.giveBack(lent);
  }
  return hash.digest("hex");
}

class Writing {
  readonly #place: TextPlace;
  readonly #parts: Part[] = [];
  #uploadId: string | null = null;

  constructor(place: TextPlace) {
    this.#place = place;
  }

  async part(body: readonly Uint8Array[], size: number): Promise<void> {
    const { home, key, patience } = this.#place;
    this.#uploadId ??= await home.client.begin(key, this.#options, patience);
    const number = this.#parts.length + 1;
    const etag = await home.client.putPart({ key, uploadId: this.#uploadId }, number, body, patience);
    this.#parts.push({ number, size, etag });
  }

  async end(body: readonly Uint8Array[], size: number): Promise<void> {
    const { home, key, patience } = this.#place;
    if (this.#uploadId === null) return void (await home.client.put(key, body, this.#options, patience));
    if (size > 0) await this.part(body, size);
    await home.client.complete({ key, uploadId: this.#uploadId }, this.#parts, patience, false);
    this.#uploadId = null;
  }

  async giveUp(): Promise<void> {
    if (this.#uploadId === null) return;
    await abort(this.#place.home, { key: this.#place.key, uploadId: this.#uploadId }).catch(() => {});
  }

  get #options() {
    return { about: { "dync-upload": this.#place.id }, type: "text/plain" };
  }
}

const neverAborted = new AbortController().signal;
