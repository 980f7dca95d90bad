// How long parts are, and what is written down of them.

import { describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { Ledger, parseMark } from "../../../src/storage/s3/ledger.ts";
import { numbersAhead, PartPlan, partNumberMax } from "../../../src/storage/s3/part-plan.ts";
import { openSha256 } from "../../../src/storage/sha256/open-sha256.ts";
import { openWasmSha256 } from "../../../src/storage/sha256/wasm-sha256.ts";
import { MiB } from "./s3-world.ts";

const GiB = 1024 * MiB;
const plan = new PartPlan(512 * MiB);

describe("parts", () => {
  test("become longer with what was announced, as far as memory allows", () => {
    const lengthOf = (size: number): number => plan.partBytesOf(size, 0) / MiB;
    expect([1, 70 * GiB, 100 * GiB, 1000 * GiB].map(lengthOf)).toEqual([8, 8, 12, 114]);
    expect(plan.partBytesOf(5000 * GiB, 0)).toBe(128 * MiB);
    expect(() => plan.checkSize(5000 * GiB)).toThrow("The object store takes");
    expect(() => plan.checkSize(1100 * GiB)).not.toThrow();
  });

  test("of a stream as it goes on: it may become far larger than parts of one length allow", () => {
    let [bytes, before] = [0, 0];
    for (; before < partNumberMax; before++) bytes += plan.partBytesOf(undefined, before);
    expect(bytes).toBe(plan.uploadBytesMax(undefined));
    expect(bytes / GiB).toBeGreaterThan(10 * 78);
  });

  test("are enough for every size that is taken, and no shorter than a store wants", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1125 * GiB }), (size) => {
        const bytes = plan.partBytesOf(size, 0);
        expect(Math.ceil(size / bytes)).toBeLessThanOrEqual(9000);
        expect(bytes).toBeGreaterThanOrEqual(5 * MiB);
      }),
    );
  });
});

describe("what is written down", () => {
  const state = new Uint8Array(104);
  const part = (number: number) => ({ number, etag: `e${number}`, size: 8 * MiB });

  test("is read as what it was, with the parts that the store lists", () => {
    const ledger = new Ledger(state);
    ledger.uploadId = "u";
    for (let count = 0; count < 3; count++) ledger.addPart(part(ledger.takeNumber()), state);
    ledger.takeNumber();
    ledger.addPart(part(ledger.takeNumber()), state);
    ledger.addPiece(5, state);
    const { durable, mark } = ledger.note();
    expect(durable).toBe(32 * MiB + 5);
    const parsed = parseMark(mark);
    if (parsed === null) throw new Error("it is a mark");
    const listed = [1, 2, 3, 5].map(part);
    const again = Ledger.of(parsed, listed);
    expect(again?.durable).toBe(durable);
    expect(again?.parts).toEqual(listed);
    // Behind all that somebody else may use.
    expect(again?.takeNumber()).toBe(6 + numbersAhead);
    expect(Ledger.of(parsed, [1, 2, 3].map(part))).toBeNull();
    expect(Ledger.of(parsed, [part(1), part(2), { ...part(3), etag: "other" }, part(5)])).toBeNull();
    const more = Ledger.of(parsed, [...listed, { ...part(6), etag: "six" }, part(7)]);
    expect([more?.hasLeft, more?.adopt(8 * MiB, "other"), more?.adopt(8 * MiB, "six")?.number]).toEqual([
      true,
      null,
      6,
    ]);
  });

  test("numbers grow with what they are of, whatever an earlier owner left", () => {
    const left = fc.uniqueArray(fc.integer({ min: 3, max: 14 }));
    fc.assert(
      fc.property(left, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (numbers, isSame) => {
        const before = new Ledger(state);
        before.uploadId = "u";
        for (let count = 0; count < 2; count++) before.addPart(part(before.takeNumber()), state);
        const mark = parseMark(before.note().mark);
        const ledger = mark === null ? null : Ledger.of(mark, [1, 2, ...numbers].map(part));
        if (ledger === null) throw new Error("it is there");
        const given: number[] = [2];
        for (const same of isSame) {
          // Each of these parts has what comes now, or none has.
          const next = [...numbers].sort((a, b) => a - b).find((number) => number > (given.at(-1) as number));
          const adopted = same && next !== undefined ? ledger.adopt(8 * MiB, `e${next}`) : null;
          given.push(adopted?.number ?? ledger.takeNumber());
        }
        expect(given).toEqual([...given].sort((a, b) => a - b));
        expect(new Set(given).size).toBe(given.length);
        // Nothing is sent before the record was asked whose it is.
        expect(given.some((number) => ledger.isSure(number))).toBe(false);
      }),
    );
  });

  test.each([null, "", "{", "boot-id", '{"v":2}'])("%p is of another storage", (mark) => {
    expect(parseMark(mark)).toBeNull();
  });

  test("stays short however many parts there are", () => {
    const ledger = new Ledger(state);
    ledger.uploadId = "u".repeat(100);
    for (let count = 0; count < 9000; count++) ledger.addPart(part(ledger.takeNumber()), state);
    expect(ledger.note().mark?.length).toBeLessThan(600);
  });
});

test("a state of SHA-256 goes from one library to the other and back", async () => {
  const [wasm, system] = [await openWasmSha256(), await openSha256()];
  for (const cut of [0, 1, 63, 64, 1000]) {
    const data = randomBytes(1500);
    const first = wasm.create();
    first.update(data.subarray(0, cut));
    const state = first.save();
    if (state === null) throw new Error("it can be saved");
    for (const maker of [wasm, system]) {
      const second = maker.load(state);
      if (second === null) continue;
      second.update(data.subarray(cut, 1200));
      const third = wasm.load(second.save() ?? state);
      third?.update(data.subarray(1200));
      expect(third?.digest()).toEqual(createHash("sha256").update(data).digest());
    }
  }
});
