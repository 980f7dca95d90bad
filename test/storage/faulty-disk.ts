// Run by faults.test.ts as a program of its own, under `strace`, which makes its system calls fail: writes an
// upload as the server does, cuts back and goes on after each failure, publishes it, and says how it went.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { DyncError } from "../../src/base/error.ts";
import { FilesystemStorage } from "../../src/storage/filesystem.ts";
import { publishedFiles } from "../../src/storage/published.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { bytesOf, descriptionOf, idOf, sinkOptions } from "./contract.ts";

// strace counts calls for each thread: a call that fails once fails once in every thread of the pool.
const attemptsMax = 500;

const folder = process.argv[2] as string;
const content = bytesOf(Array.from({ length: 4000 }, (_, index) => `${index}`).join(" "));
const storage = await FilesystemStorage.open({
  folder,
  clock: systemClock,
  log: silentLogger,
  ...sinkOptions,
});
const partial = await storage.create(idOf(1), "file");
const errors = new Set<string>();
let durable = 0;

while (durable < content.length) {
  await untilDone(async () => {
    await partial.append(content.subarray(durable, durable + 5000));
    await partial.sync();
    durable = partial.length;
  });
}
const stored = new Uint8Array(content.length);
await untilDone(() => partial.read(0, stored));
await untilDone(() =>
  partial.publish({ folder: "anna", name: "a" }, descriptionOf(idOf(1), "anna", "a", content)),
);
await storage.close();
let published = 0;
for await (const _file of publishedFiles(folder, silentLogger)) published++;
process.stdout.write(
  JSON.stringify({
    isWhole: Buffer.compare(stored, content) === 0,
    errors: [...errors].sort(),
    published,
    partials: readdirSync(join(stateFolder(folder), "partial")),
  }),
);

async function untilDone(attempt: () => Promise<unknown>): Promise<void> {
  for (let count = 0; count < attemptsMax; count++) {
    if (count > 0 && !(await succeeds(() => partial.truncate(durable)))) continue;
    if (await succeeds(attempt)) return;
  }
  throw new Error("It never worked");
}

async function succeeds(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (!(error instanceof DyncError)) throw error;
    errors.add(error.code);
    return false;
  }
}
