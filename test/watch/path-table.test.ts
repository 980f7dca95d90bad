import { expect, test } from "bun:test";
import fc from "fast-check";
import { PathTable } from "../../src/watch/path-table.ts";

const path = fc.oneof(
  fc.nat({ max: 400 }).map((at) => `run/sample_${at}.raw`),
  fc.constantFrom("é", "\u{1f600}/a", "\ud800", "\u{10fe80}.raw", "a".repeat(5000), "b", "ÿ", "Ā"),
);

test("is a map of paths to numbers, whichever come and go", () => {
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 2000 }), (paths) => {
      const table = new PathTable();
      const model = new Map<string, number>();
      for (const one of paths) {
        const number = model.get(one);
        expect(table.find(one)).toBe(number);
        if (number === undefined) model.set(one, table.add(one));
        else {
          table.delete(number);
          model.delete(one);
        }
      }
      expect(table.size).toBe(model.size);
      expect(new Set(model.values()).size).toBe(model.size);
      for (const [one, number] of model) {
        expect(table.find(one)).toBe(number);
        expect(table.pathOf(number)).toBe(one);
      }
      for (let number = 0; number < table.numbers; number++)
        expect(table.has(number)).toBe([...model.values()].includes(number));
    }),
    { numRuns: 30 },
  );
});

test("numbers and letters of paths that are gone are used again", () => {
  const table = new PathTable();
  for (let day = 0; day < 200; day++) {
    const numbers = Array.from({ length: 1000 }, (_, at) => table.add(`day-${day}/sample-${at}.raw`));
    expect(table.numbers).toBe(1000);
    expect(table.pathOf(numbers[777]!)).toBe(`day-${day}/sample-777.raw`);
    for (const number of numbers) table.delete(number);
  }
  expect(table.bytes).toBeLessThan(2_000_000);
});
