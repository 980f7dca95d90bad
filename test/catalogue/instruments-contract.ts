// What every catalogue has to do with what instruments told.

import { expect, test } from "bun:test";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import { admit, newUpload, timeOf } from "./contract.ts";

export const told = (user: string, label: string, seconds: number, report = "{}") => ({
  ...{ user, label, seenAt: timeOf(seconds), report },
});

export function instrumentsContract(name: string, make: () => Promise<Catalogue & AsyncDisposable>): void {
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
