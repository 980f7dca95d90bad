// Who takes the steps of a live run, as the client and the server do together: members are read for a while, behind the steps that were
// taken; what changes under the reader is said and filled up; and the steps are applied to a tree by the rules of the server.

import type { LiveStep } from "../../../src/client/live/feed.ts";
import { foldPath } from "../../../src/tar/member-path.ts";
import type { Follower } from "../../../src/watch/live/follower.ts";
import { parentsOf, type WrittenRun } from "./written-run.ts";

type Member = Extract<LiveStep, { kind: "member" }>;

/** What has been read of a member is no version of its file. */
const mixture = -1;

export class StreamModel {
  /** Those that were written down: a later process begins with them. */
  readonly steps: LiveStep[] = [];
  /** What the server has: contents of files, `null` for folders. */
  readonly tree = new Map<string, number | null>();
  /** Members of which something else was sent than what they say. */
  readonly spoiled = new Set<string>();
  /** Bytes of files that were sent. */
  bytes = 0;
  /** So many steps may have been taken that are not sent. */
  readonly #aheadMax: number;
  #sent = 0;

  constructor(aheadMax = 1) {
    this.#aheadMax = aheadMax;
  }

  /** Whether all is sent, and the last of it is the end. */
  get isEnded(): boolean {
    return this.#sent === this.steps.length && this.steps.at(-1)?.kind === "end";
  }

  /** Takes the next step, or sends one that was taken; `isRead`: whether a file has been read by now. Returns whether there was something to do. */
  go(follower: Follower, run: WrittenRun, now: number, isRead: () => boolean): boolean {
    const isFull = this.steps.length - this.#sent >= this.#aheadMax;
    const taken = isFull || this.steps.at(-1)?.kind === "end" ? undefined : follower.next();
    if (taken !== undefined) {
      this.steps.push(taken);
      return true;
    }
    const step = this.steps[this.#sent];
    if (step === undefined) return false;
    if (step.kind === "member" && step.entry.type === "file" && !isRead()) return true;
    this.#sent += 1;
    if (step.kind === "removed") this.#remove(step.path);
    else if (step.kind === "member") this.#send(step, follower, run, now);
    else if (this.#sent < this.steps.length) throw new Error(`something comes behind the ${step.kind}`);
    return true;
  }

  #send(step: Member, follower: Follower, run: WrittenRun, now: number): void {
    const { path, entry } = step;
    this.#expectFits(path, entry.type);
    for (const folder of parentsOf(path)) this.tree.set(folder, null);
    if (entry.type === "folder") return void this.tree.set(path, null);
    this.bytes += entry.size;
    // The bytes are those of now: the file is compared when all of it was read.
    const isStill = JSON.stringify(run.entry(path)) === JSON.stringify(entry);
    this.tree.set(path, isStill ? run.files.get(path)!.content : mixture);
    this.spoiled.delete(path);
    if (isStill) return;
    this.spoiled.add(path);
    // The end was not said yet: it is void.
    if (this.steps.at(-1)?.kind === "end") this.steps.pop();
    follower.changed(path, now);
  }

  #expectFits(path: string, type: "file" | "folder"): void {
    for (const folder of parentsOf(path))
      if (typeof this.tree.get(folder) === "number") throw new Error(`${folder} is a file, for ${path}`);
    const there = this.tree.get(path);
    if (there !== undefined && (there === null) !== (type === "folder"))
      throw new Error(`${path} is there as the other kind`);
    for (const other of this.tree.keys())
      if (other !== path && foldPath(other) === foldPath(path))
        throw new Error(`${path} clashes with ${other}`);
  }

  #remove(path: string): void {
    if (!this.tree.has(path)) throw new Error(`${path} is removed, and was not there`);
    for (const at of [...this.tree.keys()])
      if (at === path || at.startsWith(`${path}/`)) this.tree.delete(at);
  }
}
