// What has to be true when the faults are over, of a whole laboratory: everything that was confirmed is stored with
// the right bytes and described, once; nothing is left over on either side; the server still serves.

import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { copyFileSync, createReadStream, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../src/base/clock.ts";
import type { Lab } from "./lab.ts";
import { deadlineMsDefault, runProgram } from "./programs.ts";
import { treeIn } from "./tar-programs.ts";

/** Names on the server of what was confirmed, each with the file it was sent from. */
export type Confirmed = ReadonlyMap<string, string>;

/**
 * Everything at once, with a running server. `confirmed` is all that this lab's server ever confirmed; `expectStored` says
 * whether that is there, and nothing else.
 */
export async function expectAftermath(
  lab: Lab,
  confirmed: Confirmed,
  expectStored = expectConfirmed,
): Promise<void> {
  await expectStored(lab, confirmed);
  await partialsCleared(lab);
  await expectNothingLeft(lab);
  await lab.expectAlive();
}

// A server clears away what was left behind right after its start, beside its other work.
async function partialsCleared(lab: Lab): Promise<void> {
  const deadline = systemClock.now() + deadlineMsDefault;
  while (partialsOf(lab).length > 0 && systemClock.now() < deadline) {
    await new Promise<void>((resolve) => systemClock.after(50, resolve));
  }
}

/** What was confirmed is there, whole and described; and nothing else is published. */
export async function expectConfirmed(lab: Lab, confirmed: Confirmed): Promise<void> {
  const digests = new Map<string, string>();
  for (const [name, source] of confirmed) {
    const wanted = digests.get(source) ?? (await sha256OfFile(source));
    digests.set(source, wanted);
    expect({ name, sha256: await sha256OfFile(lab.stored(name)) }).toEqual({ name, sha256: wanted });
    const checksum = await Bun.file(`${lab.stored(name)}.sha256`).text();
    expect(checksum).toBe(`${wanted}  ${name}\n`);
    expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
  }
  const expected = [...confirmed.keys()].flatMap((name) =>
    ["", ".meta.json", ".sha256"].map((it) => name + it),
  );
  const others = lab.published().filter((path) => !path.startsWith("alice/honest-"));
  expect(others).toEqual(expected.map((name) => `alice/${name}`).sort());
}

/** The same of folders that were sent as datasets. */
export async function expectDatasets(lab: Lab, confirmed: Confirmed): Promise<void> {
  for (const [name, source] of confirmed) {
    expect({ name, tree: await treeIn(lab.stored(name)) }).toEqual({ name, tree: await treeIn(source) });
    const command = ["sha256sum", "--strict", "--quiet", "-c", `${name}.sha256`];
    const checked = await runProgram(command, { cwd: lab.stored("") });
    expect(checked).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
  }
  const expected = [...confirmed.keys()].flatMap((name) => [name, `${name}.meta.json`, `${name}.sha256`]);
  const others = readdirSync(lab.stored("")).filter((name) => !name.startsWith("honest-"));
  expect(others.sort()).toEqual(expected.sort());
}

/**
 * No partial, no staged file, no open upload in the catalogue, no state of the client. A server clears up behind its answer: what is
 * being cleared gets its time.
 */
export async function expectNothingLeft(lab: Lab): Promise<void> {
  const isLeft = () => Object.values(leftovers(lab)).some((all) => all.length > 0);
  for (const endsAt = Date.now() + deadlineMsDefault; isLeft() && Date.now() < endsAt; ) await Bun.sleep(20);
  expect(leftovers(lab)).toEqual({ partials: [], open: [], client: [] });
}

/** What is unfinished on both sides. */
export function leftovers(lab: Lab): {
  readonly partials: readonly string[];
  readonly open: readonly string[];
  readonly client: readonly string[];
} {
  const uploads = join(lab.homes.client, "uploads");
  return {
    partials: partialsOf(lab),
    open: openUploads(lab),
    client: existsSync(uploads) ? readdirSync(uploads).filter((name) => !draft.test(name)) : [],
  };
}

// What a client was writing when it was killed goes after an hour: another one may be at it.
const draft = /^\.[0-9a-f]{16}\.tmp$/;

function partialsOf(lab: Lab): readonly string[] {
  const folder = join(lab.data, ".dync", "partial");
  // Made for the first upload: a client may have been killed before it.
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Names of the uploads that the server's catalogue holds as unfinished. */
export function openUploads(lab: Lab): readonly string[] {
  const rows = askCatalogue(lab.data, "SELECT name FROM uploads WHERE state IN ('open', 'publishing')");
  return rows.map((row) => String(row.name));
}

/** Rows of a query on a copy of the server's catalogue: the file itself is the server's alone while it runs. */
export function askCatalogue(data: string, query: string): readonly Readonly<Record<string, unknown>>[] {
  for (let tries = 1; ; tries++) {
    try {
      return askCopy(data, query);
    } catch (error) {
      // Its server moved what was in the one file to the other between the two copies.
      if (tries === 5) throw error;
    }
  }
}

function askCopy(data: string, query: string): readonly Readonly<Record<string, unknown>>[] {
  const folder = mkdtempSync(join(tmpdir(), "dync-catalogue-"));
  try {
    for (const suffix of ["", "-wal"]) {
      const file = join(data, ".dync", `catalogue.sqlite${suffix}`);
      if (existsSync(file)) copyFileSync(file, join(folder, `copy.sqlite${suffix}`));
    }
    using catalogue = new DatabaseSync(join(folder, "copy.sqlite"));
    return catalogue.prepare(query).all() as Record<string, unknown>[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(part as Buffer);
  return hash.digest("hex");
}
