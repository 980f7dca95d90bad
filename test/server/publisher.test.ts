// The end of an upload: what is compared, what is written down in which order, what a failure means.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { finishUpload } from "../../src/server/publisher.ts";
import { finishPublishing } from "../../src/server/recovery.ts";
import { UploadJournal } from "../../src/server/upload-journal.ts";
import { bytesOf, idOf, publishOne } from "../storage/contract.ts";
import { RecoveryWorld, recordedMetadata, sha256 } from "./recovery-world.ts";

const modified = "2020-01-02T03:04:05.678901234Z";

async function finishIn(world: RecoveryWorld, announced = sha256("content")) {
  world.record(1);
  const events = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };
  const sink = await world.storage.begin(idOf(1), "file", events);
  sink.write({ offset: 0, data: bytesOf("content"), release() {} });
  await new Promise<void>((resolve) => setImmediate(resolve));
  const upload = {
    id: idOf(1),
    identity: "81",
    user: "anna",
    name: "1.raw",
    place: null,
    metadataText: recordedMetadata,
    size: 7,
    modified,
    receivedAt: world.now(),
    client: "test 1",
  };
  const hold = { id: idOf(1), fence: 1, owner: world.owner };
  const journal = new UploadJournal(hold, null, { upload: idOf(1) }, world);
  return finishUpload(upload, Buffer.from(announced, "hex"), sink, journal);
}

test("a file whose checksum is right is published with its description, and recorded", async () => {
  const world = new RecoveryWorld();
  expect(await finishIn(world)).toMatchObject({
    type: "finished",
    published: { sha256: sha256("content"), contents: null },
  });
  const [file] = world.storage.published();
  expect(file).toMatchObject({ folder: "anna", name: "1.raw", sha256: sha256("content") });
  const described = JSON.parse(file?.metadataText ?? "");
  expect(described.sample).toBe("A1");
  expect(described._dync).toMatchObject({
    upload: idOf(1),
    user: "anna",
    size: 7,
    modified,
    client: "test 1",
  });
  expect(file?.modified).toBe(modified);
  expect(world.stateOf(1)).toMatchObject({ state: "finished", sha256: sha256("content") });
});

test("a file whose checksum is wrong is not published, and is not to be kept", async () => {
  const world = new RecoveryWorld();
  const result = await finishIn(world, sha256("other"));
  expect(result).toMatchObject({ type: "storage-failed", code: 460, keep: false });
  expect(world.storage.published()).toEqual([]);
  expect(world.stateOf(1).state).toBe("open");
});

test("that it is being published is recorded before anything can be seen of it", async () => {
  const world = new RecoveryWorld();
  const states: string[] = [];
  world.failures.get = (type) => {
    if (type === "publish" || type === "show") states.push(`${type} ${world.stateOf(1).state}`);
    return undefined;
  };
  await finishIn(world);
  expect(states).toEqual(["publish publishing", "show publishing"]);
});

test("an end that could not be recorded is asked for again: the file is there, and stays", async () => {
  const world = new RecoveryWorld();
  const { change } = world.catalogue;
  world.catalogue.change = async (hold, what) => {
    if (what.verb === "finish") throw new DyncError("no-space", "No space left for the catalogue");
    return change.call(world.catalogue, hold, what);
  };
  expect(await finishIn(world)).toMatchObject({ type: "storage-failed", code: 503, keep: true });
  expect(world.storage.published()).toHaveLength(1);
  expect(world.stateOf(1).state).toBe("publishing");
  world.catalogue.change = change;
  await finishPublishing(idOf(1), world);
  expect(world.stateOf(1).state).toBe("finished");
  expect(world.storage.published()).toHaveLength(1);
});

test("an upload that another server takes while it is published is not called finished by this one", async () => {
  const world = new RecoveryWorld();
  const publish = world.failures.get.bind(world.failures);
  world.failures.get = (type) => {
    if (type === "show") void world.catalogue.take(idOf(1), { id: "server-2", leaseMs: 0 });
    return publish(type);
  };
  expect(await finishIn(world)).toMatchObject({ type: "storage-failed", code: 503, keep: true });
  expect(world.stateOf(1)).toMatchObject({ state: "publishing", owner: "server-2" });
});

test("what was interrupted is finished by another process with the same description, to the letter", async () => {
  const [whole, interrupted] = [new RecoveryWorld(), new RecoveryWorld()];
  await finishIn(whole);
  interrupted.failures.set("publish", new DyncError("not-ready", "Killed"));
  await finishIn(interrupted);
  interrupted.failures.clear();
  interrupted.clock.advance(3_600_000);
  await finishPublishing(idOf(1), interrupted);
  const [expected, found] = [whole, interrupted].map((world) => world.storage.published()[0]?.metadataText);
  expect(expected).toContain('"client": "test 1"');
  expect(found).toBe(expected as string);
});

describe("a failure to publish", () => {
  test("because the name was taken meanwhile ends the upload", async () => {
    const world = new RecoveryWorld();
    await publishOne(world.storage, 2, "anna", "1.raw", "first");
    expect(await finishIn(world)).toMatchObject({ type: "storage-failed", code: 409, keep: false });
    expect(world.storage.published()).toHaveLength(1);
  });

  test("for lack of space keeps what arrived", async () => {
    const world = new RecoveryWorld();
    world.failures.set("publish", new DyncError("no-space", "No space left"));
    expect(await finishIn(world)).toMatchObject({ type: "storage-failed", code: 507, keep: true });
    expect(await world.partials()).toEqual([idOf(1)]);
  });

  test("that only somebody can mend is final, says so, and keeps what arrived", async () => {
    const world = new RecoveryWorld();
    world.failures.set("publish", new DyncError("internal", "The folder is read-only", { hint: "mount it" }));
    const result = await finishIn(world);
    expect(result).toMatchObject({
      type: "storage-failed",
      code: 500,
      text: "The folder is read-only",
      keep: true,
    });
    expect(world.log.at(-1)).toMatchObject({ level: "error", fields: { hint: "mount it" } });
    expect(world.stateOf(1).state).toBe("publishing");
    expect(await world.partials()).toEqual([idOf(1)]);
  });

  test("for a reason of our own says nothing about the server's insides", async () => {
    const world = new RecoveryWorld();
    world.failures.set("publish", new Error("EIO"));
    const result = await finishIn(world);
    expect(result).toMatchObject({ type: "storage-failed", code: 500, keep: true });
    expect(JSON.stringify(result)).not.toContain("EIO");
    expect(world.log.at(-1)).toMatchObject({ level: "error", fields: { reason: "EIO" } });
  });

  test("because the bytes were not made durable keeps what arrived, and the client shall ask again", async () => {
    const world = new RecoveryWorld();
    world.failures.set("sync", new DyncError("internal", "The disk reports an error"));
    expect(await finishIn(world)).toMatchObject({ type: "storage-failed", code: 503, keep: true });
    expect(world.stateOf(1).state).toBe("publishing");
  });
});
