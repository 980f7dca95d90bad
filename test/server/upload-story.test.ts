// What became of an upload, as people read it.

import { describe, expect, test } from "bun:test";
import type { UploadRecord } from "../../src/catalogue/catalogue.ts";
import { storyOf } from "../../src/server/upload-story.ts";
import { admit, newUpload } from "../catalogue/contract.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";

const facts = { location: "/srv/anna/run.raw", rule: null, deliveries: [], damagedSince: null };

async function recordWith(more: Partial<UploadRecord>): Promise<UploadRecord> {
  const catalogue = new MemoryCatalogue();
  const { id } = await admit(catalogue, newUpload(1));
  return { ...(catalogue.peek(id) as UploadRecord), ...more };
}

const told = (record: UploadRecord, more: Partial<Parameters<typeof storyOf>[1]> = {}) =>
  storyOf(record, { ...facts, ...more }).map(({ kind, at, text }) => `${kind} ${at ?? "-"} ${text}`);

describe("the story of an upload", () => {
  const createdAt = "2026-03-01T00:00:00.000Z";
  const receivedAt = "2026-03-01T01:00:00.000Z";
  const updatedAt = "2026-03-01T01:00:01.000Z";

  test("of one that was cut, changed by hooks, stored, and found damaged later", async () => {
    const record = await recordWith({
      ...{
        createdAt,
        receivedAt,
        updatedAt,
        state: "finished",
        sha256: "ab",
        fence: 3,
        added: '["project"]',
      },
      ...{ client: "dync 1", origin: null, size: 5, wantsReceipt: true },
    });
    const delivery = {
      ...{ id: 1, hook: "index", upload: record.id, user: "anna", name: "run.raw", createdAt: updatedAt },
      ...{ attempts: 2, nextAt: Date.parse("2026-03-01T02:00:00Z"), error: "ended with status 3" },
    };
    const more = { rule: "ms", deliveries: [delivery], damagedSince: "2026-03-09T00:00:00.000Z" };
    expect(told(record, more)).toEqual([
      `admitted ${createdAt} Taken in, sent by dync 1`,
      'rule - Taken by the rule "ms", as rules are now',
      "added - Hooks added to its metadata: project",
      "resumed - Gone on with 2 times, after its client was away or the server started anew",
      `complete ${receivedAt} All of it had come, and has the SHA-256 that its client told`,
      `stored ${updatedAt} Stored as /srv/anna/run.raw`,
      "receipt - Its client got a signed receipt, or gets it when it asks again",
      'hook 2026-03-01T02:00:00.000Z The hook "index" is still to be told, failed 2 times: ended with status 3',
      "damaged 2026-03-09T00:00:00.000Z Read again, and found damaged or missing",
    ]);
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
    expect(told(held)).toEqual([
      `admitted ${createdAt} Taken in`,
      "held - Held until its metadata are put right: No sample",
    ]);
    const failed = await recordWith({
      ...{ createdAt, updatedAt, state: "failed", errorCode: 460, reason: "The checksum is another one" },
      ...{ client: null, origin: null, size: null, wantsReceipt: false },
    });
    expect(told(failed)).toEqual([
      `admitted ${createdAt} Taken in, of a size that was not known`,
      expect.stringMatching(
        /^failed 2026-03-01T01:00:01.000Z Ended without being stored \([a-z-]+\): The checksum is another one$/,
      ),
    ]);
  });
});
