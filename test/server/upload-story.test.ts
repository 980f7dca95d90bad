// What became of an upload, as people read it.

import { describe, expect, test } from "bun:test";
import type { UploadRecord } from "../../src/catalogue/catalogue.ts";
import { type StoryFacts, storyOf } from "../../src/server/upload-story.ts";
import { admit, newUpload } from "../catalogue/contract.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";

const facts: StoryFacts = {
  ...{ now: Date.parse("2026-03-01T02:00:00Z"), location: "/srv/anna/run.raw", published: {}, rule: null },
  ...{ hasReceipt: true, deliveries: [], told: [], damagedSince: null },
};

async function recordWith(more: Partial<UploadRecord>): Promise<UploadRecord> {
  const catalogue = new MemoryCatalogue();
  const { id } = await admit(catalogue, newUpload(1));
  return { ...(catalogue.peek(id) as UploadRecord), ...more };
}

const tell = (record: UploadRecord, more: Partial<StoryFacts> = {}) =>
  storyOf(record, { ...facts, ...more }).map(({ kind, at, text }) => `${kind} ${at ?? "-"} ${text}`);

describe("the story of an upload", () => {
  const createdAt = "2026-03-01T00:00:00.000Z";
  const resumedAt = "2026-03-01T00:30:00.000Z";
  const receivedAt = "2026-03-01T01:00:00.000Z";
  const storedAt = "2026-03-01T01:00:01.000Z";
  const amendedAt = "2026-03-05T00:00:00.000Z";
  const plain = { createdAt, client: null, origin: null, size: 5, wantsReceipt: false } as const;
  const finished = { ...plain, receivedAt, storedAt, state: "finished", sha256: "ab" } as const;

  test("of one that was cut, changed by hooks, stored, amended, and found damaged later", async () => {
    const record = await recordWith({
      ...{ ...finished, updatedAt: amendedAt, amendedAt, fence: 9, resumes: 2, resumedAt },
      ...{ added: '["project"]', client: "dync 1", wantsReceipt: true },
    });
    const delivery = {
      ...{ id: 1, upload: record.id, user: "anna", name: "run.raw", createdAt: storedAt },
      ...{ attempts: 0, nextAt: facts.now, error: null, state: "waiting" as const },
    };
    const failed = { attempts: 2, nextAt: facts.now + 725_000, error: "ended with status 3" };
    const deliveries: StoryFacts["deliveries"] = [
      { ...delivery, ...failed, hook: "index" },
      { ...delivery, hook: "mail" },
      { ...delivery, attempts: 1, error: "it is down", hook: "old", state: "stuck" },
      { ...delivery, hook: "web", state: "running" },
    ];
    const told = [
      { hook: "elab", at: "2026-03-06T00:00:00.000Z", attempts: 3 },
      { hook: "lims", at: "2026-03-01T01:00:02.000Z", attempts: 1 },
    ];
    expect(tell(record, { rule: "ms", deliveries, told, damagedSince: "2026-03-09T00:00:00.000Z" })).toEqual([
      `admitted ${createdAt} Taken in, sent by dync 1`,
      'rule - Taken by the rule "ms", as rules are now',
      "added - Hooks added to its metadata: project",
      `resumed ${resumedAt} Gone on with after a pause, for the 2nd time`,
      `complete ${receivedAt} All of it had come, and has the SHA-256 that its client told`,
      `stored ${storedAt} Stored as /srv/anna/run.raw`,
      "receipt - A signed receipt goes to its client with the confirmation, and again when it asks",
      'told 2026-03-01T01:00:02.000Z The hook "lims" was told',
      `amended ${amendedAt} Its metadata were amended last; those of before lie beside them`,
      'told 2026-03-06T00:00:00.000Z The hook "elab" was told, at the 3rd attempt',
      `hook ${storedAt} The hook "index" is to be told since then: failed 2 times, tried next in 12:05 min: ended with status 3`,
      `hook ${storedAt} The hook "mail" is to be told since then: it is its turn`,
      `hook ${storedAt} The hook "old" is to be told since then: failed once, no such hook is configured: it is down`,
      `hook ${storedAt} The hook "web" is to be told since then: being told now`,
      "damaged 2026-03-09T00:00:00.000Z Read again, and found damaged or missing",
    ]);
  });

  test("claims no time at which it was stored, and no pauses, where an earlier version did not keep them", async () => {
    const earlier = { ...finished, storedAt: null, resumes: null, updatedAt: storedAt, fence: 7 };
    const stored = async (record: Partial<UploadRecord>, published: StoryFacts["published"]) =>
      tell(await recordWith({ ...earlier, ...record }), { published }).slice(2);
    // It was not changed since then.
    expect(await stored({}, {})).toEqual([`stored ${storedAt} Stored as /srv/anna/run.raw`]);
    // Who knows?
    expect(await stored({}, null)).toEqual(["stored - Stored as /srv/anna/run.raw"]);
    expect(await stored({ updatedAt: amendedAt }, { amended: amendedAt })).toEqual([
      "stored - Stored as /srv/anna/run.raw",
      `amended ${amendedAt} Its metadata were amended last; those of before lie beside them`,
    ]);
    const open = await recordWith({ ...plain, resumes: null, resumedAt, fence: 7 });
    expect(tell(open)).toEqual([
      `admitted ${createdAt} Taken in`,
      `resumed ${resumedAt} Last gone on with after a pause`,
    ]);
  });

  test("of one whose record was made anew claims neither when it began nor when it was stored", async () => {
    const anew = { ...finished, storedAt: null, createdAt: receivedAt, updatedAt: receivedAt, fence: 0 };
    expect(tell(await recordWith(anew))).toEqual([
      "admitted - Taken in",
      `complete ${receivedAt} All of it had come, and has the SHA-256 that its client told`,
      "stored - Stored as /srv/anna/run.raw",
    ]);
  });

  test("of one that was held and released claims no pause, and says when that was", async () => {
    const releasedAt = "2026-03-01T01:00:00.500Z";
    expect(tell(await recordWith({ ...finished, releasedAt, fence: 3 }))).toEqual([
      `admitted ${createdAt} Taken in`,
      `complete ${receivedAt} All of it had come, and has the SHA-256 that its client told`,
      `amended ${releasedAt} Its metadata were put right, for want of which it was held`,
      `stored ${storedAt} Stored as /srv/anna/run.raw`,
    ]);
  });

  test("of one whose bytes did not survive says that not all of it is there", async () => {
    expect(tell(await recordWith({ ...plain, receivedAt }))).toEqual([
      `admitted ${createdAt} Taken in`,
      `complete ${receivedAt} All of it had come, and did not survive whole: its client sends the rest again`,
    ]);
  });

  test("says of a receipt what is known of it", async () => {
    const [asked, open] = [{ wantsReceipt: true }, { ...plain, wantsReceipt: true }];
    const last = async (record: Partial<UploadRecord>, hasReceipt: boolean) =>
      tell(await recordWith(record), { hasReceipt }).at(-1);
    expect(await last(open, true)).toBe("receipt - Its client wants a signed receipt");
    expect(await last({ ...finished, ...asked }, false)).toBe(
      "receipt - Its client wants a signed receipt, and this server cannot give one",
    );
  });

  test("of one that was held, and of one that failed", async () => {
    const held = await recordWith({
      createdAt,
      held: "No sample",
      client: null,
      origin: null,
      size: 5,
      wantsReceipt: false,
    });
    expect(tell(held)).toEqual([
      `admitted ${createdAt} Taken in`,
      `held ${createdAt} Held until its metadata are put right: No sample`,
    ]);
    const failed = await recordWith({
      ...{
        createdAt,
        updatedAt: storedAt,
        state: "failed",
        errorCode: 460,
        reason: "The checksum is another one",
      },
      ...{ client: null, origin: null, size: null, wantsReceipt: false },
    });
    expect(tell(failed)).toEqual([
      `admitted ${createdAt} Taken in, of a size that was not known`,
      expect.stringMatching(
        /^failed 2026-03-01T01:00:01.000Z Ended without being stored \([a-z-]+\): The checksum is another one$/,
      ),
    ]);
  });
});
