// The storage in an object store: the contract, on Ceph's own gateway.

import { afterAll, beforeAll, describe } from "bun:test";
import { type Ceph, cephMissing, startCeph } from "../../support/ceph.ts";
import { storageContract } from "../contract.ts";
import { Bucket } from "./s3-world.ts";

describe.skipIf(cephMissing !== null)(`the storage in Ceph (${cephMissing ?? "16"})`, () => {
  let ceph: Ceph;
  beforeAll(async () => {
    ceph = await startCeph();
  });
  afterAll(async () => await ceph?.[Symbol.asyncDispose]());

  storageContract("S3", async () => {
    const bucket = await Bucket.make(ceph);
    const storage = await bucket.open();
    return { storage, reopen: () => bucket.open(), [Symbol.asyncDispose]: () => storage.close() };
  });
});
