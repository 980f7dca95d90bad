// Who gets a name, of those that want it at the same moment in one server.

import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { LocalPublishing } from "../../src/storage/local-publishing.ts";
import { NameIndex } from "../../src/storage/name-index.ts";
import { OwnPlaces } from "../../src/storage/partial-places.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { codeOf, descriptionOf, idOf } from "./contract.ts";
import { partsOf } from "./publish-parts.ts";

const destination = { folder: "anna", name: "a.raw" };

test("while an upload gets its name, another one does not; an earlier session of its own is not in its way for good", async () => {
  await using temp = await tempFolder();
  const folder = join(stateFolder(temp.path), "partial");
  mkdirSync(folder, { recursive: true });
  const publishing = new LocalPublishing({
    ...{ parts: partsOf(temp.path, true), names: new NameIndex(temp.path, systemClock) },
    ...{ places: new OwnPlaces(folder), log: silentLogger },
  });
  const publish = (number: number, run: () => Promise<void>): Promise<void> => {
    const id = idOf(number);
    const description = descriptionOf(id, "anna", "a.raw", Buffer.from("content"));
    return publishing.publish(id, folder, destination, description, () => [{ name: "all of it", run }]);
  };
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = publish(1, async () => {
    begun.resolve();
    await held.promise;
  });
  await begun.promise;
  const never = () => Promise.reject(new Error("It is not its turn"));
  expect(await codeOf(publish(1, never))).toBe("not-ready");
  expect(await codeOf(publish(2, never))).toBe("name-taken");
  held.resolve();
  await first;
  let isDone = false;
  await publish(1, async () => {
    isDone = true;
  });
  expect(isDone).toBe(true);
});
