// What every catalogue has to do about who works on an upload: called by `catalogueContract`.

import { expect, test } from "bun:test";
import type { Catalogue, Owner, UploadRecord } from "../../src/catalogue/catalogue.ts";
import { admit, newUpload, noBounds, owner, timeOf } from "./contract.ts";

export function leaseContract(make: () => Promise<Catalogue & AsyncDisposable>): void {
  test("who takes an upload fences off who held it", async () => {
    await using catalogue = await make();
    const first = await admit(catalogue, newUpload(1));
    const taken = await catalogue.take(first.id, { id: "server-2", leaseMs: 0 });
    expect(taken).toMatchObject({
      type: "taken",
      hold: { fence: 2 },
      record: { owner: "server-2", fence: 2 },
    });
    const progress = { verb: "progress", durable: 5, mark: null, at: timeOf(9) } as const;
    expect(await catalogue.change(first, progress)).toBe(false);
    await catalogue.withdraw(first);
    expect((await catalogue.get(first.id))?.durable).toBe(0);
    if (taken.type === "taken") expect(await catalogue.change(taken.hold, progress)).toBe(true);
  });

  test("while its lease lasts nobody else takes an upload, nor changes what it saw", async () => {
    await using catalogue = await make();
    const leased: Owner = { id: "server-2", leaseMs: 3_600_000 };
    const admitted = await catalogue.admit(newUpload(1), leased, noBounds);
    expect(admitted.type).toBe("admitted");
    const { id } = newUpload(1);
    expect(await catalogue.take(id, owner)).toEqual({ type: "held" });
    const seen = { id, fence: 1, owner };
    const fail = { verb: "fail", errorCode: 408, reason: "Expired", at: timeOf(9) } as const;
    expect(await catalogue.change(seen, fail)).toBe(false);
    expect(await catalogue.take(id, leased)).toMatchObject({ type: "taken", hold: { fence: 2 } });
    expect(await catalogue.change({ id, fence: 2, owner: { ...leased, leaseMs: 0 } }, fail)).toBe(true);
  });

  test.each([
    ["puts it away", { verb: "progress", durable: 5, mark: "m", isPutAway: true }],
    [
      "has it wait for other metadata",
      { verb: "wait", sha256: "ab", content: "ab", receivedAt: timeOf(1), bytes: 9 },
    ],
  ] as const)("its lease is over when its server %s", async (_what, change) => {
    await using catalogue = await make();
    const leased: Owner = { id: "server-2", leaseMs: 3_600_000 };
    const admitted = await catalogue.admit(newUpload(1), leased, noBounds);
    const hold = admitted.type === "admitted" ? admitted.hold : null;
    expect(hold).not.toBeNull();
    if (hold === null) return;
    expect(await catalogue.take(hold.id, owner)).toEqual({ type: "held" });
    expect(await catalogue.change(hold, { ...change, at: timeOf(2) })).toBe(true);
    expect((await catalogue.get(hold.id))?.leaseUntil).toBe(0);
    expect(await catalogue.take(hold.id, owner)).toMatchObject({ type: "taken", hold: { fence: 2 } });
  });

  test("that something of it was heard changes when it changed, and for how long it is its server's, and nothing else", async () => {
    await using catalogue = await make();
    const leased: Owner = { id: "server-2", leaseMs: 3_600_000 };
    const admitted = await catalogue.admit(newUpload(1), leased, noBounds);
    const hold = admitted.type === "admitted" ? admitted.hold : null;
    if (hold === null) throw new Error("It is admitted");
    await catalogue.change(hold, { verb: "progress", durable: 5, mark: "m", at: timeOf(2) });
    const before = await catalogue.get(hold.id);
    expect(await catalogue.change(hold, { verb: "hear", at: timeOf(7) })).toBe(true);
    const { leaseUntil, ...after } = (await catalogue.get(hold.id)) as UploadRecord;
    expect(after).toEqual({ ...before, updatedAt: timeOf(7), leaseUntil: undefined } as never);
    expect(leaseUntil).toBeGreaterThanOrEqual(before?.leaseUntil ?? 0);
    await catalogue.take(hold.id, leased);
    expect(await catalogue.change(hold, { verb: "hear", at: timeOf(8) })).toBe(false);
  });

  test("of a thousand that take one upload at once each has a number of its own", async () => {
    await using catalogue = await make();
    const { id } = await admit(catalogue, newUpload(1));
    const all = Array.from({ length: 1000 }, (_, index) =>
      catalogue.take(id, { id: `s${index}`, leaseMs: 0 }),
    );
    const fences = (await Promise.all(all)).map((it) => (it.type === "taken" ? it.hold.fence : 0));
    expect(fences).toEqual(Array.from({ length: 1000 }, (_, index) => index + 2));
  });

  test("what other servers work on of a user is counted for as long as that is theirs", async () => {
    await using catalogue = await make();
    const other: Owner = { id: "server-2", leaseMs: 3_600_000 };
    const own: Owner = { id: "server-3", leaseMs: 3_600_000 };
    const { user, id } = newUpload(1);
    const first = await catalogue.admit(newUpload(1), other, noBounds);
    await catalogue.admit(newUpload(2), other, noBounds);
    await catalogue.admit(newUpload(3), own, noBounds);
    await catalogue.admit({ ...newUpload(4), user: "somebody-else" }, other, noBounds);
    // Nobody works on it.
    await catalogue.admit(newUpload(5), { id: "server-4", leaseMs: 0 }, noBounds);
    expect(await catalogue.heldElsewhere(user, own.id, null)).toBe(2);
    expect(await catalogue.heldElsewhere(user, own.id, id)).toBe(1);
    expect(await catalogue.heldElsewhere(user, other.id, null)).toBe(1);
    const hold = first.type === "admitted" ? first.hold : null;
    if (hold === null) throw new Error("It is admitted");
    const putAway = { verb: "progress", durable: 5, mark: "m", isPutAway: true, at: timeOf(2) } as const;
    expect(await catalogue.change(hold, putAway)).toBe(true);
    expect(await catalogue.heldElsewhere(user, own.id, null)).toBe(1);
  });
}
