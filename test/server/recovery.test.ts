// What a server makes of what an earlier process left, in every state in which a crash can leave it.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { AfterHooks } from "../../src/server/after-hooks.ts";
import { finishPublishing, giveUp } from "../../src/server/recovery.ts";
import { bytesOf, descriptionOf, idOf, publishOne } from "../storage/contract.ts";
import { RecoveryWorld, recordedMetadata, sha256 } from "./recovery-world.ts";

describe("an upload that a crash left in the midst of being published", () => {
  const destination = { folder: "anna", name: "1.raw" };

  function publishing(world: RecoveryWorld, content: string, durable = 0) {
    return world.record(1, { state: "publishing", sha256: sha256(content), durable });
  }

  test("whose bytes are all there is published", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content");
    await world.partial(1, "content");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1).state).toBe("finished");
    const [file] = world.storage.published();
    expect(file).toMatchObject({ ...destination, sha256: sha256("content") });
    const written = '{\n  "10": 12345678901234567890,\n  "sample": "A1",\n  "2": 1.0,\n  "_dync": {';
    expect(file?.metadataText).toStartWith(written);
    // The time of the client's file has outlived the process that heard it.
    const modified = "2020-01-02T03:04:05.678901234Z";
    expect(file?.modified).toBe(modified);
    expect(JSON.parse(file?.metadataText ?? "")).toMatchObject({ sample: "A1", _dync: { modified } });
    expect(await world.partials()).toEqual([]);
  });

  test("whose sync fails is not published by a later one, which has nothing left to write", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content", 3);
    const partial = await world.storage.create(idOf(1));
    await partial.append(bytesOf("content"));
    await partial.close();
    world.failures.set("sync", new DyncError("internal", "The disk reports an error"));
    await expect(finishPublishing(idOf(1), world)).rejects.toThrow("could not be made durable");
    world.failures.clear();
    await finishPublishing(idOf(1), world);
    expect(world.storage.published()).toEqual([]);
    expect((await world.storage.open(idOf(1)))?.length).toBe(3);
  });

  test("whose file was shown already, but not cleared up, is published once", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content");
    await world.partial(1, "content");
    world.failures.set("show", new DyncError("internal", "The disk reports an error"));
    const partial = await world.storage.open(idOf(1));
    const description = descriptionOf(idOf(1), "anna", "1.raw", bytesOf("content"));
    await partial?.publish(destination, description).catch(() => {});
    world.failures.clear();
    await finishPublishing(idOf(1), world);
    expect(world.storage.published()).toHaveLength(1);
    expect(world.stateOf(1).state).toBe("finished");
  });

  test("that was published completely is only noted as finished", async () => {
    const world = new RecoveryWorld();
    await publishOne(world.storage, 1, "anna", "1.raw", "content");
    publishing(world, "content");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "finished", errorCode: null, reason: null });
  });

  test("is told to hooks once, however far it had come", async () => {
    for (const wasPublished of [true, false]) {
      const world = new RecoveryWorld();
      if (wasPublished) await publishOne(world.storage, 1, "anna", "1.raw", "content");
      else await world.partial(1, "content");
      const { publicKey } = generateKeyPair();
      world.record(1, { state: "publishing", sha256: sha256("content"), origin: publicKey.text });
      const afterHooks = new AfterHooks({
        ...world,
        rulesOf: () => defaultUserRules,
        hooksOf: () => [
          {
            ...{ name: "index", event: "after", timeoutMs: 1, atOnce: 1, onFailure: "refuse" },
            target: { type: "program", command: ["/bin/true"] },
          },
        ],
        run: async () => ({ type: "failed", reason: "not in this test" }),
        random: () => 1,
      });
      await finishPublishing(idOf(1), { ...world, afterHooks });
      await finishPublishing(idOf(1), { ...world, afterHooks });
      expect(world.catalogue.outbox.list()).toMatchObject([
        { hook: "index", upload: idOf(1), name: "1.raw" },
      ]);
      const [{ id = 0 } = {}] = world.catalogue.outbox.list();
      const body = await world.catalogue.outbox.bodyOf(id);
      expect(body).toContain(`"metadata":${recordedMetadata}`);
      expect(JSON.parse(body ?? "")).toMatchObject({
        upload: {
          user: "anna",
          key: publicKey.fingerprint,
          form: "file",
          size: 7,
          sha256: sha256("content"),
        },
      });
      await afterHooks.stop();
    }
  });

  test("whose bytes are gone, and whose name has other content, is lost and says so", async () => {
    const world = new RecoveryWorld();
    await publishOne(world.storage, 2, "anna", "1.raw", "other");
    publishing(world, "content");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "failed", errorCode: 404 });
    expect(world.log.at(-1)?.level).toBe("error");
  });

  test("that was in memory alone is open again under its id, where its name is free", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "open", durable: 0, sha256: null });
    expect(world.log.at(-1)?.level).toBe("warn");
  });

  test("whose bytes did not all survive is open again, with what was surely there", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content", 3);
    await world.partial(1, "con\0\0\0\0");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "open", durable: 3, sha256: null });
    expect((await world.storage.open(idOf(1)))?.length).toBe(3);
    expect(world.storage.published()).toEqual([]);
  });

  test("that is shorter than what was noted as durable is open with what there is", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content", 7);
    await world.partial(1, "con");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "open", durable: 3 });
  });

  test("whose name somebody else took meanwhile has failed, and its bytes are gone", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content");
    await world.partial(1, "content");
    await publishOne(world.storage, 2, "anna", "1.raw", "other");
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "failed", errorCode: 409 });
    expect(await world.partials()).toEqual([]);
  });

  test.each(["no JSON", "[1]", ""])("whose metadata became %p is not published without it", async (text) => {
    const world = new RecoveryWorld();
    publishing(world, "content");
    await world.partial(1, "content");
    world.catalogue.metadataOf = async () => text;
    await finishPublishing(idOf(1), world);
    expect(world.stateOf(1)).toMatchObject({ state: "failed", errorCode: 404 });
    expect(world.storage.published()).toEqual([]);
    expect(await world.partials()).toEqual([]);
  });

  test("where the storage fails stays as it is, for another try", async () => {
    const world = new RecoveryWorld();
    publishing(world, "content");
    await world.partial(1, "content");
    world.failures.set("publish", new DyncError("internal", "The disk reports an error"));
    await expect(finishPublishing(idOf(1), world)).rejects.toThrow("The disk reports an error");
    expect(world.stateOf(1).state).toBe("publishing");
    world.failures.clear();
    await finishPublishing(idOf(1), world);
    expect(world.storage.published()).toHaveLength(1);
  });
});

test("an upload that is given up keeps its reason and loses its bytes", async () => {
  const world = new RecoveryWorld();
  const record = world.record(1);
  await world.partial(1, "x");
  expect(await giveUp(record, 408, "Expired", world)).toBe(true);
  expect(world.stateOf(1)).toMatchObject({ state: "failed", errorCode: 408, reason: "Expired" });
  expect(await world.partials()).toEqual([]);
  await giveUp(world.record(2), 408, "Expired", world);
  expect(world.stateOf(2).state).toBe("failed");
});

test("an upload that somebody took up meanwhile is not given up, and keeps its bytes", async () => {
  const world = new RecoveryWorld();
  const seen = world.record(1);
  await world.partial(1, "x");
  await world.catalogue.take(seen.id, world.owner);
  expect(await giveUp(seen, 408, "Expired", world)).toBe(false);
  expect(world.stateOf(1).state).toBe("open");
  expect(await world.partials()).toEqual([idOf(1)]);
});

test("an upload that another server works on is neither published nor given up", async () => {
  const world = new RecoveryWorld();
  const leased = { owner: "server-2", leaseUntil: Number.MAX_SAFE_INTEGER };
  const record = world.record(1, { state: "publishing", sha256: sha256("content"), ...leased });
  await world.partial(1, "content");
  await finishPublishing(idOf(1), world);
  expect(await giveUp(record, 408, "Expired", world)).toBe(false);
  expect(world.stateOf(1).state).toBe("publishing");
  expect(world.storage.published()).toEqual([]);
});
