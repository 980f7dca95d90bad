// A run of each kind of instrument that has a profile, step by step, from a seed: the data, the signs that come too early, what is left
// lying about, and the sign of the end where there is one. Pure: `operation.ts` does the steps.

import type { Operation } from "./operation.ts";
import { randomFrom } from "./random.ts";
import { Script } from "./script.ts";
import { sqliteFile } from "./sqlite-file.ts";

/** How it ends: as a rule has to say at the end of all steps. */
export type End = "finished" | "failed" | "aborted" | "quiet" | "run-failed" | "run-aborted";

export interface SimulatedRun {
  readonly profile: string;
  /** What is sent as one: names in the watched folder. */
  readonly entries: readonly string[];
  readonly operations: readonly Operation[];
  /** Before this step is done nothing of it may be sent, however quiet it is. */
  readonly heldUntil: number;
  readonly end: End;
}

/** What the instrument of `profile` writes with this seed. */
export function simulatedRun(profile: string, seed: number): SimulatedRun {
  const write = instruments[profile];
  if (write === undefined) throw new Error(`There is no simulated instrument for ${profile}`);
  const script = new Script(randomFrom(seed * 7919 + profile.length));
  const { entries, end } = write(script);
  const { operations, heldUntil } = script;
  return { profile, entries, operations, heldUntil, end };
}

/** The profiles that there is an instrument for. */
export const simulatedProfiles: readonly string[] = [
  ...[
    "illumina",
    "illumina-nextseq550",
    "nanopore",
    "pacbio",
    "element-aviti",
    "thermo-raw",
    "bruker-d",
    "sciex",
  ],
  ...["agilent-d", "waters-raw", "zeiss", "cryoem-epu", "openbis-marker", "generic-file", "generic-folder"],
];

type Instrument = (script: Script) => { readonly entries: readonly string[]; readonly end: End };

const instruments: Readonly<Record<string, Instrument>> = {
  illumina: (it) => {
    const run = `2026010${it.number(1, 9)}_LH00${it.number(100, 999)}_00${it.number(10, 99)}_A22ABCDLT3`;
    base(it, run);
    const [word, end] = it.pick([
      ...([
        ["RunCompleted", "finished"],
        ["RunErrored", "failed"],
        ["", "finished"],
      ] as const),
      ...([["RunErrored", "run-failed"]] as const),
    ]);
    if (word !== "") it.sign(`${run}/RunCompletionStatus.xml`, `<Run><RunStatus>${word}</RunStatus></Run>`);
    if (end === "run-failed") return { entries: [run], end };
    it.sign(`${run}/RTAComplete.txt`, "RTA 4.9");
    it.files(names(it, `${run}/InterOp/Metric`, ".bin"));
    it.write(`${run}/RunParameters.xml`);
    it.lastSign(`${run}/CopyComplete.txt`);
    return { entries: [run], end };
  },
  "illumina-nextseq550": (it) => {
    const run = `26010${it.number(1, 9)}_NB50${it.number(1000, 9999)}_00${it.number(10, 99)}_AHABCDEF`;
    base(it, run);
    it.sign(`${run}/${it.pick(["RTAComplete.txt", "RTAComplete.xml"])}`, "done");
    it.files(names(it, `${run}/InterOp/Metric`, ".bin"));
    const [word, end] = it.pick([
      ...([
        ["CompletedAsPlanned", "finished"],
        ["ExceptionEndedEarly", "failed"],
      ] as const),
      ...([["UserEndedEarly", "aborted"]] as const),
    ]);
    it.lastSign(`${run}/RunCompletionStatus.xml`, `<R><CompletionStatus>${word}</CompletionStatus></R>`);
    return { entries: [run], end };
  },
  nanopore: (it) => {
    const run = `20260603_1201_3E_PAA${it.number(10000, 99999)}_e05460c6`;
    const pod5 = names(it, `${run}/pod5/PAA_`, ".pod5");
    const fastq = names(it, `${run}/fastq_pass/PAA_`, ".fastq.gz");
    const late = it.chance(0.5) ? pod5.splice(0, 1) : [];
    it.files([...pod5, ...fastq]);
    it.junk(`${run}/pod5`);
    it.write(`${run}/sequencing_summary_PAA_e05460c6.txt`);
    it.write(`${run}/output_hash_PAA_20260603_1201_e05460c6.csv`, "file_hash,file_path\n");
    // Written in one go: what is in it stands in the order of MinKNOW, the counts last.
    const counts = `pod5_files_in_final_dest=${pod5.length + late.length}\nfastq_files_in_final_dest=${fastq.length}\n`;
    it.write(
      `${run}/final_summary_PAA_e05460c6_12345678.txt`,
      `started=2026-06-03T12:01:00\nacquisition_stopped=2026-06-05T12:01:00\n${counts}`,
      "sign",
    );
    // Whoever copies the run may copy its summary before its data.
    for (const path of late) {
      it.write(`${path}.copying`);
      it.rename(`${path}.copying`, path);
    }
    it.releases();
    return { entries: [run], end: "finished" };
  },
  pacbio: (it) => {
    const run = `r84140_2026${it.number(1000, 1231)}_175301`;
    const cells = ["1_A01", "1_B01", "1_C01", "1_D01"].slice(0, it.number(1, 4));
    for (const cell of cells) it.write(`${run}/${cell}/Transfer_Test_260823_175307.txt`);
    const inside = it.pick(["metadata/", ""]);
    for (const cell of cells) {
      it.files(names(it, `${run}/${cell}/hifi_reads/m84140.`, ".bam"));
      it.junk(`${run}/${cell}`);
      it.sign(`${run}/${cell}/${inside}m84140_${cell}.transferdone`);
    }
    it.releases();
    return { entries: [run], end: "finished" };
  },
  "element-aviti": (it) => {
    const run = `20260127_AV${it.number(100000, 999999)}_A2425474444`;
    it.write(`${run}/RunParameters.json`, "{}");
    it.files(names(it, `${run}/BaseCalls/L1/C`, ".zip"));
    it.write(`${run}/AvitiRunStats.json`, "{}");
    it.files(names(it, `${run}/Thumbnails/T`, ".png"));
    const [word, end] = it.pick([
      ["OutcomeCompleted", "finished"],
      ["OutcomeFailed", "failed"],
    ] as const);
    it.lastSign(`${run}/RunUploaded.json`, `{"outcome": "${word}"}`);
    return { entries: [run], end };
  },
  "thermo-raw": (it) => {
    const name = `2026_QC_${it.number(1, 99)}.raw`;
    it.write(name, "");
    it.releases();
    it.operations.push({ type: "resize", path: name, size: it.number(1, 9000), role: "data" });
    for (let left = it.number(1, 5); left > 0; left--) it.append(name);
    if (!it.chance(0.2)) return { entries: [name], end: "quiet" };
    const failed = name.replace(".raw", "_CORRUPTED.raw");
    it.rename(name, failed);
    return { entries: [failed], end: "run-failed" };
  },
  "bruker-d": (it) => {
    const run = `S1_Slot1-${it.number(1, 90)}_1_${it.number(1000, 9999)}.d`;
    it.folder(run);
    it.write(`${run}/analysis.tdf`, sqliteFile(1));
    it.write(`${run}/analysis.tdf-wal`);
    it.write(`${run}/analysis.tdf_bin`);
    for (let pages = 2; pages < it.number(3, 6); pages++) {
      it.append(`${run}/analysis.tdf_bin`);
      it.append(`${run}/analysis.tdf-wal`);
      // The header says so before the file has it.
      it.write(`${run}/analysis.tdf`, sqliteFile(pages - 1, pages));
      it.write(`${run}/analysis.tdf`, sqliteFile(pages));
    }
    it.write(`${run}/${it.number(1, 9999)}.m/microTOFQImpacTemAcquisition.method`);
    it.remove(`${run}/analysis.tdf-wal`);
    it.releases();
    it.append(`${run}/analysis.tdf_bin`);
    return { entries: [run], end: "quiet" };
  },
  sciex: (it) => {
    const stem = `run ${it.number(1, 99)}`;
    const endings = [".wiff", ".wiff2", ".timeseries.data"];
    for (const ending of endings) it.write(`${stem}${ending}`);
    it.write(`${stem}.wiff.scan`, it.bytes(144, 144));
    for (let left = it.number(1, 4); left > 0; left--) it.append(`${stem}${it.pick(endings)}`);
    it.append(`${stem}.wiff.scan`);
    it.releases();
    for (let left = it.number(0, 3); left > 0; left--) it.append(`${stem}.wiff.scan`);
    return { entries: [...endings, ".wiff.scan"].map((it) => `${stem}${it}`), end: "quiet" };
  },
  "agilent-d": (it) => {
    const run = `sample-${it.number(1, 99)}.d`;
    const status = (value: number): string => `<Contents><AcqStatus>${value}</AcqStatus></Contents>`;
    it.folder(run);
    it.write(`${run}/AcqData/MSScan.bin`);
    it.write(`${run}/AcqData/Contents.xml`, status(0));
    it.write(`${run}/AcqData/Contents.xml`, status(1));
    it.files(names(it, `${run}/AcqData/MSProfile`, ".bin"));
    it.write(`${run}/AcqData/Contents.xml`, status(2), "sign");
    it.releases();
    it.write(`${run}/AcqData/sample_info.xml`);
    return { entries: [run], end: "quiet" };
  },
  "waters-raw": (it) => {
    const run = `LC_${it.number(1, 99)}.raw`;
    it.write(`${run}/_HEADER.TXT`);
    it.write(`${run}/_FUNC001.DAT`);
    it.releases();
    it.files(names(it, `${run}/_FUNC10`, ".IDX"));
    it.junk(run);
    return { entries: [run], end: "quiet" };
  },
  zeiss: (it) => {
    const name = `embryo ${it.number(1, 99)}.czi`;
    it.write(name, it.bytes(0, 31));
    it.append(name, it.bytes(32, 64));
    it.releases();
    for (let left = it.number(1, 5); left > 0; left--) it.append(name);
    return { entries: [name], end: "quiet" };
  },
  "cryoem-epu": (it) => {
    const run = `Supervisor_2026010${it.number(1, 9)}_101010`;
    it.folder(run);
    const movies = names(it, `${run}/Images-Disc1/GridSquare_1/Data/FoilHole_`, "_fractions.tiff");
    for (const movie of movies) {
      it.write(`${movie}.downloading`);
      it.append(`${movie}.downloading`);
      it.rename(`${movie}.downloading`, movie);
    }
    // Between two movies it may be taken for quiet: a session has no sign of its end.
    it.heldUntil = 3;
    it.write(`${run}/EpuSession.dm`);
    return { entries: [run], end: "quiet" };
  },
  "openbis-marker": (it) => {
    const name = `BC-${it.number(1, 99)} [a]`;
    it.files(names(it, `${name}/original/a`, ".dat"));
    it.write(`.MARKER_is_finished_${name}b`, "", "junk");
    it.junk(name);
    it.lastSign(`.MARKER_is_finished_${name}`);
    return { entries: [name], end: "finished" };
  },
  "generic-file": (it) => {
    const name = `data ${it.number(1, 99)}.h5`;
    it.write(name, "");
    it.append(name);
    it.releases();
    for (let left = it.number(1, 5); left > 0; left--) it.append(name);
    return { entries: [name], end: "quiet" };
  },
  "generic-folder": (it) => {
    const run = `data ${it.number(1, 99)}`;
    it.write(`${run}/a.dat.part`);
    it.append(`${run}/a.dat.part`);
    it.rename(`${run}/a.dat.part`, `${run}/a.dat`);
    it.releases();
    it.files(names(it, `${run}/b`, ".dat"));
    it.junk(run);
    return { entries: [run], end: "quiet" };
  },
};

/** What every Illumina writes while it reads. */
function base(it: Script, run: string): void {
  it.write(`${run}/RunInfo.xml`);
  it.files(names(it, `${run}/Data/Intensities/BaseCalls/L001/C`, ".cbcl"));
  it.junk(`${run}/Data`);
  if (it.chance(0.3)) it.write(`${run}/Analysis/1/CopyComplete.txt`);
}

/** Names of one to six files. */
function names(it: Script, before: string, ending: string): string[] {
  return Array.from({ length: it.number(1, 6) }, (_, index) => `${before}${index}${ending}`);
}
