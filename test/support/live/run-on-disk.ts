// Writes a run into a real folder, step by step in simulated time: small stand-ins for its files, each as many times smaller.

import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Random } from "../../simulation/random.ts";
import type { RunStep } from "./two-day-run.ts";

const pool = new Random(5).bytes(1 << 20);

export class RunOnDisk {
  readonly #folder: string;
  readonly #steps: readonly RunStep[];
  readonly #scale: number;
  #done = 0;
  #writes = 0;

  /** `scale`: by how much its files are smaller. */
  constructor(folder: string, steps: readonly RunStep[], scale: number) {
    this.#folder = folder;
    this.#steps = steps;
    this.#scale = scale;
  }

  /** When the next step is due, in ms from the beginning; infinite behind the last. */
  get dueAt(): number {
    return this.#steps[this.#done]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Bytes of all of its files. */
  get bytes(): number {
    return this.#sizes().reduce((sum, size) => sum + size, 0);
  }

  /** Bytes of the largest of them. */
  get largest(): number {
    return this.#sizes().reduce((most, size) => Math.max(most, size), 0);
  }

  #sizes(): readonly number[] {
    return readdirSync(this.#folder, { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile())
      .map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  }

  /** Does the next step; what it writes was written at `date`. */
  step(date: Date): void {
    const step = this.#steps[this.#done++]!;
    const at = join(this.#folder, step.path);
    if (step.type === "remove") return rmSync(at);
    if (step.type === "rename") return renameSync(at, join(this.#folder, step.to));
    mkdirSync(dirname(at), { recursive: true });
    this.#write(at, Math.max(1, Math.round(step.size / this.#scale)));
    utimesSync(at, date, date);
  }

  /** Appends what it grows by, or writes over its beginning. */
  #write(path: string, size: number): void {
    const descriptor = openSync(path, "a+");
    const there = fstatSync(descriptor).size;
    closeSync(descriptor);
    const again = openSync(path, "r+");
    const length = there < size ? size - there : Math.min(size, 100);
    for (let written = 0; written < length; ) {
      const from = (++this.#writes * 977) % (pool.length / 2);
      const part = pool.subarray(from, from + Math.min(length - written, pool.length / 2));
      written += writeSync(again, part, 0, part.length, (there < size ? there : 0) + written);
    }
    closeSync(again);
  }
}
