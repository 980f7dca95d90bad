// The calls of one turn: one transaction for all, and nobody pays for another one's failure.

import { expect, test } from "bun:test";
import { TurnQueue } from "../../src/catalogue/turn-queue.ts";

test("the calls of one turn are one transaction, in their order, and resolve when it is durable", async () => {
  const { queue, told, endTurn } = journalled();
  const calls = [1, 2, 3].map((number) =>
    queue.add(() => told.push(`call ${number}`), true).then(() => told.push(`answer ${number}`)),
  );
  expect(told).toEqual([]);
  endTurn();
  await Promise.all(calls);
  expect(told).toEqual(["begin", "call 1", "call 2", "call 3", "commit", "answer 1", "answer 2", "answer 3"]);
});

test("a question sees what was changed before it in its turn, and is not answered before that is durable", async () => {
  const { queue, told, endTurn } = journalled();
  let value = "before";
  const change = queue.add(() => {
    value = "after";
  }, true);
  const answer = queue.add(() => value, false).then((seen) => told.push(seen));
  endTurn();
  await Promise.all([change, answer]);
  expect(told).toEqual(["begin", "commit", "after"]);
});

test("questions alone need no transaction, and one that fails fails alone", async () => {
  const { queue, told, endTurn } = journalled();
  const answers = Promise.allSettled([
    queue.add(() => fail("question"), false),
    queue.add(() => "answer", false),
  ]);
  endTurn();
  expect(await answers).toMatchObject([
    { reason: { message: "question" } },
    { status: "fulfilled", value: "answer" },
  ]);
  expect(told).toEqual([]);
});

test("a call that fails does not take with it what was asked for beside it", async () => {
  const { queue, told, endTurn } = journalled();
  const answers = Promise.allSettled([
    queue.add(() => "first", true),
    queue.add(() => fail("second"), true),
    queue.add(() => "third", true),
  ]);
  endTurn();
  expect(await answers).toMatchObject([
    { value: "first" },
    { reason: { message: "second" } },
    { value: "third" },
  ]);
  const alone = ["begin", "commit", "begin", "roll back", "begin", "commit"];
  expect(told).toEqual(["begin", "roll back", ...alone]);
});

test("when nothing can be committed every call hears it, and the next turn begins anew", async () => {
  const { queue, disk, endTurn } = journalled();
  disk.isFull = true;
  const answers = Promise.allSettled([1, 2, 3].map((number) => queue.add(() => number, true)));
  endTurn();
  const reason = { message: "disk is full" };
  expect(await answers).toMatchObject([{ reason }, { reason }, { reason }]);
  disk.isFull = false;
  const next = queue.add(() => "stored", true);
  endTurn();
  expect(await next).toBe("stored");
});

// A queue over a transaction that tells what it does; `endTurn` does what the event loop does.
function journalled() {
  const told: string[] = [];
  const disk = { isFull: false };
  const turns: (() => void)[] = [];
  const transaction = (work: () => void): void => {
    told.push("begin");
    try {
      work();
      if (disk.isFull) fail("disk is full");
      told.push("commit");
    } catch (error) {
      told.push("roll back");
      throw error;
    }
  };
  const queue = new TurnQueue(transaction, (work) => turns.push(work));
  const endTurn = (): void => {
    // A second one of a turn would do the calls of the next too early.
    expect(turns).toHaveLength(1);
    turns.pop()?.();
  };
  return { queue, told, disk, endTurn };
}

function fail(text: string): never {
  throw new Error(text);
}
