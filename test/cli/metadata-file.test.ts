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
