// The files of a dataset that is on its way, where each is synced by itself: a sync and what comes next run beside each other.

import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { partsOf, Tree } from "../../src/storage/dataset/tree.ts";
import { plainSha256 } from "../../src/storage/sha256/sha256.ts";
import { tempFolder } from "../support/temp-folder.ts";

// Where syncs take no time, the one that is asked for first may be the last.
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

test("a file that ends while it is synced is closed when that is done", async () => {
  await using temp = await tempFolder(memory);
  const parts = partsOf(temp.path, "plain");
  mkdirSync(parts.content);
  const tree = new Tree(parts, { syncsEach: true, sha256: plainSha256, onTimeRefused: () => {} });
  const bytes = new Uint8Array(1000);
  const filesMax = 3000;
  for (let number = 0; number < filesMax; number++) {
    const file = {
      ...{ path: `file-${number}`, number, size: 2 * bytes.length },
      ...{ modified: null, executable: false },
    };
    await tree.begin(file, null);
    await tree.write(bytes);
    const syncing = tree.sync();
    await tree.write(bytes);
    // The number of a closed descriptor goes to whatever is opened next.
    const [ended, synced] = await Promise.allSettled([tree.end(), syncing]);
    expect([ended.status, synced]).toEqual(["fulfilled", { status: "fulfilled", value: undefined }]);
  }
  expect(readdirSync(parts.content)).toHaveLength(filesMax);
});
