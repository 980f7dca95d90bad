// What costs as much as bodies are long: their checksums, and giving them to the system. It can be done where it is asked for, or on other
// threads (../beside/).

import { createHash } from "node:crypto";
import { Turns } from "../../../base/turns.ts";
import type { HttpCall, HttpCaller, WholeReply } from "./http-call.ts";

/** Bytes in pieces, one behind the other. */
export type Body = readonly Uint8Array[];
export type DigestName = "md5" | "sha256";

export interface BodyWork {
  /** The checksum of all that is in `body`. */
  digest(name: DigestName, body: Body): Promise<Buffer>;
  /** As `HttpCaller.whole`. */
  whole(call: HttpCall): Promise<WholeReply>;
}

/** Bodies on threads of their own. */
export interface BodiesBeside extends BodyWork {
  /** Whether it is worth it for so many bytes, and there are such threads. */
  takes(bytes: number): boolean;
}

/** A thread ended, and nobody knows what it has done of what it was asked. */
export class ThreadGone extends Error {
  override readonly name = "ThreadGone";
}

/** On this thread. */
export function bodiesHere(http: HttpCaller): BodyWork {
  return { digest: digestOf, whole: (call) => http.whole(call) };
}

// MD5 takes more than a millisecond for each MiB, and a part may have hundreds: others get their turn in between.
const piecesPerTurn = 2;
const never = new AbortController().signal;

/** The checksum of all that is in `body`. */
export async function digestOf(name: DigestName, body: Body): Promise<Buffer> {
  const hash = createHash(name);
  const turns = new Turns(piecesPerTurn, never);
  for (const piece of body) {
    hash.update(piece);
    await turns.step();
  }
  return hash.digest();
}
