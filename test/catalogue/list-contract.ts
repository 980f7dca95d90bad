// What every catalogue has to do about lists. Each implementation's test calls this as it calls `catalogueContract`.

import { describe, expect, test } from "bun:test";
import {
  type Catalogue,
  type ListPage,
  type ListPlace,
  metadataBytesKept,
  type NewUpload,
  type UploadFilter,
} from "../../src/catalogue/catalogue.ts";
import { admit, bring, holdOf, newUpload, timeOf } from "./contract.ts";

export function listContract(name: string, make: () => Promise<Catalogue & AsyncDisposable>): void {
  describe(name, () => {
    test("a list has those that fit, the latest begun first, and goes on where it was", async () => {
      await using catalogue = await make();
      const at = (number: number, createdAt: number, change: Partial<NewUpload> = {}) =>
        admit(catalogue, newUpload(number, { createdAt: timeOf(createdAt), ...change }));
      // They need not come in the order of their times, as after a rebuild, and several may begin at once.
      for (const [number, seconds] of [3, 1, 2, 2, 5].entries()) await at(number, seconds);
      await at(5, 4, { user: "bert", name: "x.txt" });
      await bring(catalogue, holdOf(0), "finished", 90);
      await bring(catalogue, holdOf(1), "failed", 91);
      const list = (filter: UploadFilter, limit = 10) => listed(catalogue, filter, limit);
      const all = ["run-4.raw", "x.txt", "run-0.raw", "run-3.raw", "run-2.raw", "run-1.raw"];
      for (const limit of [1, 2, 3, 5, 6, 7]) expect(await list({}, limit)).toEqual(all);
      expect(await list({ user: "bert" })).toEqual(["x.txt"]);
      expect(await list({ user: "nobody" })).toEqual([]);
      expect(await list({ states: ["finished", "failed"] }, 1)).toEqual(["run-0.raw", "run-1.raw"]);
      expect(await list({ since: timeOf(2), until: timeOf(4) }, 2)).toEqual(all.slice(2, 5));
      expect(await list({ until: timeOf(2) })).toEqual(["run-1.raw"]);
      expect(await list({ name: (name) => /[13]/.test(name) }, 1)).toEqual(["run-3.raw", "run-1.raw"]);
      expect(await list({ name: (name) => /1/.test(name), nameHas: "-1.R" })).toEqual(["run-1.raw"]);
      expect(await list({ user: "anna", states: ["open"], name: (it) => it.endsWith("2.raw") })).toEqual([
        "run-2.raw",
      ]);
    });

    test("a list by values of metadata", async () => {
      await using catalogue = await make();
      const texts = [
        '{"a":{"b":"x"},"n":7,"on":true,"no":null,"list":[{"id":"l1"}],"we\\"ird":1}',
        '{"a":{"b":"\\u0078"},"n":7.0,"on":"true","no":"null","1":"one"}',
        '{"a":"x","n":"7","on":1,"a.b":"x"}',
        '{"n":12345678901234567891,"on":false,"a":{"b":["x"]}}',
        "no JSON, as nobody should write it",
        "[]",
      ];
      for (const [number, metadataText] of texts.entries())
        await admit(catalogue, newUpload(number, { metadataText }));
      const found = async (path: string, value: string) =>
        (await listed(catalogue, { fields: [{ path, value }] }, 10)).map((it) => Number(it[4]));
      expect(await found("a.b", "x")).toEqual([1, 0]);
      expect(await found("a", "x")).toEqual([2]);
      expect(await found("n", "7")).toEqual([2, 1, 0]);
      expect(await found("n", "0.7e1")).toEqual([1, 0]);
      expect(await found("n", "12345678901234567891")).toEqual([3]);
      expect(await found("on", "true")).toEqual([1, 0]);
      expect(await found("on", "1")).toEqual([2]);
      expect(await found("on", "false")).toEqual([3]);
      expect(await found("no", "null")).toEqual([1, 0]);
      expect(await found("list.0.id", "l1")).toEqual([0]);
      expect(await found("1", "one")).toEqual([1]);
      expect(await found('we"ird', "1")).toEqual([0]);
      expect(await found("gone", "")).toEqual([]);
      const both = [
        { path: "n", value: "7" },
        { path: "on", value: "true" },
      ];
      expect(await listed(catalogue, { fields: both, name: (it) => it !== "run-1.raw" }, 1)).toEqual([
        "run-0.raw",
      ]);
    });

    test("of metadata that is not kept a list cannot say whether it has a value", async () => {
      await using catalogue = await make();
      await admit(catalogue, newUpload(1));
      await admit(catalogue, newUpload(2, { metadataText: JSON.stringify("x".repeat(metadataBytesKept)) }));
      const fields = [{ path: "sample", value: "A2" }];
      expect((await catalogue.listPage({ fields }, null, 9)).uploads).toEqual([]);
      await bring(catalogue, holdOf(2), "finished", 9);
      expect((await catalogue.listPage({ fields }, null, 9)).uploads).toMatchObject([
        { record: { name: "run-2.raw" }, isSure: false },
      ]);
      expect((await catalogue.listPage({}, null, 9)).uploads).toMatchObject([
        { isSure: true },
        { isSure: true },
      ]);
    });

    test("those of a user that ended, the one that changed last first, and how many were stored since", async () => {
      await using catalogue = await make();
      for (const number of [0, 1, 2, 3, 4]) await admit(catalogue, newUpload(number));
      await admit(catalogue, newUpload(5, { user: "bert" }));
      // Two of them at one moment.
      for (const [number, seconds] of [50, 70, 60, 70, 90].entries())
        await bring(catalogue, holdOf(number), number === 4 ? "failed" : "finished", seconds);
      await bring(catalogue, holdOf(5), "finished", 80);
      const page = (after: { id: string; updatedAt: string } | null, limit: number) =>
        catalogue.endedOf("anna", "finished", after, limit);
      const all = await page(null, 9);
      expect(all.map(({ name }) => name)).toEqual(["run-3.raw", "run-1.raw", "run-2.raw", "run-0.raw"]);
      expect((await page(null, 2)).map(({ name }) => name)).toEqual(["run-3.raw", "run-1.raw"]);
      for (const [at, record] of all.entries())
        expect((await page(record, 9)).map(({ id }) => id)).toEqual(all.slice(at + 1).map(({ id }) => id));
      // Behind one that is not there any more it goes on with what changed before.
      const gone = { id: "f".repeat(32), updatedAt: timeOf(70) };
      expect((await page(gone, 9)).map(({ name }) => name)).toEqual(["run-2.raw", "run-0.raw"]);
      const failed = await catalogue.endedOf("anna", "failed", null, 9);
      expect(failed.map(({ name }) => name)).toEqual(["run-4.raw"]);
      const counts = [50, 51, 70, 71].map((seconds) => catalogue.storedSince("anna", timeOf(seconds), 9));
      expect(await Promise.all(counts)).toEqual([4, 3, 2, 0]);
      expect(await catalogue.storedSince("anna", timeOf(0), 3)).toBe(3);
    });

    test("those of a user that have not ended, the newest first", async () => {
      await using catalogue = await make();
      for (const number of [0, 1, 2, 3]) await admit(catalogue, newUpload(number));
      await admit(catalogue, newUpload(4, { user: "bert" }));
      await bring(catalogue, holdOf(1), "finished", 9);
      await bring(catalogue, holdOf(2), "publishing", 9);
      const names = async (after: string | null, limit = 9) =>
        (await catalogue.unfinishedOf("anna", after, limit)).map(({ name }) => name);
      expect(await names(null)).toEqual(["run-3.raw", "run-2.raw", "run-0.raw"]);
      expect(await names(null, 1)).toEqual(["run-3.raw"]);
      expect(await names(holdOf(3).id)).toEqual(["run-2.raw", "run-0.raw"]);
      expect(await names(holdOf(0).id)).toEqual([]);
    });

    test("uploads are found by the beginning of their ids", async () => {
      await using catalogue = await make();
      for (const number of [0x1a0, 0x1a1, 0x1b0]) await admit(catalogue, newUpload(number));
      const found = async (digits: string, limit = 9) =>
        (await catalogue.withIdPrefix("0".repeat(29) + digits, limit)).map(({ name }) => name);
      expect(await found("1a")).toEqual(["run-416.raw", "run-417.raw"]);
      expect(await found("1a1")).toEqual(["run-417.raw"]);
      expect(await found("1", 2)).toEqual(["run-416.raw", "run-417.raw"]);
      expect(await found("2")).toEqual([]);
    });
  });
}

/** Names of all uploads of a list, asked for in pages of `limit`. */
export async function listed(
  catalogue: Catalogue,
  filter: UploadFilter,
  limit: number,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (let after: ListPlace | null = null; ; ) {
    const page: ListPage = await catalogue.listPage(filter, after, limit);
    expect(page.uploads.length).toBeLessThanOrEqual(limit);
    names.push(...page.uploads.map(({ record }) => record.name));
    if (page.next === null) return names;
    after = page.next;
  }
}
