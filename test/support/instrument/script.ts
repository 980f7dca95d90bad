// What instruments have in common when they write: files that grow in pieces beside each other, are made as large as they are going to be, written
// under another name or anew, and what systems and programs leave lying in between.

import type { Operation, Role } from "./operation.ts";

/** Steps of a simulated instrument, in their order. All of it follows from `random`. */
export class Script {
  readonly random: () => number;
  readonly operations: Operation[] = [];
  /** Until this step nothing that was written may even be taken for quiet. */
  heldUntil = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  /** A whole number from `min` to `max`. */
  number(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.number(0, items.length - 1)] as T;
  }

  bytes(min = 1, max = 400): Uint8Array {
    return Uint8Array.from({ length: this.number(min, max) }, () => this.number(0, 255));
  }

  write(path: string, content: Uint8Array | string = this.bytes(), role: Role = "data"): void {
    this.operations.push({ type: "write", path, bytes: bytesOf(content), role });
  }

  append(path: string, content: Uint8Array | string = this.bytes(), role: Role = "data"): void {
    this.operations.push({ type: "append", path, bytes: bytesOf(content), role });
  }

  folder(path: string): void {
    this.operations.push({ type: "folder", path, role: "junk" });
  }

  remove(path: string, role: Role = "data"): void {
    this.operations.push({ type: "remove", path, role });
  }

  rename(path: string, to: string, role: Role = "data"): void {
    this.operations.push({ type: "rename", path, to, role });
  }

  /** A sign that is written in one go, or in pieces, or is empty. */
  sign(path: string, content = ""): void {
    if (content.length > 1 && this.chance(0.5)) {
      const half = this.number(1, content.length - 1);
      this.write(path, content.slice(0, half), "sign");
      this.append(path, content.slice(half), "sign");
    } else this.write(path, content, "sign");
  }

  /** The sign of the end: what came before it had to be held, and its first piece may already say enough. */
  lastSign(path: string, content = ""): void {
    this.heldUntil = this.operations.length + 1;
    this.sign(path, content);
  }

  /** All that was done so far had to come first. */
  releases(): void {
    this.heldUntil = this.operations.length;
  }

  /** Writes these files beside each other, in steps that are mixed. */
  files(paths: readonly string[]): void {
    const waiting = paths.map((path) => this.#stepsOf(path));
    while (waiting.length > 0) {
      const steps = this.pick(waiting);
      const next = steps.shift();
      if (next !== undefined) this.operations.push(next);
      if (steps.length === 0) waiting.splice(waiting.indexOf(steps), 1);
    }
  }

  /** What lies there by nobody's will, in the run or beside it. */
  junk(folder: string): void {
    const name = this.pick(["Thumbs.db", "desktop.ini", ".DS_Store"]);
    if (this.chance(0.3)) this.write(`${folder}/${name}`, this.bytes(), "junk");
  }

  #stepsOf(path: string): Operation[] {
    const role = "data";
    const content = this.bytes();
    const pieces = (of: string): Operation[] => {
      const cut = this.number(0, content.length);
      return [
        { type: "write", path: of, bytes: content.subarray(0, cut), role },
        { type: "append", path: of, bytes: content.subarray(cut), role },
      ];
    };
    switch (this.number(0, 4)) {
      case 0:
        return [
          { type: "resize", path, size: content.length, role },
          { type: "write", path, bytes: content, role },
        ];
      case 1:
        return [...pieces(`${path}.tmp`), { type: "rename", path: `${path}.tmp`, to: path, role }];
      case 2:
        return [...pieces(path), { type: "write", path, bytes: content, role }];
      default:
        return pieces(path);
    }
  }
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
