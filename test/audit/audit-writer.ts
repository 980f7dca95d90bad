// Run by audit-file.test.ts as a program of its own, to be killed: records events without end and writes one line for each as soon
// as that is taken down.

import { writeSync } from "node:fs";
import { AuditFile } from "../../src/audit/file/audit-file.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../support/silent-logger.ts";

const [, , folder, run] = process.argv as [string, string, string, string];
// By it the disk is always fast, however busy the machine is: each line is written before its event is told.
const clock = { ...systemClock, now: () => 0 };
const audit = new AuditFile({ folder, clock, logger: silentLogger });
for (let number = 1; ; number++) {
  audit.record({ event: "admitted", name: `${run}-${number}`, padding: "x".repeat((number * 97) % 3000) });
  writeSync(1, `${run}-${number}\n`);
  // Timers, and what waits for the disk, have their turn.
  await new Promise((resolve) => setImmediate(resolve));
}
