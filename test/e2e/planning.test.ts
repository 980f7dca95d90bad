// Names and metadata of several files in one command, with the compiled programs: what arrives is what was planned.

import { describe, expect, test } from "bun:test";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";

describe.skipIf(executablesMissing !== null)(`several files (${executablesMissing ?? "compiled"})`, () => {
  test("a row of a spreadsheet goes over -m and -k, and the file beside a file over that; names come from a template", async () => {
    await using lab = await openLab({ inMemory: true });
    const folder = lab.folder.file("files");
    const runs = ["run1", "run2", "run3"].map((run) => join(folder, run));
    const time = new Date(2026, 2, 9, 12);
    for (const run of runs) {
      await mkdir(run);
      await writeFile(join(run, "daten.raw"), run);
      await utimes(join(run, "daten.raw"), time, time);
    }
    await writeFile(join(runs[2]!, "daten.raw.meta.json"), '{"temp": 9.50, "note": "by hand"}');
    const table = join(folder, "runs.csv");
    // As Excel saves it in Germany.
    const rows = [
      "path;probe;temp;bemerkung",
      "run1/daten.raw;007;4,20;M\u00fcller \u0080",
      'run2\\daten.raw;8;;"a;""b"""',
      "run3/daten.raw;9;1;",
    ];
    await writeFile(table, Buffer.from(`${rows.join("\r\n")}\r\n`, "latin1"));
    const meta = join(folder, "all.json");
    await writeFile(meta, '{"temp": "room", "lab": 7}');
    const files = runs.flatMap((run) => [
      join(run, "daten.raw"),
      ...(run.endsWith("3") ? [join(run, "daten.raw.meta.json")] : []),
    ]);
    const plan = ["--metadata-from", table, "--sidecars", "--name-template", "{date}_{parent}_{stem}{ext}"];
    const sent = await lab.dync([
      "-m",
      meta,
      "-k",
      "probe:none",
      ...plan,
      `127.0.0.1:${lab.port}`,
      ...files,
      "--json",
    ]);
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(sent.stdout.trimEnd().split("\n").at(-1) as string)).toMatchObject({
      files: 3,
      stored: 3,
    });

    const stored = (run: string) => lab.metadata(`2026-03-09_${run}_daten.raw`);
    const numbers = { lab: 7 };
    expect(await stored("run1")).toEqual({ temp: "4,20", ...numbers, probe: "007", bemerkung: "Müller €" });
    expect(await stored("run2")).toEqual({ temp: "room", ...numbers, probe: "8", bemerkung: 'a;"b"' });
    expect(await stored("run3")).toEqual({ temp: 9.5, ...numbers, probe: "9", note: "by hand" });
    for (const [index, run] of ["run1", "run2", "run3"].entries())
      await lab.expectStored(join(runs[index]!, "daten.raw"), `2026-03-09_${run}_daten.raw`);
  });

  test("nothing is sent where the table lacks a row", async () => {
    await using lab = await openLab({ inMemory: true });
    const files = [await lab.file("a.raw", 10), await lab.file("b.raw", 10)];
    const table = await lab.file("runs.csv", "file,sample\na.raw,S\n");
    const sent = await lab.dync(["--metadata-from", table, `127.0.0.1:${lab.port}`, ...files]);
    expect(sent).toMatchObject({ code: 2, stderr: expect.stringContaining('it has no row for "b.raw"') });
    expect(lab.published()).toEqual([]);
  });
});
