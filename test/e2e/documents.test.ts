// Metadata arrives as it left: random JSON documents, with numbers of every form and names of every kind, through both
// programs and from a pyzmq client; what is stored is compared by a checker in Python. The seed is fixed, so the
// documents are always the same. 2,000 by either way are in test/faults.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { documents, makeDocuments, sendDocuments } from "../support/documents.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { referenceMissing } from "../support/reference.ts";

const seed = 10;
const slowMs = 300_000;
const missing = executablesMissing ?? referenceMissing;

describe.skipIf(missing !== null)(`random metadata (${missing ?? "compiled"})`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ inMemory: true });
  });
  afterAll(async () => await lab[Symbol.asyncDispose]());

  test(
    "500 documents of a pyzmq client",
    async () => {
      const folder = await makeDocuments(lab, seed, 500);
      const sent = await documents("send", lab.homes.client, String(lab.port), folder, "wire");
      expect(sent).toBe("500 sent");
      expect(await documents("check", folder, lab.stored("."), "wire")).toBe("500 equal");
    },
    slowMs,
  );

  test(
    "100 documents with dync -m",
    async () => {
      const folder = await makeDocuments(lab, seed, 100);
      await sendDocuments(lab, folder, "program", 100);
      expect(await documents("check", folder, lab.stored("."), "program")).toBe("100 equal");
    },
    slowMs,
  );
});
