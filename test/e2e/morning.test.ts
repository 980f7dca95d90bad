// A morning in a lab: thirty runs with their fields in a table that a spreadsheet saved, sent by one command over a line that is
// cut twice. One run loses a file while it is sent, one has the name of another run on the server: the summary names these
// two, everything else is there, as `diff` and `sha256sum` see it, and `dync resume` sends the two once they are mended.

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../simulation/random.ts";
import { executablesMissing } from "../support/executables.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { runProgram } from "../support/programs.ts";

const runs = 30;
const vanishing = "run-13";
const refused = "run-21";
const endMs = 200_000;

/** Makes the runs; returns the folder that holds them, with the table beside it. */
async function makeRuns(lab: Lab): Promise<string> {
  const random = new Random(17);
  const folder = lab.folder.file("files");
  const rows = ["Lauf;Probe;Gerät;Temperatur"];
  for (let run = 1; run <= runs; run++) {
    const name = `run-${String(run).padStart(2, "0")}`;
    const files = 20 + random.int(181);
    for (let file = 0; file < files; file++) {
      const within = join(folder, name, ["", "data", "data/länge", "log"][random.int(4)]!);
      await mkdir(within, { recursive: true });
      await writeFile(join(within, `file ${file}.dat`), randomBytes(random.int(20_000)));
    }
    await mkdir(join(folder, name, "empty"));
    rows.push(`${name};"S-${run}; ""A""";Öfchen;37,${run}`);
  }
  // The last file of one run, and before it more than is read ahead of what the line takes.
  await writeFile(join(folder, vanishing, "0 large.raw"), randomBytes(40_000_000));
  await writeFile(join(folder, vanishing, "z last.raw"), "is not there any more when its turn comes");
  // As spreadsheets of old save it.
  await writeFile(join(folder, "runs.csv"), Buffer.from(`${rows.join("\r\n")}\r\n`, "latin1"));
  return folder;
}

interface Summary {
  readonly files: number;
  readonly stored: number;
  readonly already: number;
  readonly failures: readonly { readonly name: string; readonly code: string }[];
}

function summaryOf(stdout: string): Summary {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Summary;
}

describe.skipIf(executablesMissing !== null)(`a lab's morning (${executablesMissing ?? "compiled"})`, () => {
  test("thirty runs, two of which cannot be stored", async () => {
    await using lab = await openLab({ inMemory: true });
    const folder = await makeRuns(lab);
    const names = Array.from({ length: runs }, (_, at) => `run-${String(at + 1).padStart(2, "0")}`);
    // The name is another run's already.
    await mkdir(join(folder, "earlier", refused), { recursive: true });
    await writeFile(join(folder, "earlier", refused, "other.dat"), "something else");
    expect(await lab.send(["-q", "--dataset", join(folder, "earlier", refused)])).toMatchObject({ code: 0 });

    const faults = { up: { bytesPerSecond: 10_000_000 } };
    await using proxy = await startFaultyProxy({ targetPort: lab.port, faults });
    const table = ["--metadata-from", join(folder, "runs.csv")];
    const server = `127.0.0.1:${proxy.port}`;
    const command = ["send", "--dataset", "--json", "--jobs", "4", ...table, server];
    const paths = names.map((name) => join(folder, name));
    await using client = lab.startDync([...command, ...paths]);
    await lab.server.line(new RegExp(`"Upload started".*"name":"${vanishing}"`));
    await rm(join(folder, vanishing, "z last.raw"));
    proxy.cut("rst");
    await client.line(/"type":"file".*"name":"run-17/);
    proxy.cut("fin");
    const end = await client.ended(endMs);

    expect(end.code).toBe(3);
    const { files, stored, failures } = summaryOf(end.stdout);
    expect(failures.map(({ name, code }) => [name, code]).sort()).toEqual([
      [`${vanishing}.tar`, "source-changed"],
      [`${refused}.tar`, "name-taken"],
    ]);
    expect({ files, stored }).toEqual({ files: runs, stored: runs - 2 });
    lab.expectNothingStored(vanishing);
    for (const name of names.filter((it) => it !== vanishing && it !== refused)) {
      await expectRun(lab, join(folder, name), name);
    }

    // Nobody has to know what the command was. The file is found again; the other run is still in the way, and named again.
    proxy.faults = {};
    const uploads = await lab.dync(["uploads"]);
    expect(uploads.stdout).toMatch(new RegExp(`  2 files left  "${join(folder, vanishing)}" and 1 more to `));
    await writeFile(join(folder, vanishing, "z last.raw"), "found again");
    const resumed = await lab.dync(["resume", "--json"], {}, endMs);
    expect(resumed.code).toBe(3);
    const second = summaryOf(resumed.stdout);
    expect(second).toMatchObject({ files: 2, stored: 1 });
    expect(second.failures.map(({ name, code }) => [name, code])).toEqual([[`${refused}.tar`, "name-taken"]]);
    await expectRun(lab, join(folder, vanishing), vanishing);
    const asked = await lab.dync(["resume"]);
    expect(asked.code).toBe(3);
    expect(asked.stderr).toMatch(
      /^1 file: 1 failed\n {2}".*run-21": .*\n"dync resume" sends it once mended, "dync cancel [0-9a-f]{8}" drops it$/m,
    );

    // The steward gives the earlier run another name.
    for (const ending of ["", ".sha256", ".meta.json"])
      await rename(`${lab.stored(refused)}${ending}`, `${lab.stored("earlier")}${ending}`);
    expect(await lab.dync(["resume", "-q"], {}, endMs)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await expectRun(lab, join(folder, refused), refused);
    expect(await lab.dync(["uploads"])).toMatchObject({ code: 0, stderr: "Nothing is unfinished\n" });

    // What is sent again is compared.
    const again = await lab.dync([...command, ...paths], {}, endMs);
    expect(again.code).toBe(0);
    expect(summaryOf(again.stdout)).toMatchObject({ files: runs, stored: 0, already: runs });
  });
});

/** The run is stored as it lies here, with the fields of its row. */
async function expectRun(lab: Lab, folder: string, name: string): Promise<void> {
  const stored = lab.stored(name);
  expect(await runProgram(["diff", "-r", folder, stored])).toMatchObject({ code: 0, stdout: "" });
  expect(existsSync(join(stored, "empty"))).toBe(true);
  const run = Number(name.slice(-2));
  const fields = JSON.parse(await readFile(`${stored}.meta.json`, "utf8")) as Record<string, unknown>;
  expect(fields).toMatchObject({ Probe: `S-${run}; "A"`, Gerät: "Öfchen", Temperatur: `37,${run}` });
  const checked = await runProgram(["sha256sum", "--quiet", "--strict", "-c", `${name}.sha256`], {
    cwd: join(lab.data, "alice"),
  });
  expect(checked).toMatchObject({ code: 0, stderr: "" });
}
