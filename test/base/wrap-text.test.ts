import { expect, test } from "bun:test";
import fc from "fast-check";
import { wrapText } from "../../src/base/wrap-text.ts";

test("wrapText() fills 80 columns and no more", () => {
  const [left, right] = ["x".repeat(38), "y".repeat(39)];
  expect(wrapText(`${left} ${right}`, "  ", "    ")).toEqual([`  ${left} ${right}`]);
  expect(wrapText(`${left} ${right}y b`, "  ", "    ")).toEqual([`  ${left}`, `    ${right}y b`]);
});

test("wrapText() keeps all words in their order, and only a word that is too long for a line goes over it", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,90}$/), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(words, (some) => {
      const lines = wrapText(some.join(" "), "  ", "    ");
      expect(lines.flatMap((line) => line.trim().split(" "))).toEqual(some);
      for (const line of lines) if (line.length > 80) expect(line.trim()).not.toContain(" ");
    }),
  );
});
