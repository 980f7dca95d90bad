// What a hook may answer before an upload begins, by our reader and by the documented schema.

import { describe, expect, test } from "bun:test";
import { readAnswer } from "../../src/hooks/answer.ts";
import { documentedValidators } from "../support/json-schemas.ts";

const read = (text: string) => readAnswer(Buffer.from(text));
const isDocumented = documentedValidators().get("dync:hook-answer");

describe("an answer", () => {
  test.each(["", "\n", "{}", '{"metadata":{}}'])("%j is no objection", (text) => {
    expect(read(text)).toEqual({ type: "accepted", members: [] });
  });

  test("may refuse, in one line", () => {
    expect(read('{"refuse":"Sample S-17\\n is  unknown "}\n')).toEqual({
      ...{ type: "refused", code: 403, text: "Sample S-17 is unknown" },
    });
    expect(read('{"code":422,"refuse":"x"}')).toMatchObject({ type: "refused", code: 422 });
  });

  test("may add to the metadata, which stay as they are written", () => {
    expect(read('{"metadata": { "id": 12345678901234567890, "b" : [1.0, {"c":null}] }}')).toMatchObject({
      type: "accepted",
      members: [
        { name: "id", value: "12345678901234567890" },
        { name: "b", value: '[1.0, {"c":null}]' },
      ],
    });
  });

  test("that has its metadata twice says what it says last", () => {
    expect(read('{"metadata": 1, "metadata": {"a": 2}}')).toMatchObject({
      type: "accepted",
      members: [{ name: "a", value: "2" }],
    });
  });

  const nonsense = [
    "no",
    "{",
    "[]",
    "null",
    '"refuse"',
    '{"refuse":""}',
    '{"refuse":" "}',
    '{"refuse":3}',
    '{"refused":"x"}',
    '{"refuse":"x","code":500}',
    '{"refuse":"x","metadata":{}}',
    '{"metadata":[]}',
    '{"metadata":{},"more":1}',
    '{"code":422}',
  ];
  test.each(nonsense)("%s is none, and is shown", (text) => {
    const answer = read(text);
    if (answer.type !== "nonsense") throw new Error("it is no answer");
    expect(answer.reason).toEndWith(`: ${text}`);
  });

  test("the documented schema says the same", () => {
    for (const text of ["{}", '{"metadata":{"a":1}}', '{"refuse":"x"}', '{"refuse":"x","code":422}'])
      expect([text, isDocumented?.(JSON.parse(text))]).toEqual([text, true]);
    for (const text of nonsense.slice(2))
      expect([text, isDocumented?.(JSON.parse(text))]).toEqual([text, false]);
  });

  test("is UTF-8, and what is long is cut where it is shown", () => {
    expect(readAnswer(Uint8Array.of(0x22, 0xff, 0x22))).toEqual({
      ...{ type: "nonsense", reason: "gave an answer that is no UTF-8" },
    });
    const answer = read("x".repeat(100_000));
    if (answer.type !== "nonsense") throw new Error("it is no answer");
    expect(answer.reason.length).toBeLessThan(300);
  });
});
