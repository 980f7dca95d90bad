// Instruments write for days of simulated time while their folder is watched: looks come when they come, the drive goes away, the watcher
// is killed and started anew, and sending fails. Every run that ends well is sent once, as it is at its end; no other is sent.

import { expect, test } from "bun:test";
import type { EntryView } from "../../src/watch/completion.ts";
import { FingerprintSum } from "../../src/watch/fingerprint.ts";
import { NotReachable, type Sighting } from "../../src/watch/folder/scan.ts";
import { Looker, type Ready } from "../../src/watch/looker.ts";
import { knownProfile, profileNames } from "../../src/watch/profiles.ts";
import { WatchList } from "../../src/watch/watch-list.ts";
import { memoryView } from "../support/instrument/memory-view.ts";
import { applyInMemory, type Folder, type Operation } from "../support/instrument/operation.ts";
import { randomFrom } from "../support/instrument/random.ts";
import { type SimulatedRun, simulatedRun } from "../support/instrument/simulated-run.ts";
import { ManualClock } from "../support/manual-clock.ts";

const settleMs = 60_000;
const runsOfEach = 20;

test.each(profileNames)(`%s: ${runsOfEach} runs are sent once, whole, none early`, async (profile) => {
  for (let seed = 1; seed <= runsOfEach; seed++) {
    const run = simulatedRun(profile, 1000 + seed);
    const world = new World(run, seed);
    await world.live();
    const wanted = ["finished", "quiet"].includes(run.end) ? run.entries.toSorted() : [];
    expect([profile, seed, [...world.sent.keys()].sort()]).toEqual([profile, seed, wanted]);
    for (const [name, content] of world.sent)
      expect([profile, seed, content]).toEqual([profile, seed, world.contentOf(name)]);
  }
});

interface Watching {
  readonly looker: Looker;
  readonly list: WatchList;
}

/** A folder that an instrument writes to, and who watches it. */
class World {
  /** What was sent, by name: what was in it then. */
  readonly sent = new Map<string, string>();
  readonly #run: SimulatedRun;
  readonly #random: () => number;
  readonly #clock = new ManualClock();
  readonly #folder: Folder = new Map();
  readonly #times = new Map<string, number>();
  readonly #fingerprints = new Map<string, string>();
  readonly #rule;
  #isAway: "no" | "gone" | "empty" = "no";

  constructor(run: SimulatedRun, seed: number) {
    this.#run = run;
    this.#random = randomFrom(seed);
    this.#rule = knownProfile(run.profile)!;
  }

  async live(): Promise<void> {
    const waiting = [...this.#run.operations];
    const clock = this.#clock;
    let [watcher, stepAt, lookAt] = [this.#watcher(), 0, 0];
    // What shrank waits five times as long, and what failed is tried again after a minute at most.
    for (let endAt = Number.POSITIVE_INFINITY; clock.now() < endAt; ) {
      clock.advance(Math.max(0, Math.min(stepAt, lookAt) - clock.now()));
      if (stepAt <= lookAt) {
        const step = waiting.shift();
        if (step !== undefined) this.#do(step);
        stepAt = waiting.length === 0 ? Number.POSITIVE_INFINITY : clock.now() + this.#gapAfter(step);
        if (waiting.length === 0) endAt = clock.now() + 30 * settleMs;
        continue;
      }
      if (this.#chance(0.03)) watcher = this.#watcher();
      this.#isAway = this.#chance(0.05) ? (this.#chance(0.5) ? "gone" : "empty") : "no";
      await this.#look(watcher);
      lookAt = clock.now() + this.#random() * settleMs * 0.5;
    }
  }

  async #look({ looker, list }: Watching): Promise<void> {
    for (const { sighting } of await looker.all(new AbortController().signal)) {
      const { path, fingerprint } = sighting;
      if (this.#chance(0.2)) {
        list.failed(path, "the line was cut", this.#clock.now());
        continue;
      }
      expect([path, this.sent.has(path)]).toEqual([path, false]);
      this.sent.set(path, this.contentOf(path));
      this.#fingerprints.set(path, fingerprint.text);
      list.sent(path, fingerprint.text);
    }
  }

  /** Who watches anew knows what was sent, and nothing else. */
  #watcher(): Watching {
    const list = new WatchList({ settleMs, random: this.#random, onWaiting: () => {}, onLost: () => {} });
    const looker = new Looker({
      ...{ clock: this.#clock, list, rule: this.#rule },
      scanner: { entries: () => this.#sightings(), look: async () => null },
      sentAs: (path) => this.#fingerprints.get(path) ?? null,
      prepare: async () => ({ type: "job", job: {} as Ready["job"], key: "" }),
      openForWriting: () => new Set(),
    });
    return { looker, list };
  }

  async *#sightings(): AsyncGenerator<Sighting> {
    if (this.#isAway === "gone") throw new NotReachable("the drive is away");
    const names = new Set([...this.#folder.keys()].map((path) => path.split("/")[0] as string));
    for (const path of this.#isAway === "empty" ? [] : names) {
      const view = this.#view(path);
      if (this.#rule.isJunk(path) || !this.#rule.isUnit(view)) continue;
      const sum = new FingerprintSum();
      for (const file of view.files()) sum.add(file);
      yield { path, kind: view.kind, fingerprint: sum.result, fault: null, at: `/${path}`, view };
    }
  }

  #view(name: string): EntryView {
    const kind = this.#folder.has(name) ? "file" : "folder";
    const own = [...this.#folder].filter(([path]) => path === name || path.startsWith(`${name}/`));
    const within = (path: string): string => path.slice(name.length + 1);
    const beside = Object.fromEntries([...this.#folder].filter(([path]) => !path.includes("/")));
    return memoryView({
      ...{ name, kind, beside, isLeftOut: this.#rule.isJunk },
      files: Object.fromEntries(own.map(([path, bytes]) => [within(path), bytes])),
      times: new Map(own.map(([path]) => [within(path), this.#times.get(path) ?? 0])),
    });
  }

  /** What of an entry is sent, as one text. */
  contentOf(name: string): string {
    const own = [...this.#folder].filter(([path]) => path === name || path.startsWith(`${name}/`));
    const sentOnes = own.filter(([path]) => !this.#rule.isJunk(path.slice(name.length + 1)));
    return sentOnes
      .map(([path, bytes]) => `${path}:${Buffer.from(bytes).toString("hex")}`)
      .sort()
      .join("\n");
  }

  #do(step: Operation): void {
    applyInMemory(this.#folder, step);
    this.#times.set(step.type === "rename" ? step.to : step.path, this.#clock.now() + 1);
  }

  /** An instrument whose end has a sign may pause for hours, any other for less than the time that is quiet. */
  #gapAfter(step: Operation | undefined): number {
    // What is nobody's data does not break the quiet.
    if (step?.role !== "data") return this.#random() * settleMs * 0.05;
    const hasSign = this.#rule.file.sign !== undefined;
    return this.#random() * settleMs * (hasSign && this.#chance(0.1) ? 100 : 0.8);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }
}
