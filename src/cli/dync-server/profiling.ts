// `dync-server run --profile FILE`: where the time of the server goes, by stages and by threads, in a file that is written anew every
// minute and when the server stops. Its members are in doc/json.md.

import type { CancelTimer, Clock } from "../../base/clock.ts";
import { DyncError, messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { countStages, Stages, type StageTime, stageNames } from "../../base/stages.ts";
import { threadTimesOf } from "../../base/thread-times.ts";
import { writeWhole } from "../../base/write-whole.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { version } from "../version.ts";

const everyMs = 60_000;

export interface ProfilingParts {
  /** Absolute path. */
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the server is to stop. */
  readonly signal: AbortSignal;
}

/** Processor time of the threads of one name. */
interface ThreadsTime {
  readonly name: string;
  readonly threads: number;
  readonly cpuMs: number;
}

type StageTimes = Readonly<Record<string, StageTime>>;

/** What one span of time was spent on. */
interface Spent {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly stages: StageTimes;
  /** Of the threads that store uploads, together. */
  readonly workers: StageTimes;
  readonly threads: readonly ThreadsTime[];
}

export class Profiling implements AsyncDisposable {
  readonly #parts: ProfilingParts;
  readonly #stages: Stages;
  readonly #startedAt: number;
  #before: Spent;
  #cancel: CancelTimer = () => {};
  #isTold = false;
  /** What threads had when the server was told to stop: at its end some of them are no more. */
  #atStop: readonly ThreadsTime[] = [];

  private constructor(parts: ProfilingParts) {
    this.#parts = parts;
    this.#stages = new Stages(parts.clock);
    // Seconds of the process: what it did before it came here belongs to it.
    this.#startedAt = parts.clock.now() - process.uptime() * 1000;
    this.#before = nothing;
  }

  /** One where `profile` names a file, else `null`: then nobody counts. Throws as `begin`. */
  static async of(
    { profile }: Pick<ProcessSettings, "profile">,
    parts: Omit<ProfilingParts, "file">,
  ): Promise<Profiling | null> {
    return profile === null ? null : await Profiling.begin({ ...parts, file: profile });
  }

  /** Begins to count, until it is disposed. Throws `DyncError` ("configuration") when the file cannot be written. */
  static async begin(parts: ProfilingParts): Promise<Profiling> {
    const profiling = new Profiling(parts);
    try {
      await profiling.#write();
    } catch (cause) {
      const text = `The profile ${parts.file} cannot be written: ${messageOf(cause)}`;
      const hint = "give --profile a file in a folder where the server may write";
      throw new DyncError("configuration", text, { cause, hint });
    }
    countStages(profiling.#stages);
    parts.signal.addEventListener("abort", profiling.#onStop, { once: true });
    profiling.#later();
    return profiling;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel();
    this.#parts.signal.removeEventListener("abort", this.#onStop);
    countStages(null);
    await this.#tryWrite();
  }

  readonly #onStop = (): void => {
    this.#atStop = threadTimes(cpuMsNow(), []);
  };

  #later(): void {
    this.#cancel = this.#parts.clock.after(everyMs, () => {
      this.#later();
      void this.#tryWrite();
    });
  }

  /** A server goes on without: never rejects. */
  async #tryWrite(): Promise<void> {
    try {
      await this.#write();
      this.#isTold = false;
    } catch (error) {
      const fields = { file: this.#parts.file, reason: messageOf(error) };
      if (!this.#isTold) this.#parts.logger.log("warn", "The profile was not written", fields);
      this.#isTold = true;
    }
  }

  async #write(): Promise<void> {
    const { clock, file } = this.#parts;
    const now = this.#spent();
    const text = {
      ...{ schema: 1, type: "server-profile", version, time: clock.date().toISOString() },
      ...{ total: rounded(now), lately: rounded(less(now, this.#before)) },
    };
    this.#before = now;
    await writeWhole(file, `${JSON.stringify(text, null, 2)}\n`, { isDurable: false });
  }

  #spent(): Spent {
    const cpuMs = cpuMsNow();
    const seconds = (this.#parts.clock.now() - this.#startedAt) / 1000;
    const [stages, workers] = [this.#stages.table(), this.#stages.workersTable()];
    return { seconds, cpuMs, stages, workers, threads: threadTimes(cpuMs, this.#atStop) };
  }
}

const noTime: StageTime = { count: 0, wallMs: 0, heldMs: 0 };
const noTimes: StageTimes = Object.fromEntries(stageNames.map((name) => [name, noTime]));
const nothing: Spent = { seconds: 0, cpuMs: 0, stages: noTimes, workers: noTimes, threads: [] };

/** What came between `before` and `now`. */
function less(now: Spent, before: Spent): Spent {
  const cpuBefore = new Map(before.threads.map(({ name, cpuMs }) => [name, cpuMs]));
  // A thread that ended takes what it had to those that did.
  const threads = now.threads.map((it) => ({
    ...it,
    cpuMs: Math.max(0, it.cpuMs - (cpuBefore.get(it.name) ?? 0)),
  }));
  return {
    ...{ seconds: now.seconds - before.seconds, cpuMs: now.cpuMs - before.cpuMs },
    ...{ stages: timesLess(now.stages, before.stages), workers: timesLess(now.workers, before.workers) },
    threads,
  };
}

function timesLess(now: StageTimes, before: StageTimes): StageTimes {
  const rows = Object.entries(now).map(([name, it]) => {
    const { count, wallMs, heldMs } = before[name] ?? noTime;
    const rest = { count: it.count - count, wallMs: it.wallMs - wallMs, heldMs: it.heldMs - heldMs };
    return [name, rest] as const;
  });
  return Object.fromEntries(rows);
}

function roundedTimes(times: StageTimes): StageTimes {
  const rows = Object.entries(times).map(([name, { count, wallMs, heldMs }]) => {
    return [name, { count, wallMs: micro(wallMs), heldMs: micro(heldMs) }] as const;
  });
  return Object.fromEntries(rows);
}

function rounded({ seconds, cpuMs, stages, workers, threads }: Spent): Spent {
  return {
    ...{ seconds: micro(seconds), cpuMs: micro(cpuMs) },
    ...{ stages: roundedTimes(stages), workers: roundedTimes(workers) },
    threads: threads.map((it) => ({ ...it, cpuMs: micro(it.cpuMs) })),
  };
}

function micro(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/**
 * Processor time of the threads of this process, those of one name together, the busiest first; what of `cpuMs`, that of the process,
 * is left is that of threads that ended and are not in `before`. Linux alone tells: elsewhere there are none.
 */
function threadTimes(cpuMs: number, before: readonly ThreadsTime[]): readonly ThreadsTime[] {
  const found = new Map<string, { threads: number; cpuMs: number }>();
  for (const time of threadTimesOf(process.pid).values()) {
    const row = found.get(time.name) ?? { threads: 0, cpuMs: 0 };
    found.set(time.name, { threads: row.threads + 1, cpuMs: row.cpuMs + time.cpuMs });
  }
  if (found.size === 0) return [];
  for (const { name, cpuMs: least } of before) {
    const row = found.get(name) ?? { threads: 0, cpuMs: 0 };
    if (name !== "ended") found.set(name, { ...row, cpuMs: Math.max(row.cpuMs, least) });
  }
  const sum = [...found.values()].reduce((ms, row) => ms + row.cpuMs, 0);
  const rows = [...found].map(([name, row]) => ({ name, ...row }));
  rows.push({ name: "ended", threads: 0, cpuMs: Math.max(0, cpuMs - sum) });
  return rows.toSorted((a, b) => b.cpuMs - a.cpuMs);
}

function cpuMsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
