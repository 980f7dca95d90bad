// What tells one running system from the next.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { bootId } from "../../src/storage/boot-id.ts";

test("the boot id stays the same while the system runs", () => {
  expect(bootId()).toBe(bootId());
  if (process.platform === "linux")
    expect(bootId()).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
});
