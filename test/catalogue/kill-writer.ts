// Run by sqlite.test.ts as a program of its own, to be killed: adds uploads without end and writes one line for
// each as soon as the catalogue has it.

import { writeSync } from "node:fs";
import { silentLogger } from "../../src/base/log.ts";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { newUpload, noBounds } from "./contract.ts";

const catalogue = await openSqliteCatalogue({ file: process.argv[2] as string, log: silentLogger });
for (let number = 1; ; number++) {
  catalogue.add(newUpload(number), noBounds);
  catalogue.change(newUpload(number).id, { durable: number, updatedAt: "2026-01-02T00:00:00.000Z" });
  writeSync(1, `${number}\n`);
}
