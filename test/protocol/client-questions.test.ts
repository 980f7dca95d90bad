// When a client asks its server, what it makes of the answers, and when it stops waiting for them.

import { describe, expect, test } from "bun:test";
import type { ClientInput } from "../../src/protocol/client/client-events.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import { limits } from "../../src/protocol/limits.ts";
import { approved, asks, feed, file, hears, open, report, sent, stateOf } from "./client-script.ts";

const tags = { tags: true };

test("a server that is silent is asked, and then given up for another connection", () => {
  const machine = open(file, 0, 8, tags);
  for (const now of [200, 600, 1400, 3000, 6200, 12_600, 25_400]) {
    expect(machine.step({ type: "tick" }, now - 1)).toEqual([]);
    expect(machine.step({ type: "tick" }, now)).toMatchObject([{ message: { type: "query-status" } }]);
  }
  expect(machine.step({ type: "tick" }, 200 + limits.silenceMs)).toEqual([
    { type: "reconnect", code: "timed-out", text: "The server does not answer", isLater: false },
  ]);
});

test("a server that speaks but hears nothing is given up as well, unless it shows that chunks arrive", () => {
  const machine = open(file, 0, 8, tags);
  const poke = hears({ type: "transfer-credit", amount: 0 });
  let now = 0;
  const run = (until: number): readonly unknown[] => {
    for (; now < until; now += 100) {
      if (now % 5000 === 0) machine.step(poke, now);
      const [action] = machine.step({ type: "tick" }, now);
      if (action?.type === "reconnect") return [now];
    }
    return [];
  };
  expect(run(30_000)).toEqual([]);
  machine.step(hears({ type: "transfer-credit", amount: 1 }), now);
  expect(run(60_000)).toEqual([]);
  expect(run(70_000)).toEqual([30_000 + limits.silenceMs]);
});

test("a server that answers and has no credit to give is asked less and less often", () => {
  const machine = open(file, 0, 8, tags);
  let tag = 0;
  for (const pause of [200, 400, 800, 1600, 4200, 4000, 4000]) {
    const now = machine.wakeAt ?? 0;
    expect(machine.step({ type: "tick" }, now)).toMatchObject([{ message: { type: "query-status" } }]);
    machine.step(report(0, 0, ++tag), now);
    expect(machine.wakeAt).toBe(now + Math.min(limits.askMsMax, 2 * pause));
  }
});

test("a line whose answers take long is asked with more patience, one that moves is left alone", () => {
  const machine = new ClientUpload(file);
  machine.step({ type: "link-up" }, 0);
  expect(machine.wakeAt).toBe(limits.askMsMax);
  machine.step(approved(0, 4, 8, tags), 700);
  expect(machine.wakeAt).toBe(700 + 700 + 4 * 350);
  machine.step(hears({ type: "transfer-credit", amount: 9 }), 1000);
  expect(machine.wakeAt).toBe(1000 + limits.keepaliveMs);
});

test("a server that returns none is asked rarely: nothing shows which question it answers", () => {
  const machine = open(file, 1);
  expect(machine.step(sent(0, 4), 0)).toEqual([]);
  expect(stateOf(machine)).toEqual([4, false, "credit"]);
  expect(machine.wakeAt).toBe(limits.askMsMax);
});

describe("a server that returns tags", () => {
  test("is asked behind the chunk that uses the last credit, and behind the last chunk", () => {
    const machine = open({ ...file, size: 8 }, 1, 8, tags);
    expect(machine.step(sent(0, 4), 0)).toEqual([asks(4, 1)]);
    expect(stateOf(machine)).toEqual([4, false, "credit"]);
    expect(machine.step(report(4, 3, 1), 0)).toEqual([]);
    expect(machine.step(sent(4, 4), 0)).toEqual([]);
    expect(machine.step(sent(8), 0)).toEqual([asks(8, 2)]);
    expect(machine.step(report(8, 0, 2), 0)).toEqual([]);
    expect(stateOf(machine)).toEqual([null, false, "confirmation"]);
  });

  test("is asked once for a small file: behind its last chunk, which follows its last byte at once", () => {
    for (const [size, asked] of [
      [10_000, []],
      [20_000, [asks(10_000, 1)]],
    ] as const) {
      const machine = new ClientUpload({ ...file, size });
      machine.step({ type: "link-up" }, 0);
      machine.step(approved(8, 65_536, 8, tags), 0);
      expect(machine.step(sent(0, 10_000), 0)).toEqual([...asked]);
      if (size === 10_000) expect(machine.step(sent(10_000), 0)).toEqual([asks(10_000, 1)]);
    }
  });

  test("is asked behind a chunk after which nothing may come for long", () => {
    const machine = open({ ...file, size: null }, 8, 8, tags);
    expect(machine.step(sent(0, 4), 0)).toEqual([]);
    expect(machine.step({ ...sent(4, 4), isCaughtUp: true } as ClientInput, 0)).toEqual([asks(8, 1)]);
    expect(machine.taken).toBe(0);
    machine.step(report(8, 6, 1), 1);
    expect(machine.taken).toBe(8);
    expect(machine.step(sent(8, 4), 2)).toEqual([]);
  });

  test("shows by the credit that is left that the empty last chunk is lost", () => {
    const machine = open({ ...file, size: 0 }, 2, 8, tags);
    expect(machine.step(sent(0), 0)).toEqual([asks(0, 1)]);
    expect(machine.step(report(0, 2, 1), 0)).toEqual([]);
    expect(stateOf(machine)).toEqual([0, true, null]);
    // A server that never gets further is not asked as fast as the line allows.
    expect(machine.step(sent(0), 0)).toEqual([]);
    expect(stateOf(machine)).toEqual([null, false, "confirmation"]);
  });

  test.each([
    ["on a new connection", [{ type: "link-lost" }, { type: "link-up" }, report(0, 1, 2)]],
    ["that forgot the upload", [hears({ type: "error", code: 404, text: "?" }), approved(1, 4, 8, tags)]],
    ["that lost what it had", [report(4, 0, 1), report(0, 1), report(0, 1, 2)]],
  ] as const)("is asked behind what is sent again as it was the first time: by one %s", (_, loss) => {
    const machine = open({ ...file, size: 4 }, 1, 8, tags);
    // The upload waits for nothing but the server: without a question it would wait for the time of the next.
    const questions = (): number => {
      const behindAll = machine.step(sent(0, 4), 0).length;
      machine.step(hears({ type: "transfer-credit", amount: 1 }), 0);
      return behindAll + machine.step(sent(4), 0).length;
    };
    expect(questions()).toBe(1);
    for (const input of loss) machine.step(input, 0);
    expect(stateOf(machine)).toEqual([0, true, null]);
    expect(questions()).toBe(1);
  });

  test("gives credit back that was lost on the way", () => {
    const machine = open(file, 1, 8, tags);
    machine.step(sent(0, 4), 0);
    machine.step(hears({ type: "transfer-credit", amount: 1 }), 1);
    machine.step(sent(4, 4), 1);
    expect(stateOf(machine)).toEqual([8, false, "credit"]);
    // At offset 4 it had given 2 more, of which one was heard of and used.
    machine.step(report(4, 2, 1), 2);
    expect(stateOf(machine)).toEqual([8, true, null]);
  });

  test("sends no report twice that takes the client back twice", () => {
    const machine = open({ ...file, size: 40 }, 3, 8, tags);
    feed(machine, 0, 12);
    machine.step(report(4, 2), 0);
    expect(stateOf(machine)).toEqual([4, true, null]);
    machine.step(sent(4, 4), 0);
    // It answers what was asked before the client went back: what was sent since then is on its way.
    expect(machine.step(report(4, 2, 1), 0)).toEqual([]);
    expect(stateOf(machine)).toEqual([8, true, null]);
    machine.step(sent(8, 4), 0);
    expect(stateOf(machine)).toEqual([12, false, "credit"]);
  });

  test("is obeyed when it was not asked, and not when it answers an earlier connection", () => {
    const machine = open({ ...file, size: 40 }, 3, 8, tags);
    feed(machine, 0, 8);
    machine.step(report(4, 2, 7), 0);
    expect(machine.window?.offset).toBe(8);
    machine.step(report(4, 2), 0);
    expect(machine.window?.offset).toBe(4);
  });

  test("tells by the second approval what the second post-file found", () => {
    const machine = new ClientUpload({ ...file, size: 40 });
    machine.step({ type: "link-up" }, 0);
    expect(machine.step({ type: "tick" }, limits.askMsMax)).toHaveLength(1);
    machine.step(approved(3, 4, 8, tags), 4100);
    machine.step(sent(0, 4), 4100);
    machine.step(approved(0, 4, 8, tags), 4200);
    expect(machine.step(report(0, 3), 4200)).toEqual([]);
    machine.step(sent(4, 4), 4200);
    expect(stateOf(machine)).toEqual([8, true, null]);
  });
});

test("a question says what is wanted besides on a new connection, and when the server took the upload up again, until it is answered", () => {
  const infoOf = (actions: readonly unknown[]) => (actions[0] as { message: { info?: object } }).message.info;
  const wishes = { priority: "low", waits: true, window: limits.windowBytesMax };
  const machine = open({ ...file, size: 100, priority: "low" }, 0, 8, tags);
  let tag = 0;
  const asked = () => {
    tag += 1;
    return infoOf(machine.step({ type: "tick" }, machine.wakeAt ?? 0));
  };
  expect(asked()).toBeUndefined();
  machine.step({ type: "link-lost" }, 10_000);
  tag += 1;
  expect(infoOf(machine.step({ type: "link-up" }, 10_000))).toEqual(wishes);
  expect(asked()).toEqual(wishes);
  machine.step(report(0, 0, tag), 11_000);
  expect(asked()).toBeUndefined();
  machine.step(approved(0, 4, 8, tags), 12_000);
  expect(asked()).toEqual(wishes);
  machine.step(report(0, 0, tag), 30_000);
  expect(asked()).toBeUndefined();
});
