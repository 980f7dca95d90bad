// What a new upload has to pass before its first byte, in which order, and that a refusal leaves nothing behind.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { type AdmissionRequest, admit } from "../../src/server/admission.ts";
import { refusalOf } from "../../src/server/refusal.ts";
import { Room } from "../../src/server/room.ts";
import { owner } from "../catalogue/contract.ts";
import { codeOf, idOf, publishOne } from "../storage/contract.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { MemoryStorage, type MemoryStorageOptions } from "../support/memory/storage.ts";
import { noEvents, RecoveryWorld } from "./recovery-world.ts";

const MiB = 1024 * 1024;
const createdAt = "2026-01-02T03:04:05.000Z";

function worldOf(options: MemoryStorageOptions = {}, catalogue = new MemoryCatalogue()) {
  const storage = new MemoryStorage(options);
  const room = new Room(storage);
  const { clock, logger } = new RecoveryWorld();
  const parts = { clock, logger, rulesOf: () => defaultUserRules, isActive: () => false };
  return { ...parts, storage, catalogue, room, owner };
}

function requestOf(change: Partial<AdmissionRequest["post"]> = {}): AdmissionRequest {
  const post = {
    type: "post-file",
    name: "a.raw",
    metadataText: '{"sample":"A1"}',
    info: { size: 5 },
    ...change,
  };
  return {
    id: idOf(1),
    identity: "81",
    user: "anna",
    origin: "key-1",
    post: post as AdmissionRequest["post"],
    createdAt,
  };
}

// Nobody holds the name.
const free = async (): Promise<void> => {
  throw new Error("the name is free");
};

describe("an upload that is let in", () => {
  test("is in the catalogue, and its partial is there, empty", async () => {
    const world = worldOf();
    const { sink, hold } = await admit(requestOf(), noEvents, free, world);
    expect(sink.length).toBe(0);
    expect(hold).toEqual({ id: idOf(1), fence: 1, owner });
    expect(world.catalogue.peek(idOf(1))).toMatchObject({
      identity: "81",
      user: "anna",
      origin: "key-1",
      name: "a.raw",
      size: 5,
      state: "open",
      durable: 0,
      mark: "boot",
      createdAt,
    });
    expect(await world.catalogue.metadataOf(idOf(1))).toBe('{"sample":"A1"}');
    expect(await Array.fromAsync(world.storage.ids())).toEqual([idOf(1)]);
  });

  test("has its room reserved", async () => {
    const world = worldOf({ capacity: 3 * MiB });
    await admit(requestOf({ info: { size: MiB + 1 } }), noEvents, free, world);
    expect(await codeOf(world.room.reserve("other", "anna", MiB))).toBe("no-space");
  });
});

test("metadata counts as space, in the catalogue and beside the file", async () => {
  const metadataText = JSON.stringify({ note: "x".repeat(200_000) });
  const world = worldOf({ capacity: 3 * MiB });
  const post = { info: { size: 2 * MiB - 300_000 }, metadataText };
  expect(await codeOf(admit(requestOf(post), noEvents, free, world))).toBe("no-space");
  await admit(requestOf({ info: post.info }), noEvents, free, world);
});

describe("refusals come in the order in which a client can act on them", () => {
  const tooBig = { size: 2 ** 40 };
  const refusals: readonly (readonly [string, string, Partial<AdmissionRequest["post"]>])[] = [
    ["metadata first", "metadata-rejected", { metadataText: "{}", name: "../a", info: tooBig }],
    ["then the name", "forbidden", { name: "../a", info: tooBig }],
    ["then what has the name already", "name-taken", { name: "TAKEN.sha256", info: tooBig }],
    ["then room", "no-space", { info: tooBig }],
  ];
  test.each(refusals)("%s", async (_what, code, change) => {
    const world = worldOf({ capacity: 10 * MiB });
    await publishOne(world.storage, 7, "anna", "taken");
    expect(await codeOf(admit(requestOf(change), noEvents, free, world))).toBe(code);
    expect(world.catalogue.peek(idOf(1))).toBeNull();
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    await world.room.reserve("other", "anna", 8 * MiB);
  });
});

describe("a failure leaves nothing behind", () => {
  test("when the partial cannot be made", async () => {
    const before = ({ type }: { type: string }): void => {
      if (type === "create") throw new DyncError("no-space", "No space left");
    };
    const world = worldOf({ capacity: 3 * MiB, before });
    expect(await codeOf(admit(requestOf({ info: { size: 2 * MiB } }), noEvents, free, world))).toBe(
      "no-space",
    );
    expect(world.catalogue.peek(idOf(1))).toBeNull();
    await world.room.reserve("other", "anna", 2 * MiB);
  });

  test("when its file came to its place while this server was frozen, after it had looked there", async () => {
    let now = 0;
    class LateCatalogue extends MemoryCatalogue {
      override async admit(...what: Parameters<MemoryCatalogue["admit"]>) {
        now += 20_000;
        await publishOne(world.storage, 2, "anna", "a.raw", "bytes");
        return await super.admit(...what);
      }
    }
    const world = worldOf({}, new LateCatalogue());
    const clock = { now: () => now, date: () => world.clock.date(), after: () => () => {} };
    const admitted = admit(requestOf(), noEvents, free, { ...world, clock });
    expect(await codeOf(admitted)).toBe("name-taken");
    expect(world.catalogue.peek(idOf(1))).toBeNull();
  });

  test("when the catalogue does not take the record", async () => {
    class FullCatalogue extends MemoryCatalogue {
      override async admit(): Promise<never> {
        throw new DyncError("no-space", "No space left");
      }
    }
    const world = worldOf({ capacity: 3 * MiB }, new FullCatalogue());
    expect(await codeOf(admit(requestOf({ info: { size: 2 * MiB } }), noEvents, free, world))).toBe(
      "no-space",
    );
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    await world.room.reserve("other", "anna", 2 * MiB);
  });
});

describe("what a client is told", () => {
  test("is the number and the text of an error that is meant for it", () => {
    expect(refusalOf(new DyncError("name-taken", "It is\ntaken"))).toEqual({
      code: 409,
      text: "It is taken",
    });
  });

  test("is nothing about the server's insides", () => {
    const insides = [
      new Error("EIO: /srv/data/.dync/partial"),
      new DyncError("configuration", "/srv/data is not writable"),
      "text",
    ];
    for (const error of insides) {
      expect(refusalOf(error)).toEqual({
        code: 500,
        text: "Internal error on the server; its log has the details",
      });
    }
  });
});
