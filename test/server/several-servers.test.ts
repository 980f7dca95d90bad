// A server beside others that share its catalogue: what it lets go of when another one asks, how it comes to what another one has, and what
// it leaves to the one that leads.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Hold, Owner } from "../../src/catalogue/catalogue.ts";
import type { KnownServer, News, Servers } from "../../src/catalogue/servers.ts";
import type { Hook } from "../../src/hooks/hook.ts";
import type { RunHook } from "../../src/hooks/runner.ts";
import { newUpload, noBounds } from "../catalogue/contract.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient, userKeys } from "./server-world.ts";

class Others implements Servers {
  leads = true;
  readonly told: News[] = [];
  heed: (news: News | null) => void = () => {};

  tell(news: News): void {
    this.told.push(news);
  }

  async list(): Promise<readonly KnownServer[]> {
    return [];
  }

  async leave(): Promise<void> {
    this.leads = false;
  }

  observe(heed: (news: News | null) => void): void {
    this.heed = heed;
  }
}

const other: Owner = { id: "other", leaseMs: 1_000_000 };
const goingOn = { code: 503, type: "error" } as const;

let world: ServerWorld;
let others: Others;

beforeEach(async () => {
  world = new ServerWorld();
  others = new Others();
  world.servers = others;
  world.leaseMs = 15_000;
  await world.start();
});

afterEach(async () => {
  await world.server.stop();
  await world.settle();
  expect(world.network.messagesHeld).toBe(0);
});

/** A client whose upload has some bytes here. */
async function underWay(): Promise<TestClient> {
  const client = await world.connect();
  await client.ask(postOf());
  client.chunk(0, "con");
  await world.settle();
  return client;
}

async function letGo(isClientHere: boolean): Promise<void> {
  others.heed({ kind: "let-go", id: idOf(1), isClientHere });
  await world.settle();
}

const putAway = { kind: "put-away", id: idOf(1) } as const;

describe("when another server asks it to let go", () => {
  test("of an upload whose client is there now, it does, and says so", async () => {
    const client = await underWay();
    expect(world.catalogue.peek(idOf(1))?.leaseUntil).toBe(15_000);
    await letGo(true);
    expect(await client.hear()).toMatchObject(goingOn);
    expect(others.told).toEqual([putAway]);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "open", leaseUntil: 0 });
    expect(await world.catalogue.take(idOf(1), other)).toMatchObject({ type: "taken" });
  });

  test("of a name whose upload has its client here, it does not", async () => {
    const client = await underWay();
    await letGo(false);
    expect(others.told).toEqual([]);
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("of a name whose upload has no client any more, it does", async () => {
    const client = await underWay();
    client.close();
    await world.settle();
    await letGo(false);
    expect(others.told).toEqual([putAway]);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "open", leaseUntil: 0 });
  });

  test("of one that is its own and with which nothing is being done, it does; of what is another's it says nothing", async () => {
    const own = { id: "server", leaseMs: 15_000 };
    await world.catalogue.admit(newUpload(1, { id: idOf(1) }), own, noBounds);
    await world.catalogue.admit(newUpload(2, { id: idOf(2) }), other, noBounds);
    await letGo(true);
    others.heed({ kind: "let-go", id: idOf(2), isClientHere: true });
    others.heed({ kind: "let-go", id: idOf(3), isClientHere: true });
    await world.settle();
    expect(others.told).toEqual([putAway]);
    expect(world.catalogue.peek(idOf(1))?.leaseUntil).toBe(0);
    expect(world.catalogue.peek(idOf(2))?.leaseUntil).toBe(other.leaseMs);
  });
});

describe("uploads of a user that other servers work on", () => {
  beforeEach(async () => {
    await world.server.stop();
    world = new ServerWorld();
    world.servers = others;
    world.leaseMs = 15_000;
    await world.start({ uploadsPerUser: 2 });
  });

  test("count for what that user may have open, for as long as they are theirs", async () => {
    const admitted = await Promise.all(
      [11, 12].map((number) =>
        world.catalogue.admit(newUpload(number, { id: idOf(number), user: "anna" }), other, noBounds),
      ),
    );
    const client = await world.connect(1);
    const account = postOf({ name: "dync-0.ask", info: { ask: true, status: "account" } });
    const standing = { unfinished: 2, running: 2, runningMax: 2 };
    expect(await client.ask(account)).toMatchObject({ info: { account: standing } });
    expect(await client.ask(postOf())).toMatchObject({
      type: "error",
      code: 429,
      text: "You have 2 open uploads, the most that one user may have: no more for now",
    });
    const hold = admitted[0]?.type === "admitted" ? admitted[0].hold : null;
    if (hold === null) throw new Error("It is admitted");
    const putAway = { verb: "progress", durable: 0, mark: null, isPutAway: true } as const;
    await world.catalogue.change(hold, { ...putAway, at: "2026-01-01T00:00:00.000Z" });
    expect(await (await world.connect(2)).ask(postOf())).toMatchObject({ type: "upload-approved" });
  });

  test("do not count for another user", async () => {
    for (const number of [11, 12])
      await world.catalogue.admit(newUpload(number, { id: idOf(number), user: "bert" }), other, noBounds);
    expect(await (await world.connect(1)).ask(postOf())).toMatchObject({ type: "upload-approved" });
  });
});

describe("an upload that another server has", () => {
  let hold: Hold;

  /** Its client was there, and comes here. */
  async function comesHere(): Promise<TestClient> {
    const client = await underWay();
    client.send({ type: "error", code: 503, text: "Later" });
    await client.hear();
    await world.settle();
    const taken = await world.catalogue.take(idOf(1), other);
    if (taken.type !== "taken") throw new Error(taken.type);
    hold = taken.hold;
    return client;
  }

  test("is gone on with here as soon as that one lets go of it", async () => {
    const client = await comesHere();
    client.send({ type: "query-status" });
    await world.settle();
    expect(others.told).toEqual([{ kind: "let-go", id: idOf(1), isClientHere: true }]);
    const note = { durable: 0, mark: "boot" };
    await world.catalogue.change(hold, { verb: "progress", ...note, isPutAway: true, at: "2026-01-02" });
    others.heed(putAway);
    expect(await client.hear()).toMatchObject({ type: "status-report", seek: 3 });
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ owner: "server", fence: 3 });
  });

  test("is found out to be free also where nobody says so", async () => {
    const client = await comesHere();
    client.send({ type: "query-status" });
    await world.settle();
    const note = { durable: 0, mark: "boot" };
    await world.catalogue.change(hold, { verb: "progress", ...note, isPutAway: true, at: "2026-01-02" });
    world.clock.advance(1_000);
    expect(await client.hear()).toMatchObject({ type: "status-report", seek: 3 });
  });

  test("is told to come again where that one does not let go", async () => {
    const client = await comesHere();
    client.send({ type: "query-status" });
    for (let second = 0; second < 6; second++) {
      await world.settle();
      world.clock.advance(1_000);
    }
    expect(await client.hear()).toMatchObject({
      ...goingOn,
      text: "Another server still works on this upload",
    });
    expect(others.told.length).toBeGreaterThan(3);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ owner: "other", fence: 2 });
  });

  test("is not replaced by itself, where it began there while its client went from there to here", async () => {
    const [identity, origin] = ["82".repeat(16), userKeys.anna.publicKey.text];
    const same = newUpload(7, { user: "anna", name: "a.raw", origin, identity });
    const { catalogue } = world;
    const find = catalogue.find.bind(catalogue);
    // It begins when it was looked for here.
    catalogue.find = async (...what) => {
      catalogue.find = find;
      const found = await find(...what);
      await catalogue.admit(same, other, noBounds);
      return found;
    };
    const client = await world.connect(2);
    client.send(postOf());
    expect(await client.hear()).toMatchObject({
      ...goingOn,
      text: "This upload has begun at another server, and goes on from there",
    });
    expect(catalogue.peek(same.id)).toMatchObject({ state: "open", owner: "other" });
  });

  test("keeps its name from another one that comes here, for as long as it is not let go of", async () => {
    const theirs = newUpload(7, { user: "anna", name: "a.raw", origin: userKeys.anna.publicKey.text });
    const admitted = await world.catalogue.admit(theirs, other, noBounds);
    const client = await world.connect(2);
    client.send(postOf());
    await world.settle();
    expect(others.told).toEqual([{ kind: "let-go", id: theirs.id, isClientHere: false }]);
    world.clock.advance(1_000);
    expect(await client.hear()).toMatchObject({
      ...goingOn,
      text: expect.stringContaining("at another server"),
    });
    client.send(postOf());
    await world.settle();
    if (admitted.type !== "admitted") throw new Error(admitted.type);
    const note = { durable: 0, mark: "boot" };
    await world.catalogue.change(admitted.hold, {
      verb: "progress",
      ...note,
      isPutAway: true,
      at: "2026-01-02",
    });
    others.heed({ kind: "put-away", id: theirs.id });
    expect((await client.hear()).type).toBe("upload-approved");
    expect(world.catalogue.peek(theirs.id)).toMatchObject({ state: "failed" });
  });

  test("keeps its name for an hour where that one may be frozen in the midst of publishing it", async () => {
    const theirs = newUpload(7, { user: "anna", name: "a.raw", origin: userKeys.anna.publicKey.text });
    const admitted = await world.catalogue.admit(theirs, other, noBounds);
    if (admitted.type !== "admitted") throw new Error(admitted.type);
    const at = world.clock.date().toISOString();
    const sums = { sha256: "0".repeat(64), content: "0".repeat(64) };
    await world.catalogue.change(admitted.hold, { verb: "begin-publish", ...sums, receivedAt: at, at });
    // Whoever took it over found that not all of it was stored.
    await world.catalogue.change(admitted.hold, { verb: "reopen", durable: 0, at });
    const client = await world.connect(2);
    client.send(postOf());
    await world.settle();
    const text = expect.stringContaining("this one waits until it has ended");
    expect(await client.hear()).toMatchObject({ ...goingOn, text });
    expect(world.catalogue.peek(theirs.id)).toMatchObject({ state: "open" });
    world.clock.advance(3_600_000);
    const later = await world.connect(2);
    later.send(postOf());
    await world.settle();
    expect((await later.hear()).type).toBe("upload-approved");
    expect(world.catalogue.peek(theirs.id)).toMatchObject({ state: "failed" });
  });
});

describe("what is done once for all", () => {
  const told: string[] = [];
  const run: RunHook = async ({ upload }) => {
    told.push(upload);
    return { type: "done", output: new Uint8Array() };
  };
  const hook: Hook = {
    ...{ name: "told", event: "after", onFailure: "refuse", timeoutMs: 1000, atOnce: 1 },
    target: { type: "program", command: ["x"] },
  };

  test("is done by the one that leads, which hears from the others what there is to tell", async () => {
    told.length = 0;
    await world.server.stop();
    world.hooks = { hooksOf: () => [hook], run, random: () => 0 };
    others.leads = false;
    await world.start();
    const client = await world.connect();
    expect((await client.upload("content")).type).toBe("upload-finished");
    await world.settle();
    expect(others.told).toContainEqual({ kind: "outbox" });
    expect(told).toEqual([]);
    // It begins to lead.
    others.leads = true;
    others.heed(null);
    await world.settle();
    expect(told).toEqual([idOf(1)]);
    await world.catalogue.alarms.step({
      ...{ changed: [], gone: [] },
      notices: [
        {
          id: idOf(9),
          alarm: "x",
          subject: "y",
          at: "2026-01-02",
          deliveries: [{ hook: "told", body: "{}" }],
        },
      ],
    });
    others.heed({ kind: "outbox" });
    await world.settle();
    expect(told).toEqual([idOf(1), idOf(9)]);
  });
});

describe("keys that ask to be let in", () => {
  const bert = userKeys.bert.publicKey;
  const fingerprints = () => world.server.pendingKeys.map(({ key }) => key.fingerprint);

  async function refuseBert(): Promise<void> {
    world.removed.add("bert");
    await expect(world.connect(2, "bert")).rejects.toThrow("key-refused");
  }

  async function written(): Promise<void> {
    world.clock.advance(1000);
    await world.settle();
  }

  const sharedKeys = async () => (await world.pendingKeys.read()).keys.map(({ key }) => key);

  test("are shared, and a server that starts knows them", async () => {
    await refuseBert();
    await written();
    expect(await sharedKeys()).toEqual([bert.text]);
    expect(others.told.at(-1)).toEqual({ kind: "pending-keys" });
    await refuseBert();
    // What is new is written before it ends, or lets go of all.
    await world.server.stop();
    expect((await world.pendingKeys.read()).keys).toMatchObject([{ times: 2 }]);
    await world.start();
    expect(fingerprints()).toEqual([bert.fingerprint]);
    expect(world.server.dismissKey(bert.fingerprint)).toBe(true);
    expect(world.server.dismissKey(bert.fingerprint)).toBe(false);
    await world.server.drain();
    expect((await world.pendingKeys.read()).dismissed).toEqual([bert.fingerprint]);
    expect(await sharedKeys()).toEqual([]);
  });

  test("are looked up when another server says that they are others", async () => {
    const seen = { key: bert.text, address: "10.0.0.1", firstAt: "2026-01-01T00:00:00.000Z", times: 3 };
    world.removed.add("bert");
    const keys = [{ ...seen, lastAt: seen.firstAt }];
    await world.pendingKeys.change(() => ({ keys, dismissed: [] }));
    others.heed({ kind: "pending-keys" });
    await written();
    expect(world.server.pendingKeys).toMatchObject([{ address: "10.0.0.1", times: 3 }]);
  });

  test("are not, for whom is let in: neither here, nor when that key is sent away again", async () => {
    await refuseBert();
    await written();
    expect(world.server.wasRefused(bert.text)).toBe(true);
    world.removed.clear();
    expect(fingerprints()).toEqual([]);
    world.server.clientsChanged();
    await written();
    expect(await sharedKeys()).toEqual([]);
    world.removed.add("bert");
    world.server.clientsChanged();
    expect(fingerprints()).toEqual([]);
  });

  test("come from a server of the version before by what it tells, and count once from one of this version", async () => {
    world.removed.add("bert");
    const refused = { kind: "key-refused", address: "10.0.0.1" } as const;
    others.heed({ ...refused, key: bert.text, isKept: true });
    others.heed({ ...refused, key: "none" });
    others.heed({ ...refused, key: userKeys.anna.publicKey.text });
    await written();
    expect([fingerprints(), await sharedKeys()]).toEqual([[], []]);
    others.heed({ ...refused, key: bert.text });
    await written();
    expect([fingerprints(), await sharedKeys()]).toEqual([[bert.fingerprint], [bert.text]]);
    others.heed({ kind: "key-dismissed", fingerprint: bert.fingerprint, isKept: true });
    expect(fingerprints()).toEqual([bert.fingerprint]);
    others.heed({ kind: "key-dismissed", fingerprint: bert.fingerprint });
    await written();
    expect([fingerprints(), await sharedKeys()]).toEqual([[], []]);
  });
});
