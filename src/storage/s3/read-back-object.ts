// Reads again what was published in the object store, and tells what is not as it was stored. Changes nothing.

import { createHash } from "node:crypto";
import { type Destination, pathOf } from "../../upload/destination.ts";
import { judgeChecksum, judgeDescription } from "../read-back.ts";
import type { Reading, StoredAs } from "../storage.ts";
import { NoAnswer } from "./client/s3-error.ts";
import { type S3Home, soon } from "./home.ts";

// A store that is away for a moment need not have all of a large object read again from its start.
const triesMax = 5;

/** As `Storage.readBack`. Rejects where the store does not answer: then nothing is missing. */
export async function readBackObject(
  home: S3Home,
  destination: Destination,
  stored: StoredAs,
  reading: Reading,
): Promise<boolean> {
  const { client, keys } = home;
  const path = pathOf(destination);
  const { content, metadata, checksum } = keys.of(destination);
  const there = await client.head(content, soon);
  const textAt = async (key: string): Promise<string | null> =>
    (await client.read(key, soon))?.bytes.toString("utf8") ?? null;
  const found = { path, isThere: there !== null, text: await textAt(metadata) };
  if (!(await judgeDescription(found, stored, reading)) || there === null) return false;
  const sha256 = await readAll(home, content, there.size, reading);
  const damaged = async (reason: string): Promise<void> =>
    await reading.flaw({ kind: "damaged", path, reason });
  if (stored.size !== null && there.size !== stored.size)
    await damaged(`it has ${there.size} bytes, stored were ${stored.size}`);
  else if (sha256 !== stored.sha256) await damaged("its content is another one");
  await judgeChecksum(await textAt(checksum), destination, stored.sha256, reading);
  return true;
}

async function readAll({ client }: S3Home, key: string, size: number, { pace }: Reading): Promise<string> {
  const hash = createHash("sha256");
  let bytes = 0;
  for (let times = 1; bytes < size; times++) {
    try {
      for await (const piece of (await client.open(key, bytes, soon)) ?? []) {
        await pace(piece.length);
        hash.update(piece);
        bytes += piece.length;
      }
      if (bytes < size) throw new NoAnswer(`${bytes} of ${size} bytes came`);
    } catch (error) {
      if (!(error instanceof NoAnswer) || times >= triesMax) throw error;
    }
  }
  return hash.digest("hex");
}
