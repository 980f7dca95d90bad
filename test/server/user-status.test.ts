// What a user is told of the own uploads: what is running, waiting, stored, failed and refused, and what may be had.

import { beforeEach, describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import { encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import type { ErrorInfo } from "../../src/protocol/wire/message.ts";
import type { Account, StatusQuestion, StatusRow } from "../../src/protocol/wire/status.ts";
import { UserRefusals } from "../../src/server/user-refusals.ts";
import { idOf } from "../storage/contract.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type Key, postOf, ServerWorld, type TestClient, userKeys } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect(1);
});

/** The info of the answer to `status`. */
async function told(status: StatusQuestion, key: Key = "anna", after?: string): Promise<ErrorInfo> {
  const asker = await world.connect(9, key);
  const cursor = after === undefined ? {} : { after };
  const answer = await asker.ask(postOf({ name: "dync-0.ask", info: { ask: true, status, ...cursor } }));
  asker.close();
  if (answer.type !== "error" || answer.code !== 404) throw new Error(JSON.stringify(answer));
  expect(answer.info).toMatchObject({ status, user: key === "bert" ? "bert" : "anna", ask: true });
  const [info] = encodeServerMessage(answer).slice(-1);
  expect(info!.length).toBeLessThanOrEqual(limits.infoBytesMax);
  return answer.info!;
}

/** All pages of a list. */
async function listed(status: StatusQuestion, key: Key = "anna"): Promise<readonly StatusRow[]> {
  const rows: StatusRow[] = [];
  let pages = 0;
  for (let after: string | undefined; pages < 100; pages++) {
    const { rows: page = [], next } = await told(status, key, after);
    rows.push(...page);
    if (next === undefined) return rows;
    after = next;
  }
  throw new Error("the list does not end");
}

const names = async (status: StatusQuestion, key: Key = "anna") =>
  (await listed(status, key)).map(({ name }) => name);

describe("what is running", () => {
  test("is told with how far it is, since when, from which program and key", async () => {
    const since = world.clock.date().toISOString();
    await client.ask(postOf({ info: { size: 2048, client: "dync 9.9" } }));
    client.chunk(0, "x".repeat(1024));
    await world.settle();
    world.clock.advance(2000);
    const row = { id: idOf(1), name: "a.raw", size: 2048, bytes: 1024, rate: 512, since, client: "dync 9.9" };
    expect(await listed("running")).toMatchObject([{ ...row, key: userKeys.anna.publicKey.fingerprint }]);
    // All keys of a user see it, and nobody else.
    expect(await names("running", "annaToo")).toEqual(["a.raw"]);
    for (const status of ["running", "waiting", "stored", "failed", "refused"] as const)
      expect(await listed(status, "bert")).toEqual([]);
    expect(await listed("waiting")).toEqual([]);
    expect((await told("account")).account).toMatchObject({ running: 1, unfinished: 1 });
    expect((await told("account", "bert")).account).toMatchObject({ running: 0, unfinished: 0, stored: 0 });
  });

  test("with what it waits for", async () => {
    const reached = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    world.before = async ({ type }) => {
      if (type !== "show") return;
      reached.resolve();
      await release.promise;
    };
    await client.ask(postOf());
    client.chunk(0, "content");
    client.end("content");
    await reached.promise;
    expect(await listed("running")).toMatchObject([{ name: "a.raw", waits: "publishing" }]);
    release.resolve();
    await client.hear();
  });

  test("comes in pages, each upload once", async () => {
    for (let number = 0; number < 40; number++) {
      const sender = await world.connect(100 + number);
      await sender.ask(postOf({ name: `${number}-${"\u00e4".repeat(100)}.raw` }));
    }
    const rows = await listed("running");
    expect(new Set(rows.map(({ id }) => id)).size).toBe(40);
    expect(rows).toHaveLength(40);
  });
});

test("what has no client, what is held and what is being published is told as waiting", async () => {
  await client.ask(postOf({ info: { size: 9, client: "dync 9.9" } }));
  client.chunk(0, "con");
  await world.settle();
  client.close();
  world.clock.advance(60_000);
  await world.settle();
  const row = { id: idOf(1), name: "a.raw", state: "waiting", size: 9, bytes: 3, client: "dync 9.9" };
  expect(await listed("waiting")).toMatchObject([row]);
  expect(await listed("running")).toEqual([]);
  world.catalogue.set(idOf(1), (record) => ({ ...record, held: 'The metadata lack "sample"' }));
  expect(await listed("waiting")).toMatchObject([{ state: "held", reason: 'The metadata lack "sample"' }]);
});

describe("what is stored", () => {
  test("is told with size, checksum and time, the latest first, page by page", async () => {
    for (let number = 0; number < 30; number++) {
      world.clock.advance(1000);
      const sender = await world.connect(100 + number);
      expect((await sender.upload("content", postOf({ name: `${number}.raw` }))).type).toBe(
        "upload-finished",
      );
      sender.close();
    }
    const rows = await listed("stored");
    expect(rows.map(({ name }) => name)).toEqual(Array.from({ length: 30 }, (_, at) => `${29 - at}.raw`));
    expect(rows[0]).toMatchObject({ size: 7, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await told("stored")).rows!.length).toBeLessThan(30);
    expect(await names("stored", "bert")).toEqual([]);
    const { account } = await told("account");
    expect(account).toMatchObject({ stored: 30, storedBytes: 210, day: 30, week: 30, unfinished: 0 });
    world.clock.advance(86_400_001);
    expect((await told("account")).account).toMatchObject({ day: 0, week: 30 });
  });
});

describe("what was refused", () => {
  test("is told in the words that its client heard, each once, the latest first", async () => {
    const words = [];
    for (const name of ["a:b", "c:d", "a:b"]) {
      world.clock.advance(1000);
      const answer = await client.ask(postOf({ name }));
      if (answer.type === "error") words.push(answer.text);
    }
    const at = world.clock.date().toISOString();
    expect(await listed("refused")).toEqual([
      { name: "a:b", code: 403, reason: words[0]!, at, times: 2 },
      { name: "c:d", code: 403, reason: words[1]!, at: expect.any(String), times: 1 },
    ]);
    expect(await listed("refused", "bert")).toEqual([]);
  });

  test("and so is what there is no place for", async () => {
    const full = new ServerWorld();
    await full.start({ uploadsPerUser: 1 });
    world = full;
    expect((await (await full.connect(1)).ask(postOf())).type).toBe("upload-approved");
    expect(await (await full.connect(2)).ask(postOf({ name: "b.raw" }))).toMatchObject({ code: 429 });
    expect(await listed("refused")).toMatchObject([{ name: "b.raw", code: 429 }]);
  });

  test("but not what is there already, with the same metadata", async () => {
    expect((await client.upload("content")).type).toBe("upload-finished");
    const again = await world.connect(2);
    expect(await again.ask(postOf())).toMatchObject({ code: 409 });
    expect(await again.ask(postOf({ info: { size: 7 } }))).toMatchObject({ code: 409 });
    expect(await listed("refused")).toEqual([]);
    expect(await again.ask(postOf({ info: { size: 8 } }))).toMatchObject({ code: 409 });
    expect(await names("refused")).toEqual(["a.raw"]);
    expect(await again.ask(postOf({ metadataText: '{"sample":"B"}' }))).toMatchObject({ code: 409 });
    expect(await listed("refused")).toMatchObject([{ name: "a.raw", times: 2 }]);
  });

  test("hostile names and reasons fit into their pages", async () => {
    const name = `${"\u0001".repeat(118)}\u202e${'\\"'.repeat(1)}`;
    for (let number = 0; number < 25; number++) await client.ask(postOf({ name: `${number}${name}` }));
    const rows = await listed("refused");
    expect(rows).toHaveLength(20);
    expect(JSON.stringify(rows)).not.toContain("\\u0001");
  });

  test("little is kept of a user, and of users", () => {
    const kept = new UserRefusals(new ManualClock());
    const text = "x".repeat(4096);
    for (let user = 0; user < 1500; user++)
      for (let number = 0; number < (user === 1499 ? 30 : 1); number++)
        kept.note(`user-${user}`, `${number}`, { code: 403, text });
    expect(kept.of("user-0")).toEqual([]);
    expect(kept.of("user-1400")).toHaveLength(1);
    expect(kept.of("user-1499").map(({ name }) => name)).toEqual(
      Array.from({ length: 20 }, (_, at) => `${29 - at}`),
    );
    expect(kept.of("user-1499")[0]!.reason.length).toBeLessThan(1100);
  });
});

test("what began and came to nothing is told with why", async () => {
  await client.ask(postOf());
  client.chunk(0, "content");
  client.end("CONTENT");
  await client.hear();
  const failed = await listed("failed");
  expect(failed).toMatchObject([
    { id: idOf(1), name: "a.raw", code: expect.any(Number), reason: expect.any(String) },
  ]);
  expect(await listed("failed", "bert")).toEqual([]);
});

test("what a user may have: quotas, uploads, priority, groups and the end of the key that asks", async () => {
  const granted = new ServerWorld();
  const group = { name: "ms", bytes: 1000, isOf: () => true };
  granted.groupsOf = (user) => (user === "anna" ? ["ms", "everybody"] : []);
  granted.ends.set("anna", new Date("2027-01-31T23:59:59Z"));
  await granted.start({ limits: { quotaBytes: 100, shared: group, priority: "high" }, uploadsPerUser: 3 });
  world = granted;
  expect((await (await granted.connect(1)).upload("content")).type).toBe("upload-finished");
  const sender = await granted.connect(2);
  await sender.ask(postOf({ name: "b.raw", info: { size: 20 } }));
  const { account } = await told("account");
  expect(account).toMatchObject({
    quotas: [
      { bytes: 100, used: 27, underWay: 20 },
      { bytes: 1000, used: 27, underWay: 20, group: "ms" },
    ],
    ...{ runningMax: 3, unfinishedMax: 1000, priority: "high", groups: ["ms", "everybody"] },
    expires: "2027-01-31T23:59:59.000Z",
  } satisfies Account);
  const other = (await told("account", "annaToo")).account;
  expect(other?.expires).toBeUndefined();
});

test("who asks without end waits for the answers, and nobody else does", async () => {
  const askers = await Promise.all(Array.from({ length: 200 }, (_, index) => world.connect(200 + index)));
  let answered = 0;
  for (const asker of askers)
    void asker
      .ask(postOf({ name: "dync-0.ask", info: { ask: true, status: "account" } }))
      .then(() => answered++);
  const settled = async () => {
    for (let turn = 0; turn < 20; turn++) await world.settle();
  };
  await settled();
  expect(answered).toBe(150);
  expect((await told("account", "bert")).account).toMatchObject({ stored: 0 });
  expect((await client.upload("content")).type).toBe("upload-finished");
  world.clock.advance(1000);
  await settled();
  expect(answered).toBe(180);
  world.clock.advance(1000);
  await settled();
  expect(answered).toBe(200);
});

test("a list goes on only from where another one ended", async () => {
  const info = { ask: true, status: "stored", after: "'; drop table" } as const;
  expect(await client.ask(postOf({ name: "dync-0.ask", info }))).toMatchObject({
    code: 400,
    info: { ask: true },
  });
  for (const status of ["running", "waiting", "stored", "failed", "refused"] as const)
    expect((await told(status, "anna", "- ffff")).rows).toEqual([]);
});
