// How long lists of what became of uploads take, as a whole process beside a server that runs: 100,000 of them in its catalogue, each with
// some fields of metadata.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openSqliteCatalogue } from "../src/catalogue/sqlite.ts";
import type { EndedUpload } from "../src/catalogue/sqlite-catalogue.ts";
import { openLab } from "../test/support/lab.ts";
import { jsonLines } from "../test/support/programs.ts";
import { silentLogger } from "../test/support/silent-logger.ts";
import { tempFolder } from "../test/support/temp-folder.ts";
import { align, median, range } from "./table.ts";

const uploads = 100_000;
const atOnce = 10_000;

/** What is asked for; with each at most 100 are printed. */
const questions: readonly (readonly string[])[] = [
  [],
  ["--user", "user7"],
  ["--state", "failed"],
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
  await fill(folder.path);
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

async function fill(data: string): Promise<void> {
  await mkdir(join(data, ".dync"), { mode: 0o700 });
  const file = join(data, ".dync", "catalogue.sqlite");
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  for (let from = 0; from < uploads; from += atOnce)
    catalogue.restore(Array.from({ length: atOnce }, (_, at) => ended(from + at)));
  catalogue.close();
}

function ended(number: number): EndedUpload {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 180_000).toISOString();
  const hex = number.toString(16).padStart(32, "0");
  const end =
    number % 50 === 0
      ? ({ state: "failed", bytes: 0, errorCode: 409, reason: "The name is taken" } as const)
      : ({ state: "finished", bytes: number, errorCode: null, reason: null } as const);
  return {
    metadataText: JSON.stringify({
      project: `P${String(number % 1000).padStart(4, "0")}`,
      run: number % 30,
      instrument: { kind: ["ms", "nmr", "seq"][number % 3], serial: `S${number % 17}` },
      operator: `user${number % 20}`,
      comment: "as agreed on Monday, with the settings of last week and the new column",
      samples: Array.from({ length: 4 }, (_, at) => `sample ${number + at}`),
    }),
    record: {
      ...end,
      id: hex,
      identity: hex,
      user: `user${number % 20}`,
      origin: null,
      name: `run_sample_${number}.raw`,
      place: null,
      added: null,
      form: "file",
      held: null,
      metadataDigest: hex.repeat(2),
      size: number,
      modified: null,
      client: null,
      wantsReceipt: false,
      durable: number,
      mark: null,
      sha256: hex.repeat(2),
      content: hex.repeat(2),
      receivedAt: at,
      owner: null,
      fence: 1,
      leaseUntil: 0,
      createdAt: at,
      updatedAt: at,
    },
  };
}
