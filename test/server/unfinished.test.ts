// What one user may have unfinished, and which of it makes way.

import { beforeEach, describe, expect, test } from "bun:test";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { addWithinBounds } from "../../src/server/unfinished.ts";
import { newUpload } from "../catalogue/contract.ts";
import { codeOf, idOf } from "../storage/contract.ts";
import { RecoveryWorld } from "./recovery-world.ts";
import { postOf, ServerWorld } from "./server-world.ts";

const rules = { ...defaultUserRules, unfinishedPerUser: 3, metadataBytesPerUser: 1000, failedPerUser: 2 };
const rulesOf = (user: string) => (user === "carl" ? { ...rules, unfinishedPerUser: 1 } : rules);

let world: RecoveryWorld;
let active: Set<string>;

async function add(number: number, metadataText = "{}", user = "anna"): Promise<void> {
  const { storage, catalogue, clock, logger, owner } = world;
  const isActive = (id: string): boolean => active.has(id);
  const parts = { storage, catalogue, clock, logger, owner, rulesOf, isActive };
  const upload = newUpload(number, { id: idOf(number), user, metadataText });
  await addWithinBounds(upload, parts);
}

/** An upload whose client left when `content` had arrived. */
async function suspended(number: number, content: string, metadataText = "{}"): Promise<void> {
  await add(number, metadataText);
  await world.partial(number, content);
}

function open(): readonly string[] {
  return world.catalogue.list(["open"]).map(({ id }) => id);
}

beforeEach(() => {
  world = new RecoveryWorld();
  active = new Set();
});

describe("an upload too many", () => {
  test("takes the place of the oldest that is suspended without a byte, and tells why", async () => {
    await suspended(1, "x");
    await suspended(2, "");
    await suspended(3, "");
    await add(4);
    expect(open()).toEqual([idOf(1), idOf(3), idOf(4)]);
    expect(world.stateOf(2)).toMatchObject({ state: "failed", errorCode: 404 });
    expect(await world.partials()).toEqual([idOf(1), idOf(3)]);
  });

  test("is refused where each of the others has bytes or a client, and then can be tried again", async () => {
    await suspended(1, "x");
    await suspended(2, "");
    await suspended(3, "y");
    active.add(idOf(2));
    expect(await codeOf(add(4))).toBe("too-many-uploads");
    expect(open()).toEqual([idOf(1), idOf(2), idOf(3)]);
    active.clear();
    await add(4);
  });

  test("does not count another user's", async () => {
    for (const number of [1, 2, 3]) await suspended(number, "x");
    await add(4, "{}", "bert");
    expect(open()).toHaveLength(4);
  });

  test("is counted by the rules of its own user", async () => {
    const carls = async (number: number): Promise<void> => {
      await add(number, "{}", "carl");
      await world.partial(number, "x");
    };
    await carls(1);
    expect(await codeOf(carls(2))).toBe("too-many-uploads");
    for (const number of [3, 4, 5]) await suspended(number, "x");
  });

  test("never drives out one whose client came back in that moment", async () => {
    for (const number of [1, 2, 3]) await suspended(number, "");
    const { storage } = world;
    const lookedAt = storage.lookAt.bind(storage);
    storage.lookAt = (id) => {
      active.add(id);
      return lookedAt(id);
    };
    expect(await codeOf(add(4))).toBe("too-many-uploads");
    expect(open()).toHaveLength(3);
  });
});

describe("too much metadata", () => {
  test("makes as many small ones go as it needs", async () => {
    await suspended(1, "", "x".repeat(300));
    await suspended(2, "", "x".repeat(300));
    await suspended(3, "x", "x".repeat(300));
    active.clear();
    await suspended(4, "x", "x".repeat(700));
    expect(open()).toEqual([idOf(3), idOf(4)]);
    const refused = add(5, "x".repeat(200));
    await expect(refused).rejects.toThrow("would pass the 1000 bytes that one user may have");
  });
});

test("of failed uploads the newest are remembered", async () => {
  for (const number of [1, 2, 3, 4]) {
    world.clock.advance(1000);
    world.record(number, { state: "failed" });
  }
  await add(5);
  expect(world.catalogue.list(["failed"]).map(({ id }) => id)).toEqual([idOf(3), idOf(4)]);
});

test("a client is told 429 with the number, and another user is served", async () => {
  const server = new ServerWorld();
  await server.start({ unfinishedPerUser: 1 });
  const first = await server.connect(1);
  expect(await first.ask(postOf({ name: "1.raw" }))).toMatchObject({ type: "upload-approved" });
  const second = await server.connect(2);
  const answer = await second.ask(postOf({ name: "2.raw" }));
  expect(answer).toMatchObject({ type: "error", code: 429 });
  expect(JSON.stringify(answer)).toContain("1 unfinished upload");
  expect(server.log.at(-1)).toMatchObject({ level: "warn", message: "Upload refused" });
  const other = await server.connect(3, "bert");
  expect(await other.ask(postOf({ name: "2.raw" }))).toMatchObject({ type: "upload-approved" });
});

test("a name that a suspended upload of an earlier process holds goes to the newer one", async () => {
  const server = new ServerWorld();
  await server.start();
  const first = await server.connect(1);
  await first.ask(postOf({ name: "a.raw" }));
  await server.server.stop();
  await server.start();
  const second = await server.connect(2);
  expect(await second.ask(postOf({ name: "A.RAW" }))).toMatchObject({ type: "upload-approved" });
  const [older, newer] = [1, 2].map((number) => server.catalogue.peek(idOf(number)));
  expect(older).toMatchObject({ state: "failed", errorCode: 409 });
  expect(newer?.state).toBe("open");
});
