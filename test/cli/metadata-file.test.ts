import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { findJsonFault } from "../../src/cli/json-error.ts";
import { loadMetadata } from "../../src/cli/metadata-file.ts";
import { tempFolder } from "../support/temp-folder.ts";

describe("findJsonFault()", () => {
  const faults: readonly (readonly [string, number, number, string])[] = [
    ["", 1, 1, "expected a value, found the end of the file"],
    ["{", 1, 2, "expected a name in double quotes, found the end of the file"],
    ['{"a": 1\n "b": 2}', 2, 2, 'expected a comma or "}"'],
    ['{"a": 1,\n}', 2, 1, "expected a name in double quotes"],
    ["{a: 1}", 1, 2, "expected a name in double quotes"],
    ["{'a': 1}", 1, 2, "expected a name in double quotes"],
    ['{"a" 1}', 1, 6, "expected a colon"],
    ["{\"a\": 'b'}", 1, 7, "expected double quotes"],
    ['{"a": tru}', 1, 7, "expected a value"],
    ['{"a": 01}', 1, 7, "expected a value"],
    ['{"a": NaN}', 1, 7, "expected a value"],
    ["[1, ]", 1, 5, "expected a value"],
    ["[1 2]", 1, 4, 'expected a comma or "]"'],
    ['{"a": "C:\\data"}', 1, 10, 'found a lone "\\" in a text (write "\\\\")'],
    ['{"a": "b\nc"}', 1, 9, "expected a double quote that ends the text"],
    ["{} {}", 1, 4, "expected nothing more"],
    ["[[1]", 1, 5, 'expected a comma or "]", found the end of the file'],
  ];
  for (const [text, line, column, reason] of faults) {
    test(`finds what is wrong with ${JSON.stringify(text)}`, () => {
      expect(findJsonFault(text)).toEqual({ line, column, reason });
    });
  }

  test("finds a fault exactly where JSON.parse() does", () => {
    const broken = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom("", ",", "}", "]", "{", '"', "\\", "1", "e", ".", "-", "\u0001"),
      )
      .map(([json, at, text]) => {
        const place = at % (json.length + 1);
        return json.slice(0, place) + text + json.slice(place + (at % 2));
      });
    fc.assert(
      fc.property(fc.oneof(fc.json(), broken, fc.string()), (text) => {
        expect(findJsonFault(text) === null).toBe(isJson(text));
      }),
      { numRuns: 3000 },
    );
  });

  test("is not overcome by depth", () => {
    expect(findJsonFault("[".repeat(1_000_000))?.column).toBe(1_000_001);
  });
});

describe("loadMetadata()", () => {
  test("puts -k over -m, and takes the value behind the first colon", async () => {
    await using folder = await tempFolder();
    const file = folder.file("m.json");
    writeFileSync(file, '\ufeff{"a": 1, "b": {"c": [2]}}');
    expect(loadMetadata(file, ["a:x:y", "d:", "e: z", "a:last"])).toEqual({
      a: "last",
      b: { c: [2] },
      d: "",
      e: " z",
    });
  });

  test("has nothing without either", () => expect(loadMetadata(undefined, [])).toEqual({}));

  test("takes __proto__ for a name like any other", () => {
    const metadata = loadMetadata(undefined, ["__proto__:x"]);
    expect(JSON.stringify(metadata)).toBe('{"__proto__":"x"}');
  });

  for (const pair of ["a", ":b", "", "a=b"]) {
    test(`refuses -k "${pair}"`, () => {
      expect(() => loadMetadata(undefined, [pair])).toThrow(`Option "-k" needs KEY:VALUE, found "${pair}"`);
    });
  }

  for (const [text, kind] of [
    ["null", "null"],
    ["[]", "a list"],
    ['"x"', "a text"],
    ["1", "a number"],
    ["true", "a truth value"],
  ] as const) {
    test(`refuses a file that holds ${kind}`, async () => {
      await using folder = await tempFolder();
      writeFileSync(folder.file("m.json"), text);
      expect(() => loadMetadata(folder.file("m.json"), [])).toThrow(`holds ${kind}, must hold a JSON object`);
    });
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
