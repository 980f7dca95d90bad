// Each alarm in simulated time: it is told once, again after its pause, and once when it is over, over restarts of the server and jumps
// of the calendar.

import { describe, expect, test } from "bun:test";
import type { Alarm, Condition } from "../../src/alarms/alarm.ts";
import type { DiskFacts } from "../../src/alarms/conditions.ts";
import type { UserUsage } from "../../src/catalogue/catalogue.ts";
import type { Hook } from "../../src/hooks/hook.ts";
import { Alarms } from "../../src/server/alarms.ts";
import { UploadJournal } from "../../src/server/upload-journal.ts";
import { admit, newUpload, noBounds } from "../catalogue/contract.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const hook = (name: string, event: Hook["event"] = "alarm"): Hook => ({
  ...{ name, event, target: { type: "program", command: ["/bin/true"] } },
  ...{ onFailure: "refuse", timeoutMs: 1000, atOnce: 1 },
});

/** A server's alarms, and all that they look at. */
class World {
  readonly clock = new ManualClock();
  /** How far the calendar was set. */
  jumpMs = 0;
  readonly catalogue = new MemoryCatalogue({ date: () => this.date() });
  readonly log: string[] = [];
  alarms: readonly Alarm[] = [];
  hooks: readonly Hook[] = [hook("ops"), hook("index", "after")];
  users: Pick<UserUsage, "user" | "lastAt">[] = [];
  keys: { user: string; fingerprint: string; file: string; expiresAt?: Date }[] = [];
  disk: DiskFacts = { free: null, fullInMs: null };
  readonly bytes = new Map<string, number>();
  #ids = 0;
  #server: Alarms | null = null;

  constructor(condition: Condition, more: Partial<Alarm> = {}) {
    this.alarms = [{ name: "it", condition, againMs: dayMs, ...more }];
    this.restart();
  }

  date(): Date {
    return new Date(this.clock.date().getTime() + this.jumpMs);
  }

  get server(): Alarms {
    return this.#server as Alarms;
  }

  restart(): void {
    const { catalogue } = this;
    const clock = {
      now: () => this.clock.now(),
      date: () => this.date(),
      after: this.clock.after.bind(this.clock),
    };
    this.#server = new Alarms({
      ...{ catalogue, clock, hooks: { look() {} }, newId: () => `notice-${++this.#ids}`, server: "host" },
      ...{ alarmsOf: () => this.alarms, hooksOf: () => this.hooks },
      logger: { log: (level, message) => void this.log.push(`${level}: ${message}`) },
      usages: () => this.#usages(),
      keys: () => this.keys,
      disk: async () => this.disk,
      leads: () => true,
      bytesOf: (id) => this.bytes.get(id) ?? null,
    });
  }

  async *#usages(): AsyncGenerator<UserUsage> {
    for (const it of this.users)
      yield { ...it, stored: 1, files: 1, unfinished: 0, underWay: 0, countedAt: null };
  }

  /** Time passes, and each minute is looked at. Returns what was told meanwhile: state and subject. */
  async pass(durationMs: number): Promise<readonly string[]> {
    for (let passed = 0; passed < durationMs; passed += minuteMs) {
      this.clock.advance(minuteMs);
      await this.server.look();
    }
    return await this.told();
  }

  /** What waits for the hook "ops", which takes it. */
  async told(): Promise<readonly string[]> {
    const { outbox } = this.catalogue;
    const lines: string[] = [];
    for (const { id, hook } of outbox.list()) {
      const { alarm } = JSON.parse((await outbox.bodyOf(id)) ?? "{}");
      lines.push(`${hook}: ${alarm.state} ${alarm.subject}`);
      await outbox.delivered(id, new Date(0).toISOString());
    }
    return lines;
  }

  arrival(user: string): void {
    this.users = [
      ...this.users.filter((it) => it.user !== user),
      { user, lastAt: this.date().toISOString() },
    ];
  }
}

const silent = { when: "silent", afterMs: 6 * hourMs, during: null, together: false } as const;

describe("alarms in simulated time", () => {
  test("a silent instrument: begins, is told again each day, and is over when something arrives", async () => {
    const world = new World(silent, { users: [(user) => user.startsWith("ms")] });
    for (const user of ["ms-1", "ms-2", "anna"]) world.arrival(user);
    expect(await world.pass(6 * hourMs - minuteMs)).toEqual([]);
    world.arrival("ms-2");
    expect(await world.pass(minuteMs)).toEqual(["ops: firing ms-1"]);
    expect(await world.pass(dayMs - minuteMs)).toEqual(["ops: firing ms-2"]);
    expect(await world.pass(minuteMs)).toEqual(["ops: again ms-1"]);
    world.arrival("ms-1");
    expect(await world.pass(minuteMs)).toEqual(["ops: over ms-1"]);
    expect(await world.server.firing()).toMatchObject([
      { alarm: "it", subject: "ms-2", when: "silent", times: 1 },
    ]);
    expect(world.log).toEqual(["warn: Alarm", "warn: Alarm", "warn: Alarm", "info: Alarm is over"]);
  });

  test("a restart tells nothing twice, forgets nothing, and gives an hour to those who could not send", async () => {
    const world = new World(silent);
    world.arrival("ms-1");
    world.arrival("ms-2");
    expect(await world.pass(6 * hourMs)).toEqual(["ops: firing ms-1", "ops: firing ms-2"]);
    world.restart();
    expect(await world.pass(30 * minuteMs)).toEqual([]);
    world.arrival("ms-1");
    expect(await world.pass(minuteMs)).toEqual(["ops: over ms-1"]);
    // Away for a day, in which nobody could send.
    world.arrival("late");
    world.clock.advance(dayMs);
    world.restart();
    expect(await world.pass(hourMs - minuteMs)).toEqual(["ops: again ms-2"]);
    world.arrival("ms-1");
    expect(await world.pass(minuteMs)).toEqual(["ops: firing late"]);
  });

  test("an upload that gets nothing: with and without a client, and over when it goes on", async () => {
    const world = new World({ when: "stalled", afterMs: 2 * hourMs });
    const at = (number: number) => ({ ...newUpload(number), createdAt: world.date().toISOString() });
    const suspended = await admit(world.catalogue, at(1));
    const slow = await admit(world.catalogue, at(2));
    // Its record is not written for hours, and bytes come.
    for (let quarter = 0; quarter < 8; quarter++) {
      world.bytes.set(slow.id, quarter);
      expect(await world.pass(15 * minuteMs)).toEqual([]);
    }
    expect(await world.pass(minuteMs)).toEqual(["ops: firing anna"]);
    const { text } = (await world.server.firing())[0] ?? {};
    expect(text).toStartWith("1 upload of anna got nothing for 2 hours or longer");
    const change = { verb: "progress", durable: 5, mark: null } as const;
    await world.catalogue.change(suspended, { ...change, at: world.date().toISOString() });
    expect(await world.pass(minuteMs)).toEqual(["ops: over anna"]);
    // Now its client is there and sends nothing.
    expect(await world.pass(2 * hourMs)).toEqual(["ops: firing anna"]);
  });

  test("an upload at another server goes on while bytes come there, however few, and is stalled when they end", async () => {
    const world = new World({ when: "stalled", afterMs: hourMs });
    const upload = { ...newUpload(1), createdAt: world.date().toISOString() };
    const elsewhere = { id: "server-2", leaseMs: 15_000 };
    const admitted = await world.catalogue.admit(upload, elsewhere, noBounds);
    if (admitted.type !== "admitted") throw new Error(admitted.type);
    const { catalogue, clock } = world;
    const logger = { log: () => {} };
    const journal = new UploadJournal(admitted.hold, null, {}, { catalogue, clock, logger });
    let bytes = 0;
    for (let minute = 0; minute < 180; minute++) {
      await journal.heard(minute % 30 === 0 ? ++bytes : bytes);
      expect(await world.pass(minuteMs)).toEqual([]);
    }
    for (let minute = 0; minute < 29; minute++) {
      await journal.heard(bytes);
      expect(await world.pass(minuteMs)).toEqual([]);
    }
    await journal.heard(bytes);
    expect(await world.pass(2 * minuteMs)).toEqual(["ops: firing anna"]);
    await journal.heard(++bytes);
    expect(await world.pass(minuteMs)).toEqual(["ops: over anna"]);
  });

  test("what is recorded lately, or on a server that is alone, is not written down again", async () => {
    const { catalogue, clock } = new World({ when: "stalled", afterMs: hourMs });
    const logger = { log: () => {} };
    for (const [number, leaseMs] of [0, 15_000].entries()) {
      const admitted = await catalogue.admit(newUpload(number + 1), { id: "s", leaseMs }, noBounds);
      if (admitted.type !== "admitted") throw new Error(admitted.type);
      const { hold } = admitted;
      const journal = new UploadJournal(hold, { durable: 0, mark: null }, {}, { catalogue, clock, logger });
      const changed = async (bytes: number) => {
        const before = catalogue.peek(hold.id)?.updatedAt;
        await journal.heard(bytes);
        return catalogue.peek(hold.id)?.updatedAt !== before;
      };
      clock.advance(minuteMs / 2);
      expect([await changed(1), await changed(2)]).toEqual([false, false]);
      clock.advance(minuteMs / 2);
      expect(await changed(3)).toBe(leaseMs > 0);
    }
  });

  test("a look that a stop ends in the middle tells nothing, and is no trouble", async () => {
    let isStopping = true;
    const stops = (): boolean => {
      if (isStopping) void world.server.stop();
      return true;
    };
    const world = new World({ when: "stalled", afterMs: hourMs }, { users: [stops] });
    // More than one page of them.
    for (let number = 1; number <= 101; number++) await admit(world.catalogue, newUpload(number));
    world.clock.advance(dayMs);
    await world.server.look();
    expect([await world.told(), world.log]).toEqual([[], []]);
    isStopping = false;
    world.restart();
    await world.server.look();
    expect(await world.told()).toEqual(["ops: firing anna"]);
  });

  test("what is complete and waits for other metadata is not stalled", async () => {
    const world = new World({ when: "stalled", afterMs: hourMs });
    const hold = await admit(world.catalogue, {
      ...newUpload(1),
      held: "no sample",
      createdAt: world.date().toISOString(),
    });
    const at = world.date().toISOString();
    await world.catalogue.change(hold, {
      verb: "wait",
      at,
      sha256: "ab",
      content: "ab",
      receivedAt: at,
      bytes: 5,
    });
    expect(await world.pass(3 * hourMs)).toEqual([]);
  });

  test("a disk that will be full, and one whose facts nobody can tell: that is no news", async () => {
    const world = new World({ when: "disk-full", withinMs: 7 * dayMs, freeBytes: null });
    world.disk = { free: 100, fullInMs: 8 * dayMs };
    expect(await world.pass(minuteMs)).toEqual([]);
    world.disk = { free: 100, fullInMs: 6.9 * dayMs };
    expect(await world.pass(minuteMs)).toEqual(["ops: firing disk"]);
    world.disk = { free: 100, fullInMs: 7.5 * dayMs };
    expect(await world.pass(hourMs)).toEqual([]);
    expect(await world.pass(dayMs)).toEqual(["ops: again disk"]);
    world.disk = { free: 100, fullInMs: null };
    expect(await world.pass(minuteMs)).toEqual(["ops: over disk"]);
  });

  test("a hook that fails, as long as it is configured", async () => {
    const world = new World({ when: "hook-failing", afterMs: 10 * minuteMs });
    const { outbox } = world.catalogue;
    const at = world.date().toISOString();
    for (const hook of ["index", "gone"])
      outbox.add({ id: "u1", user: "anna", name: "a", updatedAt: at }, [{ hook, body: '{"alarm":{}}' }]);
    for (const { id } of outbox.list()) await outbox.failed({ id, attempts: 3, nextAt: 0, error: "no disk" });
    const toldNow = async () => {
      const all = outbox.list().filter(({ hook }) => hook === "ops");
      const bodies = await Promise.all(all.map(({ id }) => outbox.bodyOf(id)));
      for (const { id } of all) await outbox.delivered(id, new Date(0).toISOString());
      return bodies
        .map((it) => JSON.parse(it ?? "").alarm)
        .map(({ state, subject }) => `${state} ${subject}`);
    };
    for (let minute = 1; minute <= 10; minute++) {
      world.clock.advance(minuteMs);
      await world.server.look();
      expect(await toldNow()).toEqual(minute === 10 ? ["firing index"] : []);
    }
    const [index] = outbox.list();
    await outbox.delivered(index?.id ?? 0, new Date(0).toISOString());
    world.clock.advance(minuteMs);
    await world.server.look();
    expect(await toldNow()).toEqual(["over index"]);
  });

  test("stored uploads that are damaged, and keys that expire", async () => {
    const world = new World({ when: "damaged" });
    const hold = await admit(world.catalogue, newUpload(1));
    await world.catalogue.alarms.readAgain(hold.id, false, world.date().toISOString());
    expect(await world.pass(minuteMs)).toEqual(["ops: firing stored"]);
    await world.catalogue.alarms.readAgain(hold.id, true, world.date().toISOString());
    expect(await world.pass(minuteMs)).toEqual(["ops: over stored"]);
    world.alarms = [
      { name: "keys", condition: { when: "key-expiring", withinMs: dayMs }, againMs: 7 * dayMs },
    ];
    const key = (user: string, ms: number) => ({
      ...{ user, fingerprint: `SHA256:${user}`, file: `${user}.key` },
      expiresAt: new Date(world.date().getTime() + ms),
    });
    world.keys = [
      key("anna", dayMs + hourMs),
      key("bert", 9 * dayMs),
      { user: "c", fingerprint: "SHA256:c", file: "c.key" },
    ];
    expect(await world.pass(hourMs)).toEqual([]);
    expect(await world.pass(minuteMs)).toEqual(["ops: firing SHA256:anna"]);
    world.keys = [key("anna", 300 * dayMs)];
    expect(await world.pass(minuteMs)).toEqual(["ops: over SHA256:anna"]);
  });

  test("a calendar that jumps by a year tells nothing, neither on the way there nor back", async () => {
    const world = new World(silent);
    world.arrival("ms-1");
    await world.pass(2 * hourMs);
    const yearMs = 365 * dayMs;
    world.jumpMs = yearMs;
    expect(await world.pass(5 * minuteMs)).toEqual([]);
    world.jumpMs = 0;
    expect(await world.pass(2 * hourMs)).toEqual([]);
    // One that stays is believed in the end.
    world.jumpMs = yearMs;
    expect(await world.pass(9 * minuteMs)).toEqual([]);
    expect(await world.pass(2 * minuteMs)).toEqual(["ops: firing ms-1"]);
    world.jumpMs = 0;
    expect(await world.pass(11 * minuteMs)).toEqual(["ops: over ms-1"]);
    expect(await world.pass(dayMs)).toEqual(["ops: firing ms-1"]);
  });

  test("an alarm that is taken out is forgotten without a word to hooks; those that are named are told alone", async () => {
    const world = new World(silent, { tell: ["second"] });
    world.hooks = [hook("ops"), hook("second"), hook("index", "after")];
    world.arrival("ms-1");
    expect(await world.pass(6 * hourMs)).toEqual(["second: firing ms-1"]);
    world.alarms = [];
    expect(await world.pass(minuteMs)).toEqual([]);
    expect(await world.catalogue.alarms.firing()).toEqual([]);
    expect(world.log.at(-1)).toBe("info: An alarm is not configured any more");
  });

  test("facts that cannot be looked up change nothing, and are told in the log once", async () => {
    const world = new World(silent);
    world.arrival("ms-1");
    expect(await world.pass(6 * hourMs)).toEqual(["ops: firing ms-1"]);
    const { users } = world;
    Object.defineProperty(world, "users", {
      get: () => {
        throw new Error("locked");
      },
      configurable: true,
    });
    expect(await world.pass(3 * minuteMs)).toEqual([]);
    expect(world.log.filter((it) => it.includes("cannot be looked at just now"))).toHaveLength(1);
    Object.defineProperty(world, "users", { value: users, writable: true });
    expect(await world.server.firing()).toHaveLength(1);
  });

  test("one is tried out: its hooks are told, and nothing is firing", async () => {
    const world = new World(silent);
    expect(await world.server.tryOut("it")).toEqual(["ops"]);
    expect(await world.told()).toEqual(["ops: firing trial"]);
    expect(await world.server.firing()).toEqual([]);
    expect(await world.server.tryOut("other")).toBe(null);
  });
});
