// A file in a folder as the dropboxes of openBIS want it: what lies there byte for byte, and that publishing it can be cut off after every
// step, as a crash would.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { PublishParts } from "../../src/storage/publish.ts";
import { dropboxSteps } from "../../src/storage/publish-dropbox.ts";
import { publishedFiles } from "../../src/storage/published.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import type { Destination } from "../../src/upload/destination.ts";
import { parseSidecar } from "../../src/upload/sidecar.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { bytesOf, codeOf, descriptionOf, idOf, publishOne } from "./contract.ts";
import { openStorage } from "./open-storage.ts";
import { cutsOf, partsOf } from "./publish-parts.ts";

const content = bytesOf("the content");
const name = "QJFDC010EU_run1.raw";
const original = "QJFDC010EU_run-1 (ä).raw";
const destination: Destination = { folder: "incoming/raw", name, manner: { marker: true, openbis: true } };
const described = () => descriptionOf(idOf(1), "anna", original, content, null, destination);
const marker = `.MARKER_is_finished_${name}`;
const published = [marker, name, `${name}.meta.json`, `${name}.sha256`];

for (const hasLinks of [true, false]) {
  const steps = stepsOf(partsOf("/", hasLinks));
  const cuts = cutsOf(steps);
  const names = steps.map((it) => it.name);

  describe(`publishing a dropbox ${hasLinks ? "with" : "without"} hard links, cut off`, () => {
    test.each(cuts)("%s is completed by the next process", async (_name, count) => {
      await using cut = await cutOff(count, hasLinks);
      const storage = await cut.open();
      const note = { durable: content.length, mark: storage.emptyNote.mark };
      const left = await storage.recover(idOf(1), note, destination, described().sha256);
      if (left.type === "complete") await left.sink.publish(destination, described());
      else expect(left).toEqual({ type: "published" });
      cut.expectPublished();
      // By an earlier process all may have been done, and its record not written.
      expect(cut.partials()).toEqual([]);
      expect(await storage.recover(idOf(1), note, destination, described().sha256)).toEqual({
        type: "published",
      });
      await storage.close();
    });

    test.each(cuts)("%s and then given up leaves nothing, unless it was shown", async (_name, count) => {
      await using cut = await cutOff(count, hasLinks);
      const wasShown = cut.files().includes(name);
      const storage = await cut.open();
      await storage.discard(idOf(1));
      if (wasShown) cut.expectFolder();
      else expect(cut.files()).toEqual([]);
      expect(cut.partials()).toEqual([]);
      await storage.close();
    });

    const notShown = cuts.slice(0, names.indexOf("show the dropbox") + 1);
    test.each(notShown)(
      "%s, and a folder of another program has the name: it stays",
      async (_name, count) => {
        await using cut = await cutOff(count, hasLinks);
        expect(cut.files()).not.toContain(name);
        const theirs = join(cut.folder, destination.folder, name);
        mkdirSync(theirs, { recursive: true });
        writeFileSync(join(theirs, "theirs"), "x");
        const storage = await cut.open();
        const partial = await storage.open(idOf(1));
        expect(await codeOf(partial?.publish(destination, described()) as Promise<void>)).toBe("name-taken");
        expect(cut.files()).toEqual([name]);
        expect(readdirSync(theirs)).toEqual(["theirs"]);
        await storage.discard(idOf(1));
        expect(cut.partials()).toEqual([]);
        await storage.close();
      },
    );
  });

  test(`a step that fails in mid-move loses no byte (links: ${hasLinks})`, async () => {
    // All is put together, and the folder was not moved: the data are where the process left them.
    const at = names.indexOf("show the dropbox");
    await using cut = await cutOff(at, hasLinks);
    const staged = join(cut.state, `${idOf(1)}.openbis`, name);
    if (!hasLinks) {
      renameSync(join(cut.state, idOf(1)), join(staged, name));
    }
    const storage = await cut.open();
    const note = { durable: content.length, mark: storage.emptyNote.mark };
    const left = await storage.recover(idOf(1), note, destination, described().sha256);
    expect(left.type).toBe("complete");
    if (left.type === "complete") await left.sink.publish(destination, described());
    cut.expectPublished();
    await storage.close();
  });
}

test("is found by what lies beside it, and by nothing else", async () => {
  await using cut = await cutOff(100, true);
  const storage = await cut.open();
  expect((await storage.obstacle(destination))?.published).toMatchObject({ id: idOf(1), user: "anna" });
  const found = await Array.fromAsync(publishedFiles(cut.folder, silentLogger));
  expect(found.map((it) => [it.id, it.name, it.place])).toEqual([
    [idOf(1), original, { folder: "incoming/raw", name, manner: { openbis: true } }],
  ]);
  expect(storage.pathOf(destination)).toBe(join(cut.folder, destination.folder, name, name));
  // Who takes the folder away takes the upload away.
  rmSync(join(cut.folder, destination.folder, name), { recursive: true });
  expect(await Array.fromAsync(publishedFiles(cut.folder, silentLogger))).toEqual([]);
  await storage.close();
});

test("one without a place of its own says so as well", () => {
  const place = { folder: "anna", name: "a.raw", manner: { openbis: true } } as const;
  const { metadataText } = descriptionOf(idOf(1), "anna", "a.raw", content, null, place);
  expect(JSON.parse(metadataText)._dync).toMatchObject({ layout: "openbis" });
  expect(JSON.parse(metadataText)._dync.path).toBeUndefined();
  expect(parseSidecar(metadataText)?.place).toEqual(place);
});

test("a plain file and a dropbox do not replace each other", async () => {
  await using cut = await cutOff(100, true);
  const storage = await cut.open();
  expect(await codeOf(publishOne(storage, 2, "incoming/raw", name, "other"))).toBe("name-taken");
  cut.expectPublished();
  await storage.close();
});

describe.skipIf(process.platform === "win32")("permissions", () => {
  const modes = (folder: string) =>
    [".", name, `${name}.sha256sum`, `${name}.origlabfilename`, "source_dropbox.txt"].map((it) =>
      (statSync(join(folder, it)).mode & 0o7777).toString(8),
    );

  test("of the folder are those of mkdtemp, of the files those of the umask", async () => {
    await using cut = await cutOff(100, true);
    expect(modes(join(cut.folder, destination.folder, name))).toEqual(["700", "640", "640", "640", "640"]);
  });

  test("are as the rule wants them", async () => {
    const manner = { ...destination.manner, mode: 0o660 };
    await using cut = await cutOff(100, true, { ...destination, manner });
    const [folder, , ...texts] = modes(join(cut.folder, destination.folder, name));
    expect([folder, ...texts]).toEqual(["770", "660", "660", "660"]);
  });
});

function stepsOf(parts: PublishParts, place = destination) {
  return dropboxSteps(parts, idOf(1), place, described());
}

// A data folder in which publishing was stopped after `count` steps.
async function cutOff(count: number, hasLinks: boolean, place = destination) {
  const temp = await tempFolder();
  const folder = temp.path;
  const state = join(stateFolder(folder), "partial");
  const open = () => openStorage(folder, { hasLinks });
  const storage = await open();
  const partial = await storage.create(idOf(1), "file");
  await partial.append(content);
  await partial.sync();
  await partial.close();
  chmodSync(join(state, idOf(1)), 0o640);
  for (const step of stepsOf(partsOf(folder, hasLinks), place).slice(0, count)) await step.run();
  await storage.close();
  const there = join(folder, destination.folder);
  const files = () => (existsSync(there) ? readdirSync(there).sort() : []);
  const text = (...path: readonly string[]) => readFileSync(join(there, ...path), "utf8");
  const expectFolder = () => {
    const { sha256, metadataText } = described();
    expect(Object.fromEntries(readdirSync(join(there, name)).map((it) => [it, text(name, it)]))).toEqual({
      [name]: "the content",
      [`${name}.sha256sum`]: `${sha256}\t${name}`,
      [`${name}.origlabfilename`]: original,
      "source_dropbox.txt": "anna",
    });
    expect(text(`${name}.meta.json`)).toBe(metadataText);
    expect(text(`${name}.sha256`)).toBe(`${sha256}  ${name}/${name}\n`);
  };
  // Nothing of it is seen before all of it is there, and the marker is the last.
  if (files().includes(name)) expectFolder();
  else expect(files()).not.toContain(marker);
  return {
    folder,
    state,
    files,
    open,
    expectFolder,
    expectPublished: () => {
      expect(files()).toEqual(published);
      expect(text(marker)).toBe("");
      expectFolder();
    },
    partials: () => readdirSync(state),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}
