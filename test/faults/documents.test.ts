// Metadata arrives as it left, at length: 2,000 random JSON documents with `dync -m`, each in a process of its own, and the same with
// pyzmq.

import { describe, expect, test } from "bun:test";
import { documents, makeDocuments, sendDocuments } from "../support/documents.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { referenceMissing } from "../support/reference.ts";

const missing = executablesMissing ?? referenceMissing;
const count = 2000;

describe.skipIf(missing !== null)(`random metadata (${missing ?? "compiled"})`, () => {
  test(`${count} documents with dync -m`, async () => {
    await using lab = await openLab({ inMemory: true });
    const folder = await makeDocuments(lab, 10, count);
    await sendDocuments(lab, folder, "program", count);
    expect(await documents("check", folder, lab.stored("."), "program")).toBe(`${count} equal`);
  }, 1_800_000);

  test(`${count} documents of a pyzmq client`, async () => {
    await using lab = await openLab({ inMemory: true });
    const folder = await makeDocuments(lab, 10, count);
    const sent = await documents("send", lab.homes.client, String(lab.port), folder, "wire");
    expect(sent).toBe(`${count} sent`);
    expect(await documents("check", folder, lab.stored("."), "wire")).toBe(`${count} equal`);
  }, 1_800_000);
});
