import { expect, test } from "bun:test";
import fc from "fast-check";
import { displayWidth, shorten } from "../../src/cli/display-width.ts";
import { JsonText, jsonLine, printable } from "../../src/cli/printable.ts";

const anyText = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

test("printable() escapes what steers a terminal or hides, and leaves names alone", () => {
  expect(printable("Probe α 木 👩‍🔬.raw")).toBe("Probe α 木 👩‍🔬.raw");
  expect(printable("a\u001b[2Jb")).toBe("a\\u{1b}[2Jb");
  expect(printable("a\u009b2Jb\u007f")).toBe("a\\u{9b}2Jb\\u{7f}");
  expect(printable("a\nb\tc\r")).toBe("a\\nb\\tc\\u{d}");
  expect(printable("txt.\u202egnp.exe")).toBe("txt.\\u{202e}gnp.exe");
  expect(printable("a\u2028b\ufeff")).toBe("a\\u{2028}b\\u{feff}");
  expect(printable("a\ud800b")).toBe("a\\u{d800}b");
  expect(printable("m\u{10fee4}r \u00ad\u{e0041}")).toBe("m\\xe4r \\u{ad}\\u{e0041}");
});

test("jsonLine() writes JSON text as it is", () => {
  const text = new JsonText(' {"10": 12345678901234567890, "2": [1.0, "\u200b"]} ');
  expect(jsonLine({ a: text, b: [text] })).toBe(
    '{"a":{"10":12345678901234567890,"2":[1.0,"\\u200b"]},"b":[{"10":12345678901234567890,"2":[1.0,"\\u200b"]}]}',
  );
});

test("printable() leaves one line without control characters, whatever comes in", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u);
    }),
  );
});

test("jsonLine() parses to the same value and holds no control characters", () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), anyText), (value) => {
      const line = jsonLine(value);
      expect(line).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
      expect(JSON.stringify(JSON.parse(line))).toBe(JSON.stringify(value));
    }),
  );
});

test("displayWidth() agrees with Bun's own measure on names", () => {
  for (const text of [
    "",
    "abc",
    "木村さん",
    "한국어",
    "e\u0301",
    "ｆｕｌｌ",
    "Ω≈ç",
    "👩‍🔬",
    "🇩🇪",
    "مرحبا",
    "あ\u3099",
  ]) {
    expect([text, displayWidth(text)]).toEqual([text, Bun.stringWidth(text)]);
  }
});

test("shorten() keeps within the columns, and both ends", () => {
  expect(shorten("run-2026-11-22-sample-17.raw", 16)).toBe("run-202…e-17.raw");
  expect(shorten("short", 16)).toBe("short");
  expect(shorten("木村さんのサンプル.raw", 12)).toBe("木村…ル.raw");
  fc.assert(
    fc.property(anyText, fc.nat(40), (text, columns) => {
      expect(displayWidth(shorten(text, columns))).toBeLessThanOrEqual(columns);
    }),
  );
});
