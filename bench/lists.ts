// How long lists of what became of uploads take, as a whole process beside a server that runs: 100,000 of them in its catalogue, each with
// metadata of a dozen fields.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openSqliteCatalogue } from "../src/catalogue/sqlite.ts";
import type { EndedUpload } from "../src/catalogue/sqlite-catalogue.ts";
import { openLab } from "../test/support/lab.ts";
import { runProgram } from "../test/support/programs.ts";
import { silentLogger } from "../test/support/silent-logger.ts";
import { tempFolder } from "../test/support/temp-folder.ts";
import { align, median } from "./table.ts";

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
  const rows = [["list", "ms", "min..max", "listed", ""]];
  const times = new Map<string, number[]>(questions.map((it) => [it.join(" "), []]));
  const listed = new Map<string, string>();
  // The first one warms all of it up.
  for (let round = 0; round <= rounds; round++) {
    progress(`round ${round}`);
    for (const question of questions) {
      const begin = performance.now();
      const command = [lab.programs.dyncServer, "uploads", "list", "--json", ...question];
      const { code, stdout, stderr } = await runProgram(command, { env: { DYNC_HOME: lab.homes.server } });
      const took = performance.now() - begin;
      if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
      if (round > 0) times.get(question.join(" "))?.push(took);
      listed.set(question.join(" "), String(JSON.parse(stdout.trim().split("\n").at(-1) ?? "").listed));
    }
  }
  for (const [question, all] of times) {
    const range = `${Math.min(...all).toFixed(0)}..${Math.max(...all).toFixed(0)}`;
    rows.push([
      question === "" ? "(all)" : question,
      median(all).toFixed(0),
      range,
      listed.get(question) ?? "",
      "",
    ]);
  }
  return align(rows);
}

async function fill(data: string): Promise<void> {
  await mkdir(join(data, ".dync"), { mode: 0o700 });
  const file = join(data, ".dync", "catalogue.sqlite");
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  for (let from = 0; from < uploads; from += atOnce)
    catalogue.restore(Array.from({ length: atOnce }, (_, at) => ended(from + at)));
  catalogue.close();
}

export function ended(number: number): EndedUpload {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 180_000).toISOString();
  const isFailed = number % 50 === 0;
  const hex = number.toString(16).padStart(32, "0");
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
      ...{
        id: hex,
        identity: hex,
        user: `user${number % 20}`,
        origin: null,
        name: `run_sample_${number}.raw`,
      },
      ...{ place: null, added: null, form: "file", held: null, metadataDigest: hex.repeat(2), size: number },
      ...{
        modified: null,
        client: null,
        wantsReceipt: false,
        state: isFailed ? "failed" : "finished",
        durable: number,
        mark: null,
      },
      ...{ bytes: isFailed ? 0 : number, sha256: hex.repeat(2), content: hex.repeat(2), receivedAt: at },
      ...{ errorCode: isFailed ? 409 : null, reason: isFailed ? "The name is taken" : null },
      ...{ owner: null, fence: 1, leaseUntil: 0, createdAt: at, updatedAt: at },
    },
  };
}
