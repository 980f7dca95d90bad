// What every catalogue has to do with what instruments told, and that a file from before them is taken over.

import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { admit, newUpload, timeOf } from "./contract.ts";

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

const told = (user: string, label: string, seconds: number, report = "{}") => ({
  ...{ user, label, seenAt: timeOf(seconds), report },
});

for (const [name, make] of Object.entries(makes)) {
  test(`${name}: the last report of each name of each user is kept, in pages`, async () => {
    await using catalogue = await make();
    const { instruments } = catalogue;
    await instruments.keep(told("bert", "a", 1), 8);
    await instruments.keep(told("anna", "b", 2), 8);
    await instruments.keep(told("anna", "a", 3), 8);
    await instruments.keep(told("anna", "b", 4, '{"entries":7}'), 8);
    const all = [told("anna", "a", 3), told("anna", "b", 4, '{"entries":7}'), told("bert", "a", 1)];
    expect(await instruments.page(null, 10)).toEqual(all);
    expect(await instruments.page(null, 2)).toEqual(all.slice(0, 2));
    expect(await instruments.page(all[1]!, 2)).toEqual(all.slice(2));
  });

  test(`${name}: of a user those that were seen last are kept, and no other user's are touched`, async () => {
    await using catalogue = await make();
    const { instruments } = catalogue;
    await instruments.keep(told("bert", "old", 0), 2);
    for (const [at, label] of ["x", "y", "z"].entries()) await instruments.keep(told("anna", label, at), 2);
    const labels = (await instruments.page(null, 10)).map(({ user, label }) => `${user} ${label}`);
    expect(labels).toEqual(["anna y", "anna z", "bert old"]);
  });

  test(`${name}: one is removed by name, and old ones are forgotten`, async () => {
    await using catalogue = await make();
    const { instruments } = catalogue;
    for (const [at, label] of ["x", "y", "z"].entries()) await instruments.keep(told("anna", label, at), 8);
    expect(await instruments.remove("anna", "y")).toBe(true);
    expect(await instruments.remove("anna", "y")).toBe(false);
    expect(await instruments.forget(timeOf(2))).toBe(1);
    expect((await instruments.page(null, 10)).map(({ label }) => label)).toEqual(["z"]);
  });

  test(`${name}: when uploads of a user were stored is known, the latest first, and of no other user`, async () => {
    await using catalogue = await make();
    for (const [number, user] of ["anna", "bert", "anna", "anna"].entries()) {
      const hold = await admit(catalogue, newUpload(number, { user }));
      const at = timeOf(number);
      await catalogue.change(hold, {
        verb: "begin-publish",
        sha256: "ab",
        content: "ab",
        receivedAt: at,
        at,
      });
      if (number < 3) await catalogue.change(hold, { verb: "finish", at });
    }
    expect(await catalogue.instruments.arrivals("anna", 10)).toEqual([timeOf(2), timeOf(0)]);
    expect(await catalogue.instruments.arrivals("anna", 1)).toEqual([timeOf(2)]);
    expect(await catalogue.instruments.arrivals("carl", 10)).toEqual([]);
  });
}

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
