// Where an upload goes whose place is taken, by what its rule says.

import { describe, expect, test } from "bun:test";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { readPathTemplate } from "../../src/rules/path-template.ts";
import { defaultTerms, type Terms } from "../../src/rules/upload-rules.ts";
import { type AdmissionRequest, admit } from "../../src/server/admission.ts";
import { finishUpload } from "../../src/server/publisher.ts";
import { Room } from "../../src/server/room.ts";
import { UploadJournal } from "../../src/server/upload-journal.ts";
import { destinationOf, pathOf } from "../../src/upload/destination.ts";
import { owner } from "../catalogue/contract.ts";
import { bytesOf, codeOf, idOf } from "../storage/contract.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { MemoryStorage } from "../support/memory/storage.ts";

import { noEvents, RecoveryWorld, sha256 } from "./recovery-world.ts";

const waits = async (): Promise<void> => {
  throw new Error("somebody waits");
};

function worldOf(terms: Partial<Terms>) {
  const [storage, catalogue] = [new MemoryStorage(), new MemoryCatalogue()];
  const { clock, logger } = new RecoveryWorld();
  const uploads = [{ name: "all", terms: { ...defaultTerms, ...terms } }];
  const rulesOf = () => ({ ...defaultUserRules, uploads });
  const parts = { clock, logger, rulesOf, isActive: () => false };
  const world = { ...parts, storage, catalogue, room: new Room(storage), owner };
  let number = 0;
  const begin = async (
    change: Partial<AdmissionRequest> & { readonly client?: string | null } = {},
    name = "a.raw",
  ) => {
    const { client = "dync 1", ...request } = change;
    const info = { size: 5, ...(client === null ? {} : { client }) };
    const post = { name, metadataText: '{"sample":"A1","w":{"n":7}}', info };
    const id = idOf(++number);
    const key = {
      id,
      identity: `8${number}`,
      user: "anna",
      origin: "key-1",
      createdAt: "2026-01-02T03:04:05.000Z",
    };
    const { hold, place, sink } = await admit({ ...key, post, ...request }, noEvents, waits, world);
    return { id, hold, sink, path: pathOf(destinationOf({ user: "anna", name, place })), post };
  };
  const finish = async ({ id, hold, sink }: Awaited<ReturnType<typeof begin>>, text = "bytes") => {
    const chunk = { offset: 0, data: bytesOf(text), release() {} };
    sink.write(chunk);
    while (sink.length < text.length) await new Promise<void>((resolve) => setImmediate(resolve));
    const record = await catalogue.get(id);
    if (record === null) throw new Error("there is no record");
    const journal = new UploadJournal(hold, null, { upload: id }, world);
    const metadataText = (await catalogue.metadataOf(id)) ?? "";
    const upload = { ...record, metadataText, size: text.length, receivedAt: "2026-01-02T03:04:06.000Z" };
    return await finishUpload(upload, Buffer.from(sha256(text), "hex"), sink, journal);
  };
  const stored = () => storage.published().map(pathOf).sort();
  return { begin, finish, stored, catalogue, storage };
}

test("a rule's path is made of who sends what, and stays in the record", async () => {
  const { begin, finish, stored, catalogue } = worldOf({
    path: readPathTemplate("ms/{meta.w.n}/{user}-{name}"),
  });
  const upload = await begin();
  expect((await catalogue.get(upload.id))?.place).toEqual({ folder: "ms/7", name: "anna-a.raw" });
  expect(await finish(upload)).toMatchObject({ type: "finished" });
  expect(stored()).toEqual(["ms/7/anna-a.raw"]);
});

describe("with a number", () => {
  test("each of a thousand files of one name gets a name of its own", async () => {
    const { begin, finish, stored } = worldOf({ existing: "number" });
    for (let count = 0; count < 1000; count++)
      expect(await finish(await begin())).toMatchObject({ type: "finished" });
    const names = Array.from({ length: 999 }, (_, index) => `anna/a-${index + 2}.raw`);
    expect(stored()).toEqual(["anna/a.raw", ...names].sort());
  });

  test("what other users have under way is numbered past; what the same key has is waited for", async () => {
    const { begin } = worldOf({ existing: "number", path: readPathTemplate("all/{name}") });
    const first = await begin();
    expect(first.path).toBe("all/a.raw");
    const others = await Promise.all(
      ["bert", "carl", "dora"].map((user) => begin({ user, origin: `key-${user}` })),
    );
    expect(others.map(({ path }) => path).sort()).toEqual(["all/a-2.raw", "all/a-3.raw", "all/a-4.raw"]);
    expect(begin()).rejects.toThrow("somebody waits");
  });
});

describe("a name of which only the claim is to be seen", () => {
  const claimed = (id: string) => ({ file: "a.raw.meta.json", published: null, claimedBy: id });

  test("is waited for while its file is being published elsewhere", async () => {
    const { begin, storage, catalogue } = worldOf({});
    const first = await begin();
    await catalogue.change(first.hold, {
      verb: "begin-publish",
      ...{ sha256: "00", content: "00" },
      ...{ receivedAt: "2026-01-02", at: "2026-01-02" },
    });
    storage.obstacle = async () => claimed(first.id);
    expect(begin()).rejects.toThrow("somebody waits");
  });

  test("is looked at again when it is published by then, and is taken where it stays so", async () => {
    const { begin, finish, storage } = worldOf({});
    const first = await begin();
    await finish(first);
    const obstacle = storage.obstacle.bind(storage);
    storage.obstacle = async () => {
      storage.obstacle = obstacle;
      return claimed(first.id);
    };
    const published = await begin().catch((error: unknown) => error);
    expect(published).toMatchObject({ code: "name-taken", obstacle: { published: { id: first.id } } });
    storage.obstacle = async () => claimed(first.id);
    expect(await codeOf(begin())).toBe("name-taken");
    storage.obstacle = async () => claimed(idOf(99));
    expect(await codeOf(begin())).toBe("name-taken");
  });
});

describe("where the same counts as stored", () => {
  test("a client that cannot compare sends it, and is told that it is stored", async () => {
    const { begin, finish, stored, catalogue } = worldOf({ existing: "identical" });
    await finish(await begin());
    const again = await begin({ client: null });
    expect(await finish(again)).toMatchObject({ type: "finished" });
    expect((await catalogue.get(again.id))?.state).toBe("finished");
    expect(stored()).toEqual(["anna/a.raw"]);
    // It is something else after all.
    expect(await finish(await begin({ client: null }), "other")).toMatchObject({ code: 409, keep: false });
    expect(stored()).toEqual(["anna/a.raw"]);
  });

  test("a client that can compare is told what is there, and other users are not", async () => {
    const { begin, finish } = worldOf({ existing: "identical", path: readPathTemplate("all/{name}") });
    await finish(await begin());
    expect(await codeOf(begin())).toBe("name-taken");
    expect(await codeOf(begin({ user: "bert", client: null }))).toBe("name-taken");
  });
});
