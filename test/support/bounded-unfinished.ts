// What uploads of one key may cost that are begun and left, on the compiled programs.

import { expect } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { askCatalogue } from "./aftermath.ts";
import { beginAndLeave } from "./beginners.ts";
import { openLab } from "./lab.ts";

const MiB = 1024 * 1024;
const KiB = 1024;

/** Begins `count` uploads with the largest metadata, and expects what bounds them: in the catalogue, and in memory. */
export async function expectBounded(count: number): Promise<void> {
  await using lab = await openLab({ inMemory: true });
  await lab.expectAlive();
  const answers = await beginAndLeave(lab, count, 256 * KiB);
  // Each of them takes the place of an older one.
  expect(answers["upload-approved"] ?? 0).toBeGreaterThan((count * 5) / 6);
  expect(Object.keys(answers).filter((key) => key !== "upload-approved" && key !== "429")).toEqual([]);
  const state = join(lab.data, ".dync");
  const bytes = (file: string) => statSync(join(state, file)).size;
  expect(bytes("catalogue.sqlite") + bytes("catalogue.sqlite-wal")).toBeLessThan(100 * MiB);
  const [held] = askCatalogue(
    lab.data,
    `SELECT count(*) AS uploads, total(length(text)) AS bytes FROM metadata JOIN uploads USING (sequence)
     WHERE state IN ('open', 'publishing')`,
  );
  expect(held?.uploads).toBeLessThanOrEqual(128);
  expect(held?.bytes).toBeLessThanOrEqual(32 * MiB);
  const [failed] = askCatalogue(lab.data, "SELECT count(*) AS uploads FROM uploads WHERE state = 'failed'");
  expect(failed?.uploads).toBeLessThanOrEqual(1064);
  // Each post leaves garbage; the catalogue of before was 881 MB in memory.
  expect(await lab.serverMemoryMax()).toBeLessThan(400 * MiB);
  await lab.expectAlive();
}
