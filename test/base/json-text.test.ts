// JSON that stays text: what is wrong with it, what is in it, how it is laid out, and when two of them say the same.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compactJson,
  indentedJson,
  type JsonFault,
  jsonMember,
  jsonMembers,
  jsonValue,
  objectText,
  readJson,
  sameJson,
} from "../../src/base/json-text.ts";

describe("readJson()", () => {
  const faults: readonly (readonly [string, number, number, string])[] = [
    ["", 1, 1, "expected a value, found the end"],
    ["{", 1, 2, "expected a name in double quotes, found the end"],
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
    ["[[1]", 1, 5, 'expected a comma or "]", found the end'],
  ];
  for (const [text, line, column, reason] of faults) {
    test(`finds what is wrong with ${JSON.stringify(text)}`, () => {
      expect(faultOf(text)).toEqual({ line, column, reason });
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
        expect(faultOf(text) === null).toBe(isJson(text));
      }),
      { numRuns: 3000 },
    );
  });

  test("is not overcome by depth", () => {
    expect(faultOf("[".repeat(1_000_000))?.column).toBe(1_000_001);
  });

  test("finds an end in a text of millions of characters", () => {
    expect(faultOf(`["${"a\\n".repeat(3_000_000)}"]`)).toBeNull();
  });

  test("stops at a depth", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(readJson(nested(64), 64).type).toBe("json");
    expect(readJson(nested(65), 64).type).toBe("too-deep");
    expect(readJson(`{"a":${nested(5000)}}`, 64).type).toBe("too-deep");
  });

  test.each([
    ['{"a": 1, "b": 2}', []],
    ['{"a": 1, "a": 1}', ["a"]],
    ['{"a": 1, "\\u0061": 1}', ["a"]],
    ['{"a": {"b": 1}, "b": {"a": 2}}', []],
    ['{"a": {"b": 1, "c": 2, "b": 3}}', ["a.b"]],
    ['{"a": [{}, {"b": 1, "b": 2}], "a": 0}', ["a[1].b", "a"]],
    ['[[0, {"__proto__": 1, "__proto__": 2}]]', ["[0][1].__proto__"]],
    ['{"a": [[], {"x": {}}, {"": 1, "": 2}]}', ["a[2]."]],
  ])("names what is given twice in %s", (text, repeated) => {
    expect(readJson(text)).toMatchObject({ type: "json", content: { repeated } });
  });

  test("gives the members of an object as they are written", () => {
    const text = ' { "10" : 1.0 , "\\u0061":[ 1 , {} ],"2": {"x": -0}, "": "}" } ';
    const reading = readJson(text);
    expect(reading.type === "json" && reading.content.members).toEqual([
      { name: "10", written: '"10"', value: "1.0" },
      { name: "a", written: '"\\u0061"', value: "[ 1 , {} ]" },
      { name: "2", written: '"2"', value: '{"x": -0}' },
      { name: "", written: '""', value: '"}"' },
    ]);
    for (const text of ["{}", "[]", '[{"a": 1}]', "1"]) {
      const content = readJson(text);
      expect(content.type === "json" && content.content.members).toEqual(text === "{}" ? [] : null);
    }
  });
});

test("jsonMembers() has the members of an object, and of nothing else", () => {
  const written = jsonMembers(' {"10": 1.0, "a": "\\u00e4", "10": 2} ')?.map(({ name, value }) => [
    name,
    value,
  ]);
  expect(written).toEqual([
    ["10", "1.0"],
    ["a", '"\\u00e4"'],
    ["10", "2"],
  ]);
  expect(["[1]", "1", "{", ""].map(jsonMembers)).toEqual([null, null, null, null]);
});

test("jsonValue() is what JSON says, and nothing of what is none", () => {
  expect(['{"a":[1]}', "null", '"a"', "{", "", "a"].map(jsonValue)).toEqual([
    { a: [1] },
    null,
    "a",
    undefined,
    undefined,
    undefined,
  ]);
});

describe("layout", () => {
  const value = fc.jsonValue({ maxDepth: 5 });

  test("is that of JSON.stringify(), from any other", () => {
    fc.assert(
      fc.property(value, (json) => {
        const texts = [0, 2, 7].map((spaces) => JSON.stringify(json, null, spaces));
        for (const text of texts) {
          expect(compactJson(text)).toBe(texts[0]!);
          expect(indentedJson(text)).toBe(texts[1]!);
        }
      }),
    );
  });

  test("changes no token", () => {
    const text = '{"a":12345678901234567890,"b":[1.0,-0,1E+2],"\\u0061\\/":"\\ud800 \\""}';
    expect(compactJson(indentedJson(text))).toBe(text);
    expect(objectText([jsonMember('"', "1.0")])).toBe('{"\\"":1.0}');
  });
});

describe("sameJson()", () => {
  test.each([
    ['{"a": 1, "b": [1, {"c": 2}]}', '{"b":[1,{"c":2}],"a":1}'],
    ["[1.0, 1e2, 0.001, -0, 1.50]", "[1, 100, 1E-3, 0, 15e-1]"],
    ["12345678901234567890", "12345678901234567890.000"],
    ["1e999", "10e998"],
    ["0e99999999999999999999", "0"],
    ['"\\u0061"', '"a"'],
  ])("%s is %s", (one, other) => expect(sameJson(one, other)).toBe(true));

  test.each([
    ["12345678901234567890", "12345678901234567891"],
    ["0.1", "0.10000000000000000555"],
    ["1e999", "1e1000"],
    ["1e-999", "0"],
    ["1", "-1"],
    ['{"a": 1}', '{"a": 2}'],
    ['{"a": 1}', '{"a": 1, "b": 1}'],
    ["[1, 2]", "[2, 1]"],
    ["[]", "{}"],
    ["null", "{}"],
    ['{"a": 1}', '{"b": 1}'],
    ['"1"', "1"],
    ['{"text": "1e0"}', "1"],
  ])("%s is not %s", (one, other) => expect(sameJson(one, other)).toBe(false));

  test("is quick with many zeros", () => {
    const zeros = "0".repeat(200_000);
    expect(sameJson(`1${zeros}1`, `1${zeros}2`)).toBe(false);
    expect(sameJson(`1${zeros}1.${zeros}`, `1${zeros}1`)).toBe(true);
  });
});

function faultOf(text: string): JsonFault | null {
  const reading = readJson(text);
  return reading.type === "no-json" ? reading.fault : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
