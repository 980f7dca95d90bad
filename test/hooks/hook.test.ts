// Which hooks are told of an upload, when what failed is tried again, and what is told.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Hook, hooksFor, pauseAfter } from "../../src/hooks/hook.ts";
import { type ToldUpload, toldBody, toldText } from "../../src/hooks/told.ts";
import { namePattern } from "../../src/rules/linear-pattern.ts";

function hook(name: string, change: Partial<Hook> = {}): Hook {
  return {
    name,
    event: "after",
    target: { type: "program", command: ["/bin/true"] },
    timeoutMs: 1000,
    atOnce: 1,
    onFailure: "refuse",
    ...change,
  };
}

describe("hooksFor()", () => {
  const hooks = [
    hook("all"),
    hook("anna's", { users: [namePattern("ann*", false)] }),
    hook("ms", { rules: ["ms", "lc-ms"] }),
    hook("both", { users: [namePattern("anna", false)], rules: ["ms"] }),
  ];
  const namesFor = (user: string, rule: string | null) =>
    hooksFor(hooks, "after", user, () => rule).map(({ name }) => name);

  test("all conditions of one have to hold", () => {
    expect(namesFor("anna", "ms")).toEqual(["all", "anna's", "ms", "both"]);
    expect(namesFor("anna", "nmr")).toEqual(["all", "anna's"]);
    expect(namesFor("bert", "lc-ms")).toEqual(["all", "ms"]);
    expect(namesFor("bert", null)).toEqual(["all"]);
  });

  test("rules are looked for only where one asks", () => {
    const never = () => {
      throw new Error("nobody asked");
    };
    expect(hooksFor(hooks.slice(0, 2), "after", "anna", never)).toHaveLength(2);
  });
});

test("pauses grow from a second to an hour, and differ", () => {
  expect([1, 2, 3, 12, 13, 1000].map((attempts) => pauseAfter(attempts, 1))).toEqual([
    1_000, 2_000, 4_000, 2_048_000, 3_600_000, 3_600_000,
  ]);
  expect(pauseAfter(1, 0)).toBe(500);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempts, random) => {
        const pause = pauseAfter(attempts, random);
        expect(pause).toBeGreaterThanOrEqual(500);
        expect(pause).toBeLessThanOrEqual(3_600_000);
      },
    ),
  );
});

test("what is told is one object, in which metadata stand as they came", () => {
  const upload: ToldUpload = {
    ...{ id: "ab", user: "anna", key: null, name: 'a"}.raw', form: "file", size: 3 },
    ...{ modified: null, client: null, startedAt: "2026-01-01T00:00:00.000Z" },
  };
  const metadata = '{ "10": 12345678901234567890,\n "2" : 1.0, "event": "before" }';
  const paths = { data: "/d", checksum: "/d.sha256", metadata: "/d.meta.json" };
  const text = toldText(hook("index"), "ab", 3, toldBody(upload, paths, metadata));
  expect(text).toEndWith(`"metadata":${metadata}}`);
  expect(JSON.parse(text)).toMatchObject({
    ...{ schema: 1, event: "after", hook: "index", idempotencyKey: "ab:index", attempt: 3, paths },
    upload: { name: 'a"}.raw' },
  });
  expect(JSON.parse(toldBody(upload, null, "{}"))).not.toHaveProperty("paths");
});
