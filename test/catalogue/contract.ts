// What every catalogue has to do. Each implementation's test calls this with its own way to make one.

import { describe, expect, test } from "bun:test";
import { jsonDigest } from "../../src/base/json-digest.ts";
import type { Catalogue, NewUpload, UploadRecord, UploadState } from "../../src/catalogue/catalogue.ts";

export function newUpload(number: number, change: Partial<NewUpload> = {}): NewUpload {
  return {
    id: number.toString(16).padStart(32, "0"),
    identity: "aa",
    user: "anna",
    origin: "key-1",
    name: `run-${number}.raw`,
    metadataText: '{"sample":"A1"}',
    size: 1000,
    modified: null,
    client: "dync 1",
    createdAt: timeOf(number),
    bootId: "boot-1",
    ...change,
  };
}

export const noBounds = { uploads: Number.MAX_SAFE_INTEGER, metadataBytes: Number.MAX_SAFE_INTEGER };

/** Names of all uploads in one of `states`, those first that changed the longest ago. */
export function namesIn(catalogue: Catalogue, states: readonly UploadState[]): readonly string[] {
  return states.flatMap((state) => catalogue.unchanged(state, null, null, 10_000).map(({ name }) => name));
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
      catalogue.add(upload, noBounds);
      const { metadataText, ...rest } = upload;
      expect(catalogue.metadataOf(upload.id)).toBe(metadataText);
      const expected = {
        ...rest,
        metadataDigest: null,
        state: "open" as const,
        durable: 0,
        sha256: null,
        receivedAt: null,
        errorCode: null,
        reason: null,
      };
      expect(catalogue.get(upload.id)).toEqual({ ...expected, updatedAt: upload.createdAt });
    });

    test("what is not there is null", async () => {
      await using catalogue = await make();
      expect(catalogue.get("00")).toBeNull();
      expect(catalogue.find("aa", "anna", "key-1")).toBeNull();
      expect(catalogue.metadataOf("00")).toBeNull();
      expect(catalogue.unchanged("open", null, null, 10)).toEqual([]);
      expect(catalogue.emptyOf("anna", null, 10)).toEqual([]);
      expect(catalogue.holdersOf("anna", ["run-1.raw"])).toEqual([]);
      expect(catalogue.users(null, 10)).toEqual([]);
    });

    test("a change changes what it names and nothing else", async () => {
      await using catalogue = await make();
      const { id } = newUpload(1);
      catalogue.add(newUpload(1), noBounds);
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
      catalogue.add(newUpload(1, { user: odd, name: odd, metadataText: odd }), noBounds);
      expect(catalogue.find("aa", odd, "key-1")).toMatchObject({
        user: odd,
        name: odd,
      });
      expect(catalogue.metadataOf(newUpload(1).id)).toBe(odd);
    });

    test("find gives the newest upload of this identity and this user", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1), noBounds);
      catalogue.add(newUpload(2, { user: "bert" }), noBounds);
      catalogue.add(newUpload(3, { createdAt: timeOf(0) }), noBounds);
      catalogue.add(newUpload(4, { identity: "bb" }), noBounds);
      expect(catalogue.find("aa", "anna", "key-1")?.name).toBe("run-3.raw");
      expect(catalogue.find("aa", "bert", "key-1")?.name).toBe("run-2.raw");
      expect(catalogue.find("bb", "bert", "key-1")).toBeNull();
    });

    test("find passes by what another key began, and knows what no known key began", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1, { origin: null }), noBounds);
      expect(catalogue.find("aa", "anna", "key-1")?.name).toBe("run-1.raw");
      catalogue.add(newUpload(2), noBounds);
      catalogue.add(newUpload(3, { origin: "key-2" }), noBounds);
      expect(catalogue.find("aa", "anna", "key-1")?.name).toBe("run-2.raw");
      expect(catalogue.find("aa", "anna", "key-2")?.name).toBe("run-3.raw");
      expect(catalogue.find("aa", "anna", "key-3")?.name).toBe("run-1.raw");
    });

    test("the metadata is there until the upload ends, and its digest for good", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3]) catalogue.add(newUpload(number), noBounds);
      const texts = () => [1, 2, 3].map((number) => catalogue.metadataOf(newUpload(number).id));
      const { metadataText } = newUpload(1);
      catalogue.change(newUpload(1).id, { state: "publishing", updatedAt: timeOf(9) });
      expect(texts()).toEqual([metadataText, metadataText, metadataText]);
      catalogue.change(newUpload(1).id, { state: "finished", updatedAt: timeOf(9) });
      catalogue.change(newUpload(2).id, { state: "failed", updatedAt: timeOf(9) });
      expect(texts()).toEqual([null, null, metadataText]);
      expect(catalogue.get(newUpload(2).id)?.metadataDigest).toBeNull();
      expect(catalogue.get(newUpload(1).id)?.metadataDigest).toBe(
        jsonDigest('{ "sample" : "A1" }') as string,
      );
    });

    test("an upload that would pass a bound of its user is not added", async () => {
      await using catalogue = await make();
      const bounds = { uploads: 2, metadataBytes: 40 };
      expect(catalogue.add(newUpload(1), bounds)).toBe("added");
      expect(catalogue.add(newUpload(2, { metadataText: "x".repeat(26) }), bounds)).toBe("too-much-metadata");
      expect(catalogue.add(newUpload(2, { metadataText: "\u00e9".repeat(12) }), bounds)).toBe("added");
      expect(catalogue.add(newUpload(3, { metadataText: "" }), bounds)).toBe("too-many-uploads");
      expect(catalogue.add(newUpload(3, { user: "bert" }), bounds)).toBe("added");
      expect(catalogue.get(newUpload(3).id)?.user).toBe("bert");
      catalogue.change(newUpload(1).id, { state: "publishing", updatedAt: timeOf(9) });
      expect(catalogue.add(newUpload(4, { metadataText: "" }), bounds)).toBe("too-many-uploads");
      catalogue.change(newUpload(1).id, { state: "failed", updatedAt: timeOf(9) });
      expect(catalogue.add(newUpload(4), bounds)).toBe("added");
    });

    test("names are held by uploads of their user that have not ended, whatever their case", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1, { name: "Run.RAW" }), noBounds);
      catalogue.add(newUpload(2, { name: "run.raw.sha256" }), noBounds);
      catalogue.add(newUpload(3, { name: "run.raw", user: "bert" }), noBounds);
      const holders = () => catalogue.holdersOf("anna", ["run.raw", "run.raw.sha256"]);
      expect([...holders()].sort()).toEqual([newUpload(1).id, newUpload(2).id]);
      catalogue.change(newUpload(1).id, { state: "finished", updatedAt: timeOf(9) });
      expect(holders()).toEqual([newUpload(2).id]);
      expect(catalogue.holdersOf("anna", [])).toEqual([]);
    });

    test("uploads in a state come in pages, those first that changed the longest ago", async () => {
      await using catalogue = await make();
      for (const number of [5, 3, 1, 2, 4]) catalogue.add(newUpload(number), noBounds);
      for (const number of [1, 2]) catalogue.change(newUpload(number).id, { updatedAt: timeOf(3) });
      const first = catalogue.unchanged("open", null, null, 2);
      expect(first.map(({ name }) => name)).toEqual(["run-1.raw", "run-2.raw"]);
      const second = catalogue.unchanged("open", null, first[1] as UploadRecord, 10);
      expect(second.map(({ name }) => name)).toEqual(["run-3.raw", "run-4.raw", "run-5.raw"]);
      expect(catalogue.unchanged("open", null, second[2] as UploadRecord, 10)).toEqual([]);
      expect(catalogue.unchanged("open", timeOf(4), null, 10)).toHaveLength(3);
      expect(catalogue.unchanged("publishing", null, null, 10)).toEqual([]);
    });

    test("a user's uploads without a durable byte come in pages, oldest first", async () => {
      await using catalogue = await make();
      for (const number of [3, 1, 2, 4]) catalogue.add(newUpload(number), noBounds);
      catalogue.add(newUpload(5, { user: "bert" }), noBounds);
      catalogue.change(newUpload(1).id, { durable: 1, updatedAt: timeOf(9) });
      catalogue.change(newUpload(4).id, { state: "publishing", updatedAt: timeOf(9) });
      const [first] = catalogue.emptyOf("anna", null, 1);
      expect(first?.name).toBe("run-3.raw");
      expect(catalogue.emptyOf("anna", first?.id ?? "", 9).map(({ name }) => name)).toEqual(["run-2.raw"]);
    });

    test("users of uploads that ended come in pages, and their oldest records are trimmed", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3, 4]) catalogue.add(newUpload(number), noBounds);
      for (const [number, user] of [
        [5, "bert"],
        [6, "carl"],
      ] as const) {
        catalogue.add(newUpload(number, { user }), noBounds);
      }
      for (const number of [1, 2, 3, 5]) {
        catalogue.change(newUpload(number).id, { state: "failed", updatedAt: timeOf(20 - number) });
      }
      catalogue.change(newUpload(4).id, { state: "finished", updatedAt: timeOf(1) });
      expect(catalogue.users(null, 1)).toEqual(["anna"]);
      expect(catalogue.users("anna", 9)).toEqual(["bert"]);
      expect(catalogue.trim("anna", "failed", 1, 1)).toBe(1);
      expect(namesIn(catalogue, ["failed"])).toHaveLength(3);
      expect(catalogue.trim("anna", "failed", 1, 9)).toBe(1);
      expect(catalogue.trim("anna", "failed", 1, 9)).toBe(0);
      expect(catalogue.trim("bert", "finished", 0, 9)).toBe(0);
      expect(namesIn(catalogue, ["failed", "finished"])).toEqual(["run-5.raw", "run-1.raw", "run-4.raw"]);
    });

    test("forget removes what ended before the date, and nothing that is unfinished", async () => {
      await using catalogue = await make();
      for (const number of [1, 2, 3, 4, 5]) catalogue.add(newUpload(number), noBounds);
      catalogue.change(newUpload(2).id, { state: "finished", updatedAt: timeOf(10) });
      catalogue.change(newUpload(3).id, { state: "failed", updatedAt: timeOf(11) });
      catalogue.change(newUpload(4).id, { state: "finished", updatedAt: timeOf(12) });
      catalogue.change(newUpload(5).id, { state: "publishing", updatedAt: timeOf(1) });
      expect(catalogue.forget(timeOf(12), 1)).toBe(1);
      expect(catalogue.forget(timeOf(12), 9)).toBe(1);
      expect(catalogue.forget(timeOf(12), 9)).toBe(0);
      const states = ["open", "finished", "publishing", "failed"] as const;
      expect(namesIn(catalogue, states)).toEqual(["run-1.raw", "run-4.raw", "run-5.raw"]);
    });

    test("an upload is added once, and only what is there changes", async () => {
      await using catalogue = await make();
      catalogue.add(newUpload(1), noBounds);
      expect(() => catalogue.add(newUpload(1), noBounds)).toThrow("an upload is added once");
      expect(() => catalogue.change("00", { updatedAt: timeOf(1) })).toThrow("is in the catalogue");
    });
  });
}
