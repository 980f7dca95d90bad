// Catalogues in SQLite that earlier versions made are taken over with all that is in them. The files are real ones.

import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { jsonDigest } from "../../src/base/json-digest.ts";
import { holdOf, type UploadRecord } from "../../src/catalogue/catalogue.ts";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { admit, newUpload, noBounds, owner, timeOf } from "./contract.ts";

test("a catalogue that the first version made is taken over with all that is in it", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  copyFileSync(join(import.meta.dir, "files", "version-1.sqlite"), file);
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  const [finished, suspended, failed] = await Promise.all(
    [
      "7eaf0bcdc9677f21b7e0c78c078cd2ae",
      "8a9d1d237531ade9ea2fc5d1215c3eb2",
      "1496aeb235b25cde80a8034179ef7ea8",
    ].map((id) => catalogue.get(id)),
  );
  expect(finished).toMatchObject({ user: "meyer", name: "one.raw", state: "finished", size: 5000 });
  expect(finished).toMatchObject({
    origin: null,
    modified: null,
    metadataDigest: jsonDigest('{"sample":"S-17","note":"Größe \\"1\\""}'),
  });
  expect(await catalogue.metadataOf(suspended?.id ?? "")).toBe('{"sample":"S-18"}');
  const again = newUpload(1, { user: "meyer", name: "half run.raw" });
  expect(await catalogue.admit(again, owner, noBounds)).toEqual({
    type: "name-taken",
    holders: [suspended as UploadRecord],
  });
  expect(suspended).toMatchObject({ name: "Half Run.raw", state: "open", durable: 5_242_880, size: null });
  expect(failed).toMatchObject({ name: "cancelled.raw", state: "failed", errorCode: 499 });
  expect(await catalogue.find("ee2e3122e1dcb8931eec73b643859b4f", "meyer", "any key")).toEqual(
    suspended as UploadRecord,
  );
  catalogue.close();
});

test("a catalogue of the version before datasets is taken over: all that it knows are files, and one that comes is a dataset", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  copyFileSync(join(import.meta.dir, "files", "version-7.sqlite"), file);
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  const known = await Promise.all([1, 2, 3, 4].map((number) => catalogue.get(newUpload(number).id)));
  expect(known.map((record) => [record?.name, record?.state, record?.form])).toEqual([
    ["open.raw", "open", "file"],
    ["straße.raw", "publishing", "file"],
    ["done.raw", "finished", "file"],
    ["failed.raw", "failed", "file"],
  ]);
  expect(known[0]).toMatchObject({ durable: 700, mark: "boot-1", owner: owner.id, fence: 1 });
  // What was stored then is found by its content as well.
  const { user, sha256 } = known[2] as UploadRecord;
  expect(await catalogue.withContent(user, sha256 as string, "", 10)).toEqual([known[2] as UploadRecord]);
  expect(await catalogue.metadataOf(newUpload(1).id)).toBe('{"sample":"S-17","note":"Größe 1"}');
  await admit(catalogue, newUpload(9, { form: "bagit", name: "run" }));
  expect(await catalogue.get(newUpload(9).id)).toMatchObject({ form: "bagit", name: "run" });
  // A file and a dataset cannot have one name.
  expect(
    await catalogue.admit(newUpload(10, { form: "plain", name: "OPEN.raw" }), owner, noBounds),
  ).toMatchObject({
    type: "name-taken",
  });
  catalogue.close();
});

test("a catalogue of the version before owners is taken over: every verb works, and the newest of two has their name", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  copyFileSync(join(import.meta.dir, "files", "version-5.sqlite"), file);
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  const [older, newer, publishing, done] = [1, 2, 3, 4].map((it) => newUpload(it).id) as [
    string,
    string,
    string,
    string,
  ];
  expect(await catalogue.get(older)).toMatchObject({ state: "open", durable: 700, owner: null, fence: 0 });
  const attempt = await catalogue.admit(newUpload(9, { name: "RUN.raw" }), owner, noBounds);
  expect(attempt).toMatchObject({ type: "name-taken", holders: [{ id: newer }] });
  const seen = { id: newer, fence: 0, owner };
  expect(
    await catalogue.change(seen, { verb: "fail", errorCode: 409, reason: "Replaced", at: timeOf(20) }),
  ).toBe(true);
  // What the older one had of it went to the newer one, as it would have gone when that came.
  const admitted = await admit(catalogue, newUpload(9, { name: "RUN.raw" }));
  await catalogue.withdraw(admitted);
  const taken = await catalogue.take(older, owner);
  expect(taken).toMatchObject({
    type: "taken",
    hold: { fence: 1 },
    record: { durable: 700, mark: "boot-1" },
  });
  expect(await catalogue.metadataOf(older)).toBe('{"sample":"first","note":"Größe \\"1\\""}');
  const again = await catalogue.take(publishing, owner);
  if (again.type !== "taken") throw new Error("what was being published can be taken");
  expect(again.record).toMatchObject({
    user: "bert",
    name: "straße.raw",
    receivedAt: timeOf(13),
    size: null,
  });
  expect(
    await catalogue.admit(newUpload(8, { name: "STRASSE.raw", user: "bert" }), owner, noBounds),
  ).toMatchObject({
    type: "name-taken",
  });
  expect(await catalogue.change(again.hold, { verb: "finish", at: timeOf(21) })).toBe(true);
  await admit(catalogue, newUpload(8, { name: "STRASSE.raw", user: "bert" }));
  expect(await catalogue.take(done, owner)).toEqual({ type: "ended" });
  expect(await catalogue.find("aa", "anna", "key-1")).toMatchObject({ id: newUpload(5).id, state: "failed" });
  catalogue.close();
});

test("of what an earlier version left nobody claims to know when it was stored, or how often it was gone on with", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  copyFileSync(join(import.meta.dir, "files", "version-18.sqlite"), file);
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  const { uploads } = await catalogue.listPage({}, null, 10);
  const unknown = { storedAt: null, amendedAt: null, releasedAt: null, resumes: null, resumedAt: null };
  for (const { record } of uploads) expect(record).toMatchObject(unknown);
  const [stored, open] = (["finished", "open"] as const).map(
    (state) => uploads.find(({ record }) => record.state === state)?.record as UploadRecord,
  ) as [UploadRecord, UploadRecord];
  await catalogue.change(holdOf(stored, owner), { verb: "finish", at: timeOf(50) });
  expect(await catalogue.get(stored.id)).toMatchObject({ storedAt: null });
  const taken = await catalogue.take(open.id, owner);
  if (taken.type !== "taken") throw new Error("what is open can be taken");
  await catalogue.change(taken.hold, { verb: "resume", at: timeOf(51) });
  expect(await catalogue.get(open.id)).toMatchObject({ resumes: null, resumedAt: timeOf(51) });
  catalogue.close();
});
