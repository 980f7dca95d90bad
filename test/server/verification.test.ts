// Stored files are read again, as fast as is wanted, and what is wrong with them is told.

import { beforeEach, describe, expect, test } from "bun:test";
import type { VerifyLine, VerifyOrder } from "../../src/server/verification.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld } from "./server-world.ts";

let world: ServerWorld;
let lines: VerifyLine[] = [];

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  lines = [];
});

const all: VerifyOrder = { ids: null, query: {}, sample: null, bytesPerSecond: null };

async function send(count: number, content: (number: number) => string = () => "content"): Promise<void> {
  for (let number = 1; number <= count; number++)
    await (await world.connect(number)).upload(content(number), postOf({ name: `${number}.raw` }));
}

function verify(order: Partial<VerifyOrder> = {}, signal = new AbortController().signal) {
  return world.server.verification.run({ ...all, ...order }, async (line) => void lines.push(line), signal);
}

/** Spoils a stored file. */
function spoil(name: string): void {
  const file = world.storage.published().find((it) => it.name === name);
  if (file === undefined) throw new Error("it is stored");
  file.bytes[0] = 0;
}

const flaws = () => lines.filter((it) => it.type === "flaw");

describe("what is verified", () => {
  test("all that is stored, and nothing else; each is sound, damaged or missing", async () => {
    await send(4);
    await (await world.connect(5)).ask(postOf({ name: "open.raw" }));
    spoil("2.raw");
    world.storage.remove("anna", "3.raw");
    expect(await verify()).toEqual({ uploads: 4, sound: 2, damaged: 1, missing: 1, bytes: 21 });
    expect(flaws()).toEqual([
      {
        type: "flaw",
        id: idOf(3),
        user: "anna",
        isGone: true,
        kind: "missing",
        path: "anna/3.raw",
        reason: expect.any(String),
      },
      {
        type: "flaw",
        id: idOf(2),
        user: "anna",
        isGone: false,
        kind: "damaged",
        path: "anna/2.raw",
        reason: expect.any(String),
      },
    ]);
    expect(lines.at(-1)).toEqual({
      type: "progress",
      uploads: 4,
      uploadsTotal: 4,
      bytes: 21,
      bytesTotal: 28,
    });
  });

  test("those with these ids, and no other than stored ones", async () => {
    await send(3);
    spoil("3.raw");
    expect(await verify({ ids: [idOf(1), idOf(2)] })).toMatchObject({ uploads: 2, sound: 2 });
    await expect(verify({ ids: ["f"] })).rejects.toMatchObject({ code: "unknown-upload" });
    const open = await world.connect(9);
    await open.ask(postOf({ name: "open.raw" }));
    await expect(verify({ ids: [idOf(4)] })).rejects.toThrow("is not stored");
  });

  test("those of a query, and of these a sample, each once", async () => {
    await send(9);
    expect(await verify({ query: { name: (name) => name < "4" } })).toMatchObject({ uploads: 3 });
    expect(await verify({ sample: 4 })).toMatchObject({ uploads: 4, sound: 4 });
    expect(await verify({ sample: 100 })).toMatchObject({ uploads: 9, sound: 9 });
    for (let number = 1; number <= 9; number++) world.storage.remove("anna", `${number}.raw`);
    lines = [];
    await verify({ sample: 5 });
    expect(new Set(flaws().map((it) => it.type === "flaw" && it.id)).size).toBe(5);
  });
});

describe("its pace", () => {
  test("is what was asked for, and how far it is told meanwhile", async () => {
    await send(3, () => "x".repeat(1000));
    const from = world.clock.now();
    let isDone = false;
    const verified = verify({ bytesPerSecond: 100 }).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      await world.settle();
      if (!isDone) world.clock.advance(50);
    }
    expect(await verified).toMatchObject({ sound: 3, bytes: 3000 });
    const seconds = (world.clock.now() - from) / 1000;
    expect(seconds).toBeGreaterThanOrEqual(29.5);
    expect(seconds).toBeLessThan(60);
    // Who waits hears of it long before an asker gives up.
    expect(lines.filter(({ type }) => type === "progress").length).toBeGreaterThan(60);
  });

  test("is none when nobody waits any more", async () => {
    await send(1, () => "x".repeat(1000));
    const gone = new AbortController();
    const verified = verify({ bytesPerSecond: 1 }, gone.signal);
    await world.settle();
    gone.abort(new Error("gone"));
    await expect(verified).rejects.toThrow("gone");
  });
});
