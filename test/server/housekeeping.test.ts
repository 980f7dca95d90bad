// What is given up when: uploads and stored bytes whose time is over, by a calendar that may jump.

import { beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { Housekeeping } from "../../src/server/housekeeping.ts";
import { idOf } from "../storage/contract.ts";
import { RecoveryWorld } from "./recovery-world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const expireMs = 24 * hourMs;
const rememberMs = 72 * hourMs;
const instrumentsForgottenMs = 100 * hourMs;
const options = { expireMs, rememberMs, instrumentsForgottenMs };
const rulesOf = () => ({ ...defaultUserRules, failedPerUser: 3, finishedPerUser: 5 });

let world: RecoveryWorld;
let active: Set<string>;
let housekeeping: Housekeeping;

/** A process of the server begins. */
function start(): void {
  active = new Set();
  housekeeping = new Housekeeping(Object.assign(world, { options, rulesOf }), (id) => active.has(id));
}

/** The server runs for `durationMs`, with its work every `everyMs`. */
async function run(durationMs: number, everyMs = minuteMs): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += everyMs) {
    world.clock.advance(everyMs);
    await housekeeping.run();
  }
}

beforeEach(() => {
  world = new RecoveryWorld();
  start();
});

describe("an upload whose client does not come back", () => {
  test("is kept until its time is over, and then given up with its bytes", async () => {
    world.record(1);
    await world.partial(1, "x");
    await run(expireMs, hourMs);
    expect(world.stateOf(1).state).toBe("open");
    await run(2 * hourMs, hourMs);
    expect(world.stateOf(1)).toMatchObject({ state: "failed", errorCode: 408 });
    expect(await world.partials()).toEqual([]);
  });

  test("is given up too when it was being published", async () => {
    world.record(1, { state: "publishing" });
    await run(expireMs + 2 * hourMs, hourMs);
    expect(world.stateOf(1).state).toBe("failed");
  });

  test("is never given up while it has a client", async () => {
    world.record(1);
    active.add(idOf(1));
    await run(3 * expireMs, hourMs);
    expect(world.stateOf(1).state).toBe("open");
    active.clear();
    await run(5 * minuteMs);
    expect(world.stateOf(1).state).toBe("open");
    await run(10 * minuteMs);
    expect(world.stateOf(1).state).toBe("failed");
  });

  test("gets some minutes after a server was down for long, in which its client can come back", async () => {
    world.record(1);
    world.clock.advance(10 * expireMs);
    start();
    await run(9 * minuteMs);
    expect(world.stateOf(1).state).toBe("open");
    await run(3 * minuteMs);
    expect(world.stateOf(1).state).toBe("failed");
  });

  test("that comes back while another one is put away is kept", async () => {
    for (const number of [1, 2]) {
      world.record(number);
      await world.partial(number, "x");
    }
    const isActive = (id: string): boolean => id === idOf(2) && world.stateOf(1).state === "failed";
    housekeeping = new Housekeeping(Object.assign(world, { options, rulesOf }), isActive);
    await run(expireMs + 2 * hourMs, hourMs);
    expect(world.stateOf(1).state).toBe("failed");
    expect(world.stateOf(2).state).toBe("open");
    expect(await world.partials()).toEqual([idOf(2)]);
  });
});

describe("a calendar that jumps", () => {
  test("far ahead does not make an upload old at once", async () => {
    world.record(1);
    await run(20 * minuteMs);
    world.clock.offsetMs += 365 * 24 * hourMs;
    await run(9 * minuteMs);
    expect(world.stateOf(1).state).toBe("open");
    world.clock.offsetMs -= 365 * 24 * hourMs;
    await run(hourMs);
    expect(world.stateOf(1).state).toBe("open");
  });

  test("back and forth keeps an upload as long as it jumps", async () => {
    world.record(1);
    for (let turn = 0; turn < 20; turn++) {
      world.clock.offsetMs = turn % 2 === 0 ? 100 * 24 * hourMs : 0;
      await run(5 * minuteMs);
    }
    expect(world.stateOf(1).state).toBe("open");
  });

  test("ahead does not forget a record in that moment", async () => {
    world.record(1, { state: "finished" });
    await run(minuteMs);
    world.clock.offsetMs += 365 * 24 * hourMs;
    await run(minuteMs);
    expect(world.catalogue.peek(idOf(1))).not.toBeNull();
  });

  test("by some minutes, as when a time server is heard again, changes nothing", async () => {
    world.record(1);
    await run(20 * hourMs, hourMs);
    world.clock.offsetMs += 9 * minuteMs;
    await run(5 * hourMs, hourMs);
    expect(world.stateOf(1).state).toBe("failed");
  });
});

describe("records of uploads that ended", () => {
  test("are forgotten after their time, and open ones are not", async () => {
    world.record(1, { state: "finished" });
    world.record(2, { state: "failed" });
    world.record(3);
    active.add(idOf(3));
    await run(rememberMs, hourMs);
    expect(world.catalogue.list(["finished", "failed"])).toHaveLength(2);
    await run(2 * hourMs, hourMs);
    expect(world.catalogue.list(["finished", "failed"])).toEqual([]);
    expect(world.stateOf(3).state).toBe("open");
  });
});

describe("more records than fit one page", () => {
  test("expire in one run, and so many were not read at once", async () => {
    const largest = { page: 0 };
    const { catalogue } = world;
    const unchanged = catalogue.unchanged.bind(catalogue);
    catalogue.unchanged = async (...question) => {
      const page = await unchanged(...question);
      largest.page = Math.max(largest.page, page.length);
      return page;
    };
    for (let number = 1; number <= 350; number++) world.record(number);
    active.add(idOf(17));
    await run(expireMs + hourMs, hourMs);
    await run(minuteMs);
    expect(catalogue.list(["open"]).map(({ id }) => id)).toEqual([idOf(17)]);
    expect(largest.page).toBe(100);
  });

  test("are trimmed to those that one user may have remembered, the newest", async () => {
    for (let number = 1; number <= 20; number++) {
      world.record(number, { state: number % 2 === 0 ? "finished" : "failed" });
      world.clock.advance(1000);
    }
    await run(2 * hourMs);
    const left = (state: "finished" | "failed") => world.catalogue.list([state]).map(({ id }) => id);
    expect(left("failed")).toEqual([15, 17, 19].map(idOf));
    expect(left("finished")).toEqual([12, 14, 16, 18, 20].map(idOf));
  });
});

test("a run that is under way ends when the server does", async () => {
  for (let number = 1; number <= 10; number++) world.record(number);
  world.clock.advance(expireMs + hourMs);
  const running = housekeeping.run();
  await housekeeping.stop();
  await running;
  expect(world.catalogue.list(["failed"]).length).toBeLessThan(10);
});

describe("stored bytes that no record knows", () => {
  test("are kept until the time of an upload is over, and then deleted", async () => {
    await world.partial(1, "x");
    await run(expireMs, hourMs);
    expect(await world.partials()).toEqual([idOf(1)]);
    await run(2 * hourMs, hourMs);
    expect(await world.partials()).toEqual([]);
    expect(world.log).toMatchObject([
      { level: "warn", fields: { uploads: 1 } },
      { level: "info", fields: { upload: idOf(1) } },
    ]);
  });

  test("are kept for a while by a server that finds them old already", async () => {
    await world.partial(1, "x");
    world.clock.advance(10 * expireMs);
    start();
    await run(9 * minuteMs);
    expect(await world.partials()).toHaveLength(1);
    await run(3 * minuteMs);
    expect(await world.partials()).toEqual([]);
  });

  test("are not those of an upload that is just being admitted", async () => {
    await world.partial(1, "x");
    active.add(idOf(1));
    await run(2 * expireMs, hourMs);
    expect(await world.partials()).toHaveLength(1);
  });

  test("that cannot be deleted do not keep uploads from expiring", async () => {
    await world.partial(1, "x");
    world.record(2);
    world.failures.set("discard", new DyncError("internal", "The disk reports an error"));
    await run(expireMs + 2 * hourMs, hourMs);
    expect(world.stateOf(2).state).toBe("failed");
    expect(await world.partials()).toHaveLength(1);
  });
});
