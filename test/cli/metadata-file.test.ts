import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { DyncError } from "../../src/base/error.ts";
import { loadMembers, metadataOf } from "../../src/cli/metadata-file.ts";
import { limits } from "../../src/protocol/limits.ts";
import { tempFolder } from "../support/temp-folder.ts";

const loadMetadata = (path: string | undefined, pairs: readonly string[]) =>
  metadataOf(loadMembers(path, pairs));

describe("loadMembers()", () => {
  test("puts -k over -m, and takes the value behind the first colon", async () => {
    await using folder = await tempFolder();
    const file = folder.file("m.json");
    writeFileSync(file, '\ufeff{"10": 1.0, "a": 1, "2": {"c": [12345678901234567890]}}');
    expect(loadMetadata(file, ["a:x:y", "d:", "e: z"])).toBe(
      '{"10":1.0,"a":"x:y","2":{"c":[12345678901234567890]},"d":"","e":" z"}',
    );
  });

  test("has to have something", () => {
    expect(() => loadMetadata(undefined, [])).toThrow("Metadata has no member, at least one is required");
  });

  test("takes __proto__ for a name like any other", () => {
    expect(loadMetadata(undefined, ["__proto__:x"])).toBe('{"__proto__":"x"}');
  });

  test("refuses two values for one key", () => {
    expect(() => loadMetadata(undefined, ["a:1", "b:1", "a:1"])).toThrow(
      'Option "-k" is given twice for "a"',
    );
  });

  test("cuts the carriage return of a script that was saved on Windows", () => {
    expect(loadMetadata(undefined, ["a:1\r", "b:\r", "c:x\ry"])).toBe('{"a":"1","b":"","c":"x\\ry"}');
  });

  test("takes JSON behind := as it is written", () => {
    const pairs = ["run:=1.0", "big:=12345678901234567890", 'list:=[1, "a"]', "no:=null\r", 'g:={"b":{}}'];
    expect(loadMetadata(undefined, pairs)).toBe(
      '{"run":1.0,"big":12345678901234567890,"list":[1,"a"],"no":null,"g":{"b":{}}}',
    );
    // Whatever stands further behind is the value's own.
    expect(loadMetadata(undefined, ["a:b:=1", 't:="="'])).toBe('{"a":"b:=1","t":"="}');
  });

  for (const [pair, code, message] of [
    ["run:=", "usage", 'The value of "-k run:=" is no JSON, at column 1: expected a value, found the end'],
    ["run:=abc", "usage", 'The value of "-k run:=" is no JSON, at column 1: expected a value'],
    ["run:=1 2", "usage", 'The value of "-k run:=" is no JSON, at column 3: expected nothing more'],
    [`run:=${"[".repeat(64)}${"]".repeat(64)}`, "metadata-rejected", "is nested deeper than 63 levels"],
    ['run:={"a":1,"a":2}', "metadata-rejected", 'The value of "-k run:=" gives "a" twice in one object'],
  ] as const) {
    test(`refuses -k ${pair.slice(0, 20)}`, () => {
      const error = catchError(() => loadMetadata(undefined, [pair]));
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)]);
    });
  }

  test("takes as many levels as metadata may have", () => {
    const deep = `${"[".repeat(63)}${"]".repeat(63)}`;
    expect(loadMetadata(undefined, [`a:=${deep}`])).toBe(`{"a":${deep}}`);
  });

  for (const [name, bytes] of [
    ["UTF-16LE", [0xff, 0xfe, 0x7b, 0, 0x22, 0, 0xe4, 0, 0x22, 0, 0x3a, 0, 0x31, 0, 0x7d, 0]],
    ["UTF-16BE", [0xfe, 0xff, 0, 0x7b, 0, 0x22, 0, 0xe4, 0, 0x22, 0, 0x3a, 0, 0x31, 0, 0x7d]],
  ] as const) {
    test(`reads ${name} with its mark`, async () => {
      await using folder = await tempFolder();
      writeFileSync(folder.file("m.json"), Uint8Array.from(bytes));
      expect(loadMetadata(folder.file("m.json"), [])).toBe('{"ä":1}');
    });
  }

  test("refuses what no server would take, before it is sent", async () => {
    await using folder = await tempFolder();
    const file = folder.file("m.json");
    for (const [text, message] of [
      [`{"a": ${"[".repeat(5000)}${"]".repeat(5000)}}`, "is nested deeper than 64 levels"],
      ['{"a": 1, "b": {"c": [{"d": 1, "\\u0064": 2}]}, "a": 3}', 'gives "b.c[0].d", "a" twice in one object'],
      [
        JSON.stringify({ a: "x".repeat(limits.metadataBytesMax) }),
        "Metadata of 262152 bytes, at most 262144",
      ],
    ] as const) {
      writeFileSync(file, text);
      const error = catchError(() => loadMetadata(file, []));
      expect([error.code, error.message]).toEqual(["metadata-rejected", expect.stringContaining(message)]);
    }
  });

  for (const pair of ["a", ":b", "", "a=b"]) {
    test(`refuses -k "${pair}"`, () => {
      expect(() => loadMetadata(undefined, [pair])).toThrow(`Option "-k" needs KEY:VALUE, found "${pair}"`);
    });
  }

  for (const [text, kind] of [
    ["null", "null"],
    ["[]", "an array"],
    ['"x"', "a string"],
    [" 1", "a number"],
    ["true", "a boolean"],
  ] as const) {
    test(`refuses a file that holds ${kind}`, async () => {
      await using folder = await tempFolder();
      writeFileSync(folder.file("m.json"), text);
      expect(() => loadMetadata(folder.file("m.json"), [])).toThrow(`holds ${kind}, must hold a JSON object`);
    });
  }
});

function catchError(run: () => unknown): DyncError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(DyncError);
    return error as DyncError;
  }
  throw new Error("nothing was thrown");
}
