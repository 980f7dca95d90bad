// What a sequencer writes in two days, as steps in time: files of cycles, written in pieces, made as large as they are going to be, under another
// name first, or with a pause that looks like the end; logs and metrics that are written to again and again; a few files that grow for
// hours; and what is renamed or removed. All of it follows from a seed.

import { randomFrom } from "../instrument/random.ts";

export type RunStep = { readonly at: number } & (
  | { readonly type: "write"; readonly path: string; readonly size: number }
  | { readonly type: "rename"; readonly path: string; readonly to: string }
  | { readonly type: "remove"; readonly path: string }
);

const secondMs = 1000;
const minuteMs = 60 * secondMs;
export const runMs = 48 * 60 * minuteMs;
const tilesPerCycle = 320;
export const signName = "CopyComplete.txt";

/** Steps in the order of their times, in ms from the beginning; the sign comes last. There are so many files at the end, with about so many bytes. */
export function twoDayRun(files: number, bytes: number, seed: number): readonly RunStep[] {
  return new Writer(files, bytes, randomFrom(seed)).steps();
}

class Writer {
  readonly #steps: RunStep[] = [];
  readonly #files: number;
  readonly #bytes: number;
  readonly #random: () => number;
  #written = 0;

  constructor(files: number, bytes: number, random: () => number) {
    this.#files = files;
    this.#bytes = bytes;
    this.#random = random;
  }

  steps(): readonly RunStep[] {
    this.#write(0, "RunInfo.xml", 10_000);
    const large = Math.max(1, Math.round(this.#files / 10_000));
    const largeBytes = this.#bytes / 50 / large;
    for (let index = 0; index < large; index++) this.#growing(`Data/trace${index}.bin`, largeBytes);
    const logs = Math.max(2, Math.round(this.#files / 1000));
    for (let index = 0; index < logs; index++) this.#log(`Logs/part${index}.log`);
    for (let index = 0; index < logs; index++) this.#metric(`InterOp/Metric${index}.bin`);
    for (let index = 0; index < logs; index++) this.#moved(index);
    // Beside what is there already, and the sign.
    const tiles = this.#files - this.#written - 2;
    const size = (this.#bytes * 0.98) / tiles;
    for (let tile = 0; tile < tiles; tile++) this.#tile(tile, tiles, size);
    const sign: RunStep = { at: runMs, type: "write", path: signName, size: 1 };
    return [...this.#steps.filter(({ at }) => at < runMs).toSorted((one, other) => one.at - other.at), sign];
  }

  #write(at: number, path: string, size: number): void {
    this.#steps.push({ at, type: "write", path, size: Math.max(1, Math.round(size)) });
  }

  #whole(): void {
    this.#written += 1;
  }

  /** Grows every half a minute for twenty hours; the instrument is washed now and then. */
  #growing(path: string, size: number): void {
    this.#whole();
    const begin = this.#random() * runMs * 0.5;
    const duringMs = 20 * 60 * minuteMs;
    let at = begin;
    for (; at < begin + duringMs; at += this.#random() < 0.01 ? 5 * minuteMs : 30 * secondMs)
      this.#write(at, path, (size * (at - begin)) / duringMs);
    this.#write(at, path, size);
  }

  #log(path: string): void {
    this.#whole();
    let size = 0;
    for (let at = this.#random() * minuteMs; at < runMs; at += 10 * minuteMs * (0.5 + this.#random())) {
      size += 2000 * this.#random();
      this.#write(at, path, size);
    }
  }

  /** Written anew after each cycle. */
  #metric(path: string): void {
    this.#whole();
    for (let cycle = 1; cycle <= 300; cycle++) this.#write((cycle * runMs) / 301, path, cycle * 15_000);
  }

  /** One that is taken away again, and one that gets another place. */
  #moved(index: number): void {
    this.#whole();
    const at = this.#random() * runMs * 0.9;
    this.#write(at, `Temp/${index}.bin`, 100_000);
    this.#steps.push({ at: at + 60 * minuteMs, type: "remove", path: `Temp/${index}.bin` });
    this.#write(at, `Thumbnails/new/${index}.jpg`, 20_000);
    const [path, to] = [`Thumbnails/new/${index}.jpg`, `Thumbnails/${index}.jpg`];
    this.#steps.push({ at: at + 20 * minuteMs, type: "rename", path, to });
  }

  #tile(tile: number, tiles: number, size: number): void {
    const cycles = Math.ceil(tiles / tilesPerCycle);
    const cycle = Math.floor(tile / tilesPerCycle);
    const path = `Data/L001/C${cycle + 1}.1/s_1_${tile % tilesPerCycle}.bcl`;
    const at = ((cycle + ((tile % tilesPerCycle) / tilesPerCycle) * 0.8) * (runMs - 10 * minuteMs)) / cycles;
    const kind = this.#random();
    const own = size * (0.8 + 0.4 * this.#random());
    const between = (2 + 18 * this.#random()) * secondMs;
    if (kind < 0.1) {
      this.#write(at, path, own);
      this.#write(at + between, path, own);
    } else if (kind < 0.2) {
      this.#write(at, `${path}.tmp`, own / 2);
      this.#write(at + between, `${path}.tmp`, own);
      this.#steps.push({ at: at + 2 * between, type: "rename", path: `${path}.tmp`, to: path });
    } else if (kind < 0.205) {
      // For longer than a file has to be quiet.
      this.#write(at, path, own / 2);
      this.#write(at + 5 * minuteMs, path, own);
    } else if (kind < 0.207) {
      this.#write(at, path, own);
      this.#write(Math.min(at + 120 * minuteMs, runMs - 1), path, own);
    } else {
      this.#write(at, path, own / 3);
      this.#write(at + between, path, own);
    }
  }
}
