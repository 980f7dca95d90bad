// What each profile decides of a run in its stages: begun, half, with signs that come too early, complete, aborted, with junk.

import { describe, expect, test } from "bun:test";
import type { Completion } from "../../src/watch/completion.ts";
import { knownProfile, profileNames } from "../../src/watch/profiles.ts";
import { type MemoryEntry, memoryView, type Tree } from "../support/instrument/memory-view.ts";
import { sqliteFile } from "../support/instrument/sqlite-file.ts";

/** A stage: what it is, what lies there, what is decided, in one line. */
type Stage = readonly [what: string, files: Tree, decided: string, beside?: Tree];

interface World {
  readonly profile: string;
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly stages: readonly Stage[];
}

const run = (profile: string, name: string, stages: readonly Stage[]): World => ({
  ...{ profile, name, stages },
  kind: "folder",
});
const file = (profile: string, name: string, stages: readonly Stage[]): World => ({
  ...{ profile, name, stages },
  kind: "file",
});

const xml = (element: string, word: string): string =>
  `<?xml version="1.0"?>\n<RunCompletionStatus>\n  <${element}>${word}</${element}>\n</RunCompletionStatus>`;
const bcl = { "RunInfo.xml": "<RunInfo/>", "Data/Intensities/BaseCalls/L001/C1.1/L001_1.cbcl": 4_000_000 };
const rta = { ...bcl, "RTAComplete.txt": "done", "InterOp/QMetricsOut.bin": 100 };
const copied = { ...rta, "CopyComplete.txt": "" };
const early = "RTAComplete.txt is there, which is too early: it waits for";

const summary = (counts = "", stopped = "2026-01-01T10:56:12.4-05:00"): string =>
  `instrument=MD-100098\nstarted=2025-12-29T10:56:12.3-05:00\nacquisition_stopped=${stopped}\n${counts}`;
const reads = { "pod5/a_0.pod5": 10, "pod5_skip/a_1.pod5": 10, "fastq_pass/barcode01/a_0.fastq.gz": 10 };
const ended = "final_summary_FBD69411_abc12345_def67890.txt";

const cell = (name: string): Tree => ({
  [`${name}/Transfer_Test_230823_175307.txt`]: 1,
  [`${name}/hifi_reads/m84140_s1.hifi_reads.bam`]: 1000,
});
const done = (name: string): Tree => ({ ...cell(name), [`${name}/metadata/m84140_s1.transferdone`]: "" });

const acq = (status: number): string =>
  `<Contents><Version>3</Version><AcqStatus>${status}</AcqStatus></Contents>`;

const worlds: readonly World[] = [
  run("illumina", "20260101_LH00123_0042_A22ABCDLT3", [
    ["begun", { "RunInfo.xml": "" }, "no-sign: it waits for CopyComplete.txt"],
    ["half", bcl, "no-sign: it waits for CopyComplete.txt"],
    ["base calling is done", rta, `no-sign: ${early} CopyComplete.txt`],
    [
      "its analysis is copied, and it is not",
      { ...rta, "Analysis/1/CopyComplete.txt": "" },
      `no-sign: ${early} CopyComplete.txt`,
    ],
    ["copied", copied, "finished: CopyComplete.txt"],
    ["it is written in other letters", { ...rta, "copycomplete.TXT": "" }, "finished: copycomplete.TXT"],
    [
      "copied, and went well",
      { ...copied, "RunCompletionStatus.xml": xml("RunStatus", "RunCompleted") },
      "finished: CopyComplete.txt",
    ],
    [
      "copied, and failed",
      { ...copied, "RunCompletionStatus.xml": xml("RunStatus", "RunErrored") },
      "failed: CopyComplete.txt",
    ],
    [
      "copied, and stopped by a person",
      { ...copied, "RunCompletionStatus.xml": xml("CompletionStatus", "UserEndedEarly") },
      "aborted: CopyComplete.txt",
    ],
    [
      "failed, and never copied",
      { ...bcl, "RunCompletionStatus.xml": xml("RunStatus", "RunErrored") },
      "run-failed: RunCompletionStatus.xml says so, and there is no sign of the end",
    ],
    [
      "stopped by a person, and never copied",
      { ...bcl, "RunCompletionStatus.xml": xml("CompletionStatus", "UserEndedEarly") },
      "run-aborted: RunCompletionStatus.xml says so, and there is no sign of the end",
    ],
  ]),
  run("illumina-nextseq550", "260101_NB501234_0042_AHABCDEF", [
    [
      "begun",
      { "RunInfo.xml": "" },
      "no-sign: it waits for RTAComplete.txt or RTAComplete.xml, or for Basecalling_Netcopy_complete.txt",
    ],
    [
      "base calling is done",
      rta,
      `no-sign: ${early} RunCompletionStatus.xml, or for Basecalling_Netcopy_complete.txt`,
    ],
    [
      "how it ended is half written",
      { ...rta, "RunCompletionStatus.xml": "<RunCompletionStatus><CompletionStatus>Compl" },
      `no-sign: ${early} what RunCompletionStatus.xml says at the end, or for Basecalling_Netcopy_complete.txt`,
    ],
    [
      "as planned",
      { ...rta, "RunCompletionStatus.xml": xml("CompletionStatus", "CompletedAsPlanned") },
      "finished: RTAComplete.txt",
    ],
    [
      "failed",
      { ...rta, "RunCompletionStatus.xml": xml("CompletionStatus", "ExceptionEndedEarly") },
      "failed: RTAComplete.txt",
    ],
    [
      "stopped by a person",
      { ...rta, "RunCompletionStatus.xml": xml("CompletionStatus", "UserEndedEarly") },
      "aborted: RTAComplete.txt",
    ],
    [
      "HiSeq",
      { ...rta, "Basecalling_Netcopy_complete.txt": "" },
      "finished: Basecalling_Netcopy_complete.txt",
    ],
    [
      "stopped before base calling",
      { ...bcl, "RunCompletionStatus.xml": xml("CompletionStatus", "UserEndedEarly") },
      "run-aborted: RunCompletionStatus.xml says so, and there is no sign of the end",
    ],
  ]),
  run("nanopore", "20251229_1056_1A_FBD69411_abc12345", [
    ["begun", { "pod5/a_0.pod5": 10 }, "no-sign: it waits for final_summary_*.txt"],
    [
      "basecalled, not summed up",
      { ...reads, "sequencing_summary_FBD69411.txt": 9 },
      "no-sign: sequencing_summary_FBD69411.txt is there, which is too early: it waits for final_summary_*.txt",
    ],
    [
      "summed up, and not stopped",
      { ...reads, [ended]: summary("", "") },
      `no-sign: it waits for what ${ended} says at the end`,
    ],
    ["stopped", { ...reads, [ended]: summary() }, `finished: ${ended}`],
    [
      "all is there that it promises",
      { ...reads, [ended]: summary("pod5_files_in_final_dest=2\nfastq_files_in_final_dest=1\n") },
      `finished: ${ended}`,
    ],
    [
      "a file is not there yet",
      { ...reads, [ended]: summary("pod5_files_in_final_dest=3\n") },
      "incomplete: final_summary_*.txt says that there are 3 of **/*.pod5, found 2",
    ],
    [
      "fastq files, in both forms",
      { ...reads, "fastq_fail/b.fastq": 1, [ended]: summary("fastq_files_in_final_dest=2\n") },
      `finished: ${ended}`,
    ],
    [
      "of two acquisitions one is not all there",
      {
        ...reads,
        [ended]: summary("pod5_files_in_final_dest=2\n"),
        "final_summary_FBD69411_abc12345_00000000.txt": summary("pod5_files_in_final_dest=1\n"),
      },
      "incomplete: final_summary_*.txt says that there are 3 of **/*.pod5, found 2",
    ],
  ]),
  run("pacbio", "r84140_20230823_175301", [
    ["begun", cell("1_A01"), "no-sign: it waits for metadata/*.transferdone or *.transferdone in 1_A01"],
    [
      "one of two",
      { ...done("1_A01"), ...cell("1_B01") },
      "no-sign: it waits for metadata/*.transferdone or *.transferdone in 1_B01",
    ],
    ["both", { ...done("1_A01"), ...done("1_B01") }, "finished: a *.transferdone for every SMRT cell"],
    [
      "Sequel",
      { "1_A01/m54041.subreads.bam": 9, "1_A01/m54041.transferdone": "" },
      "finished: a *.transferdone for every SMRT cell",
    ],
    [
      "renamed by a person, to hold it",
      { "1_A01/m54041.subreads.bam": 9, "1_A01/m54041.transferdone.not": "" },
      "no-sign: it waits for metadata/*.transferdone or *.transferdone in 1_A01",
    ],
    [
      "nothing of a cell yet",
      { "run.log": 1 },
      "no-sign: it waits for a folder [0-9]_[A-Z][0-9][0-9] with metadata/*.transferdone or *.transferdone",
    ],
    [
      "many cells",
      Object.assign({}, ...["1_A01", "1_B01", "1_C01", "1_D01", "2_A01"].map(cell)),
      "no-sign: it waits for metadata/*.transferdone or *.transferdone in 1_A01, 1_B01, 1_C01, 1_D01, …",
    ],
  ]),
  run("element-aviti", "20250127_AV242106_A2425474444", [
    ["begun", { "RunParameters.json": "{}" }, "no-sign: it waits for RunUploaded.json"],
    [
      "half written",
      { "RunUploaded.json": '{"outcome": "Outc' },
      "no-sign: it waits for what RunUploaded.json says at the end",
    ],
    [
      "statistics are there",
      { "AvitiRunStats.json": "{}" },
      "no-sign: AvitiRunStats.json is there, which is too early: it waits for RunUploaded.json",
    ],
    ["uploaded", { "RunUploaded.json": '{"outcome": "OutcomeCompleted"}' }, "finished: RunUploaded.json"],
    ["failed", { "RunUploaded.json": '{"outcome":"OutcomeFailed"}' }, "failed: RunUploaded.json"],
  ]),
  file("thermo-raw", "20260101_QC_01.raw", [
    [
      "no bytes",
      { "": 0 },
      "empty: 20260101_QC_01.raw has no bytes yet: the acquisition has not begun to write",
    ],
    ["growing", { "": 10 }, "by-quiet"],
  ]),
  file("thermo-raw", "20260101_QC_01_CORRUPTED.raw", [
    [
      "failed",
      { "": 10 },
      "run-failed: the instrument renamed 20260101_QC_01_CORRUPTED.raw: its acquisition failed",
    ],
  ]),
  run("bruker-d", "S1_Slot1-1_1_4242.d", [
    ["begun", {}, "empty: S1_Slot1-1_1_4242.d has no data of an acquisition yet"],
    [
      "data without index",
      { "analysis.tdf_bin": 5 },
      "incomplete: analysis.tdf_bin is there, and its index analysis.tdf is not",
    ],
    [
      "the index is being written",
      { "analysis.tdf": sqliteFile(3), "analysis.tdf-wal": 40, "analysis.tdf-shm": 1, "analysis.tdf_bin": 5 },
      "journal-beside: analysis.tdf-wal is there: the index of the run is still being written",
    ],
    [
      "a journal of the old kind",
      { "analysis.tdf": sqliteFile(3), "analysis.tdf-journal": 1, "analysis.tdf_bin": 5 },
      "journal-beside: analysis.tdf-journal is there: the index of the run is still being written",
    ],
    [
      "the index is truncated",
      { "analysis.tdf": sqliteFile(3).subarray(0, 8192), "analysis.tdf_bin": 5 },
      "incomplete: analysis.tdf is a database that lacks 4096 bytes of what it says it has",
    ],
    [
      "an index without data",
      { "analysis.tdf": sqliteFile(3) },
      "incomplete: analysis.tdf is there, and analysis.tdf_bin, which has the data, is not",
    ],
    ["whole", { "analysis.tdf": sqliteFile(3), "analysis.tdf_bin": 5 }, "by-quiet"],
    ["of another kind", { "analysis.baf": 5 }, "by-quiet"],
  ]),
  file("sciex", "run7.wiff", [
    ["begun", { "": 10 }, "incomplete: run7.wiff waits for the .wiff.scan of its name"],
    [
      "Zeno, not converted",
      { "": 10 },
      "incomplete: run7.wiff.scan has no spectra yet: it is converted when the acquisition is over",
      { "run7.wiff": 10, "run7.wiff.scan": 144 },
    ],
    ["converted", { "": 10 }, "by-quiet", { "run7.wiff": 10, "run7.wiff.scan": 145 }],
  ]),
  file("sciex", "run7.wiff.scan", [
    ["its .wiff is not there", { "": 500 }, "incomplete: run7.wiff.scan waits for the .wiff of its name"],
    [
      "of another name",
      { "": 500 },
      "incomplete: run7.wiff.scan waits for the .wiff of its name",
      { "run77.wiff": 10 },
    ],
    ["both", { "": 500 }, "by-quiet", { "run7.wiff": 10 }],
  ]),
  file("sciex", "run [7].timeseries.data", [
    ["all", { "": 500 }, "by-quiet", { "run [7].wiff": 10, "run [7].wiff.scan": 1000 }],
  ]),
  run("agilent-d", "sample-3.d", [
    ["begun", {}, "empty: sample-3.d has nothing in it yet"],
    [
      "does not say how far it is",
      { "AcqData/MSScan.bin": 9 },
      "no-sign: AcqData/MSScan.bin is there, and AcqData/Contents.xml, which says when the acquisition ended, is not",
    ],
    [
      "started",
      { "AcqData/MSScan.bin": 9, "AcqData/Contents.xml": acq(1) },
      "no-sign: AcqData/Contents.xml says that the acquisition goes on",
    ],
    ["ended", { "AcqData/MSScan.bin": 9, "AcqData/Contents.xml": acq(2) }, "by-quiet"],
    ["ended, in UTF-16", { "AcqData/Contents.xml": utf16(acq(2)) }, "by-quiet"],
    [
      "started, in UTF-16",
      { "AcqData/Contents.xml": utf16(acq(0)) },
      "no-sign: AcqData/Contents.xml says that the acquisition goes on",
    ],
    ["ChemStation", { "DATA.MS": 9 }, "by-quiet"],
  ]),
  run("waters-raw", "LC_0042.raw", [
    [
      "begun",
      { "_HEADER.TXT": 9 },
      "empty: LC_0042.raw has no _FUNC*.DAT yet: the acquisition has not begun to write",
    ],
    ["data", { "_HEADER.TXT": 9, "_FUNC001.DAT": 9 }, "by-quiet"],
  ]),
  file("zeiss", "embryo.czi", [
    ["begun", { "": 0 }, "empty: embryo.czi has no header yet"],
    ["data", { "": 4096 }, "by-quiet"],
  ]),
  run("cryoem-epu", "Supervisor_20260101_101010_nt1", [
    ["begun", {}, "empty: Supervisor_20260101_101010_nt1 has nothing in it yet"],
    [
      "a movie is being copied",
      { "Images-Disc1/GridSquare_1/Data/FoilHole_1_fractions.tiff.downloading": 5 },
      "incomplete: Images-Disc1/GridSquare_1/Data/FoilHole_1_fractions.tiff.downloading is still being copied from the camera",
    ],
    ["movies", { "EpuSession.dm": 5, "Images-Disc1/GridSquare_1/Data/a_fractions.tiff": 5 }, "by-quiet"],
  ]),
  run("openbis-marker", "BC-7 [a]", [
    ["no marker", { "a.txt": 1 }, "no-sign: it waits for .MARKER_is_finished_BC-7 [a]"],
    [
      "the marker of another",
      { "a.txt": 1 },
      "no-sign: it waits for .MARKER_is_finished_BC-7 [a]",
      { ".MARKER_is_finished_BC-7 a": "" },
    ],
    [
      "a marker within",
      { ".MARKER_is_finished_BC-7 [a]": "" },
      "no-sign: it waits for .MARKER_is_finished_BC-7 [a]",
    ],
    [
      "its marker",
      { "a.txt": 1 },
      "finished: .MARKER_is_finished_BC-7 [a]",
      { ".MARKER_is_finished_BC-7 [a]": "" },
    ],
  ]),
  file("generic-file", "a.dat", [
    ["no bytes", { "": 0 }, "empty: a.dat has no bytes yet"],
    ["bytes", { "": 1 }, "by-quiet"],
  ]),
  run("generic-folder", "a", [
    ["nothing", {}, "empty: a has nothing in it yet"],
    ["a file that is being copied", { "b/c.dat.part": 1 }, "incomplete: b/c.dat.part is still being copied"],
    ["files", { "b/c.dat": 1 }, "by-quiet"],
  ]),
];

describe("what is decided of a run", () => {
  const rows = worlds.flatMap((world) =>
    world.stages.map((stage) => [`${world.profile}: ${stage[0]}`, world, stage] as const),
  );
  test.each(rows)("%s", async (_, { profile, name, kind }, [, files, decided, beside = {}]) => {
    const rule = knownProfile(profile)!;
    const entry: MemoryEntry = { name, kind, files, beside, isLeftOut: rule.isJunk };
    expect(decision(await rule.complete(memoryView(entry)))).toBe(decided);
  });

  test("there is a world for every profile", () => {
    expect([...new Set(worlds.map(({ profile }) => profile))]).toEqual([...profileNames]);
  });

  test("every run is a unit of its profile, a file in it or a folder around it is none", () => {
    for (const { profile, name, kind } of worlds) {
      const rule = knownProfile(profile)!;
      expect([name, rule.isUnit(memoryView({ name, kind, files: {} }))]).toEqual([name, true]);
      const other = kind === "file" ? "folder" : "file";
      expect([name, rule.isUnit(memoryView({ name, kind: other, files: {} }))]).toEqual([name, false]);
    }
  });

  test("a run with a name of its own is known by what is in it", () => {
    const isUnit = (profile: string, name: string, files: Tree): boolean =>
      knownProfile(profile)!.isUnit(memoryView({ name, kind: "folder", files }));
    expect(isUnit("illumina", "my run", {})).toBe(false);
    expect(isUnit("illumina", "my run", { "RunInfo.xml": "" })).toBe(true);
    expect(isUnit("illumina", "2026", { "my run/RunInfo.xml": "" })).toBe(false);
    expect(isUnit("nanopore", "experiment 7", {})).toBe(false);
    expect(isUnit("bruker-d", "project", { "a.d/analysis.tdf": 1 })).toBe(false);
    expect(isUnit("sciex", "a.wiff", {})).toBe(false);
  });
});

test.each([
  ["illumina", "Thumbs.db", true],
  ["illumina", "InterOp/thumbs.DB", true],
  ["illumina", "InterOp/QMetricsOut.bin", false],
  ["thermo-raw", "~$a.raw", true],
  ["bruker-d", "4242.m/.DS_Store", true],
  ["bruker-d", "4242.m/x.tmp", false],
  ["bruker-d", "analysis.tdf-wal", false],
  ["generic-file", "movie.mp4.crdownload", true],
  ["generic-file", ".MARKER_is_finished_a", true],
  ["generic-folder", "a/._b", true],
  ["generic-folder", "a/b", false],
] as const)("of %s %s is junk: %p", (profile, path, isJunk) => {
  expect(knownProfile(profile)!.isJunk(path)).toBe(isJunk);
});

test("each profile says where its knowledge is from", () => {
  for (const name of profileNames) {
    const { file: data, title } = knownProfile(name)!;
    expect([name, title.length > 0, (data.sources ?? []).some((it) => it.startsWith("https://"))]).toEqual([
      ...[name, true, true],
    ]);
  }
  expect(knownProfile("illumin")).toBeNull();
  expect(knownProfile("constructor")).toBeNull();
});

function decision(completion: Completion): string {
  if (completion.type === "by-quiet") return "by-quiet";
  if (completion.type === "waits") return `${completion.reason}: ${completion.detail}`;
  return `${completion.outcome}: ${completion.sign}`;
}

function utf16(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(`\ufeff${text}`, "utf16le"));
}

test.each([
  ["illumina", "20260101_LH00123_0042_A22ABCDLT3", bcl],
  ["illumina", "other", { "sub/RunInfo.xml": "<RunInfo/>" }],
  ["nanopore", "20251229_1056_3E_FBD69411_abc12345", reads],
  ["element-aviti", "20260127_AV123456_A1", { "RunParameters.json": "{}", "BaseCalls/L1/C.zip": 1 }],
] as const)(
  "%s: of %s nothing is listed deeper than its sign, which is not there",
  async (profile, name, files) => {
    const rule = knownProfile(profile)!;
    const view = memoryView({ name, kind: "folder", files });
    const asked: (number | undefined)[] = [];
    const watched = {
      ...view,
      files: (partsMax?: number) => {
        asked.push(partsMax);
        return view.files(partsMax);
      },
    };
    if (rule.isUnit(watched)) expect(await rule.complete(watched)).toMatchObject({ reason: "no-sign" });
    else expect(name).toBe("other");
    expect([...new Set(asked)]).toEqual([1]);
  },
);
