// How far behind the instrument a live run is: files that are complete, and not stored yet. Pure.

/** A file that is complete. */
export interface CompleteFile {
  readonly bytes: number;
  /** Since when. */
  readonly since: number;
}

export interface Behind {
  readonly files: number;
  readonly bytes: number;
  /** For how long the first of them has been complete, in ms; 0 without any. */
  readonly forMs: number;
}

/** Files that were given, and are not known to be stored. */
export class UnderWay {
  #files: (CompleteFile & { readonly step: number })[] = [];

  /** `step`: which of all steps it was, from 1. */
  given(step: number, file: CompleteFile): void {
    this.#files.push({ ...file, step });
  }

  /** The server has the first `count` steps. */
  stored(count: number): void {
    const left = this.#files.findIndex(({ step }) => step > count);
    this.#files = left < 0 ? [] : this.#files.slice(left);
  }

  /** Of all that are under way, and of `waiting`, which were not given. */
  behind(waiting: Iterable<CompleteFile>, now: number): Behind {
    let [files, bytes, first] = [0, 0, now];
    for (const file of [...this.#files, ...waiting]) {
      files += 1;
      bytes += file.bytes;
      first = Math.min(first, file.since);
    }
    return { files, bytes, forMs: now - first };
  }
}
