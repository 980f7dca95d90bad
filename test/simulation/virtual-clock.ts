// Time that only moves when the simulation moves it: from one event to the next. Events at the same time happen in
// the order in which they were planned.

import type { CancelTimer, Clock } from "../../src/base/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | null;
}

const epochMs = Date.UTC(2026, 0, 2, 3, 4, 5);

export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  /** A heap: each event is due no later than the two at 2i + 1 and 2i + 2. */
  readonly #events: Event[] = [];

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(epochMs + this.#now);
  }

  after(delayMs: number, callback: () => void): CancelTimer {
    const event: Event = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#push(event);
    return () => {
      event.callback = null;
    };
  }

  /** Lets the next event happen. Returns false when nothing is planned. */
  step(): boolean {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { callback } = event;
      if (callback === null) continue;
      this.#now = event.at;
      event.callback = null;
      callback();
      return true;
    }
    return false;
  }

  #push(event: Event): void {
    const heap = this.#events;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#events;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
