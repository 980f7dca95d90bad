// Bounds what others can make us write into the log. Lines about a peer (a user, a key, an address) are counted by kind
// and peer: the first few are written, then one a minute that says for how many it stands. So is the memory for the
// counters. Every text is cut: a peer chooses names, metadata and reasons.

import type { Clock } from "./clock.ts";
import { cutText } from "./cut-text.ts";
import type { LogFields, Logger, LogLevel } from "./log.ts";

interface Allowance {
  /** Lines at once. */
  readonly first: number;
  /** Lines a minute after that. */
  readonly perMinute: number;
}

const minuteMs = 60_000;
/**
 * Longest text of a field, in bytes as it is written. Only a path of something that is there is as long as it is: a program that
 * reads it goes there, and the system has a bound for it (4 KiB on Linux).
 */
const fieldBytesMax = 1024;
const few: Allowance = { first: 5, perMinute: 1 };
// What becomes of uploads is looked up later, and a lab may well send as many small files at once.
const many: Allowance = { first: 100, perMinute: 10 };
/** A peer gets more of these only with more files that are stored, or not at all: the administrator does. */
const uncounted = new Set([
  "Upload finished",
  "Upload is lost",
  "Key authorised",
  "Key removed",
  "A removed key did not come back: its uploads end",
  "A key expired: its uploads end",
  "A key that had expired is good again",
  "A key expires soon",
]);
/** Lines with an upload's id of which one message is enough all the same. */
const cheap = new Set(["Upload refused"]);
const countersMax = 512;
/** Keys that are told apart at one address: whoever has no key can make as many as they like. */
const sourcesPerGroupMax = 16;

interface Counter {
  readonly name: string;
  readonly group: string;
  readonly allowance: Allowance;
  /** Lines that may be written now. */
  tokens: number;
  /** Monotonic ms, of `tokens`. */
  at: number;
  leftOut: {
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
    times: number;
  } | null;
}

export class CountedLogger implements Logger {
  readonly #to: Logger;
  readonly #clock: Clock;
  readonly #counters = new Map<string, Counter>();
  readonly #groupSizes = new Map<string, number>();
  #isTimerSet = false;

  constructor(to: Logger, clock: Clock) {
    this.#to = to;
    this.#clock = clock;
  }

  /** How many counters there are, which is bounded. */
  get size(): number {
    return this.#counters.size;
  }

  log(level: LogLevel, message: string, fields: LogFields = {}): void {
    const counter = this.#counterOf(message, fields);
    if (counter !== null && !this.#takes(counter)) return this.#leaveOut(counter, level, message, fields);
    this.#to.log(level, message, cutFields(fields));
  }

  /** Writes for how many lines were left out so far. */
  settle(): void {
    for (const counter of this.#counters.values()) {
      const { leftOut } = counter;
      if (leftOut === null) continue;
      counter.leftOut = null;
      this.#refill(counter);
      counter.tokens = Math.max(0, counter.tokens - 1);
      this.#to.log(leftOut.level, leftOut.message, { ...leftOut.fields, times: leftOut.times });
    }
  }

  /** `null`: this line is not counted. */
  #counterOf(message: string, fields: LogFields): Counter | null {
    const { user, key, address, upload } = fields;
    if (uncounted.has(message) || (user ?? key ?? address) === undefined) return null;
    const allowance = upload === undefined || cheap.has(message) ? few : many;
    const group = `${message}\0${address === undefined ? (user ?? key) : networkOf(String(address))}`;
    const name = `${group}\0${key ?? ""}`;
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    if ((this.#groupSizes.get(group) ?? 0) >= sourcesPerGroupMax)
      return this.#shared(`${group}\0others`, allowance);
    if (this.#counters.size >= countersMax) this.#forget();
    if (this.#counters.size >= countersMax) return this.#shared(`${message}\0others`, allowance);
    return this.#add(name, group, allowance);
  }

  /** For all that have no counter of their own; there are as many as kinds of lines, and groups that are full. */
  #shared(name: string, allowance: Allowance): Counter {
    return this.#counters.get(name) ?? this.#add(name, "", allowance);
  }

  #add(name: string, group: string, allowance: Allowance): Counter {
    const at = this.#clock.now();
    const counter: Counter = { name, group, allowance, tokens: allowance.first, at, leftOut: null };
    this.#counters.set(name, counter);
    this.#groupSizes.set(group, (this.#groupSizes.get(group) ?? 0) + 1);
    return counter;
  }

  /** Drops counters that are as good as new. */
  #forget(): void {
    for (const counter of this.#counters.values()) {
      this.#refill(counter);
      if (counter.leftOut !== null || counter.tokens < counter.allowance.first) continue;
      this.#counters.delete(counter.name);
      const size = (this.#groupSizes.get(counter.group) ?? 1) - 1;
      if (size > 0) this.#groupSizes.set(counter.group, size);
      else this.#groupSizes.delete(counter.group);
    }
  }

  #takes(counter: Counter): boolean {
    // In order: behind a line that was left out all others are, until the number is told.
    if (counter.leftOut !== null) return false;
    this.#refill(counter);
    if (counter.tokens < 1) return false;
    counter.tokens--;
    return true;
  }

  #refill(counter: Counter): void {
    const now = this.#clock.now();
    const { first, perMinute } = counter.allowance;
    counter.tokens = Math.min(first, counter.tokens + ((now - counter.at) / minuteMs) * perMinute);
    counter.at = now;
  }

  #leaveOut(counter: Counter, level: LogLevel, message: string, fields: LogFields): void {
    if (counter.leftOut !== null) {
      counter.leftOut.times++;
      return;
    }
    // A copy: a part of a text keeps all of it in memory.
    counter.leftOut = { level, message, fields: structuredClone(cutFields(fields)), times: 1 };
    if (this.#isTimerSet) return;
    this.#isTimerSet = true;
    this.#clock.after(minuteMs, () => {
      this.#isTimerSet = false;
      this.settle();
    });
  }
}

function cutFields(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" && name !== "path" ? cutText(value, fieldBytesMax) : value,
    ]),
  );
}

/** The address itself, or the network of an IPv6 address, in which everybody has as many addresses as they like. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
  // An IPv4 address in IPv6 clothes.
  if (address.includes(".")) return groups.at(-1) as string;
  return groups.slice(0, 4).join(":");
}
