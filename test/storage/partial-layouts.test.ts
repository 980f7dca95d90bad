// A folder that one server had is shared from now on, and one that was shared is one server's again: what is under way goes on.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gatherPartials, spreadPartials } from "../../src/storage/partial-layouts.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { datasetKind, descriptionOf, fileKind, idOf } from "./contract.ts";
import { openStorage } from "./open-storage.ts";
import { Filling, silent } from "./shared-contract.ts";

const id = idOf(1);
const destination = { folder: "anna", name: "run" };

for (const [what, kind] of [
  ["file", fileKind],
  ["dataset", datasetKind("plain")],
] as const)
  test(`a ${what} goes on where it was, from one server to several and back`, async () => {
    await using folder = await tempFolder();
    const whole = kind.whole("0123456789".repeat(1000));
    const third = Math.floor(whole.length / 3);
    let note = { durable: 0, mark: null as string | null };
    for (const [turn, isShared] of [false, true, false].entries()) {
      const storage = await openStorage(folder.path, { isShared });
      const filling = new Filling();
      const { form } = kind;
      const sink =
        turn === 0
          ? await storage.begin(id, form, filling.events)
          : await storage.resume(id, form, { ...note, fence: turn + 1 }, filling.events);
      if (sink === null) throw new Error("It is there");
      expect(sink.length).toBe(third * turn);
      await sink.prepare();
      await filling.fill(sink, whole.subarray(sink.length, turn === 2 ? undefined : third * (turn + 1)));
      if (turn === 2) {
        const contents = await sink.contents();
        await sink.publish(destination, descriptionOf(id, "anna", "run", whole, contents));
      } else note = await sink.close();
      await storage.close();
    }
    expect(readdirSync(join(folder.path, "anna")).sort()).toEqual(["run", "run.meta.json", "run.sha256"]);
    expect(readdirSync(join(folder.path, ".dync/partial"))).toEqual([]);
  });

test("servers that start at once bring it there once", async () => {
  await using folder = await tempFolder();
  const alone = await openStorage(folder.path);
  const filling = new Filling();
  const sink = await alone.begin(id, "file", filling.events);
  await filling.fill(sink, Buffer.from("begun"));
  const note = await sink.close();
  await alone.close();
  const all = await Promise.all([1, 2, 3].map(() => openStorage(folder.path, { isShared: true })));
  const taken = await all[1]?.resume(id, "file", { ...note, fence: 2 }, silent);
  expect(taken?.length).toBe(5);
  await taken?.close();
  for (const storage of all) await storage.close();
});

describe("what was interrupted", () => {
  // What lies there when a process ended between two steps, of either way.
  const states: Record<string, (partials: string) => void> = {
    "nothing is moved": (partials) => {
      for (const ending of ["", ".meta.json", ".sha256"])
        writeFileSync(join(partials, id + ending), `data${ending}`);
    },
    "some of it is moved": (partials) => {
      states["nothing is moved"]?.(partials);
      mkdirSync(join(partials, `${id}.moving/3`), { recursive: true });
      for (const ending of ["", ".meta.json"])
        renameSync(join(partials, id + ending), join(partials, `${id}.moving/3`, id + ending));
    },
    "all of it is moved": (partials) => {
      states["some of it is moved"]?.(partials);
      renameSync(join(partials, `${id}.sha256`), join(partials, `${id}.moving/3`, `${id}.sha256`));
    },
    "it is in its place": (partials) => {
      states["all of it is moved"]?.(partials);
      renameSync(join(partials, `${id}.moving`), join(partials, id));
    },
  };
  test.each(Object.keys(states))("when %s, is ended, in either direction", async (state) => {
    for (const isSpread of [true, false]) {
      await using folder = await tempFolder();
      states[state]?.(folder.path);
      await (isSpread ? spreadPartials : gatherPartials)(folder.path);
      // Again changes nothing.
      await (isSpread ? spreadPartials : gatherPartials)(folder.path);
      const at = isSpread ? join(folder.path, id, readdirSync(join(folder.path, id))[0] ?? "") : folder.path;
      if (isSpread) expect(readdirSync(folder.path)).toEqual([id]);
      expect(readdirSync(at).sort()).toEqual([id, `${id}.meta.json`, `${id}.sha256`]);
      for (const name of readdirSync(at))
        expect(readFileSync(join(at, name), "utf8")).toBe(name.replace(id, "data"));
    }
  });
});
