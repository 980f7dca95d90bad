// Whether a client believes an error 400: what it sent was well-formed, but may have been damaged on the way. Used by
// `client-upload.ts`.

export class Doubt {
  #furthest = -1;
  #doubtedAt = -2;

  /** The server wanted to go on at `offset`. */
  progress(offset: number): void {
    this.#furthest = Math.max(this.#furthest, offset);
  }

  /** A 400 came. Returns whether to doubt it: not where nothing moved since the last one. */
  mayDoubt(): boolean {
    const isNew = this.#doubtedAt < this.#furthest;
    this.#doubtedAt = this.#furthest;
    return isNew;
  }
}
