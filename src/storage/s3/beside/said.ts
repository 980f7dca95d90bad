// What the main thread and a thread for bodies say to each other. Bytes lie in memory that both see (`base/memory/shared-copy.ts`), so neither has to wait
// for the other one before it lets go of them.

import type { Body, DigestName } from "../client/body-work.ts";

export interface StartOptions {
  readonly isTls: boolean;
  /** As `S3Place.ca`. */
  readonly ca: string | null;
}

export type Question =
  | { readonly type: "digest"; readonly name: DigestName; readonly body: Body }
  /** SHA-256 goes on from each of `states` (`Sha256.save`) over `data`. */
  | { readonly type: "hash"; readonly states: readonly Uint8Array[]; readonly data: Uint8Array }
  /** As `HttpCall`. */
  | {
      readonly type: "send";
      readonly method: string;
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Body | null;
      readonly limitMs: number;
    };

export type Answer =
  | { readonly type: "digest"; readonly digest: Uint8Array }
  | { readonly type: "hashed"; readonly states: readonly Uint8Array[] }
  | {
      readonly type: "reply";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array;
    }
  /** `NoAnswer`. */
  | { readonly type: "no-answer"; readonly reason: string }
  | { readonly type: "failed"; readonly reason: string };

/** Questions have numbers, chosen by who asks. */
export type ToThread =
  | { readonly type: "start"; readonly options: StartOptions }
  | { readonly type: "ask"; readonly call: number; readonly question: Question }
  /** Nobody wants the answer any more. */
  | { readonly type: "abort"; readonly call: number }
  | { readonly type: "end" };

export type FromThread =
  | { readonly type: "ready" }
  | { readonly type: "answer"; readonly call: number; readonly answer: Answer }
  /** It cannot do what it is there for. */
  | { readonly type: "broken"; readonly reason: string }
  | { readonly type: "ended" };
