// Keys that several servers refused: all of them know them a moment later, also after a restart, and a flood of them is no flood of writes.

import { expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { News } from "../../src/catalogue/servers.ts";
import { generateKeyPair, PublicKey } from "../../src/keys/key.ts";
import { PendingKeys } from "../../src/server/pending-keys.ts";
import { PendingSharing } from "../../src/server/pending-sharing.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryPendingKeys } from "../support/memory/pending-keys.ts";

const keys: readonly PublicKey[] = Array.from({ length: 20 }, () => generateKeyPair().publicKey);
const [first, second, third] = keys as [PublicKey, PublicKey, PublicKey];

/** Servers that share one catalogue, at one clock. */
class World {
  readonly clock = new ManualClock();
  readonly shared = new MemoryPendingKeys();
  readonly #members: Member[] = [];
  /** Whether what one tells is lost. */
  isDeaf = false;

  async add(): Promise<Member> {
    const member: Member = new Member(this.clock, this.shared, (news) => {
      if (!this.isDeaf) for (const it of this.#members) if (it !== member) it.hear(news);
    });
    this.#members.push(member);
    await member.sharing.begin();
    return member;
  }

  /** Time passes, and what is waited for comes. */
  async passes(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      this.clock.advance(50);
      for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** `member` is killed: nothing of it is heard any more. */
  kill(member: Member): void {
    this.#members.splice(this.#members.indexOf(member), 1);
  }
}

class Member {
  readonly known = new PendingKeys();
  readonly sharing: PendingSharing;
  readonly heard: News[] = [];
  readonly lines: string[] = [];

  constructor(clock: ManualClock, shared: MemoryPendingKeys, tell: (news: News) => void) {
    const logger = { log: (_level: string, message: string) => void this.lines.push(message) };
    this.sharing = new PendingSharing({ known: this.known, shared, servers: { tell }, clock, logger });
  }

  hear(news: News): void {
    this.heard.push(news);
    if (news.kind === "pending-keys") this.sharing.changed();
  }

  get shown(): readonly PublicKey[] {
    return this.known.list(() => false).map(({ key }) => key);
  }

  times(wanted: PublicKey): number | undefined {
    return this.known.list(() => false).find(({ key }) => key.text === wanted.text)?.times;
  }
}

const texts = (list: readonly PublicKey[]) => list.map(({ text }) => text);

test("a key that one refused the others know within a second, with how often all did", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  one.sharing.note(first, "10.0.0.1");
  other.sharing.note(second, "10.0.0.2");
  await world.passes(1000);
  for (const it of [one, other])
    expect(texts(it.shown).toSorted()).toEqual(texts([first, second]).toSorted());
  other.sharing.note(first, "10.0.0.3");
  one.sharing.note(first, "10.0.0.1");
  await world.passes(1000);
  expect([one.times(first), other.times(first)]).toEqual([3, 3]);
});

test("who was away knows them when it is back, and so do all that start after the last one ended", async () => {
  const world = new World();
  const one = await world.add();
  one.sharing.note(first, "10.0.0.1");
  await one.sharing.end();
  world.kill(one);
  const late = await world.add();
  expect(late.known.list(() => false)).toMatchObject([{ address: "10.0.0.1", times: 1 }]);
  expect(texts(late.shown)).toEqual([first.text]);
});

test("where what is told is lost, it is found half a minute later", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  world.isDeaf = true;
  one.sharing.note(first, "10.0.0.1");
  await world.passes(25_000);
  expect(other.shown).toEqual([]);
  await world.passes(6_000);
  expect(texts(other.shown)).toEqual([first.text]);
});

test("a flood of refused keys is a few writes a second, and drives out its own alone", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  one.sharing.note(first, "10.0.0.1");
  await world.passes(1000);
  const before = world.shared.changes;
  const bytes = new Uint8Array(32);
  for (let number = 0; number < 20_000; number++) {
    new DataView(bytes.buffer).setUint32(0, number);
    one.sharing.note(new PublicKey(bytes), "10.6.6.6");
    // Ten seconds of it.
    if (number % 100 === 99) await world.passes(50);
  }
  await world.passes(1000);
  expect(world.shared.changes - before).toBeGreaterThanOrEqual(20);
  expect(world.shared.changes - before).toBeLessThanOrEqual(42);
  for (const it of [one, other]) {
    expect(it.shown).toHaveLength(17);
    expect(it.shown.at(-1)?.text).toBe(first.text);
  }
  expect((await world.shared.read()).keys).toHaveLength(17);
  // Servers of the version before are not told of all of them.
  expect(other.heard.filter(({ kind }) => kind === "key-refused").length).toBeLessThan(200);
});

test("one that somebody refused is not heard of again, at any of them, also after all were restarted", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  one.sharing.note(first, "10.0.0.1");
  await world.passes(1000);
  expect(other.sharing.dismiss(first.fingerprint)).toBe(true);
  expect(other.sharing.dismiss(second.fingerprint)).toBe(false);
  await world.passes(1000);
  expect(one.shown).toEqual([]);
  one.sharing.note(first, "10.0.0.1");
  await world.passes(1000);
  expect([one.shown, other.shown]).toEqual([[], []]);
  for (const it of [one, other]) {
    await it.sharing.end();
    world.kill(it);
  }
  const late = await world.add();
  late.sharing.note(first, "10.0.0.1");
  await world.passes(1000);
  expect([late.shown, (await world.shared.read()).dismissed]).toEqual([[], [first.fingerprint]]);
});

test("one that was let in is in no list any more, and asks anew when it is sent away again", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  for (const key of [first, second]) one.sharing.note(key, "10.0.0.1");
  await world.passes(1000);
  other.sharing.letIn(other.known.forgetAuthorised((key) => key === first.text));
  await world.passes(1000);
  expect(texts(one.shown)).toEqual([second.text]);
  expect((await world.shared.read()).keys.map(({ key }) => key)).toEqual([second.text]);
  one.sharing.note(first, "10.0.0.1");
  await world.passes(1000);
  expect(other.times(first)).toBe(1);
});

test("what comes while the database is away is shown here, and written when it is back, in its order", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  for (const key of [first, second]) one.sharing.note(key, "10.0.0.1");
  await world.passes(1000);
  world.shared.isAway = true;
  other.sharing.note(third, "10.0.0.2");
  await world.passes(2000);
  other.sharing.note(third, "10.0.0.2");
  other.sharing.dismiss(first.fingerprint);
  other.sharing.letIn(other.known.forgetAuthorised((key) => key === second.text));
  await world.passes(2000);
  other.sharing.note(second, "10.0.0.2");
  await world.passes(2000);
  expect(texts(other.shown)).toEqual(texts([second, third]));
  expect(other.lines).toEqual([
    "Keys that ask to be let in are not brought together with those of other servers",
  ]);
  world.shared.isAway = false;
  await world.passes(31_000);
  expect(other.lines).toHaveLength(2);
  for (const it of [one, other]) {
    expect(texts(it.shown)).toEqual(texts([second, third]));
    expect([it.times(second), it.times(third)]).toEqual([1, 2]);
  }
});

test.each(["is made", "comes to nothing"])(
  "what comes while a change is under way that %s is neither hidden nor lost",
  async (how) => {
    const world = new World();
    const one = await world.add();
    for (const key of [first, second]) one.sharing.note(key, "10.0.0.1");
    await world.passes(1000);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    world.shared.before = () => promise;
    one.sharing.note(first, "10.0.0.1");
    await world.passes(300);
    one.sharing.note(third, "10.0.0.1");
    one.sharing.dismiss(second.fingerprint);
    await world.passes(300);
    if (how === "is made") resolve();
    else reject(new DyncError("not-ready", "The server's catalogue cannot be reached"));
    world.shared.before = async () => {};
    await world.passes(50);
    expect([texts(one.shown), one.times(first)]).toEqual([texts([third, first]), 2]);
    one.sharing.note(third, "10.0.0.1");
    await world.passes(1000);
    const { keys, dismissed } = await world.shared.read();
    expect(keys.map(({ key, times }) => [key, times])).toEqual([
      [first.text, 2],
      [third.text, 2],
    ]);
    expect(dismissed).toEqual([second.fingerprint]);
  },
);

test("of a server of the version before they come by what it tells, and it is told", async () => {
  const world = new World();
  const [one, other] = [await world.add(), await world.add()];
  one.sharing.noteElsewhere(first, "10.0.0.1");
  await world.passes(1000);
  expect(texts(other.shown)).toEqual([first.text]);
  other.sharing.note(second, "10.0.0.2");
  other.sharing.dismiss(first.fingerprint);
  await world.passes(1000);
  expect(one.heard.filter(({ kind }) => kind !== "pending-keys")).toEqual([
    { kind: "key-refused", key: second.text, address: "10.0.0.2", isKept: true },
    { kind: "key-dismissed", fingerprint: first.fingerprint, isKept: true },
  ]);
  one.sharing.dismissElsewhere(second.fingerprint);
  await world.passes(1000);
  expect([one.shown, other.shown]).toEqual([[], []]);
});

test("while nothing happens it is looked for, and nothing is written", async () => {
  const world = new World();
  const one = await world.add();
  await world.passes(300_000);
  expect([world.shared.changes, world.shared.reads]).toEqual([0, 11]);
  await one.sharing.end();
  expect(world.clock.isWaitedFor).toBe(false);
});
