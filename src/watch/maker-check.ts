// Holds a run to the checksums that its instrument wrote down, before it is sent: what differs was damaged on the way from the instrument's
// memory to this disk, or after, and nobody else would find it. Each run is read once for that, one run at a time, beside all else.

import { messageOf } from "../base/error.ts";
import type { Sighting } from "./folder/scan.ts";
import type { Profile } from "./profile.ts";
import type { Waiting } from "./watch-list.ts";

export interface MakerCheckOptions {
  readonly profile: Pick<Profile, "makerChecksums">;
  /** SHA-256 of the file at a path, in lower-case hex; `null`: it cannot be read. */
  readonly hash: (path: string, signal: AbortSignal) => Promise<string | null>;
  /** Whether who asks is to wait for the answer; else it is there when it is asked for again. */
  readonly isAwaited: boolean;
  readonly signal: AbortSignal;
}

type Looked = Pick<Sighting, "path" | "at" | "view" | "fingerprint">;

interface Answer {
  readonly fingerprint: string;
  /** `null`: nothing is against it. */
  readonly waiting: Waiting | null;
}

/** Of the files of one run so many were read. */
interface Counted {
  readonly path: string;
  readonly of: number;
  read: number;
}

interface Comparison {
  readonly counted: Counted;
  /** Resolves when there is an answer. */
  readonly done: Promise<void>;
}

// Who watches for years forgets what was sent long ago; what is asked for again is read again.
const answersMax = 1000;

export class MakerCheck {
  readonly #options: MakerCheckOptions;
  readonly #answers = new Map<string, Answer>();
  #underWay: Comparison | null = null;

  constructor(options: MakerCheckOptions) {
    this.#options = options;
  }

  /** What a run waits for as far as its own checksums go, `null` where it may be sent. */
  async against(run: Looked): Promise<Waiting | null> {
    const known = this.#answers.get(run.path);
    if (known?.fingerprint === run.fingerprint.text) return known.waiting;
    if (this.#underWay !== null) return comparing(this.#underWay, run.path);
    const checksums = await this.#options.profile.makerChecksums(run.view);
    if (checksums.size === 0) return null;
    // Somebody else asked meanwhile.
    if (this.#underWay !== null) return comparing(this.#underWay, run.path);
    const comparison = this.#begin(run, checksums);
    if (!this.#options.isAwaited) return comparing(comparison, run.path);
    await comparison.done;
    this.#options.signal.throwIfAborted();
    return this.#answers.get(run.path)?.waiting ?? null;
  }

  #begin(run: Looked, checksums: ReadonlyMap<string, string>): Comparison {
    const counted = { path: run.path, of: checksums.size, read: 0 };
    const done = this.#compare(run, checksums, counted)
      .catch((error: unknown): Waiting => ({ reason: "unreadable", detail: messageOf(error) }))
      .then((waiting) => {
        this.#underWay = null;
        if (!this.#options.signal.aborted) this.#keep(run, waiting);
      });
    this.#underWay = { counted, done };
    return this.#underWay;
  }

  #keep({ path, fingerprint }: Looked, waiting: Waiting | null): void {
    this.#answers.delete(path);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size >= answersMax && oldest !== undefined) this.#answers.delete(oldest);
    this.#answers.set(path, { fingerprint: fingerprint.text, waiting });
  }

  async #compare(
    { at, view }: Looked,
    checksums: ReadonlyMap<string, string>,
    counted: Counted,
  ): Promise<Waiting | null> {
    const { hash, signal } = this.#options;
    const there = new Set(view.files().map(({ path }) => path));
    const missing = [...checksums.keys()].filter((path) => !there.has(path));
    if (missing.length > 0)
      return {
        reason: "incomplete",
        detail: `The instrument has a checksum of ${shownSome(missing)}, which is not there`,
      };
    const other: string[] = [];
    for (const [path, sum] of checksums) {
      if ((await hash(`${at}/${path}`, signal)) !== sum) other.push(path);
      counted.read += 1;
    }
    return other.length === 0 ? null : { reason: "hash-mismatch", detail: shownSome(other) };
  }
}

function comparing({ counted }: Comparison, path: string): Waiting {
  const { read, of } = counted;
  const which = path === counted.path ? `${read} of ${of} files are` : "Another run is";
  return { reason: "queued", detail: `${which} compared with the instrument's own checksums` };
}

function shownSome(paths: readonly string[]): string {
  const [first = ""] = paths;
  return paths.length === 1 ? first : `${first} and ${paths.length - 1} more`;
}
