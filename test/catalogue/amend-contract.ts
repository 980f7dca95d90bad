// What every catalogue does about metadata that are put right after the fact.

import { describe, expect, test } from "bun:test";
import { jsonDigest } from "../../src/base/json-digest.ts";
import type { Catalogue, UploadRecord } from "../../src/catalogue/catalogue.ts";
import { admit, newUpload, noBounds, owner, timeOf, withoutLease } from "./contract.ts";

export function amendContract(make: () => Promise<Catalogue & AsyncDisposable>): void {
  describe("other metadata", () => {
    const text = '{"sample":"B2","n":1}';
    const complete = { sha256: "ab", content: "cd", receivedAt: timeOf(3) };

    test("of what finished take the place of those before, and nothing else changes", async () => {
      await using catalogue = await make();
      const hold = await admit(catalogue, newUpload(1));
      await catalogue.change(hold, { verb: "begin-publish", ...complete, at: timeOf(3) });
      await catalogue.change(hold, { verb: "finish", at: timeOf(4) });
      const before = await catalogue.get(hold.id);
      const amended = await catalogue.amend(hold, { at: timeOf(5), metadataText: text, place: null });
      const metadataDigest = jsonDigest(text);
      expect(amended).toEqual({ type: "amended", record: (await catalogue.get(hold.id)) as UploadRecord });
      expect(withoutLease(await catalogue.get(hold.id))).toEqual(
        withoutLease({
          ...(before as UploadRecord),
          metadataDigest,
          amendedAt: timeOf(5),
          updatedAt: timeOf(5),
        }),
      );
      expect(await catalogue.metadataOf(hold.id)).toBe(text);
      const large = JSON.stringify({ text: "x".repeat(20_000) });
      await catalogue.amend(hold, { at: timeOf(6), metadataText: large, place: null });
      expect(await catalogue.metadataOf(hold.id)).toBeNull();
      expect(await catalogue.get(hold.id)).toMatchObject({
        metadataDigest: jsonDigest(large),
        amendedAt: timeOf(6),
      });
    });

    test("of what is held give it its place, and have it published where it is complete", async () => {
      await using catalogue = await make();
      const held = { held: '"run" is missing', place: { folder: ".held/anna", name: "a.raw" } };
      const whole = await admit(catalogue, newUpload(1, held));
      expect(await catalogue.change(whole, { verb: "wait", ...complete, bytes: 1000, at: timeOf(3) })).toBe(
        true,
      );
      expect(await catalogue.get(whole.id)).toMatchObject({ state: "open", ...held, ...complete });
      const place = { folder: "ms", name: "a.raw" };
      const other = await admit(catalogue, newUpload(2, { user: "bert", place }));
      const amendment = { at: timeOf(5), metadataText: text, place };
      expect(await catalogue.amend(whole, amendment)).toMatchObject({
        type: "name-taken",
        holders: [{ id: other.id }],
      });
      expect(await catalogue.get(whole.id)).toMatchObject({ state: "open", ...held });
      await catalogue.withdraw(other);
      expect(await catalogue.amend(whole, amendment)).toMatchObject({ type: "amended" });
      const released = {
        state: "publishing",
        held: null,
        releasedAt: timeOf(5),
        amendedAt: null,
        place,
        ...complete,
      };
      expect(await catalogue.get(whole.id)).toMatchObject(released);
      expect(await catalogue.metadataOf(whole.id)).toBe(text);
      // The name that it held before is free, and the new one is its own.
      const next = await admit(catalogue, newUpload(3, held));
      expect((await catalogue.admit(newUpload(4, { place }), owner, noBounds)).type).toBe("name-taken");
      expect(await catalogue.amend(next, { at: timeOf(6), metadataText: text, place: null })).toMatchObject({
        record: { state: "open", held: null, place: null },
      });
    });

    test("are for nothing else, and for nobody who does not hold it", async () => {
      await using catalogue = await make();
      const hold = await admit(catalogue, newUpload(1));
      const amendment = { at: timeOf(5), metadataText: text, place: null };
      expect(await catalogue.amend(hold, amendment)).toEqual({ type: "not-now" });
      const held = await admit(catalogue, newUpload(2, { held: "why" }));
      await catalogue.take(held.id, owner);
      expect(await catalogue.amend(held, amendment)).toEqual({ type: "not-now" });
      expect(await catalogue.amend({ id: "00", fence: 1, owner }, amendment)).toEqual({ type: "not-now" });
    });
  });
}
