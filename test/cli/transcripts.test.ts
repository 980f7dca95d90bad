// Runs the transcripts beside this file against the compiled programs: what a user types, and every byte that comes
// back. See transcripts/README.md for the format.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { parseTranscript, runTranscript } from "../support/transcript.ts";

const folder = join(import.meta.dir, "transcripts");

describe.skipIf(executablesMissing !== null)(`transcripts (${executablesMissing ?? "compiled"})`, () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
    test(file.replace(/\.txt$/, "").replaceAll("-", " "), async () => {
      const transcript = parseTranscript(readFileSync(join(folder, file), "utf8"));
      expect(transcript.length).toBeGreaterThan(0);
      expect(await runTranscript(transcript)).toEqual([]);
    });
  }
});
