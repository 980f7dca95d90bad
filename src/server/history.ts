// How much came over an hour, a day and a month, and how the disk and the memory were: of each step one sample, for charts. What is
// kept does not grow.

import type { CancelTimer, Clock } from "../base/clock.ts";

/** Of one step. */
export interface Sample {
  /** Bytes that were stored in it. */
  readonly bytes: number;
  /** Uploads that got their names in it. */
  readonly uploads: number;
  /** Most memory that the process had resident, in bytes. */
  readonly memory: number;
  /** Bytes that were free at its end; `null`: nobody could tell. */
  readonly free: number | null;
}

/** What charts are about, with how long a step is and how many there are. */
export const spans = {
  hour: { stepMs: 10_000, steps: 360 },
  day: { stepMs: 240_000, steps: 360 },
  month: { stepMs: 7_200_000, steps: 372 },
} as const;
export type Span = keyof typeof spans;
const spanNames = Object.keys(spans) as readonly Span[];

/** Samples of one span, the oldest first; `null`: the server did not run. */
export type Samples = readonly (Sample | null)[];

/** What is written down, to go on with after a restart. */
export interface WrittenHistory {
  /** When the last step of each span began, ms since 1970. */
  readonly at: Readonly<Record<Span, number>>;
  readonly samples: Readonly<Record<Span, Samples>>;
}

/** What is looked at for each sample. */
export interface HistoryLook {
  /** As `Storage.freeBytes`. */
  readonly freeBytes: () => Promise<number | null>;
  /** Resident memory of the process, in bytes. */
  readonly memoryBytes: () => number;
}

interface Ring {
  /** When the last step began, ms since 1970. */
  at: number;
  samples: (Sample | null)[];
}

const lookMs = spans.hour.stepMs;
const nothing: Sample = { bytes: 0, uploads: 0, memory: 0, free: null };

export class History {
  readonly #clock: Clock;
  readonly #rings: Record<Span, Ring>;
  #since: { bytes: number; uploads: number } = { bytes: 0, uploads: 0 };
  #timer: CancelTimer | null = null;

  /** Goes on with `written`, where there is any. */
  constructor(clock: Clock, written: WrittenHistory | null = null) {
    this.#clock = clock;
    const now = clock.date().getTime();
    const ring = (span: Span): Ring => ({
      at: written?.at[span] ?? stepOf(span, now),
      samples: written === null ? [nothing] : [...written.samples[span]],
    });
    this.#rings = { hour: ring("hour"), day: ring("day"), month: ring("month") };
  }

  stored(bytes: number): void {
    this.#since.bytes += bytes;
  }

  published(): void {
    this.#since.uploads++;
  }

  /** Looks now and from now on, until `stop`; `onLook` is called behind each look. */
  begin(look: HistoryLook, onLook: () => void): void {
    void this.look(look).then(onLook);
    this.#timer = this.#clock.after(lookMs, () => this.begin(look, onLook));
  }

  stop(): void {
    this.#timer?.();
  }

  /** Takes down what came since the last look, and how it is now. */
  async look({ freeBytes, memoryBytes }: HistoryLook): Promise<void> {
    const free = await freeBytes().catch(() => null);
    const came = { ...this.#since, memory: memoryBytes(), free };
    this.#since = { bytes: 0, uploads: 0 };
    const now = this.#clock.date().getTime();
    for (const span of spanNames) add(this.#rings[span], span, now, came);
  }

  /** As `Samples`, up to now: what was not looked at yet is not there. */
  of(span: Span): { readonly endsAt: number; readonly samples: Samples } {
    const { at, samples } = this.#rings[span];
    return { endsAt: at + spans[span].stepMs, samples };
  }

  written(): WrittenHistory {
    const { hour, day, month } = this.#rings;
    return {
      at: { hour: hour.at, day: day.at, month: month.at },
      samples: { hour: hour.samples, day: day.samples, month: month.samples },
    };
  }
}

function stepOf(span: Span, time: number): number {
  const { stepMs } = spans[span];
  return Math.floor(time / stepMs) * stepMs;
}

function add(ring: Ring, span: Span, now: number, came: Sample): void {
  const { stepMs, steps } = spans[span];
  const at = stepOf(span, now);
  // A calendar that was set back does not take away what was: it stands still until it is there again.
  const passed = Math.max(0, Math.min(steps, (at - ring.at) / stepMs));
  if (passed > 0) {
    for (let step = 1; step < passed; step++) ring.samples.push(null);
    ring.samples.push(nothing);
    ring.samples = ring.samples.slice(-steps);
    ring.at = at;
  }
  const last = ring.samples.at(-1) ?? nothing;
  ring.samples[ring.samples.length - 1] = {
    bytes: last.bytes + came.bytes,
    uploads: last.uploads + came.uploads,
    memory: Math.max(last.memory, came.memory),
    free: came.free,
  };
}

// Fewer say nothing of what comes: an hour of a day's steps.
const forecastSamplesMin = 15;

/**
 * When the disk is full if it goes on as over these samples, in ms from their end; `null`: it does not fill, or they say too little.
 * The line of least squares through what was free.
 */
export function fullInMs(samples: Samples, stepMs: number): number | null {
  const points = samples.flatMap((sample, index) =>
    sample === null || sample.free === null ? [] : [{ x: index, y: sample.free }],
  );
  if (points.length < forecastSamplesMin) return null;
  const mean = (values: readonly number[]): number => values.reduce((sum, it) => sum + it, 0) / values.length;
  const [x, y] = [mean(points.map((it) => it.x)), mean(points.map((it) => it.y))];
  const over = points.reduce((sum, it) => sum + (it.x - x) * (it.y - y), 0);
  const slope = over / points.reduce((sum, it) => sum + (it.x - x) ** 2, 0);
  // Less than a hundredth over the whole time is what files of others come and go by.
  if (slope >= 0 || -slope * samples.length < 0.01 * y) return null;
  return Math.max(0, (points.at(-1)?.y ?? 0) / -slope) * stepMs;
}
