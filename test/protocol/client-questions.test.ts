// When a client asks its server, what it makes of the answers, and when it stops waiting for them.

import { describe, expect, test } from "bun:test";
import { ClientUpload } from "../../src/protocol/client-upload.ts";
import { limits } from "../../src/protocol/limits.ts";
import {
  approved,
  asks,
  feed,
  file,
  has,
  hears,
  open,
  query,
  read,
  report,
  sent,
  waiting,
} from "./client-script.ts";

test("a server that is silent is asked, and then given up for another connection", () => {
  const machine = open(file, 0);
  for (const now of [200, 600, 1400, 3000, 6200, 12_600, 25_400]) {
    expect(machine.step({ type: "tick" }, now - 1)).toEqual([]);
    expect(machine.step({ type: "tick" }, now)).toEqual([query]);
  }
  expect(machine.step({ type: "tick" }, 200 + limits.silenceMs)).toEqual([
    { type: "reconnect", code: "timed-out", reason: "The server does not answer" },
    waiting(null),
  ]);
});

test("a server that speaks but hears nothing is given up as well, unless it shows that chunks arrive", () => {
  const machine = open(file, 0);
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
  const machine = open(file, 0);
  for (const pause of [200, 400, 800, 1600, 3200, 4000, 4000]) {
    const now = machine.wakeAt ?? 0;
    expect(machine.step({ type: "tick" }, now)).toEqual([query]);
    machine.step(report(0, 0), now);
    expect(machine.wakeAt).toBe(now + Math.min(limits.askMsMax, 2 * pause));
  }
});

test("a line whose answers take long is asked with more patience, one that moves is left alone", () => {
  const machine = new ClientUpload(file);
  machine.step({ type: "link-up" }, 0);
  expect(machine.wakeAt).toBe(limits.askMsFirst);
  machine.step(approved(0), 700);
  expect(machine.wakeAt).toBe(700 + 700 + 4 * 350);
  machine.step(hears({ type: "transfer-credit", amount: 9 }), 1000);
  expect(machine.wakeAt).toBe(1000 + limits.keepaliveMs);
});

describe("a server that returns tags", () => {
  const tags = { tags: true };

  test("is asked behind the chunk that uses the last credit, and behind the last chunk", () => {
    const machine = open({ ...file, size: 8 }, 1, 8, tags);
    expect(machine.step(has(0, 4), 0)).toEqual([sent(0, 4), read(4), asks(4, 1), waiting("credit")]);
    expect(machine.step(report(4, 3, 1), 0)).toEqual([waiting(null)]);
    expect(machine.step(has(4, 4), 0)).toEqual([sent(4, 4), read(8)]);
    expect(machine.step(has(8, 0), 0)).toEqual([sent(8, 0), asks(8, 2), waiting("confirmation")]);
    expect(machine.step(report(8, 0, 2), 0)).toEqual([]);
  });

  test("shows by the credit that is left that the empty last chunk is lost", () => {
    const machine = open({ ...file, size: 0 }, 2, 8, tags);
    expect(machine.step(has(0, 0), 0)).toEqual([sent(0, 0), asks(0, 1), waiting("confirmation")]);
    expect(machine.step(report(0, 2, 1), 0)).toEqual([read(0), waiting(null)]);
    // A server that never gets further is not asked as fast as the line allows.
    expect(machine.step(has(0, 0), 0)).toEqual([sent(0, 0), waiting("confirmation")]);
  });

  test("gives credit back that was lost on the way", () => {
    const machine = open(file, 1, 8, tags);
    machine.step(has(0, 4), 0);
    machine.step(hears({ type: "transfer-credit", amount: 1 }), 1);
    machine.step(has(4, 4), 1);
    // At offset 4 it had given 2 more, of which one was heard of and used.
    expect(machine.step(report(4, 2, 1), 2)).toEqual([waiting(null)]);
  });

  test("sends no report twice that takes the client back twice", () => {
    const machine = open({ ...file, size: 40 }, 3, 8, tags);
    feed(machine, 0, 12);
    expect(machine.step(report(4, 2), 0)).toEqual([read(4), waiting(null)]);
    machine.step(has(4, 4), 0);
    // It answers what was asked before the client went back: what was sent since then is on its way.
    expect(machine.step(report(4, 2, 1), 0)).toEqual([]);
    expect(machine.step(has(8, 4), 0)).toEqual([sent(8, 4), read(12), waiting("credit")]);
  });

  test("is obeyed when it was not asked, and not when it answers an earlier connection", () => {
    const machine = open({ ...file, size: 40 }, 3, 8, tags);
    feed(machine, 0, 8);
    expect(machine.step(report(4, 2, 7), 0)).toEqual([]);
    expect(machine.step(report(4, 2), 0)).toEqual([read(4)]);
  });

  test("tells by the second approval what the second post-file found", () => {
    const machine = new ClientUpload({ ...file, size: 40 });
    machine.step({ type: "link-up" }, 0);
    expect(machine.step({ type: "tick" }, limits.askMsFirst)).toHaveLength(1);
    machine.step(approved(3, 4, 8, tags), 3100);
    machine.step(has(0, 4), 3100);
    machine.step(approved(0, 4, 8, tags), 3200);
    expect(machine.step(report(0, 3), 3200)).toEqual([]);
    expect(machine.step(has(4, 4), 3200)).toEqual([sent(4, 4), read(8)]);
  });
});
