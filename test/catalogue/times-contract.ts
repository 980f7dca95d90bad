// What every catalogue keeps of an upload for its story, whatever becomes of it.

import { expect, test } from "bun:test";
import type { Catalogue, UploadRecord } from "../../src/catalogue/catalogue.ts";
import { admit, bring, newUpload, owner, timeOf } from "./contract.ts";

export function timesContract(make: () => Promise<Catalogue & AsyncDisposable>): void {
  test("whether its client wants a receipt stays known, whatever becomes of the upload", async () => {
    await using catalogue = await make();
    const hold = await admit(catalogue, newUpload(1, { wantsReceipt: true }));
    expect(await catalogue.get(hold.id)).toMatchObject({ wantsReceipt: true });
    await catalogue.change(hold, { verb: "fail", at: timeOf(1), errorCode: 499, reason: "Cancelled" });
    expect(await catalogue.get(hold.id)).toMatchObject({ state: "failed", wantsReceipt: true });
  });

  test("when an upload was stored stays known, and so does how often and when last it was gone on with", async () => {
    await using catalogue = await make();
    const { id } = await admit(catalogue, newUpload(1));
    for (const seconds of [5, 6]) {
      const taken = await catalogue.take(id, owner);
      if (taken.type !== "taken") throw new Error("what is open can be taken");
      expect(await catalogue.change(taken.hold, { verb: "resume", at: timeOf(seconds) })).toBe(true);
    }
    // To publish it, or to end it, is not to go on with it.
    const taken = await catalogue.take(id, owner);
    if (taken.type !== "taken") throw new Error("what is open can be taken");
    await bring(catalogue, taken.hold, "finished", 9);
    expect(await catalogue.change(taken.hold, { verb: "finish", at: timeOf(10) })).toBe(true);
    expect(await catalogue.change(taken.hold, { verb: "resume", at: timeOf(11) })).toBe(false);
    const resumed = { resumes: 2, resumedAt: timeOf(6) };
    expect(await catalogue.get(id)).toMatchObject({ ...resumed, storedAt: timeOf(9) });
    await catalogue.amend(taken.hold, { at: timeOf(12), metadataText: "{}", place: null });
    const record = await catalogue.get(id);
    expect(record).toMatchObject({ ...resumed, storedAt: timeOf(9) });
    // Other metadata are no arrival.
    const { user } = record as UploadRecord;
    expect(await catalogue.instruments.arrivals(user, 10)).toEqual([timeOf(9)]);
    const counted = [timeOf(9), timeOf(11)].map((since) => catalogue.storedSince(user, since, 10));
    expect(await Promise.all(counted)).toEqual([1, 0]);
    await catalogue.recount(user, { stored: 0, files: 0 }, timeOf(11), timeOf(13));
    expect(await catalogue.usageOf(user)).toMatchObject({ files: 0 });
  });
}
