// What the outbox of every catalogue has to do. Each implementation's test calls this with its own way to make one.

import { describe, expect, test } from "bun:test";
import { jsonDigest } from "../../src/base/json-digest.ts";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import { deliveryAheadMsMax, type NewDelivery } from "../../src/catalogue/outbox.ts";
import { admit, bring, newUpload, timeOf } from "./contract.ts";

/** An upload that finishes at `seconds`, of which hooks are to be told. */
async function finish(catalogue: Catalogue, number: number, seconds: number, ...hooks: readonly string[]) {
  const hold = await admit(catalogue, newUpload(number));
  const at = timeOf(seconds);
  await catalogue.change(hold, { verb: "begin-publish", sha256: "ab", content: "ab", receivedAt: at, at });
  const deliveries = hooks.map((hook): NewDelivery => ({ hook, body: `{"upload":${number}}` }));
  expect(await catalogue.change(hold, { verb: "finish", at, deliveries })).toBe(true);
  return hold;
}

const msOf = (seconds: number): number => Date.parse(timeOf(seconds));

/** Alarms, and what hooks did not take. */
export function alarmContract(name: string, make: () => Promise<Catalogue & AsyncDisposable>): void {
  const firing = (subject: string, seconds: number, times = 1) => ({
    ...{ alarm: "silent", subject, since: timeOf(seconds), toldAt: msOf(seconds), times },
    text: `Nothing arrived from ${subject}`,
  });

  describe(`book of alarms of the ${name}`, () => {
    test("has what was told and is not over, as it is now, in the order in which it began", async () => {
      await using catalogue = await make();
      const { alarms } = catalogue;
      expect(await alarms.firing()).toEqual([]);
      await alarms.step({ changed: [firing("b", 2), firing("a", 3), firing("c", 1)], gone: [], notices: [] });
      const again = { ...firing("a", 3, 2), toldAt: msOf(9), text: "Still nothing" };
      await alarms.step({ changed: [again], gone: [firing("b", 2)], notices: [] });
      expect(await alarms.firing()).toEqual([firing("c", 1), again]);
    });

    test("what is to be told is written down with it, once for each hook and notice", async () => {
      await using catalogue = await make();
      const { alarms, outbox } = catalogue;
      const notice = {
        ...{ id: "n1", alarm: "silent", subject: "<ms> 1", at: timeOf(5) },
        deliveries: [
          { hook: "mail", body: '{"alarm":1}' },
          { hook: "web", body: '{"alarm":1}' },
        ],
      };
      await alarms.step({ changed: [firing("<ms> 1", 5)], gone: [], notices: [notice] });
      await alarms.step({ changed: [], gone: [], notices: [notice] });
      expect(await outbox.due("mail", msOf(5), 9)).toEqual([
        {
          ...{ id: expect.any(Number), hook: "mail", upload: "n1", user: "silent", name: "<ms> 1" },
          ...{ attempts: 0, nextAt: msOf(5), error: null, createdAt: timeOf(5) },
        },
      ]);
      expect(await outbox.counts()).toMatchObject([
        { hook: "mail", deliveries: 1 },
        { hook: "web", deliveries: 1 },
      ]);
    });

    test("of what hooks did not take it knows the oldest, and how much it is", async () => {
      await using catalogue = await make();
      const { outbox } = catalogue;
      for (const number of [1, 2, 3]) await finish(catalogue, number, number, "index", "mail");
      expect(await outbox.failures()).toEqual([]);
      const due = await outbox.due("index", msOf(9), 9);
      for (const { id } of due.slice(1))
        await outbox.failed({ id, attempts: 1, nextAt: msOf(20), error: "no disk" });
      expect(await outbox.failures()).toMatchObject([
        { failing: 2, oldest: { hook: "index", name: "run-2.raw", createdAt: timeOf(2), error: "no disk" } },
      ]);
    });

    test("what was read again and is damaged is known until it is sound, or forgotten", async () => {
      await using catalogue = await make();
      const { alarms } = catalogue;
      const [one, two] = [await finish(catalogue, 1, 1), await finish(catalogue, 2, 2)];
      expect(await alarms.damage(3)).toEqual({ uploads: 0, some: [] });
      for (const [hold, seconds] of [
        [one, 5],
        [two, 6],
        [one, 7],
      ] as const)
        await alarms.readAgain(hold.id, false, timeOf(seconds));
      expect(await alarms.damage(1)).toEqual({ uploads: 2, some: [{ user: "anna", name: "run-2.raw" }] });
      expect(await alarms.damagedSince(one.id)).toBe(timeOf(5));
      await alarms.readAgain(one.id, true, timeOf(8));
      expect(await alarms.damagedSince(one.id)).toBe(null);
      expect(await alarms.damage(3)).toEqual({ uploads: 1, some: [{ user: "anna", name: "run-2.raw" }] });
      await catalogue.forget(timeOf(99), 10);
      expect(await alarms.damage(3)).toEqual({ uploads: 0, some: [] });
    });
  });
}

export function outboxContract(name: string, make: () => Promise<Catalogue & AsyncDisposable>): void {
  describe(`outbox of the ${name}`, () => {
    test("what is to be told comes with the end of an upload, and says of which", async () => {
      await using catalogue = await make();
      const { outbox } = catalogue;
      const { id: upload } = await finish(catalogue, 1, 5, "index", "mail");
      const [delivery, ...others] = await outbox.due("index", msOf(5), 10);
      expect(others).toEqual([]);
      expect(delivery).toEqual({
        id: expect.any(Number),
        ...{ hook: "index", upload, user: "anna", name: "run-1.raw" },
        ...{ attempts: 0, nextAt: msOf(5), error: null, createdAt: timeOf(5) },
      });
      expect(await outbox.bodyOf(delivery?.id ?? 0)).toBe('{"upload":1}');
      expect((await outbox.of(upload)).map(({ hook }) => hook)).toEqual(["index", "mail"]);
      expect(await outbox.of("other")).toEqual([]);
      expect(await outbox.counts()).toEqual([
        { hook: "index", deliveries: 1, failing: 0 },
        { hook: "mail", deliveries: 1, failing: 0 },
      ]);
    });

    test("an end that is told twice adds nothing, and one that may not happen adds nothing either", async () => {
      await using catalogue = await make();
      const { outbox } = catalogue;
      const hold = await finish(catalogue, 1, 5, "index");
      const deliveries = [
        { hook: "index", body: "{}" },
        { hook: "late", body: "{}" },
      ];
      expect(await catalogue.change(hold, { verb: "finish", at: timeOf(6), deliveries })).toBe(true);
      const open = await admit(catalogue, newUpload(2));
      expect(await catalogue.change(open, { verb: "finish", at: timeOf(6), deliveries })).toBe(false);
      expect(await outbox.counts()).toEqual([{ hook: "index", deliveries: 1, failing: 0 }]);
      const [{ id = 0 } = {}] = await outbox.due("index", msOf(9), 10);
      await outbox.delivered(id, timeOf(70));
      await catalogue.change(hold, { verb: "finish", at: timeOf(7), deliveries });
      expect(await outbox.counts()).toEqual([]);
    });

    test("it is due in the order of its times, at most so many, and each hook by itself", async () => {
      await using catalogue = await make();
      const { outbox } = catalogue;
      for (const [number, seconds] of [
        [1, 30],
        [2, 10],
        [3, 20],
      ] as const)
        await finish(catalogue, number, seconds, "index", "mail");
      const namesDue = async (seconds: number, limit: number) =>
        (await outbox.due("index", msOf(seconds), limit)).map((it) => it.name);
      expect(await namesDue(9, 10)).toEqual([]);
      expect(await namesDue(20, 10)).toEqual(["run-2.raw", "run-3.raw"]);
      expect(await namesDue(99, 2)).toEqual(["run-2.raw", "run-3.raw"]);
      expect(await outbox.nextAt("index", msOf(10))).toBe(msOf(20));
      expect(await outbox.nextAt("index", msOf(30))).toBeNull();
      expect(await outbox.nextAt("none", 0)).toBeNull();
      // The calendar was set back since.
      expect(await namesDue(10 - deliveryAheadMsMax / 1000 - 1, 10)).toEqual([
        "run-2.raw",
        "run-3.raw",
        "run-1.raw",
      ]);
    });

    test("what failed is due later, and says why; what was taken is gone", async () => {
      await using catalogue = await make();
      const { outbox } = catalogue;
      await finish(catalogue, 1, 5, "index");
      const [{ id = 0 } = {}] = await outbox.due("index", msOf(5), 10);
      await outbox.failed({ id, attempts: 7, nextAt: msOf(60), error: "it is down" });
      expect(await outbox.due("index", msOf(59), 10)).toEqual([]);
      expect(await outbox.due("index", msOf(60), 10)).toMatchObject([
        { id, attempts: 7, error: "it is down" },
      ]);
      expect(await outbox.counts()).toEqual([{ hook: "index", deliveries: 1, failing: 1 }]);
      expect([await outbox.isFailing("index"), await outbox.isFailing("mail")]).toEqual([true, false]);
      await outbox.delivered(id, timeOf(70));
      expect(await outbox.bodyOf(id)).toBeNull();
      expect(await outbox.counts()).toEqual([]);
      expect(await outbox.isFailing("index")).toBe(false);
      // Of what is not there any more nobody has to know.
      await outbox.failed({ id, attempts: 8, nextAt: 0, error: "late" });
      await outbox.delivered(id, timeOf(70));
      expect(await outbox.counts()).toEqual([]);
    });

    test("which hooks were told of an upload is known for as long as that is, and not of what was dropped", async () => {
      await using catalogue = await make();
      const { outbox, alarms } = catalogue;
      const { id: upload } = await finish(catalogue, 1, 5, "mail", "index", "web");
      const [mail, index, web] = await outbox.page(0, 9, null);
      await outbox.failed({ id: mail?.id ?? 0, attempts: 2, nextAt: msOf(6), error: "down" });
      await outbox.delivered(mail?.id ?? 0, timeOf(7));
      await outbox.delivered(index?.id ?? 0, timeOf(8));
      await outbox.dropped(web?.id ?? 0);
      expect(await outbox.page(0, 9, null)).toEqual([]);
      expect(await outbox.toldOf(upload)).toEqual([
        { hook: "index", at: timeOf(8), attempts: 1 },
        { hook: "mail", at: timeOf(7), attempts: 3 },
      ]);
      // Alarms have no record that it could go with.
      const notice = { id: "n1", alarm: "silent", subject: "ms", at: timeOf(5) };
      await alarms.step({
        ...{ changed: [], gone: [] },
        notices: [{ ...notice, deliveries: [{ hook: "mail", body: "{}" }] }],
      });
      const [told] = await outbox.page(0, 9, null);
      await outbox.delivered(told?.id ?? 0, timeOf(9));
      expect(await outbox.toldOf("n1")).toEqual([]);
      await catalogue.forget(timeOf(99), 10);
      expect(await outbox.toldOf(upload)).toEqual([]);
    });

    test("what hooks added to metadata is no part of the digest of what was sent", async () => {
      await using catalogue = await make();
      const metadataText = '{"a":1,"b":2,"c":3}';
      const hold = await admit(catalogue, newUpload(1, { metadataText, added: '["b","c"]' }));
      expect(await catalogue.metadataOf(hold.id)).toBe(metadataText);
      await bring(catalogue, hold, "finished", 1);
      const record = await catalogue.get(hold.id);
      expect(record).toMatchObject({ added: '["b","c"]', metadataDigest: jsonDigest('{"a":1}') });
    });

    test("it comes in pages, of one hook or of all, and can be made due", async () => {
      await using catalogue = await make();
      const { outbox } = catalogue;
      for (const number of [1, 2, 3]) await finish(catalogue, number, 5, "index", "mail");
      const pageOf = async (after: number, limit: number, hook: string | null) =>
        (await outbox.page(after, limit, hook)).map((it) => `${it.hook} ${it.name}`);
      expect(await pageOf(0, 3, null)).toEqual(["index run-1.raw", "mail run-1.raw", "index run-2.raw"]);
      expect(await pageOf(0, 2, "mail")).toEqual(["mail run-1.raw", "mail run-2.raw"]);
      const [, , third] = await outbox.page(0, 3, "mail");
      const id = third?.id ?? 0;
      expect(await pageOf(id - 1, 9, null)).toEqual(["mail run-3.raw"]);
      expect(await outbox.get(id)).toEqual(third ?? null);
      await outbox.failed({ id, attempts: 1, nextAt: msOf(500), error: "down" });
      await outbox.retry(id, msOf(6));
      expect(await outbox.get(id)).toMatchObject({ attempts: 1, nextAt: msOf(6), error: "down" });
      await outbox.delivered(id, timeOf(70));
      expect(await outbox.get(id)).toBeNull();
      await outbox.retry(id, 0);
      expect(await pageOf(id - 1, 9, null)).toEqual([]);
    });

    test("it stays when its upload is forgotten", async () => {
      await using catalogue = await make();
      await finish(catalogue, 1, 5, "index");
      expect(await catalogue.forget(timeOf(100), 10)).toBe(1);
      expect(await catalogue.outbox.counts()).toEqual([{ hook: "index", deliveries: 1, failing: 0 }]);
    });
  });
}
