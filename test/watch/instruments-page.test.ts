// doc/instruments.md says what the profiles say, and its example is a profile.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { instrumentsPage, withProfiles } from "../../build/instruments-page.ts";
import { displayWidth } from "../../src/cli/display-width.ts";
import { readProfile } from "../../src/watch/profile.ts";
import { listedProfiles, profileLines } from "../../src/watch/profile-list.ts";
import { profileNames } from "../../src/watch/profiles.ts";
import { faultsIn } from "../config/faults-in.ts";
import { memoryView } from "../support/instrument/memory-view.ts";

const page = readFileSync(instrumentsPage, "utf8");

test("the table is what the profiles say (bun build/instruments-page.ts writes it anew)", () => {
  expect(page).toBe(withProfiles(page));
  for (const name of profileNames) expect(page).toContain(`\n| \`${name}\` |`);
});

test("the example is a profile, and does what is said of it", async () => {
  const [, text = ""] = /```toml\n(.*?)```/s.exec(page) ?? [];
  const reading = readProfile("camera", text);
  if (!reading.ok) throw new Error(faultsIn(reading).join("\n"));
  const complete = (files: Record<string, string>) =>
    reading.value.complete(memoryView({ name: "shot-1", kind: "folder", files }));
  expect(await complete({ "state.ini": "closed=0" })).toMatchObject({ type: "waits", reason: "no-sign" });
  expect(await complete({ "state.ini": "closed=1", "a/b.part": "" })).toMatchObject({ reason: "incomplete" });
  expect(await complete({ "state.ini": "closed=1\nerror=2" })).toMatchObject({ outcome: "failed" });
  expect(await complete({ "state.ini": "closed=1" })).toMatchObject({ outcome: "finished" });
});

test("every member of a profile is in the tables", () => {
  const members = [
    ...[
      "title",
      "unit",
      "names",
      "contains",
      "endings",
      "depth",
      "settle",
      "junk",
      "early",
      "sqlite",
      "sources",
      "about",
    ],
    ...["[[sign]]", "[[verdict]]", "[[wait]]", "[[promise]]", "[checksums]"],
    ...["files", "any-of", "none-of", "name", "text", "each", "smaller"],
  ];
  for (const member of members) expect(page).toContain(`\n| \`${member}\` |`);
  const unknown = readProfile("a", `x = 1\n[[sign]]\ny = 1`);
  expect(faultsIn(unknown).join("\n")).toContain("doc/instruments.md has all");
});

test("the list for people has 80 columns; only an address that is longer goes beyond", () => {
  const lines = profileLines(listedProfiles());
  for (const line of lines)
    if (!/^ +https:\S+$/.test(line)) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  expect(lines.slice(0, 3)).toEqual([
    "illumina",
    "  Illumina NovaSeq, NextSeq 1000/2000, MiSeq (with CopyComplete.txt)",
    "  complete: CopyComplete.txt",
  ]);
  for (const name of profileNames) expect(lines).toContain(name);
});
