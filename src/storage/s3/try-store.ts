// Whether the object store can be used, found out at the start and not by the first upload.

import { randomUUID } from "node:crypto";
import type { Logger } from "../../base/log.ts";
import type { ObjectStore } from "./client/s3-client.ts";
import type { Patience } from "./client/s3-request.ts";
import { soon } from "./home.ts";
import type { Keys } from "./keys.ts";

// Nobody has mended a certificate a moment later, and who starts a server looks on.
const atOnce: Patience = { ...soon, wantsTrust: true };

/** Writes, lists, reads and deletes an object of ours. Rejects with what the store says. */
export async function tryStore(client: ObjectStore, keys: Keys, log: Logger): Promise<void> {
  // Another server may do the same just now.
  const key = `${keys.prefix}.dync/probe-${randomUUID()}`;
  await client.put(key, [Buffer.from("dync-server was here\n")], { type: "text/plain" }, atOnce);
  await client.read(key, soon);
  await client.tryConditions(key, soon);
  for await (const _ of client.list(key, soon)) break;
  for await (const _ of client.multiparts(key, soon)) break;
  await client.remove(key, soon);
  const { isVersioned, isLocked } = await client.bucketKeeps(soon);
  if (isVersioned || isLocked)
    log.log("warn", "The bucket keeps what is deleted or overwritten in it", {
      ...{ versioning: isVersioned, lock: isLocked },
      hint: "have its rules delete old versions below .dync/, which dync-server writes and deletes all the time",
    });
}
