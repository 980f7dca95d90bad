// How long lists of what became of uploads take, as a whole process beside a server that runs: 100,000 of them in its catalogue, each with
// some fields of metadata.

import { openLab } from "../test/support/lab.ts";
import { jsonLines } from "../test/support/programs.ts";
import { tempFolder } from "../test/support/temp-folder.ts";
import { fillCatalogue } from "./filled-catalogue.ts";
import { align, median, range } from "./table.ts";

const uploads = 100_000;

/** What is asked for; with each at most 100 are printed. */
const questions: readonly (readonly string[])[] = [
  [],
  ["--user", "user7"],
  ["--user", "nobody"],
  ["--state", "failed"],
  ["--state", "receiving"],
  ["--since", "2026-03-01", "--until", "2026-03-02"],
  ["--name", "*sample_99999*"],
  ["--name", "nowhere*"],
  ["--name", "/sample_9999[0-9]/"],
  ["--name", "/^nowhere/"],
  ["--name", "/[0-9]{7}/"],
  ["-k", "project=P0042"],
  ["-k", "project=nowhere"],
  ["-k", "project=P0042", "-k", "run=7"],
  ["-k", "instrument.kind=ms", "-k", "operator=nobody"],
];

/** Returns the lines of a table. */
export async function listLines(
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  await using folder = await tempFolder();
  progress(`${uploads} uploads into a catalogue`);
  await fillCatalogue(folder.path, uploads);
  await using lab = await openLab({ data: folder.path });
  const asked = questions.map((question) => ({ question, times: [] as number[], listed: 0 }));
  // The first one warms all of it up.
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round}`);
    for (const it of asked) {
      const begin = performance.now();
      const { code, stdout, stderr } = await lab.dyncServer(["uploads", "list", "--json", ...it.question]);
      if (round > 0) it.times.push(performance.now() - begin);
      if (code !== 0) throw new Error(`${it.question.join(" ")}: ended with ${code}: ${stderr}`);
      it.listed = jsonLines<{ listed: number }>(stdout).at(-1)?.listed ?? 0;
    }
  }
  const rows = asked.map(({ question, times, listed }) => {
    return [question.join(" ") || "(all)", median(times).toFixed(0), range(times, 0), String(listed), ""];
  });
  return align([["list", "ms", "min..max", "listed", ""], ...rows]);
}
