// The names in a folder, of which there may be very many: as one text while they are gone through, since 200,000 strings outlive the look
// that they are for, and are garbage beside those of the next one.

// Fewer are nobody's burden.
const joinedFrom = 1024;
// No name has it.
const between = "/";

export class Names implements Iterable<string> {
  readonly count: number;
  readonly #joined: string;
  #list: readonly string[] | null;

  constructor(names: readonly string[]) {
    this.count = names.length;
    const isJoined = names.length >= joinedFrom;
    this.#joined = isJoined ? names.join(between) : "";
    this.#list = isJoined ? null : names;
  }

  *[Symbol.iterator](): Iterator<string> {
    if (this.#list !== null) return yield* this.#list;
    for (let from = 0; from <= this.#joined.length; ) {
      const found = this.#joined.indexOf(between, from);
      const to = found < 0 ? this.#joined.length : found;
      yield this.#joined.slice(from, to);
      from = to + 1;
    }
  }

  /** All of them; always the same list. */
  get list(): readonly string[] {
    this.#list ??= this.#joined.split(between);
    return this.#list;
  }
}
