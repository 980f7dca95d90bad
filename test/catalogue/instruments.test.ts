// What instruments told, in memory and in SQLite, and that a file from before them is taken over.

import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { newUpload, timeOf } from "./contract.ts";
import { instrumentsContract, told } from "./instruments-contract.ts";

const makes = {
  memory: async () => Object.assign(new MemoryCatalogue(), { [Symbol.asyncDispose]: async () => {} }),
  SQLite: async () => {
    const folder = await tempFolder();
    const catalogue = await openSqliteCatalogue({ file: folder.file("c.sqlite"), log: silentLogger });
    return Object.assign(catalogue, {
      [Symbol.asyncDispose]: async () => {
        catalogue.close();
        await folder[Symbol.asyncDispose]();
      },
    });
  },
};

for (const [name, make] of Object.entries(makes)) instrumentsContract(name, make);

test("a catalogue of the version before instruments is taken over: none is known, those that come are kept, and arrivals are there", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  copyFileSync(join(import.meta.dir, "files", "version-18.sqlite"), file);
  const first = await openSqliteCatalogue({ file, log: silentLogger });
  expect(await first.instruments.page(null, 10)).toEqual([]);
  expect(await first.instruments.arrivals("anna", 10)).toEqual([7210, 3610, 10].map(timeOf));
  expect(await first.get(newUpload(4).id)).toMatchObject({ state: "open" });
  await first.instruments.keep(told("anna", "lcms-3", 9), 8);
  first.close();
  const second = await openSqliteCatalogue({ file, log: silentLogger });
  expect(await second.instruments.page(null, 10)).toEqual([told("anna", "lcms-3", 9)]);
  second.close();
});
