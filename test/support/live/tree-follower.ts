// Follows a folder without any patience: gives what it sees, again when it is another one, and takes out what is gone. So it gives files that
// are just being written, which nobody should, and which what sends them has to bear. The end is there when a file of this name lies beside the
// folder; `aborted` as well.

import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../../../src/base/clock.ts";
import type { LiveEntry, LiveFeed, LiveRun, LiveStep } from "../../../src/client/live/feed.ts";

const lookEveryMs = 20;

/** Where the sign of the end lies, and that of an aborted run. */
export function signsOf(folder: string) {
  return { end: `${folder}.end`, aborted: `${folder}.aborted` };
}

export class TreeFollower implements LiveFeed {
  readonly #folder: string;
  readonly #given = new Map<string, string>();
  #queue: LiveStep[] = [];
  readonly #onStored: (count: number) => void;

  constructor(
    { path }: Pick<LiveRun, "path">,
    steps: Iterable<LiveStep>,
    onStored: (count: number) => void = () => {},
  ) {
    this.#folder = path;
    this.#onStored = onStored;
    for (const step of steps) this.#note(step);
  }

  #note(step: LiveStep): void {
    if (step.kind === "member") this.#given.set(step.path, versionOf(step.entry));
    if (step.kind !== "removed") return;
    for (const path of [...this.#given.keys()])
      if (path === step.path || path.startsWith(`${step.path}/`)) this.#given.delete(path);
  }

  next(): LiveStep | undefined {
    const step = this.#queue.shift();
    if (step !== undefined) this.#note(step);
    return step;
  }

  async more(signal: AbortSignal): Promise<void> {
    for (;;) {
      const isSigned = existsSync(signsOf(this.#folder).end);
      await this.#look();
      if (this.#queue.length === 0 && isSigned) this.#queue.push({ kind: "end" });
      if (this.#queue.length === 0 && existsSync(signsOf(this.#folder).aborted))
        this.#queue.push({ kind: "aborted", reason: "run-aborted", why: "its sign is there" });
      if (this.#queue.length > 0) return;
      await sleep(systemClock, lookEveryMs, signal);
    }
  }

  async #look(): Promise<void> {
    const seen = new Map<string, LiveEntry>();
    await look(this.#folder, "", seen);
    const removed = [...this.#given.keys()].filter(
      (path) => kindOf(this.#given.get(path)) !== seen.get(path)?.type,
    );
    for (const path of removed.sort())
      if (!removed.some((other) => path.startsWith(`${other}/`))) this.#queue.push({ kind: "removed", path });
    for (const [path, entry] of seen)
      if (this.#given.get(path) !== versionOf(entry)) this.#queue.push({ kind: "member", path, entry });
  }

  changed(path: string): void {
    const given = this.#given.get(path);
    if (given !== undefined) this.#given.set(path, `${kindOf(given)} changed`);
    // What was to come is looked for again.
    this.#queue = [];
  }

  stored(count: number): void {
    this.#onStored(count);
  }

  async close(): Promise<void> {}
}

function versionOf(entry: LiveEntry): string {
  if (entry.type === "folder") return `folder ${entry.modified}`;
  return `file ${entry.size} ${entry.modified} ${entry.executable} ${entry.fileId}`;
}

function kindOf(version: string | undefined): string | undefined {
  return version?.slice(0, version.indexOf(" "));
}

async function look(folder: string, prefix: string, seen: Map<string, LiveEntry>): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const at = join(folder, name);
    const path = `${prefix}${name}`;
    const stats = await stat(at, { bigint: true }).catch(() => null);
    if (stats === null) continue;
    const modified = String(stats.mtimeNs);
    if (stats.isDirectory()) {
      seen.set(path, { type: "folder", modified });
      await look(at, `${path}/`, seen);
    } else {
      const executable = (Number(stats.mode) & 0o100) !== 0;
      seen.set(path, {
        type: "file",
        size: Number(stats.size),
        modified,
        executable,
        fileId: String(stats.ino),
      });
    }
  }
}
