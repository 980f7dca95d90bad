// What the credit office hears of one upload's credit.

import { expect, test } from "bun:test";
import { UploadCredit, usableWindow } from "../../src/protocol/server/upload-credit.ts";

test("after a failed write the office hears that an upload whose credit now suffices wants no more", () => {
  const told: unknown[] = [];
  const credit = new UploadCredit((action) => told.push(action));
  const bounds = { chunkBytes: 10, maxQueue: 3 };
  credit.want(usableWindow(20, credit, bounds));
  credit.grant(3);
  credit.spend(10);
  credit.undo();
  // Three chunks are missing and the client may send three: granting more would be given back, again and again.
  credit.want(usableWindow(20, credit, bounds));
  expect(told).toEqual([
    { kind: "want", window: 3 },
    { kind: "use" },
    { kind: "undo" },
    { kind: "want", window: 0 },
  ]);
});
