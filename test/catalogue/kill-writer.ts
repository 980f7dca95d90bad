// Run by sqlite.test.ts as a program of its own, to be killed: adds uploads without end and writes one line for
// each as soon as the catalogue has it.

import { writeSync } from "node:fs";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { admit, newUpload } from "./contract.ts";

const catalogue = await openSqliteCatalogue({ file: process.argv[2] as string, log: silentLogger });
for (let number = 1; ; number++) {
  const hold = await admit(catalogue, newUpload(number));
  const at = "2026-01-02T00:00:00.000Z";
  await catalogue.change(hold, { verb: "progress", durable: number, mark: null, at });
  writeSync(1, `${number}\n`);
}
