// A dataset in the object store as something to read again: its files are what has a key below it.

import { type Destination, pathOf } from "../../../upload/destination.ts";
import { type ReadableDataset, readBackDataset } from "../../dataset/read-back-dataset.ts";
import { linesIn, type Read } from "../../file-reading.ts";
import { judgeDescription } from "../../read-back.ts";
import type { Reading, StoredAs } from "../../storage.ts";
import { type S3Home, soon } from "../home.ts";
import { readAll } from "../read-all.ts";

// Two requests for each, of which a gateway answers many at once; uploads have most of those that may be under way.
const readsAtOnce = 8;

/** What was stored of it, and the text beside it, `null`: it is not there. */
interface Described {
  readonly stored: StoredAs;
  readonly text: string | null;
}

/** As `Storage.readBack`, of a dataset. */
export async function readBackMembers(
  home: S3Home,
  destination: Destination,
  { stored, text }: Described,
  reading: Reading,
): Promise<boolean> {
  const path = pathOf(destination);
  const found = { path, isThere: text !== null || (await hasMembers(home, destination)), text };
  if (!(await judgeDescription(found, stored, reading))) return false;
  await readBackDataset(datasetInStore(home, destination, reading), destination, stored, reading);
  return true;
}

// A dataset without files has none.
async function hasMembers({ client, keys }: S3Home, destination: Destination): Promise<boolean> {
  for await (const _ of client.list(keys.members(destination), soon)) return true;
  return false;
}

function datasetInStore(home: S3Home, destination: Destination, reading: Reading): ReadableDataset {
  const { client, keys } = home;
  const root = keys.members(destination);
  const linesOf = async (key: string): Promise<AsyncIterable<string> | null> => {
    const pieces = await client.open(key, 0, soon);
    return pieces === null ? null : linesIn(pieces);
  };
  const read = async (path: string, signal: AbortSignal): Promise<Read> => {
    const patience = { ...soon, signal };
    const there = await client.head(root + path, patience);
    if (there === null) return null;
    const pace = async (bytes: number): Promise<void> => {
      await reading.pace(bytes);
      signal.throwIfAborted();
    };
    return { sha256: await readAll(home, root + path, there.size, { pace }), bytes: there.size };
  };
  return {
    readsAtOnce,
    list: () => linesOf(keys.of(destination).checksum),
    linesOf: (path) => linesOf(root + path),
    read,
    paths: async function* (inside) {
      for await (const { key } of client.list(root + inside, soon))
        yield key.slice(root.length + inside.length);
    },
    names: () => client.names(root, soon),
  };
}
