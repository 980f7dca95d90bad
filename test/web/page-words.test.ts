// Words of the status page that go by names of the server: where a name is new, the page has a word for it.

import { expect, test } from "bun:test";
import { type Wait, waitCauses } from "../../src/protocol/wait.ts";

interface Waits {
  readonly waitCauses: Readonly<Record<string, string>>;
  waitText(wait: Wait | null): string;
}

// To types it is a text: so the executable has it.
const waits = (await import("../../src/web/page/script/waits.js")) as unknown as Waits;

test("the status page has words for all that an upload can wait for, and for nothing else", () => {
  expect(Object.keys(waits.waitCauses).sort()).toEqual([...waitCauses].sort());
  expect(new Set(Object.values(waits.waitCauses)).size).toBe(waitCauses.length);
});

test("it says who comes before, and nothing where nothing is waited for", () => {
  expect(waits.waitText(null)).toBe("");
  expect(waits.waitText({ cause: "disk" })).toBe("the disk");
  expect(waits.waitText({ cause: "own", ahead: 0 })).toBe("other uploads of the same user, it is next");
  expect(waits.waitText({ cause: "own", ahead: 3 })).toBe("other uploads of the same user, 3 before it");
});
