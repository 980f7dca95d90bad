// A store that has no room for a part of an upload of which its client has sent everything, over a model of a store.

import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { S3Error } from "../../../src/storage/s3/client/s3-error.ts";
import { codeOf } from "../contract.ts";
import { tarBytes } from "../dataset-world.ts";
import { chunkBytes, ModelWorld, partBytes } from "./model-world.ts";
import { SentUpload } from "./sent-upload.ts";

const contents = {
  file: randomBytes(2 * partBytes + chunkBytes),
  plain: Buffer.from(tarBytes([["a", "a".repeat(partBytes / 2)]])),
};

for (const form of ["file", "plain"] as const) {
  test.each([
    ["has no room", "QuotaExceeded", "no-space"],
    ["did not keep it", "InternalError", "not-ready"],
  ])(`a store that %s for what came last: its client hears that (${form})`, async (_what, word, code) => {
    const world = new ModelWorld();
    const all = contents[form];
    const end = Promise.withResolvers<void>();
    const refuse = async () => {
      await end.promise;
      throw new S3Error(word === "InternalError" ? 500 : 403, word, "");
    };
    const storage = world.open(() => (form === "file" ? { putPart: refuse } : { store: refuse }));
    const upload = new SentUpload(1, all, all.length, storage.emptyNote, chunkBytes);
    const sink = await storage.begin(upload.id, form, upload, upload.prospect);
    await upload.send(sink, 0, all.length);
    const published = codeOf(upload.publish(sink));
    end.resolve();
    expect(await published).toBe(code);
    await sink.close();
    // There is room again.
    const next = await world.open().resume(upload.id, form, upload.note, upload, upload.prospect);
    upload.stored = next?.length ?? 0;
    upload.error = null;
    if (next === null) throw new Error("What its record tells of is there");
    await upload.send(next, next.length, all.length);
    await upload.publish(next);
    if (form === "file") world.expectWhole(upload);
    else expect(world.store.get("anna/1.raw/a")?.bytes.length).toBe(partBytes / 2);
  });
}
