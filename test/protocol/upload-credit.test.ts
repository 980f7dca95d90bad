// What the credit office hears of one upload's credit.

import { expect, test } from "bun:test";
import { UploadCredit, usableWindow } from "../../src/protocol/server/upload-credit.ts";

test("after a failed write the office hears that an upload whose credit now suffices wants no more", () => {
  const told: unknown[] = [];
  const credit = new UploadCredit((action) => told.push(action));
  const bounds = { chunkBytes: 10, maxQueue: 3 };
  credit.want(usableWindow({ size: 20, position: 0 }, credit, bounds));
  credit.grant(3);
  credit.spend(10);
  credit.undo();
  // Three chunks are missing and the client may send three: granting more would be given back, again and again.
  credit.want(usableWindow({ size: 20, position: 0 }, credit, bounds));
  expect(told).toEqual([
    { kind: "want", window: 3 },
    { kind: "use" },
    { kind: "undo" },
    { kind: "want", window: 0 },
  ]);
});

test("one that fits into a chunk can use a whole window, as long as it has not all that it may need", () => {
  const credit = new UploadCredit(() => {});
  const bounds = { chunkBytes: 10, maxQueue: 8 };
  const window = (size: number, position: number) => usableWindow({ size, position }, credit, bounds);
  expect([window(10, 0), window(11, 0), window(25, 0)]).toEqual([8, 3, 4]);
  credit.want(8);
  credit.grant(3);
  expect([window(10, 0), window(30, 0)]).toEqual([0, 8]);
  credit.spend(2);
  credit.spend(4);
  // Its client sends shorter ones.
  expect(window(10, 4)).toBe(8);
});
