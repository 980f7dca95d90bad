// Operating errors: things that go wrong in the world and that somebody can act on. One table maps each
// kind to the wire's error number, the exit status and whether trying again can help.

/** What a kind of error means outside the program. */
export interface ErrorMeaning {
  /** Number in the protocol's `error` message, or `null` when it never goes on the wire. */
  readonly wire: number | null;
  /** Exit status of `dync` and `dync-server`; the table is in the README. */
  readonly exit: number;
  /** Whether the same attempt may succeed later without anybody changing anything. */
  readonly retry: boolean;
}

export const errorMeanings = {
  // Wire errors, one for each number of the protocol.
  malformed: { wire: 400, exit: 1, retry: false },
  forbidden: { wire: 403, exit: 7, retry: false },
  "unknown-upload": { wire: 404, exit: 1, retry: false },
  "timed-out": { wire: 408, exit: 5, retry: true },
  "name-taken": { wire: 409, exit: 7, retry: false },
  "too-large": { wire: 413, exit: 7, retry: false },
  "content-rejected": { wire: 415, exit: 7, retry: false },
  "metadata-rejected": { wire: 422, exit: 6, retry: false },
  "too-many-uploads": { wire: 429, exit: 5, retry: true },
  cancelled: { wire: 499, exit: 130, retry: false },
  internal: { wire: 500, exit: 1, retry: false },
  "not-ready": { wire: 503, exit: 5, retry: true },
  "no-space": { wire: 507, exit: 5, retry: false },
  "checksum-mismatch": { wire: 460, exit: 8, retry: false },
  // Errors that only one side sees.
  usage: { wire: null, exit: 2, retry: false },
  configuration: { wire: null, exit: 2, retry: false },
  /** What the program needs is not there just now; nobody has to change anything. */
  unavailable: { wire: null, exit: 5, retry: true },
  source: { wire: null, exit: 4, retry: false },
  "source-changed": { wire: null, exit: 4, retry: false },
  unreachable: { wire: null, exit: 5, retry: true },
  /** The server does not know how to answer such a question. */
  "cannot-know": { wire: null, exit: 9, retry: false },
  "key-refused": { wire: null, exit: 7, retry: false },
  "wrong-server": { wire: null, exit: 7, retry: false },
  failed: { wire: null, exit: 1, retry: false },
} as const satisfies Record<string, ErrorMeaning>;

/** Stable name of a kind of error; appears in `--json` output and logs. */
export type ErrorCode = keyof typeof errorMeanings;

/** One of the things that are wrong with what was given. */
export interface Fault {
  /** Of the field, as people write it: `sample.parts[0]`; empty where it is all of it. */
  readonly path: string;
  /** A sentence that names the field. */
  readonly text: string;
  /** Which JSON types are wanted there, where it is the type that is wrong: `integer`. */
  readonly types?: readonly string[] | undefined;
  /** Which fields are missing there, as people write them. */
  readonly missing?: readonly string[] | undefined;
}

export interface DyncErrorOptions extends ErrorOptions {
  /** What the message lists, one by one. */
  readonly faults?: readonly Fault[] | undefined;
  /** What the reader can do about it: one sentence or a command. */
  readonly hint?: string | undefined;
}

/**
 * An operating error with a stable `code`, a message for people and, where there is one, a hint that says
 * what to do. Messages are one line, sentence case, no final period, and never contain a secret.
 */
export class DyncError extends Error {
  override readonly name = "DyncError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly faults: readonly Fault[];

  constructor(code: ErrorCode, message: string, options: DyncErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.hint = options.hint;
    this.faults = options.faults ?? [];
  }

  get meaning(): ErrorMeaning {
    return errorMeanings[this.code];
  }

  /** The same error with another message or hint: what it means and lists stays, and this one is its cause. */
  reworded(words: Partial<Pick<DyncError, "message" | "hint">>): DyncError {
    const { code, faults } = this;
    const { message, hint } = { message: this.message, hint: this.hint, ...words };
    return new DyncError(code, message, { cause: this, hint, faults });
  }
}

/** What of `error` is told to programs. */
export function errorFields({
  code,
  message,
  hint,
}: DyncError): Pick<DyncError, "code" | "message" | "hint"> {
  return { code, message, hint };
}

/** Several errors, which are printed one by one. To programs it is one, and says what they have in common. */
export class SeveralErrors extends DyncError {
  readonly all: readonly DyncError[];

  constructor(all: readonly DyncError[], { code, message, hint }: DyncError) {
    super(code, message, { hint });
    this.all = all;
  }
}

const codesByWire = new Map<number, ErrorCode>(
  Object.entries(errorMeanings).flatMap(([code, meaning]) =>
    meaning.wire === null ? [] : [[meaning.wire, code as ErrorCode] as const],
  ),
);

/** The kind of error behind a number from the wire; numbers that we do not know are `failed`. */
export function errorCodeFromWire(wire: number): ErrorCode {
  return codesByWire.get(wire) ?? "failed";
}

/** What of a certain `type` was thrown: `error`, or what caused it; `null`: nothing was. */
export function causeOf<T extends Error>(
  error: unknown,
  type: abstract new (...args: never[]) => T,
): T | null {
  for (let it = error; it instanceof Error; it = it.cause) if (it instanceof type) return it;
  return null;
}

/** The message of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*[\r\n]+\s*/g, " ");
}

/** The `code` of a Node system error such as `ENOENT`, or `null`. */
export function systemCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
