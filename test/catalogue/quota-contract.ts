// What every catalogue has to do about quotas: called by `catalogueContract`.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Catalogue, Hold, NewUpload } from "../../src/catalogue/catalogue.ts";
import type { Quota } from "../../src/catalogue/quota.ts";
import { newUpload, owner, timeOf } from "./contract.ts";

const many = { uploads: 10_000, metadataBytes: 1_000_000_000 };
const users = ["anna", "bert", "carl"] as const;
const inLab = (user: string): boolean => user !== "carl";
const quotaOf: Readonly<Record<(typeof users)[number], readonly Quota[]>> = {
  anna: [
    { bytes: 100, of: "anna" },
    { bytes: 150, of: inLab },
  ],
  bert: [{ bytes: 150, of: inLab }],
  carl: [{ bytes: 60, of: "carl" }],
};

/** What is done to a catalogue, in any order. */
const steps = fc.array(
  fc.record({
    verb: fc.constantFrom(
      "admit",
      "admit",
      "stream",
      "grow",
      "grow",
      "finish",
      "finish",
      "fail",
      "withdraw",
      "recount",
    ),
    user: fc.constantFrom(...users),
    bytes: fc.nat(70),
    which: fc.nat(30),
  }),
  { maxLength: 60 },
);

export function quotaContract(make: () => Promise<Catalogue & AsyncDisposable>): void {
  const complete = { sha256: "ab", content: "ab" };

  async function finish(catalogue: Catalogue, hold: Hold, bytes?: number, seconds = 9): Promise<void> {
    const at = timeOf(seconds);
    const all = { ...complete, receivedAt: at, at, ...(bytes === undefined ? {} : { bytes }) };
    await catalogue.change(hold, { verb: "begin-publish", ...all });
    await catalogue.change(hold, { verb: "finish", at });
  }

  async function admit(
    catalogue: Catalogue,
    number: number,
    change: Partial<NewUpload>,
    quotas: readonly Quota[],
  ) {
    return await catalogue.admit(newUpload(number, change), owner, { ...many, quotas });
  }

  test("what a user has is what was stored, and what is announced", async () => {
    await using catalogue = await make();
    const none = {
      user: "anna",
      stored: 0,
      underWay: 0,
      files: 0,
      unfinished: 0,
      lastAt: null,
      countedAt: null,
    };
    expect(await catalogue.usageOf("anna")).toEqual(none);
    const first = await admit(catalogue, 1, { size: 40 }, []);
    await admit(catalogue, 2, { size: 2 }, []);
    await admit(catalogue, 3, { size: 7, user: "bert" }, []);
    expect(await catalogue.usageOf("anna")).toEqual({ ...none, underWay: 42, unfinished: 2 });
    if (first.type !== "admitted") throw new Error("it is let in");
    await finish(catalogue, first.hold);
    // Again, as after a crash: it counts once.
    await catalogue.change(first.hold, { verb: "finish", at: timeOf(10) });
    const anna = { ...none, stored: 40, files: 1, underWay: 2, unfinished: 1, lastAt: timeOf(9) };
    expect(await catalogue.usageOf("anna")).toEqual(anna);
    const bert = { ...none, user: "bert", underWay: 7, unfinished: 1 };
    expect(await catalogue.usages(null, 10)).toEqual([anna, bert]);
    expect(await catalogue.usages(null, 1)).toEqual([anna]);
    expect(await catalogue.usages("anna", 10)).toEqual([bert]);
    expect(await catalogue.forget(timeOf(100), 10)).toBe(1);
    expect(await catalogue.usageOf("anna")).toEqual(anna);
  });

  test("an upload that would pass a quota is not added, and what counts already is told", async () => {
    await using catalogue = await make();
    const quotas: readonly Quota[] = [{ bytes: 100, of: "anna" }];
    expect((await admit(catalogue, 1, { size: 60 }, quotas)).type).toBe("admitted");
    const room = { bytes: 40, tightest: { quota: quotas[0] as Quota, stored: 0, underWay: 60 } };
    expect(await admit(catalogue, 2, { size: 41 }, quotas)).toEqual({ type: "quota-passed", room });
    expect(await catalogue.room(quotas)).toEqual(room);
    expect(await catalogue.get(newUpload(2).id)).toBe(null);
    expect((await admit(catalogue, 3, { size: 40 }, quotas)).type).toBe("admitted");
    // Of a lowered one nothing is left, not less.
    expect((await catalogue.room([{ bytes: 10, of: "anna" }])).bytes).toBe(0);
    expect(await catalogue.room([])).toEqual({ bytes: Number.POSITIVE_INFINITY, tightest: null });
  });

  test("of two quotas the tighter one counts, of several users all that they have", async () => {
    await using catalogue = await make();
    await admit(catalogue, 1, { size: 90, user: "bert" }, []);
    await admit(catalogue, 2, { size: 900, user: "carl" }, []);
    const passed = await admit(catalogue, 3, { size: 61 }, quotaOf.anna);
    expect(passed).toMatchObject({ type: "quota-passed", room: { bytes: 60, tightest: { underWay: 90 } } });
    expect((await admit(catalogue, 4, { size: 60 }, quotaOf.anna)).type).toBe("admitted");
  });

  test("a stream counts for what it was granted, is granted what is left, and in the end counts for what it has", async () => {
    await using catalogue = await make();
    const quotas: readonly Quota[] = [{ bytes: 100, of: "anna" }];
    const stream = await admit(catalogue, 1, { size: null }, quotas);
    if (stream.type !== "admitted") throw new Error("it is let in");
    const { hold } = stream;
    expect(await catalogue.grow(hold, 10, 30, quotas)).toEqual({ type: "grown", bytes: 30 });
    expect(await catalogue.grow(hold, 10, 20, quotas)).toEqual({ type: "grown", bytes: 30 });
    expect((await admit(catalogue, 2, { size: 50 }, quotas)).type).toBe("admitted");
    expect(await catalogue.grow(hold, 31, 90, quotas)).toEqual({ type: "grown", bytes: 50 });
    expect(await catalogue.grow(hold, 51, 90, quotas)).toMatchObject({
      type: "quota-passed",
      room: { bytes: 0 },
    });
    expect(await catalogue.grow(hold, 51, 90, [])).toEqual({ type: "grown", bytes: 90 });
    await finish(catalogue, hold, 33);
    expect(await catalogue.usageOf("anna")).toMatchObject({ stored: 33, underWay: 50 });
    expect(await catalogue.grow(hold, 60, 60, [])).toEqual({ type: "not-open" });
  });

  test("a stream that somebody else has taken does not grow", async () => {
    await using catalogue = await make();
    const stream = await admit(catalogue, 1, { size: null }, []);
    if (stream.type !== "admitted") throw new Error("it is let in");
    await catalogue.take(newUpload(1).id, owner);
    expect(await catalogue.grow(stream.hold, 1, 1, [])).toEqual({ type: "not-open" });
  });

  test("a count replaces what was known, but for what was stored since it began", async () => {
    await using catalogue = await make();
    const first = await admit(catalogue, 1, { size: 40 }, []);
    const second = await admit(catalogue, 2, { size: 5 }, []);
    if (first.type !== "admitted" || second.type !== "admitted") throw new Error("they are let in");
    await finish(catalogue, first.hold, 40, 9);
    await finish(catalogue, second.hold, 5, 12);
    const known = { stored: 45, files: 2 };
    const nothing = { stored: 0, files: 0 };
    expect(await catalogue.recount("anna", nothing, timeOf(10), timeOf(20))).toEqual(known);
    const usage = await catalogue.usageOf("anna");
    expect(usage).toMatchObject({ stored: 5, files: 1, countedAt: timeOf(20), lastAt: timeOf(12) });
    expect(await catalogue.recount("bert", { stored: 3, files: 2 }, timeOf(10), timeOf(21))).toEqual(nothing);
    expect(await catalogue.usageOf("bert")).toMatchObject({ stored: 3, files: 2, lastAt: null });
  });

  test("whatever is done in whatever order, nobody ever has more than a quota", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await using catalogue = await make();
        const open: {
          readonly hold: Hold;
          readonly user: (typeof users)[number];
          readonly isStream: boolean;
        }[] = [];
        let number = 0;
        // Side by side: what one asks for is under way when the next one comes.
        const step = async ({ verb, user, bytes, which }: (typeof all)[number]): Promise<void> => {
          if (verb === "admit" || verb === "stream") {
            const size = verb === "admit" ? bytes : null;
            const result = await admit(catalogue, ++number, { user, size }, quotaOf[user]);
            if (result.type === "admitted") open.push({ hold: result.hold, user, isStream: size === null });
            return;
          }
          if (verb === "recount") {
            const now = await catalogue.usageOf(user);
            // Somebody took files away.
            const found = { stored: Math.floor(now.stored / 2), files: now.files };
            return void (await catalogue.recount(user, found, timeOf(30), timeOf(31)));
          }
          const [it] = open.length === 0 ? [] : open.splice(which % open.length, 1);
          if (it === undefined) return;
          if (verb === "grow") {
            if (it.isStream) await catalogue.grow(it.hold, bytes, bytes + which, quotaOf[it.user]);
            open.push(it);
          } else if (verb === "finish") await finish(catalogue, it.hold);
          else if (verb === "withdraw") await catalogue.withdraw(it.hold);
          else await catalogue.change(it.hold, { verb: "fail", errorCode: 499, reason: "x", at: timeOf(5) });
        };
        for (let at = 0; at < all.length; at += 4) {
          await Promise.all(all.slice(at, at + 4).map(step));
          for (const quota of Object.values(quotaOf).flat()) {
            const { tightest } = await catalogue.room([quota]);
            expect((tightest?.stored ?? 0) + (tightest?.underWay ?? 0)).toBeLessThanOrEqual(quota.bytes);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
}
