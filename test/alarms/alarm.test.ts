// What is told of an alarm: once, again after a pause, and once when it is over.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Finding, type Firing, type Notice, stepOf } from "../../src/alarms/alarm.ts";

const alarm = { name: "instruments", againMs: 1000 };
const at = (ms: number): Date => new Date(1_000_000 + ms);
const finding = (subject: string, begins = true, text = `${subject} is silent`): Finding => ({
  subject,
  begins,
  text,
});

/** As a catalogue keeps them. */
class Book {
  firing: readonly Firing[] = [];
  readonly told: string[] = [];

  look(ms: number, ...findings: readonly Finding[]): void {
    const { changed, gone, notices } = stepOf(alarm, this.firing, findings, at(ms));
    const rest = this.firing.filter(
      (it) => ![...changed, ...gone].some(({ subject }) => subject === it.subject),
    );
    this.firing = [...rest, ...changed];
    this.told.push(...notices.map(({ state, firing }: Notice) => `${ms} ${state} ${firing.subject}`));
  }
}

describe("an alarm", () => {
  test("is told once, again after its pause, and once when it is over", () => {
    const book = new Book();
    book.look(0);
    for (const ms of [10, 20, 900, 1009]) book.look(ms, finding("a"));
    for (const ms of [1010, 1500, 2010]) book.look(ms, finding("a"));
    book.look(2500);
    book.look(2600);
    expect(book.told).toEqual(["10 firing a", "1010 again a", "2010 again a", "2500 over a"]);
    expect(book.firing).toEqual([]);
  });

  test("is told for each of its subjects by itself, and says how often and since when", () => {
    const book = new Book();
    book.look(0, finding("a"));
    book.look(10, finding("a"), finding("b"));
    book.look(1005, finding("a", true, "a is still silent"), finding("b"));
    book.look(1006, finding("b"));
    expect(book.told).toEqual(["0 firing a", "10 firing b", "1005 again a", "1006 over a"]);
    expect(book.firing).toEqual([
      {
        alarm: "instruments",
        subject: "b",
        since: at(10).toISOString(),
        toldAt: at(10).getTime(),
        times: 1,
        text: "b is silent",
      },
    ]);
  });

  test("goes on where it is only near to what begins it, and does not begin by that", () => {
    const book = new Book();
    book.look(0, finding("disk", false));
    book.look(1, finding("disk"));
    for (const ms of [2, 3, 4]) book.look(ms, finding("disk", ms === 3));
    book.look(5);
    expect(book.told).toEqual(["1 firing disk", "5 over disk"]);
  });

  test("is not told for ever later where the calendar was set back by a year", () => {
    const book = new Book();
    const yearMs = 365 * 86_400_000;
    book.look(yearMs, finding("a"));
    book.look(0, finding("a"));
    book.look(999, finding("a"));
    book.look(1000, finding("a"));
    expect(book.told).toEqual([`${yearMs} firing a`, "1000 again a"]);
  });

  test("has its words of now when it is over", () => {
    const book = new Book();
    book.look(0, finding("disk", true, "full in 9 days"));
    book.look(1, finding("disk", true, "full in 8 days"));
    const { notices } = stepOf(alarm, book.firing, [], at(2));
    expect(notices).toMatchObject([{ state: "over", firing: { text: "full in 8 days", times: 1 } }]);
  });

  test("whatever is found: a beginning and an end belong together, and between two tellings lies the pause", () => {
    const looks = fc.array(
      fc.record({ ms: fc.integer({ min: 1, max: 700 }), found: fc.subarray(["a", "b", "c"]) }),
    );
    fc.assert(
      fc.property(looks, (all) => {
        const book = new Book();
        let ms = 0;
        for (const { ms: later, found } of all) {
          ms += later;
          book.look(ms, ...found.map((it) => finding(it)));
        }
        const last = new Map<string, number>();
        for (const line of book.told) {
          const [time = "", state = "", subject = ""] = line.split(" ");
          const before = last.get(subject);
          expect(state === "firing").toBe(before === undefined);
          if (state === "again") expect(Number(time) - (before ?? 0)).toBeGreaterThanOrEqual(alarm.againMs);
          if (state === "over") last.delete(subject);
          else last.set(subject, Number(time));
        }
        expect([...last.keys()].toSorted()).toEqual(book.firing.map(({ subject }) => subject).toSorted());
      }),
    );
  });
});
