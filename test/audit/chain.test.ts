// The chain of the audit log: whatever is done to lines is found, and where.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { AuditEvent, AuditValue } from "../../src/audit/audit.ts";
import { Chain } from "../../src/audit/chain.ts";
import { type Head, headOf, lineBytesMax, lineOf, noLine, readLine } from "../../src/audit/line.ts";

const at = new Date("2026-11-27T01:02:03.004Z");

function linesOf(events: readonly AuditEvent[], before: Head = noLine): Buffer[] {
  let head = before;
  return events.map((event) => {
    const line = lineOf(event, at, head);
    head = headOf(head.sequence + 1, line);
    return Buffer.from(line);
  });
}

/** The number of the first line that does not belong, from 1, and why; `null`: all do. */
function firstFault(lines: readonly Buffer[]): { readonly line: number; readonly fault: string } | null {
  const chain = new Chain();
  for (const [index, line] of lines.entries()) {
    const fault = chain.add(line);
    if (fault !== null) return { line: index + 1, fault };
  }
  return null;
}

const small = linesOf([
  { event: "started", version: "1.2.3" },
  { event: "admitted", user: "meyer", name: "Lauf 42 – µ.raw", size: 17 },
  { event: "finished", user: "meyer", sha256: "a".repeat(64) },
  { event: "stopped", reason: null },
]);

describe("a chain", () => {
  test("holds as it was written, and tells where it ends", () => {
    const chain = new Chain();
    for (const line of small) expect(chain.add(line)).toBeNull();
    expect(chain.first).toBe(1);
    expect(chain.head).toEqual(headOf(4, small.at(-1) as Buffer));
  });

  test("every bit of every line counts, the last one's too", () => {
    for (const [index, line] of small.entries()) {
      for (let bit = 0; bit < 8 * line.length; bit++) {
        const changed = Buffer.from(line);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        const found = firstFault(small.with(index, changed));
        // That is the line itself, not one behind it.
        if (found?.line !== index + 1) throw new Error(`bit ${bit} of line ${index + 1}: ${found?.fault}`);
      }
    }
  });

  test("a line that is removed, twice there, or in another's place is found", () => {
    for (let index = 0; index < small.length; index++) {
      const line = small[index] as Buffer;
      // What was the last one is missed by nobody, and what was the first one only where the rest begins with number 1.
      const rest = small.toSpliced(index, 1);
      if (index > 0 && index < small.length - 1) expect(firstFault(rest)?.line).toBe(index + 1);
      expect(firstFault(small.toSpliced(index, 0, line))).toMatchObject({ line: index + 2 });
      for (let other = index + 1; other < small.length; other++) {
        const swapped = small.with(index, small[other] as Buffer).with(other, line);
        expect(firstFault(swapped)).not.toBeNull();
      }
    }
  });

  test("a line that was written anew, with sums that are right, does not fit what follows", () => {
    const [, first] = linesOf([{ event: "started" }, { event: "refused", user: "meyer" }]);
    const forged = linesOf([{ event: "refused", user: "bert" }], headOf(1, small[0] as Buffer))[0] as Buffer;
    expect(firstFault(small.with(1, first as Buffer))?.line).toBe(2);
    expect(firstFault(small.with(1, forged))).toEqual({
      line: 3,
      fault: "This line, number 3, was written behind another one than stands before it",
    });
  });

  test("what is missing, or stands in the wrong place, is said with its numbers", () => {
    expect(firstFault(small.toSpliced(1, 2))?.fault).toBe(
      "Before this line, number 4, numbers 2 to 3 are missing",
    );
    expect(firstFault(small.toSpliced(1, 1))?.fault).toBe("Before this line, number 3, number 2 is missing");
    expect(firstFault(small.toSpliced(2, 0, small[0] as Buffer))?.fault).toBe(
      "This is line number 1, behind number 2: it stands in the wrong place",
    );
    expect(firstFault([Buffer.from("{}")])?.fault).toBe("This is no line of an audit log");
  });

  test("one whose beginning is kept elsewhere holds, and says from where on", () => {
    const chain = new Chain();
    for (const line of small.slice(2)) expect(chain.add(line)).toBeNull();
    expect(chain.first).toBe(3);
  });
});

describe("a line", () => {
  const value: fc.Arbitrary<AuditValue> = fc.letrec<{ value: AuditValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie("value")),
      fc.dictionary(fc.string({ unit: "binary" }), tie("value")),
    ),
  })).value;

  test("is JSON on one line that steers nothing, whatever an event holds, and belongs", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.dictionary(
            fc.string().map((it) => `x${it}`),
            value,
          ),
          { minLength: 1 },
        ),
        (all) => {
          const lines = linesOf(all.map((members) => ({ event: "command", ...members }) as AuditEvent));
          expect(firstFault(lines)).toBeNull();
          for (const [index, line] of lines.entries()) {
            expect(line.toString()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
            const read = JSON.parse(line.toString());
            expect(read).toMatchObject({ schema: 1, type: "audit", sequence: index + 1, event: "command" });
          }
        },
      ),
    );
  });

  test("says what the event holds", () => {
    const event: AuditEvent = {
      event: "refused",
      user: "ü\u202e",
      code: 422,
      none: undefined,
      list: [{ a: [] }, null],
    };
    const { sequence, time, previous, sum, ...rest } = JSON.parse(lineOf(event, at, noLine));
    expect(rest).toEqual({
      ...{ schema: 1, type: "audit", event: "refused", user: "ü\u202e", code: 422 },
      list: [{ a: [] }, null],
    });
    expect({ sequence, time, previous }).toEqual({
      sequence: 1,
      time: at.toISOString(),
      previous: "0".repeat(64),
    });
    expect(sum).toMatch(/^[0-9a-f]{64}$/);
  });

  test("is bounded, however much is recorded", () => {
    const many = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`m${index}`, "\u0001".repeat(999)]),
    );
    const deep = Array.from({ length: 50 }).reduce<AuditValue>((inner) => [inner, inner], "x".repeat(2000));
    for (const event of [
      { event: "command", text: "😀".repeat(100_000) },
      { event: "command", text: "\u0000".repeat(100_000) },
      { event: "command", ...many },
      { event: "command", deep, list: Array(100_000).fill("ab") },
    ] as AuditEvent[]) {
      const line = Buffer.from(lineOf(event, at, noLine));
      expect(line.length).toBeLessThan(lineBytesMax);
      expect(readLine(line)).toMatchObject({ sequence: 1, isIntact: true });
      JSON.parse(line.toString());
    }
    expect(lineOf({ event: "command", text: "x".repeat(9000) }, at, noLine)).toContain("more characters)");
  });
});
