// Which part of a file a request is for.

import { describe, expect, test } from "bun:test";
import { wantedOf } from "../../src/web/http/byte-range.ts";

const etag = '"abc"';
const part = (from: number, to: number) => ({ type: "part", range: { from, to } });
const whole = { type: "whole" };

describe("of 100 bytes", () => {
  test.each<[string | undefined, object]>([
    [undefined, whole],
    ["bytes=0-0", part(0, 1)],
    ["bytes=0-99", part(0, 100)],
    ["bytes=90-", part(90, 100)],
    ["bytes=90-1000", part(90, 100)],
    ["Bytes=5-9", part(5, 10)],
    ["bytes=-10", part(90, 100)],
    ["bytes=-1000", part(0, 100)],
    ["bytes=100-", { type: "beyond" }],
    ["bytes=-0", { type: "beyond" }],
    ["bytes=999999999999999-", { type: "beyond" }],
    // Nobody has to give several parts, and what is no range says nothing.
    ["bytes=0-1,5-6", whole],
    ["bytes=9-5", whole],
    ["bytes=-", whole],
    ["bytes=a-b", whole],
    ["bytes=1 - 5", whole],
    ["bytes=0x1-5", whole],
    ["bytes=9999999999999999-", whole],
    ["lines=1-2", whole],
    ["", whole],
  ])("%p", (range, wanted) => {
    expect(wantedOf({ range, ifRange: undefined, ifNoneMatch: undefined }, 100, etag)).toEqual(
      wanted as never,
    );
  });

  test.each<[string, string]>([
    ['"abc"', "part"],
    ['"abcd"', "whole"],
    // A weak tag, or a date, does not prove that the bytes are the same.
    ['W/"abc"', "whole"],
    ["Fri, 27 Nov 2026 18:20:21 GMT", "whole"],
  ])("of what was %p it is a part or all", (ifRange, type) => {
    const { type: found } = wantedOf({ range: "bytes=0-1", ifRange, ifNoneMatch: undefined }, 100, etag);
    expect(found as string).toBe(type);
  });

  test.each<[string, string]>([
    ['"abc"', "known"],
    ['W/"abc"', "known"],
    ['"x", "abc"', "known"],
    ["*", "known"],
    ['"x"', "part"],
    ["abc", "part"],
  ])("who has %p hears whether that is it", (ifNoneMatch, type) => {
    const { type: found } = wantedOf({ range: "bytes=0-1", ifRange: undefined, ifNoneMatch }, 100, etag);
    expect(found as string).toBe(type);
  });
});

test("of nothing there is no part", () => {
  const none = { ifRange: undefined, ifNoneMatch: undefined };
  expect(wantedOf({ ...none, range: "bytes=0-" }, 0, etag).type).toBe("beyond");
  expect(wantedOf({ ...none, range: "bytes=-5" }, 0, etag).type).toBe("beyond");
  expect(wantedOf({ ...none, range: undefined }, 0, etag).type).toBe("whole");
});
