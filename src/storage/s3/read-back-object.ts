// Reads again what was published in the object store, and tells what is not as it was stored. Changes nothing.

import { createHash } from "node:crypto";
import { contentName, type Destination, pathOf } from "../../upload/destination.ts";
import { checksumSuffix, metadataSuffix } from "../../upload/names.ts";
import { checksumText, parseSidecar } from "../../upload/sidecar.ts";
import { saysTheSame } from "../read-back.ts";
import type { Flaw, Reading, StoredAs } from "../storage.ts";
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
  const text = (await client.read(metadata, soon))?.bytes.toString("utf8") ?? null;
  const sidecar = text === null ? null : parseSidecar(text);
  const other = sidecar !== null && sidecar.id !== stored.id ? sidecar.id : null;
  if (there === null || other !== null) {
    const reason = other === null ? "it is not there" : `the upload ${other} has its name now`;
    await reading.flaw({ kind: "missing", path, reason });
    return false;
  }
  const tell = async (kind: Flaw["kind"], beside: string, reason: string): Promise<void> =>
    await reading.flaw({ kind, path: path + beside, reason });
  if (text === null) await tell("missing", metadataSuffix, "it is not there");
  else if (!saysTheSame(sidecar, stored)) await tell("damaged", metadataSuffix, "it says something else");
  const sha256 = await readAll(home, content, there.size, reading);
  if (stored.size !== null && there.size !== stored.size)
    await tell("damaged", "", `it has ${there.size} bytes, stored were ${stored.size}`);
  else if (sha256 !== stored.sha256) await tell("damaged", "", "its content is another one");
  const beside = (await client.read(checksum, soon))?.bytes.toString("utf8") ?? null;
  if (beside === null) await tell("missing", checksumSuffix, "it is not there");
  else if (beside !== checksumText(stored.sha256, contentName(destination)))
    await tell("damaged", checksumSuffix, "it says something else");
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
