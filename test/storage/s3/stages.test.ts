// Where the time of an upload goes whose store is an object store, as `--profile` tells it.

import { afterEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { systemClock } from "../../../src/base/clock.ts";
import { countStages, Stages } from "../../../src/base/stages.ts";
import { tarBytes } from "../dataset-world.ts";
import { chunkBytes, ModelWorld, partBytes } from "./model-world.ts";
import { SentUpload } from "./sent-upload.ts";

afterEach(() => countStages(null));

test.each([
  ["a file of some parts", "file", randomBytes(3 * partBytes), 3],
  ["a file of less than a part", "file", randomBytes(10), 1],
  [
    "a dataset",
    "plain",
    Buffer.from(
      tarBytes([
        ["a", "a"],
        ["b", "b".repeat(2 * partBytes)],
      ]),
    ),
    3,
  ],
] as const)(
  "of %s, hashing and each request with content of it are told",
  async (_what, form, all, writes) => {
    const stages = new Stages(systemClock);
    countStages(stages);
    const world = new ModelWorld();
    const storage = world.open();
    const upload = new SentUpload(1, all, all.length, storage.emptyNote, chunkBytes);
    const sink = await storage.begin(upload.id, form, upload, upload.prospect);
    await upload.send(sink, 0, all.length);
    await upload.publish(sink);
    const { hash, write } = stages.table();
    expect(hash.count).toBeGreaterThan(0);
    expect(write.count).toBe(writes);
  },
);
