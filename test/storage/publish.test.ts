// Publishing is cut off after every step, as a crash would: whatever was done, nothing half-done can be seen as
// finished, and the next process completes it, or gives it up without a trace.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PublishParts, publishSteps } from "../../src/storage/publish.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { bytesOf, codeOf, descriptionOf, idOf, publishOne } from "./contract.ts";
import { openStorage } from "./open-storage.ts";
import { cutsOf, partsOf } from "./publish-parts.ts";

const content = bytesOf("the content");
const destination = { folder: "anna", name: "run.raw" };
const published = ["run.raw", "run.raw.meta.json", "run.raw.sha256"];

for (const hasLinks of [true, false]) {
  const steps = stepsOf(partsOf("/", hasLinks));
  const cuts = cutsOf(steps);

  describe(`publishing ${hasLinks ? "with" : "without"} hard links, cut off`, () => {
    test.each(cuts)(
      "%s shows no data that is not described, and is completed by the next process",
      async (_name, count) => {
        await using cut = await cutOff(count, hasLinks);
        const storage = await cut.open();
        const partial = await storage.open(idOf(1));
        if (partial === null) {
          // Published already; the server sees it by what is there.
          expect(await storage.isPublished(idOf(1), destination, description().sha256)).toBe(true);
        } else {
          expect(partial.length).toBe(content.length);
          await partial.publish(destination, description());
        }
        cut.expectPublished();
        expect(cut.partials()).toEqual([]);
        expect(await storage.isPublished(idOf(1), destination, description().sha256)).toBe(true);
        await storage.close();
      },
    );

    test.each(cuts)(
      "%s and then given up leaves nothing, unless it was shown already",
      async (_name, count) => {
        await using cut = await cutOff(count, hasLinks);
        const wasShown = cut.files().includes("run.raw");
        const storage = await cut.open();
        const partial = await storage.open(idOf(1));
        await partial?.discard();
        if (wasShown) cut.expectPublished();
        else expect(cut.files()).toEqual([]);
        expect(cut.partials()).toEqual([]);
        await storage.close();
      },
    );

    test.each(cuts)(
      "%s, and the name is another's by then: that one stays, ours leaves nothing",
      async (_name, count) => {
        await using cut = await cutOff(count, hasLinks);
        const storage = await cut.open();
        const partial = await storage.open(idOf(1));
        if (partial === null || cut.files().length > 0) {
          // The name was claimed: it is the other one that is refused.
          expect(await storage.obstacle(destination)).not.toBeNull();
          expect(await codeOf(publishOne(storage, 2, "anna", "RUN.raw", "other"))).toBe("name-taken");
          await partial?.publish(destination, description());
          cut.expectPublished();
        } else {
          await publishOne(storage, 2, "anna", "run.raw", "other");
          expect(await codeOf(partial.publish(destination, description()))).toBe("name-taken");
          expect(readFileSync(join(cut.folder, "anna", "run.raw"), "utf8")).toBe("other");
          expect(cut.files()).toEqual(published);
          await partial.discard();
          expect(cut.files()).toEqual(published);
        }
        await storage.close();
      },
    );
  });
}

test("data that was shown can be published again, but neither cut nor extended", async () => {
  await using cut = await cutOff(6, true);
  const storage = await cut.open();
  const partial = await storage.open(idOf(1));
  expect(await codeOf(partial?.append(bytesOf("x")) as Promise<void>)).toBe("internal");
  expect(await codeOf(partial?.truncate(0) as Promise<void>)).toBe("internal");
  cut.expectPublished();
  await partial?.truncate(content.length);
  await partial?.publish(destination, description());
  cut.expectPublished();
  await storage.close();
});

test("a description that was written only in part is written again", async () => {
  for (const hasLinks of [true, false]) {
    // With links the description is whole before it gets its name; without, its name is there before it is whole.
    await using cut = await cutOff(hasLinks ? 2 : 4, hasLinks);
    writeFileSync(
      join(stateFolder(cut.folder), "partial", `${idOf(1)}.meta.json`),
      description().metadataText.slice(0, 9),
    );
    if (!hasLinks)
      writeFileSync(join(cut.folder, "anna", "run.raw.meta.json"), description().metadataText.slice(0, 9));
    const storage = await cut.open();
    await (await storage.open(idOf(1)))?.publish(destination, description());
    cut.expectPublished();
    await storage.close();
  }
});

function description() {
  return descriptionOf(idOf(1), destination.folder, destination.name, content);
}

function stepsOf(parts: PublishParts) {
  return publishSteps(parts, idOf(1), destination, description());
}

// A data folder in which publishing was stopped after `count` steps.
async function cutOff(count: number, hasLinks: boolean) {
  const temp = await tempFolder();
  const folder = temp.path;
  const open = () => openStorage(folder, { hasLinks });
  const storage = await open();
  const partial = await storage.create(idOf(1), "file");
  await partial.append(content);
  await partial.sync();
  await partial.close();
  for (const step of stepsOf(partsOf(folder, hasLinks)).slice(0, count)) await step.run();
  await storage.close();
  const files = () => (existsSync(join(folder, "anna")) ? readdirSync(join(folder, "anna")).sort() : []);
  const expectPublished = () => {
    expect(files()).toEqual(published);
    expect(readFileSync(join(folder, "anna", "run.raw"), "utf8")).toBe("the content");
    expect(readFileSync(join(folder, "anna", "run.raw.meta.json"), "utf8")).toBe(description().metadataText);
    expect(readFileSync(join(folder, "anna", "run.raw.sha256"), "utf8")).toBe(
      `${description().sha256}  run.raw\n`,
    );
  };
  if (files().includes("run.raw")) expectPublished();
  return {
    folder,
    files,
    expectPublished,
    open,
    partials: () => readdirSync(join(stateFolder(folder), "partial")),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}
