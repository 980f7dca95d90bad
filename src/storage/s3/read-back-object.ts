// Reads again what was published in the object store, and tells what is not as it was stored. Changes nothing.

import { type Destination, pathOf } from "../../upload/destination.ts";
import { judgeChecksum, judgeDescription } from "../read-back.ts";
import type { Reading, StoredAs } from "../storage.ts";
import { readBackMembers } from "./dataset/read-back-members.ts";
import { type S3Home, soon } from "./home.ts";
import { readAll } from "./read-all.ts";

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
  const textAt = async (key: string): Promise<string | null> =>
    (await client.read(key, soon))?.bytes.toString("utf8") ?? null;
  const text = await textAt(metadata);
  if (stored.form !== "file") return await readBackMembers(home, destination, { stored, text }, reading);
  const there = await client.head(content, soon);
  const found = { path, isThere: there !== null, text };
  if (!(await judgeDescription(found, stored, reading)) || there === null) return false;
  const sha256 = (await readAll(home, content, there.size, reading)).toString("hex");
  const damaged = async (reason: string): Promise<void> =>
    await reading.flaw({ kind: "damaged", path, reason });
  if (stored.size !== null && there.size !== stored.size)
    await damaged(`it has ${there.size} bytes, stored were ${stored.size}`);
  else if (sha256 !== stored.sha256) await damaged("its content is another one");
  await judgeChecksum(await textAt(checksum), destination, stored.sha256, reading);
  return true;
}
