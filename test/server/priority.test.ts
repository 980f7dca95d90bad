// The priority that an upload asks for, on the whole server: what it gets, and what its client is told.

import { afterEach, describe, expect, test } from "bun:test";
import type { Priority } from "../../src/protocol/priority.ts";
import { postOf, ServerWorld } from "./server-world.ts";

let world: ServerWorld;

afterEach(async () => {
  await world.server.stop();
  await world.settle();
  expect(world.network.messagesHeld).toBe(0);
});

async function startWith(highest?: Priority): Promise<void> {
  world = new ServerWorld();
  await world.start({ limits: highest === undefined ? {} : { priority: highest } });
}

describe("an upload", () => {
  const rows: readonly (readonly [Priority | undefined, Priority | undefined, Priority | undefined])[] = [
    [undefined, "high", "normal"],
    [undefined, "low", "low"],
    ["high", "high", "high"],
    ["low", "normal", "low"],
    ["high", undefined, undefined],
  ];
  test.each(rows)("of a user who may have %j and asks for %j is told %j", async (highest, priority, told) => {
    await startWith(highest);
    const client = await world.connect();
    const approved = await client.ask(postOf(priority === undefined ? {} : { info: { priority } }));
    expect(approved).toMatchObject({ type: "upload-approved" });
    expect("info" in approved ? approved.info : {}).toMatchObject(
      told === undefined ? {} : { priority: told },
    );
    expect(approved).toMatchObject({ info: { tags: true } });
    expect(JSON.stringify(approved).includes("priority")).toBe(told !== undefined);
  });

  test("may have another one when it is asked for again, also after its client was away", async () => {
    await startWith("high");
    const client = await world.connect();
    const asks = async (priority?: Priority) =>
      await client.ask(postOf(priority === undefined ? {} : { info: { priority } }));
    expect(await asks("low")).toMatchObject({ info: { priority: "low" } });
    expect(await asks("high")).toMatchObject({ info: { priority: "high" } });
    expect(await client.hear()).toMatchObject({ type: "status-report" });
    await world.server.stop();
    await world.start({ limits: { priority: "normal" } });
    const again = await world.connect();
    expect(await again.ask(postOf({ info: { priority: "high" } }))).toMatchObject({
      info: { priority: "normal" },
    });
  });
});
