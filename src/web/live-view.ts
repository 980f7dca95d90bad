// What happens now, told once a second to all who look: one text for everybody, and no work while nobody does.

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { ShownAlarm } from "../server/alarms.ts";
import type { Server } from "../server/server.ts";
import type { RunningUpload } from "../server/session.ts";
import type { EventSink } from "./http/http-message.ts";
import type { Throughput } from "./throughput.ts";

export interface LiveViewParts {
  readonly clock: Clock;
  readonly server: Pick<Server, "openUploads" | "pendingKeys" | "credit" | "running">;
  readonly throughput: Throughput;
  /** As `Storage.freeBytes`. */
  readonly freeBytes: () => Promise<number | null>;
  /** Alarms that were told and are not over, the oldest first. */
  readonly alarms: () => Promise<readonly ShownAlarm[]>;
}

/** What is told. */
export interface LiveState {
  /** The server's calendar time: ISO 8601, UTC. */
  readonly time: string;
  /** Of uploads that are open: the first, in the order in which they began. */
  readonly running: readonly RunningUpload[];
  /** How many there are in all. */
  readonly open: number;
  /** Bytes a second that arrive, over the last seconds. */
  readonly bytesPerSecond: number;
  readonly memory: { readonly budgetBytes: number; readonly heldBytes: number };
  readonly freeBytes: number | null;
  readonly pendingKeys: number;
  /** What is wrong: the first alarms, and how many there are. */
  readonly alarms: readonly ToldAlarm[];
  readonly alarmsInAll: number;
}

/** As the page has it. */
export type ToldAlarm = Pick<ShownAlarm, "alarm" | "subject" | "text" | "since">;

// They are looked at once a minute.
const alarmsEveryMs = 10_000;
const alarmsShownMax = 20;

const tellMs = 1_000;
// What one looks at. All of them are in the list of uploads.
const shownMax = 100;

export class LiveView {
  readonly #parts: LiveViewParts;
  /** With what says whether its reader may still hear it. */
  readonly #sinks = new Map<EventSink, () => boolean>();
  #timer: CancelTimer | null = null;
  #alarms: readonly ShownAlarm[] = [];
  #alarmsAt = Number.NEGATIVE_INFINITY;

  constructor(parts: LiveViewParts) {
    this.#parts = parts;
  }

  /** Tells `sink` at once, and from then on until its reader is gone, or `isIn` does not hold any more: then it ends. */
  follow(sink: EventSink, isIn: () => boolean): void {
    this.#sinks.set(sink, isIn);
    sink.gone.addEventListener("abort", () => this.#sinks.delete(sink), { once: true });
    void this.#tell([sink]);
    this.#timer ??= this.#wake();
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
    this.#sinks.clear();
  }

  #wake(): CancelTimer {
    return this.#parts.clock.after(tellMs, () => {
      this.#timer = this.#sinks.size === 0 ? null : this.#wake();
      for (const [sink, isIn] of this.#sinks) if (!isIn()) this.#end(sink);
      void this.#tell(this.#sinks.keys());
    });
  }

  #end(sink: EventSink): void {
    this.#sinks.delete(sink);
    sink.end();
  }

  async #tell(sinks: Iterable<EventSink>): Promise<void> {
    const data = JSON.stringify(await this.#state());
    for (const sink of sinks) sink.send("state", data);
  }

  async #state(): Promise<LiveState> {
    const { clock, server, throughput, freeBytes } = this.#parts;
    const free = await freeBytes().catch(() => null);
    await this.#lookForAlarms();
    return {
      time: clock.date().toISOString(),
      running: server.running(shownMax),
      open: server.openUploads,
      bytesPerSecond: throughput.bytesPerSecond,
      memory: server.credit,
      freeBytes: free,
      pendingKeys: server.pendingKeys.length,
      alarms: this.#alarms
        .slice(0, alarmsShownMax)
        .map(({ alarm, subject, text, since }) => ({ alarm, subject, text, since })),
      alarmsInAll: this.#alarms.length,
    };
  }

  async #lookForAlarms(): Promise<void> {
    const { clock, alarms } = this.#parts;
    if (clock.now() - this.#alarmsAt < alarmsEveryMs) return;
    this.#alarmsAt = clock.now();
    // While the catalogue cannot be asked, they are as they were.
    this.#alarms = await alarms().catch(() => this.#alarms);
  }
}
