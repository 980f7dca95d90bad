// What each upload cost on the wire, beside what it is long, and what went wrong while it was under way: an event costs one part of it at most.

import { expect } from "bun:test";

const MiB = 1024 * 1024;
/** The longest part of an upload of this size. */
const partBytes = 8 * MiB;
/**
 * A connection: handshake, questions, and what stood in the queues of the line when it was cut: the system lets those between client and balancer,
 * and between that and the server, grow to some MiB.
 */
const connectionBytes = 2 * MiB;
/** What went wrong may show that much later: a lease ends, a request that met it is given up. */
const lateMs = 20_000;
/** What encryption takes of each byte, and the lists of what is asked. */
const overhead = 0.02;

/** Something that went wrong, and when (monotonic ms). */
export interface FaultTime {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** An upload that was confirmed. */
export interface UploadTime {
  readonly name: string;
  readonly kind: "file" | "dataset" | "stream";
  readonly bytes: number;
  /** What its client sent, with all that goes round it. */
  readonly wireBytes: number;
  readonly from: number;
  readonly to: number;
}

/** How many times the upload `name` began anew, by what servers logged. */
export type BegunAnew = (name: string) => number;

/** The times of one run. */
export class Course {
  readonly faults: FaultTime[] = [];
  readonly uploads: UploadTime[] = [];

  /** How many events fell into this time, or shortly before it. */
  faultsIn({ from, to }: Pick<FaultTime, "from" | "to">, kinds?: RegExp): number {
    const isIn = (it: FaultTime): boolean => it.from <= to && it.to >= from - lateMs;
    return this.faults.filter((it) => isIn(it) && kinds?.test(it.kind) !== false).length;
  }

  /** The longest way beyond its size that an upload had, as parts for each event. */
  get partsPerFaultMax(): number {
    return Math.max(
      0,
      ...this.uploads.map((it) => (it.wireBytes - it.bytes) / partBytes / Math.max(1, this.faultsIn(it))),
    );
  }

  /** Each upload was sent once, but for a part for each event that fell into its time, and all of it where it began anew. */
  expectLittleSentAgain(begunAnew: BegunAnew): void {
    for (const upload of this.uploads) {
      const { name, kind, bytes, wireBytes } = upload;
      const faults = this.faultsIn(upload);
      const anew = begunAnew(name);
      const allowed =
        bytes * (1 + overhead + anew) + faults * partBytes + (faults + 1 + anew) * connectionBytes;
      const facts = { name, kind, bytes, wireBytes, faults, anew };
      expect({ ...facts, isLittle: wireBytes <= allowed }).toEqual({ ...facts, isLittle: true });
    }
  }
}
