import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import fc from "fast-check";
import { systemClock } from "../../../src/base/clock.ts";
import { IoPace } from "../../../src/base/io-pace.ts";
import { namesIn, namesInSync } from "../../../src/client/listing/names-in.ts";
import { tempFolder } from "../../support/temp-folder.ts";

// Behind the surrogates by their bytes, before them by their units.
const character = fc.constantFrom(..."ab-.0é퟿ﬁ￮\u{10000}\u{1f600}");
const name = fc.array(character, { minLength: 1, maxLength: 4 }).map((all) => `${all.join("")}.x`);

test("names come in the order of their bytes, whichever they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { maxLength: 12 }), async (names) => {
      await using folder = await tempFolder();
      for (const one of names) await writeFile(folder.file(one), "");
      const wanted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await namesIn(folder.path, new IoPace(systemClock))).toEqual(wanted);
      expect(namesInSync(folder.path)).toEqual(wanted);
    }),
    { numRuns: 50 },
  );
});
