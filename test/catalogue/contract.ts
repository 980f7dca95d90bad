// What every catalogue has to do. Each implementation's test calls this with its own way to make one.

import { describe, expect, test } from "bun:test";
import type { Catalogue, NewUpload } from "../../src/catalogue/catalogue.ts";

export function newUpload(number: number, change: Partial<NewUpload> = {}): NewUpload {
  return {
    id: number.toString(16).padStart(32, "0"),
    identity: "aa",
    user: "anna",
    origin: "key-1",
    name: `run-${number}.raw`,
    metadataText: '{"sample":"A1"}',
    size: 1000,
    createdAt: timeOf(number),
    bootId: "boot-1",
    ...change,
  };
}

/** ISO 8601, `seconds` after a fixed point. */
export function timeOf(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
}

export function catalogueContract(name: string, make: () => Promise<Catalogue & AsyncDisposable>): void {
  describe(name, () => {
    test("a new upload is open, with nothing durable", async () => {
      await using catalogue = await make();
      const upload = newUpload(1, { size: null, bootId: null });
      catalogue.add(upload);
      const expected = {
        ...upload,
        state: "open" as const,
        durable: 0,
        sha256: null,
        errorCode: null,
        reason: null,
      };
      expect(catalogue.get(upload.id)).toEqual({ ...expected, updatedAt: upload.createdAt });
    });

    test("what is not there is null", async () => {
      await using catalogue = await make();
      expect(catalogue.get("00")).toBeNull();
      expect(catalogue.find("aa", "anna", "key-1")).toBeNull();
      expect(catalogue.list(["open"])).toEqual([]);
      expect(catalogue.list([])).toEqual([]);
    });

    test("a change changes what it names and nothing else", async () => {
      await using catalogue = await make();
      const { id } = newUpload(1);
      catalogue.add(newUpload(1));
      catalogue.change(id, { durable: 2 ** 52, bootId: "boot-2", updatedAt: timeOf(5) });
      const before = catalogue.get(id);
      expect(before).toMatchObject({
        durable: 2 ** 52,
        bootId: "boot-2",
        state: "open",
        updatedAt: timeOf(5),
      });
      catalogue.change(id, {
        state: "failed",
        errorCode: 507,
        reason: "No space",
        bootId: null,
        updatedAt: timeOf(6),
      });
      expect(catalogue.get(id)).toEqual({
        ...(before as NonNullable<typeof before>),
        state: "failed",
        errorCode: 507,
        reason: "No space",
        bootId: null,
        updatedAt: timeOf(6),
      });
      catalogue.change(id, { sha256: "ab", updatedAt: timeOf(7) });
      expect(catalogue.get(id)).toMatchObject({ sha256: "ab", state: "failed", errorCode: 507 });
    });

    test("texts come back as they were, whatever is in them", async () => {
      await using catalogue = await make();
      const odd = "caf\u00e9 \u{1f9ec} \u0000 ' \" \\ \n";
      catalogue.add(newUpload(1, { user: odd, name: odd, metadataText: odd }));
      expect(catalogue.find("aa", odd, "key-1")).toMatchObject({ user: odd, name: odd, metadataText: odd });
    });

    test("find gives the newest upload of this identity and this user", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1));
      catalogue.add(newUpload(2, { user: "bert" }));
      catalogue.add(newUpload(3, { createdAt: timeOf(0) }));
      catalogue.add(newUpload(4, { identity: "bb" }));
      expect(catalogue.find("aa", "anna", "key-1")?.name).toBe("run-3.raw");
      expect(catalogue.find("aa", "bert", "key-1")?.name).toBe("run-2.raw");
      expect(catalogue.find("bb", "bert", "key-1")).toBeNull();
    });

    test("find passes by what another key began, and knows what no known key began", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1, { origin: null }));
      expect(catalogue.find("aa", "anna", "key-1")?.name).toBe("run-1.raw");
      catalogue.add(newUpload(2));
      catalogue.add(newUpload(3, { origin: "key-2" }));
      expect(catalogue.find("aa", "anna", "key-1")?.name).toBe("run-2.raw");
      expect(catalogue.find("aa", "anna", "key-2")?.name).toBe("run-3.raw");
      expect(catalogue.find("aa", "anna", "key-3")?.name).toBe("run-1.raw");
    });

    test("list gives the uploads in the states asked for, oldest first", async () => {
      await using catalogue = await make();
      for (const number of [3, 1, 2, 4]) catalogue.add(newUpload(number));
      catalogue.change(newUpload(1).id, { state: "publishing", updatedAt: timeOf(9) });
      catalogue.change(newUpload(4).id, { state: "finished", updatedAt: timeOf(9) });
      const names = catalogue.list(["open", "publishing"]).map((record) => record.name);
      expect(names).toEqual(["run-3.raw", "run-1.raw", "run-2.raw"]);
    });

    test("forget removes what ended before the date, and nothing that is unfinished", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3, 4, 5]) catalogue.add(newUpload(number));
      catalogue.change(newUpload(2).id, { state: "finished", updatedAt: timeOf(10) });
      catalogue.change(newUpload(3).id, { state: "failed", updatedAt: timeOf(11) });
      catalogue.change(newUpload(4).id, { state: "finished", updatedAt: timeOf(12) });
      catalogue.change(newUpload(5).id, { state: "publishing", updatedAt: timeOf(1) });
      expect(catalogue.forget(timeOf(12))).toBe(2);
      expect(catalogue.forget(timeOf(12))).toBe(0);
      const states = ["open", "publishing", "finished", "failed"] as const;
      expect(catalogue.list(states).map(({ name: left }) => left)).toEqual([
        "run-1.raw",
        "run-4.raw",
        "run-5.raw",
      ]);
    });

    test("an upload is added once, and only what is there changes", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1));
      expect(() => catalogue.add(newUpload(1))).toThrow("an upload is added once");
      expect(() => catalogue.change("00", { updatedAt: timeOf(1) })).toThrow("is in the catalogue");
    });
  });
}
