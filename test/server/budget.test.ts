// What uploads may have under way, by settings and by the machine's memory.

import { expect, test } from "bun:test";
import { defaultProcessSettings } from "../../src/config/server-settings.ts";
import { limits } from "../../src/protocol/limits.ts";
import { budgetOf, longQueueOf } from "../../src/server/budget.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const options = defaultProcessSettings;

test("without a setting the budget is a sixteenth of the memory, and 64 MiB at least", () => {
  expect(budgetOf({ options, machineBytes: 16 * GiB })).toBe(GiB);
  expect(budgetOf({ options, machineBytes: GiB / 2 })).toBe(64 * MiB);
  expect(budgetOf({ options })).toBe(64 * MiB);
  expect(budgetOf({ options: { ...options, memoryBytes: 10 * MiB }, machineBytes: 16 * GiB })).toBe(10 * MiB);
});

test("the widest window is within its setting, the budget and the protocol, and never less than the usual one", () => {
  const { chunkBytes, windowBytesMax, windowChunks } = options;
  expect(longQueueOf({ options, machineBytes: 64 * GiB })).toBe(windowBytesMax / chunkBytes);
  expect(longQueueOf({ options, machineBytes: GiB })).toBe((64 * MiB) / chunkBytes);
  expect(longQueueOf({ options: { ...options, windowBytesMax: 0 } })).toBe(windowChunks);
  expect(longQueueOf({ options: { ...options, chunkBytes: 1024 }, machineBytes: 64 * GiB })).toBe(
    limits.maxQueueMax,
  );
});
